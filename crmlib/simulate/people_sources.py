"""The mapping of what salespeople and advisers do: traders and their orders, care, rosters, figures and reports."""

from __future__ import annotations

from typing import Any

from crmlib.simulate import exports
from crmlib.simulate.vocabulary import toml

Node = dict[str, Any]
LISTS = ("traders", "guided_products", "special_days")
"""Lists without a date of their own."""


def mapping() -> Node:
    """All sources: words to machine names, yuan to fen, pieces to thousandths, the rest as it stands."""
    people, words = toml("people"), toml("words")
    flags = {words["flag"]["yes"]: True, words["flag"]["no"]: False}
    roles = {**_back(people["role"]), words["staff_role"]["adviser"]: "adviser"}
    return {
        "trade_staff": _source("trade_staff", "staff", role=_back(people["role"])),
        "traders": _source("traders", "partners", kind={people["trader"]["type"]: "terminal"}),
        **_orders(),
        "care_tasks": _source(
            "care_tasks", "care_tasks", kind=_back(people["care_kind"]), state=_back(people["care_state"])
        ),
        "visit_records": _source(
            "visit_records", "contacts", channel=_back(people["visit_channel"]),
            purpose=_back(people["visit_purpose"]), outcome=_back(people["visit_outcome"]), reached=flags,
            effect=_back(people["effect"]),
        )
        | {"known_at": {"column": exports.headers("visit_records")["booked_at"]}},
        "special_days": _source("special_days", "special_days", kind=_back(people["special"])),
        "guided_products": _source("guided_products", "guided_products"),
        "rosters": _source("rosters", "rosters", activity=_back(people["activity"])),
        "figure_defs": _source("figure_defs", "figure_defs"),
        "score_rules": _source("score_rules", "score_rules", role=roles),
        "person_targets": _source("person_targets", "person_targets"),
        "work_reports": _source("work_reports", "work_reports", kind=_back(people["report_kind"])),
        "score_corrections": _source("score_corrections", "score_corrections"),
    }  # fmt: skip


def _orders() -> Node:
    """One file of the office is orders, their lines and what was delivered of them."""
    h, states = exports.headers("trade_orders"), _back(toml("people")["order_state"])
    parts: dict[str, tuple[str, ...]] = {
        "sale_orders": (
            "order_id", "partner_id", "staff_id", "entered_at", "promised_on", "cancelled_at", "state",
        ),
        "sale_order_lines": ("order_id", "line_no", "product_id", "ordered", "price"),
        "deliveries": ("delivery_id", "order_id", "line_no", "delivered_on", "delivered"),
    }  # fmt: skip
    made: Node = {}
    for table, columns in parts.items():
        whole = _source("trade_orders", table, state=states)
        known = whole["columns"]
        known["delivery_id"] = h["order_id"]
        named = {"ordered": "ordered_milli", "price": "price_minor", "delivered": "delivered_milli"}
        whole["columns"] = {named.get(c, c): known[named.get(c, c)] for c in columns}
        if table == "deliveries":
            whole["exclude"] = {"on_the_way": {h["delivered_on"]: {"empty": True}}}
        if table == "sale_order_lines":
            whole["known_at"] = {"column": h["entered_at"]}
        made[f"trade_{table}" if table == "deliveries" else table.replace("sale_order", "trade_order")] = whole
    return made


def _source(files: str, table: str, **coded: dict[str, Any]) -> Node:
    columns: Node = {}
    for column, header in exports.headers(files).items():
        if column in {"price", "value"}:
            columns[f"{column}_minor"] = {"from": header, "times": 100}
        elif column in {"ordered", "delivered", "left"}:
            name = {"left": "quantity_left"}.get(column, column)
            columns[f"{name}_milli"] = {"from": header, "times": 1000}
        elif column == "typed":
            columns[column] = {"from": header, "split": ";"}
        elif column != "booked_at":
            columns[column] = {"from": header, "map": coded[column]} if column in coded else header
    return {
        "table": table, "files": f"{files}.csv.gz", "encoding": "utf-8", "currency": "CNY", "known_at": {"lag_days": 0},
        "columns": columns,
    }  # fmt: skip


def _back(words: dict[str, str]) -> dict[str, str]:
    """Word of the export to machine name."""
    return {word: key for key, word in words.items()}
