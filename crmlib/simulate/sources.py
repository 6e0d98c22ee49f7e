"""The mapping file of the exports: which header is which column of which table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from crmlib.simulate import exports
from crmlib.simulate.vocabulary import toml

Node = dict[str, Any]


def write(folder: Path) -> None:
    """Write ``sources.yml`` beside the exports."""
    text = yaml.safe_dump(mapping(), allow_unicode=True, sort_keys=False, width=110)
    (folder / "sources.yml").write_text(text, encoding="utf-8")


def mapping() -> Node:
    """All sources: the two tills, members (twice: traits and persons), products, stores."""
    tills = {system.key: _till(system) for system in exports.SYSTEMS}
    return {**tills, **_members(), "products": _products(), "stores": _stores()}


def _till(system: exports.System) -> Node:
    h, words = exports.headers(system.key), toml("words")
    units = {word: kind for kind, known in words["unit"].items() for word in known}
    channel: Node | str = {"constant": "counter"}
    if "channel" in h:
        channel = {"from": h["channel"], "map": {word: key for key, word in words["channel"].items()}}
    return {
        "table": "receipt_lines",
        "files": f"{system.key}_*.csv.gz",
        "encoding": system.encoding,
        "currency": "CNY",
        "time_zone": "Asia/Shanghai",
        "known_at": {"lag_days": 0},
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
        "tags": {"from": h["tags"], "split": ";"},
        "owner_staff": h["owner_staff"],
        **{k: {"from": h[k], "map": flags} for k in ("may_sms", "may_email", "may_call")},
    }
    persons = {k: h[k] for k in ("customer_id", "name", "phone", "email", "birthday")}
    return {
        "members": {"table": "customers", **common, "columns": traits},
        "people": {"table": "people", **common, "columns": persons},
    }


def _products() -> Node:
    h, words = exports.headers("products"), toml("words")
    flags = {words["flag"]["yes"]: True, words["flag"]["no"]: False}
    units = {word: kind for kind, known in words["unit"].items() for word in known}
    same = ("product_id", "name", "category_1", "category_2", "category_3", "brand", "flavour", "pack")
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
