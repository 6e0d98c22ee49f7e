"""Returns that only a word tells: their quantities and amounts stand in the file as those of sales do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from crmlib.data.draft.line import Line
from crmlib.data.read import values

SIGNED = ("quantity_milli", "net_minor", "cost_minor")
"""Columns that a return takes off."""
Read = Callable[[Line, pl.DataFrame], list[pl.Series]]
"""The numbers that an expression is made of, on some of the rows."""


def signed(
    found: Mapping[str, Line], rows: pl.DataFrame, names: Sequence[str], words: Sequence[str], read: Read
) -> dict[str, Line]:
    """Quantities and amounts below zero on the rows of returns, where the file has them above.

    Parameters
    ----------
    names : columns that may name the kind of a row, the best first; words : what returns are called, in lower case.
    """
    for name in names:
        kinds = values.clean_series(rows[name]).drop_nulls().unique(maintain_order=True).to_list()
        back = [kind for kind in kinds if kind.lower() in words]
        if not back or len(back) == len(kinds):
            continue
        sign = {"from": name, "map": dict.fromkeys(back, "-1") | {"": "1"}, "other": "1"}
        rest = rows.filter(values.clean_series(rows[name]).is_in(back))
        told = {"head": name, "words": ", ".join(back)}
        above = [c for c in SIGNED if c in found and all(bool((n >= 0).all()) for n in read(found[c], rest))]
        return dict(found) | {
            c: replace(found[c], made=_times(found[c].made, sign), why="returned", values=told) for c in above
        }
    return dict(found)


def _times(made: str | dict[str, Any], sign: Mapping[str, Any]) -> dict[str, Any]:
    """The expression times the sign."""
    if isinstance(made, str):
        return {"product": [made, sign]}
    if "product" in made:
        return {**made, "product": [*made["product"], sign]}
    last = {"times": made["times"]} if "times" in made else {}
    inner = {key: value for key, value in made.items() if key != "times"}
    return {"product": [inner["from"] if set(inner) == {"from"} else inner, sign], **last}
