"""The mapping of the sales books: targets."""

from __future__ import annotations

from typing import Any

from crmlib.simulate import exports
from crmlib.simulate.vocabulary import toml

Node = dict[str, Any]


def mapping() -> Node:
    """All books: words to machine names, yuan to fen."""
    return {"targets": _targets()}


def _targets() -> Node:
    h, words = exports.headers("targets"), toml("words")["targets"]
    same = ("target_id", "version", "year", "unit_id", "month", "valid_from", "valid_to", "reason", "decided_by")
    return {
        "table": "targets",
        "files": "targets.csv.gz",
        "encoding": "utf-8",
        "currency": "CNY",
        "known_at": {"lag_days": 0},
        "columns": {
            **{name: h[name] for name in same},
            **{
                name: {"from": h[name], "map": {word: key for key, word in words[name].items()}}
                for name in ("level", "measure", "rule")
            },
            "amount_minor": {"from": h["amount"], "times": 100},
            "step_minor": {"from": h["step"], "times": 100},
        },
    }
