"""The mapping of the register of lists."""

from __future__ import annotations

from datetime import date
from typing import Any

from crmlib.simulate.vocabulary import toml

Node = dict[str, Any]
FIXED: dict[str, Node] = {
    "campaigns": {
        "version": 1, "eligible_rule": "{}", "strata": "", "draw": "hmac", "outcome": "came",
    },
    "campaign_steps": {"version": 1},
    "outreach": {"version": 1, "stratum": "all", "reason_code": "list"},
}  # fmt: skip
"""What the export does not say and every row has."""


def mapping(*, since: date) -> Node:
    """All tables of the register; rows without a date of their own are known `since` the first day."""
    named = {name: _table(name) for name in toml("lists")["files"]}
    for name in ("campaigns", "outreach", "seasons"):
        named[name]["known_at"] = {"on": since}
    return named


def _table(name: str) -> Node:
    words, columns = toml("lists")["words"], Node()
    for column, header in toml("lists")["headers"][name].items():
        coded = words.get(column)
        if isinstance(coded, dict):
            columns[column] = {"from": header, "map": {word: key for key, word in coded.items()}}
        elif column in {"cost", "cost_fixed"}:
            columns[f"{column}_minor"] = {"from": header, "times": 100}
        else:
            columns[column] = header
    fixed: Node = {column: {"constant": value} for column, value in FIXED.get(name, {}).items()}
    return {
        "table": name, "files": f"{name}.csv.gz", "encoding": "utf-8", "currency": "CNY", "known_at": {"lag_days": 0},
        "columns": columns | fixed,
    }  # fmt: skip
