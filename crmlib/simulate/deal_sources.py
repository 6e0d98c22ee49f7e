"""The mapping of the sales team's books: leads, deals, meetings, the pool of members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmlib.simulate import exports
from crmlib.simulate.vocabulary import toml

Node = dict[str, Any]
LISTS = ("sales_staff", "meeting_costs")
"""Lists without a date of their own."""
MONEY = ("value", "amount", "cost", "big_order")
KNOWN = ("registered_on", "listed_on")
"""Headers that say when a row became known."""


def mapping() -> Node:
    """All books: words to machine names, yuan to fen, the rest as it stands."""
    words = toml("words")
    deal, meeting, pool = words["deal"], words["meeting"], words["pool"]
    flags = {words["flag"]["yes"]: True, words["flag"]["no"]: False}
    tags = words["tag"]
    levels = {tags["group_buyer"]: "group_buyer", tags["wholesale"]: "wholesale", "*": "*"}
    return {
        "sales_staff": _book("sales_staff", table="staff", role={deal["salesperson"]: "salesperson"}),
        "leads": _book("leads"),
        "deals": _book("deals", outcome=_back(deal["outcome"])),
        "stage_moves": _book("stage_moves"),
        "touches": _book("touches"),
        "meeting_touches": _book("touches", files="meeting_touches"),
        "media_costs": _book("media_costs", base=_back(deal["base"])),
        "meetings": _book("meetings"),
        "meeting_guests": _book(
            "meeting_guests", intent=_back(meeting["intent"]), held_out=flags, is_new=flags, accepted=flags,
            walk_in=flags,
        ),
        "meeting_costs": _book("meeting_costs", kind=_back(meeting["cost"])),
        "meeting_orders": _book("meeting_orders", kind=_back(meeting["money"])),
        "pool_rules": _book("pool_rules", deals_protect=flags, level=levels),
        "pool_moves": _book("pool_moves", kind=_back(pool["kind"])),
        "pool_owners": _book("pool_owners", table="assignments", kind=_back(pool["owner"])),
    }  # fmt: skip


def _book(name: str, *, table: str = "", files: str = "", **coded: Mapping[str, Any]) -> Node:
    columns: Node = {}
    known: Node = {"lag_days": 0}
    for column, header in exports.headers(name).items():
        if column in KNOWN:
            known = {"column": header}
        elif column in MONEY:
            columns[f"{column}_minor"] = {"from": header, "times": 100}
        else:
            columns[column] = {"from": header, "map": dict(coded[column])} if column in coded else header
    return {
        "table": table or name, "files": f"{files or name}.csv.gz", "encoding": "utf-8", "currency": "CNY",
        "known_at": known, "columns": columns,
    }  # fmt: skip


def _back(words: Mapping[str, str]) -> dict[str, str]:
    """Word of the export to machine name."""
    return {word: key for key, word in words.items()}
