"""The mapping of the service desk, the channel, business customers and the introduction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from crmlib.simulate import exports
from crmlib.simulate.vocabulary import toml

Node = dict[str, Any]
LISTS = ("terminals", "wholesale_lines", "service_calendar", "old_figures", "partner_people")
"""Lists without a date of their own."""
ANSWER_S, SOLVE_S = {"complaints": 7_200, "questions": 3_600}, {"complaints": 97_200, "questions": 43_200}
"""What each team promises, in seconds of its own hours: three days of nine hours, one of twelve."""


def mapping(*, since: date) -> Node:
    """All books: words to machine names, yuan to fen, pieces to thousandths, the rest as it stands."""
    sources = {**_desk(), **_channel(), **_rollout(), **_business()}
    for name in LISTS:
        sources[name]["known_at"] = {"on": since}
    return sources


def _desk() -> Node:
    words, all_words = toml("service")["words"], toml("words")
    team = _back(words["team"])
    h = exports.headers("tickets")
    themes = _back({code: toml("reasons")[code] for code, _ in words["solution"].values() if code in toml("reasons")})
    themes |= _back(words["theme"])
    return {
        "tickets": _book(
            "tickets", "tickets", channel=_back(all_words["contact_channel"]), theme=themes, team=team,
            also={
                name: {"from": h["team"], "map": {words["team"][key]: seconds for key, seconds in promised.items()}}
                for name, promised in (("promise_answer_s", ANSWER_S), ("promise_solve_s", SOLVE_S))
            },
        ),
        "ticket_events": _book("ticket_events", "ticket_events", kind=_back(words["event"])),
        "calls": _book("calls", "calls", outcome=_back(words["call"]), also={"queue": {"constant": "questions"}}),
        "solutions": _book("solutions", "solutions", theme=themes),
        "desk_staff": _book("staff", "desk_staff", role={words["agent"]: "agent"}),
        "desk_rosters": _book("rosters", "desk_rosters", also={"activity": {"constant": "calls"}}),
        "service_calendar": _book(
            "service_calendar", "service_calendar", team=team,
            holidays={words["holidays"]["complaints"]: "closed", words["holidays"]["questions"]: "open"},
        ),
    }  # fmt: skip


def _business() -> Node:
    words, needs = toml("business")["words"], exports.headers("partner_needs")
    return {
        "partner_people": _book("partner_people", "partner_people"),
        "partner_talks": _book("partner_talks", "partner_talks", purpose=_back(words["talk"])),
        "partner_needs": _book(
            "partner_needs", "partner_needs", season=_back(words["season"]), purpose=_back(words["purpose"]),
            state=_back(words["state"]), drop=("budget", "ordered"),
            also={f"{c}_minor": {"from": needs[c], "times": 100} for c in ("budget", "ordered")},
        ),
    }  # fmt: skip


def _channel() -> Node:
    words, h = toml("channel")["words"], exports.headers("wholesale_deliveries")
    terminals = exports.headers("terminals")
    received = {
        "move_id": {"from": [h["delivery_id"], h["line_no"]], "join": "-"},
        **{name: h[name] for name in ("partner_id", "product_id")}, "day": h["delivered_on"],
        "kind": {"constant": "sell_in"}, "quantity_milli": {"from": h["delivered"], "times": 1000},
    }  # fmt: skip
    states = _back(words["state"])
    return {
        "terminals": _book(
            "partners", "terminals",
            also={"kind": {"constant": "terminal"}, "territory": {"from": terminals["region"], "split": ";"}},
        ),
        "wholesale_orders": _book("sale_orders", "wholesale_orders", state=states),
        "wholesale_lines": _book("sale_order_lines", "wholesale_lines"),
        "wholesale_steps": _book("order_steps", "wholesale_steps", step=states),
        "wholesale_deliveries": _book("deliveries", "wholesale_deliveries", drop=("partner_id", "product_id")),
        "wholesale_received": {**_head("partner_moves", "wholesale_deliveries.csv.gz"), "columns": received},
        "partner_sales": _book("partner_moves", "partner_sales", kind=_back(words["kind"])),
        "partner_counts": _book("partner_stock", "partner_counts"),
        "code_scans": _book("code_scans", "code_scans", by=_back(words["by"])),
        "shelf_checks": _book("shelf_checks", "shelf_checks", on_shelf=_flags()),
    }  # fmt: skip


def _rollout() -> Node:
    words, h = toml("rollout")["words"], exports.headers("old_figures")
    units = {words["unit"]["minor"]: 100, words["unit"]["count"]: 1}
    return {
        "rollout_steps": _book("rollout_steps", "rollout_steps", phase=_back(words["phase"]), blocking=_flags()),
        "old_figures": _book(
            "old_figures", "old_figures", ending="csv", figure_id=_back(words["figure"]), unit=_back(words["unit"]),
            leaves_out=_back(words["leaves"]),
            also={
                "value": {"product": [h["value"], {"from": h["unit"], "map": units}]},
                "rounded_to": {"product": [h["rounded_to"], {"from": h["unit"], "map": units}]},
                "repeated": {"from": h["repeated"], "split": ";"},
            },
        ),
    }  # fmt: skip


def _head(table: str, files: str) -> Node:
    return {"table": table, "files": files, "encoding": "utf-8", "currency": "CNY", "known_at": {"lag_days": 0}}


def _book(
    table: str, name: str, *, ending: str = "csv.gz", drop: tuple[str, ...] = (), also: Node | None = None,
    **coded: Mapping[str, Any],
) -> Node:  # fmt: skip
    """One export: `coded` columns by their words, `also` what stands in no column as it is."""
    columns: Node = {}
    for column, header in exports.headers(name).items():
        if column in drop:
            continue
        if column in {"quantity", "on_hand", "ordered", "delivered"}:
            columns[f"{column}_milli"] = {"from": header, "times": 1000}
        elif column == "price":
            columns["price_minor"] = {"from": header, "times": 100}
        else:
            columns[column] = {"from": header, "map": dict(coded[column])} if column in coded else header
    return {**_head(table, f"{name}.{ending}"), "columns": columns | (also or {})}


def _flags() -> dict[str, bool]:
    flag = toml("words")["flag"]
    return {flag["yes"]: True, flag["no"]: False}


def _back(words: Mapping[str, str]) -> dict[str, str]:
    """Word of the export to machine name."""
    return {word: key for key, word in words.items()}
