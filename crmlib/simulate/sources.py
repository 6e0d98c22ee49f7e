"""The mapping file of the exports: which header is which column of which table."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import yaml

from crmlib.simulate import (
    book_sources,
    city_files,
    deal_sources,
    desk_sources,
    exports,
    list_sources,
    people_sources,
    sales_sources,
)
from crmlib.simulate.vocabulary import toml

Node = dict[str, Any]


def write(folder: Path, *, since: date) -> None:
    """Write ``sources.yml`` beside the exports; lists without a date of their own are known `since` the first day."""
    text = yaml.safe_dump(mapping(since=since), allow_unicode=True, sort_keys=False, width=110)
    (folder / "sources.yml").write_text(text, encoding="utf-8")


def mapping(*, since: date) -> Node:
    """All sources: the two tills, members (twice: traits and persons), products, stores."""
    tills = {system.key: _till(system) for system in exports.SYSTEMS}
    offices = {
        "products": _products(), "stores": _stores(), "closures": _closures(), "promotions": _promotions(),
        "contacts": _contacts(), "points": _points(), **_books(), **_shop_floor(), "assignments": _assignments(),
        "loss_reasons": _loss_reasons(),
    }  # fmt: skip
    sources = {**tills, **_members(), **offices, **city_files.mapping(known_on=since), **book_sources.mapping()}
    sources |= sales_sources.mapping() | deal_sources.mapping() | people_sources.mapping()
    sources |= list_sources.mapping(since=since)
    dateless = (*book_sources.LISTS, *deal_sources.LISTS, *people_sources.LISTS)
    for name in ("people", "products", "budgets", *dateless):
        sources[name]["known_at"] = {"on": since}
    sources |= desk_sources.mapping(since=since)
    sources["partners"]["columns"]["territory"] = {"from": exports.headers("partners")["region"], "split": ";"}
    return sources


def _till(system: exports.System) -> Node:
    h, words = exports.headers(system.key), toml("words")
    units = {word: kind for kind, known in words["unit"].items() for word in known}
    channel: Node | str = {"constant": "counter"}
    if "channel" in h:
        channel = {"from": h["channel"], "map": {word: key for key, word in words["channel"].items()}}
    return {
        "table": "receipt_lines",
        "files": [f"{system.key}_2*.csv.gz", f"{system.key}_fix_*.csv.gz"] if system.own else f"{system.key}_2*.csv.gz",
        "encoding": system.encoding,
        "currency": "CNY",
        "time_zone": "Asia/Shanghai",
        "known_at": {"column": h["known_at"]} if system.own else {"lag_days": 0},
        "columns": {
            **{k: h[k] for k in ("receipt_id", "sold_at", "store_id", "customer_id", "product_id")},
            "quantity_milli": {"from": h["quantity"], "times": 1000},
            "unit": {"from": h["unit"], "map": units},
            "list_minor": {"from": h["list_amount"], "times": 100},
            "net_minor": {"from": h["net_amount"], "times": 100},
            "cost_minor": {"from": h["cost_amount"], "times": 100},
            "promotion_id": h["promotion_id"],
            "tender": {"from": h["tender"], "map": {word: key for key, word in words["tender"].items()}},
            "channel": channel,
            "staff_id": h["staff_id"],
        },
        **({"exclude": {"totals": {h["receipt_id"]: [words["total"]]}}} if system.totals else {}),
    }


def _members() -> Node:
    h, words = exports.headers("members"), toml("words")
    flags = {words["flag"]["yes"]: True, words["flag"]["no"]: False}
    incomes = dict(zip(words["income"]["names"], words["income"]["bands"], strict=True))
    common = {"files": "members.csv.gz", "encoding": "utf-8", "currency": "CNY", "known_at": {"lag_days": 0}}
    traits: Node = {k: h[k] for k in ("customer_id", "joined_on", "referred_by", "birth_month", "birth_day")}
    traits |= {
        "source": {"from": h["source"], "map": {word: key for key, word in words["source"].items()}},
        "birth_lunar": h["lunar"],
        "age_band": h["age_band"],
        "gender": {"from": h["gender"], "map": {words["gender"][g]: g for g in ("female", "male")}},
        "region": h["region"],
        "occupation": h["occupation"],
        "income_band": {"from": h["income_band"], "map": incomes},
        "home_store": h["home_store"],
        "tags": {"from": h["tags"], "map": _tags(), "split": ";"},
        "owner_staff": h["owner_staff"],
        **{k: {"from": h[k], "map": flags} for k in ("may_sms", "may_email", "may_call")},
    }
    persons = {k: h[k] for k in ("customer_id", "name", "phone", "email", "birthday")}
    return {
        "members": {"table": "customers", **common, "columns": traits},
        "people": {"table": "people", **common, "columns": persons},
    }


def _tags() -> dict[str, str]:
    """Tags of the member system: the household, and for some cards what they are, which the rules must know."""
    words = toml("words")
    homes = words["household"]["names"]
    special = {f"{word};{home}": f"{key};{home}" for key, word in words["tag"].items() for home in homes}
    return {home: home for home in homes} | special


def _products() -> Node:
    h, words = exports.headers("products"), toml("words")
    flags = {words["flag"]["yes"]: True, words["flag"]["no"]: False}
    units = {word: kind for kind, known in words["unit"].items() for word in known}
    same = ("product_id", "name", "category_1", "category_2", "category_3", "brand", "flavour", "pack", "goes_with")
    return {
        "table": "products",
        "files": "products.xlsx",
        "currency": "CNY",
        "known_at": {"lag_days": 0},
        "columns": {
            **{k: h[k] for k in same},
            "unit": {"from": h["unit"], "map": units},
            "list_minor": {"from": h["list_price"], "times": 100},
            "cost_minor": {"from": h["cost_price"], "times": 100},
            "shelf_life_days": h["life"],
            "days_of_use": h["use_days"],
            "price_band": {"from": h["price_band"], "map": {word: key for key, word in words["price_band"].items()}},
            "is_gift": {"from": h["is_gift"], "map": flags},
            "is_service": {"from": h["is_service"], "map": flags},
        },
    }


def _stores() -> Node:
    h, words = exports.headers("stores"), toml("words")["store"]
    same = (
        "store_id",
        "name",
        "region",
        "city",
        "lon",
        "lat",
        "crs",
        "opened_on",
        "closed_on",
        "area_m2",
        "staff_count",
    )
    return {
        "table": "stores",
        "files": "stores.xlsx",
        "currency": "CNY",
        "known_at": {"lag_days": 0},
        "columns": {
            **{k: h[k] for k in same},
            "kind": {"from": h["kind"], "map": {words["own"]: "own", words["counter"]: "counter"}},
            "rent_minor_month": {"from": h["rent_yuan"], "times": 100},
        },
    }


def _closures() -> Node:
    h = exports.headers("closures")
    return {
        "table": "closures",
        "files": "closures.xlsx",
        "currency": "CNY",
        "known_at": {"lag_days": 0},
        "columns": dict(h),
    }


def _promotions() -> Node:
    h, words = exports.headers("promotions"), toml("words")
    coded = {name: {"from": h[name], "map": _back(words[name])} for name in ("mechanic", "slot", "objective", "state")}
    return {
        "table": "promotions",
        "files": "promotions.xlsx",
        "currency": "CNY",
        "known_at": {"column": h["known_at"]},
        "columns": {
            **{k: h[k] for k in ("promotion_id", "version", "name", "starts_at", "ends_at", "category", "depth_bp")},
            **coded,
            **{k: {"from": h[k], "split": ";"} for k in ("stores", "products")},
            "budget_minor": {"from": h["budget"], "times": 100},
            "frozen": h["frozen"],
        },
    }


def _contacts() -> Node:
    h, words = exports.headers("contacts"), toml("words")
    coded = {
        "channel": {"from": h["channel"], "map": _back(words["contact_channel"])},
        "purpose": {"from": h["purpose"], "map": _back(words["purpose"])},
        "outcome": {"from": h["outcome"], "map": _back(words["outcome"])},
        "reason": {"from": h["reason"], "map": _back(toml("reasons"))},
    }
    return {
        "table": "contacts",
        "files": "contacts.csv.gz",
        "encoding": "utf-8",
        "currency": "CNY",
        "known_at": {"lag_days": 0},
        "columns": {
            **{
                k: h[k]
                for k in ("contact_id", "customer_id", "staff_id", "at", "due_at", "solved_at", "score", "reason")
            },
            **coded,
            "cost_minor": {"from": h["cost"], "times": 100},
        },
    }


def _assignments() -> Node:
    return {
        "table": "assignments",
        "files": "assignments.csv.gz",
        "encoding": "utf-8",
        "currency": "CNY",
        "known_at": {"lag_days": 0},
        "columns": dict(exports.headers("assignments")),
    }


def _loss_reasons() -> Node:
    """The workbooks that leave with the churn lists in Chinese and come back filled in; empty cells are no answer."""
    h = exports.headers("loss_reasons")
    return {
        "table": "loss_reasons",
        "files": "returned/churn.*.zh.xlsx",
        "currency": "CNY",
        "known_at": {"lag_days": 0},
        "columns": {
            "customer": h["customer"],
            "at": h["listed_on"],
            "reason": {"from": h["loss_reason"], "map": _back(toml("loss_reasons"))},
        },
        "exclude": {"unanswered": {h["loss_reason"]: {"empty": True}}},
    }


def _points() -> Node:
    h, words = exports.headers("points"), toml("words")
    return {
        "table": "points",
        "files": "points.csv.gz",
        "encoding": "utf-8",
        "currency": "CNY",
        "known_at": {"lag_days": 0},
        "columns": {
            **{k: h[k] for k in ("entry_id", "customer_id", "at", "points")},
            "kind": {"from": h["kind"], "map": _back(words["points_kind"])},
            "cost_minor": {"from": h["cost"], "times": 100},
        },
    }


def _shop_floor() -> Node:
    """Orders of the app and the stock at the end of days."""
    h = exports.headers("stock")
    common: Node = {"encoding": "utf-8", "currency": "CNY", "known_at": {"lag_days": 0}}
    counted: Node = {
        **{k: h[k] for k in ("store_id", "product_id", "counted_on")},
        "on_hand_milli": {"from": h["on_hand"], "times": 1000},
    }
    return {
        "orders": {"table": "orders", "files": "orders.csv.gz", **common, "columns": dict(exports.headers("orders"))},
        "stock": {"table": "stock", "files": "stock.csv.gz", **common, "columns": counted},
    }


def _books() -> Node:
    """The marketing office's books and the staff list: words to machine names, yuan to fen, the rest as it stands."""
    words = toml("words")
    flags = {words["flag"]["yes"]: True, words["flag"]["no"]: False}
    maps: dict[str, dict[str, dict[str, Any]]] = {
        "promotion_steps": {"state": _back(words["state"])},
        "promotion_costs": {"kind": _back(words["cost_kind"])},
        "promotion_claims": {},
        "promotion_notes": {"kind": _back(words["note_kind"]), "solved": flags},
        "budgets": {"activity": _back(words["activity"])},
        "staff": {"role": _back(words["staff_role"])},
    }
    return {name: _book(name, coded) for name, coded in maps.items()}


def _book(name: str, coded: dict[str, dict[str, Any]]) -> Node:
    columns: Node = {}
    for column, header in exports.headers(name).items():
        if column in {"amount", "cap", "budget"}:
            columns[f"{column}_minor"] = {"from": header, "times": 100}
        else:
            columns[column] = {"from": header, "map": coded[column]} if column in coded else header
    return {
        "table": name,
        "files": f"{name}.xlsx",
        "currency": "CNY",
        "known_at": {"lag_days": 0},
        "columns": columns,
    }


def _back(words: dict[str, str]) -> dict[str, str]:
    """Word of the export to machine name."""
    return {word: key for key, word in words.items()}
