"""Quadrants, movers, overdue members, segments and months, set for reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from crmlib.kit import table as style
from crmlib.kit.words import Words

if TYPE_CHECKING:
    from great_tables import GT

_COUNTS = (
    "customers",
    "newcomers",
    "came_back",
    "stayed_away",
    "receipts",
    "member_receipts",
    "cards",
    "referred",
    "rows",
    "prospects",
)
_SHARES = (
    "share_customers", "share_net", "share_receipts", "margin_rate", "repeat_rate", "rate", "low", "high", "stay_away",
    "share_group", "share_all", "share", "risk", "explained", "share_of_difference", "probability",
    "kept_3", "kept_6", "kept_12",
)  # fmt: skip


def readable(
    frame: pl.DataFrame, *, words: Words, named: dict[str, str] | None = None, hide: tuple[str, ...] = ()
) -> GT:
    """Any of the scoring tables: money, counts, shares and days by the names of their columns.

    Parameters
    ----------
    frame : the table of a finding.
    named : column → prefix of text keys that name its values, e.g. ``{"quadrant": "scoring.quadrant"}``.
    hide : columns left out; columns without any value are left out as well.
    """
    shown = frame.with_columns(
        *(_labels(frame[column].cast(pl.String), words, prefix) for column, prefix in (named or {}).items())
    )
    empty = [name for name in shown.columns if shown.height and shown[name].null_count() == shown.height]
    numbers = {
        name: 0 if name in {"days_since", "gap_days"} else 2
        for name, kind in shown.schema.items()
        if kind.is_numeric() and name not in (*_COUNTS, *_SHARES) and not name.endswith("_minor")
    }
    return style.table(
        shown,
        words=words,
        money=[name for name in shown.columns if name.endswith("_minor")],
        counts=[name for name in _COUNTS if name in shown.columns],
        shares=[name for name in _SHARES if name in shown.columns],
        numbers=numbers,
        days=[name for name, kind in shown.schema.items() if kind == pl.Date],
        hide=tuple(dict.fromkeys([*hide, *empty])),
    )


def _labels(values: pl.Series, words: Words, prefix: str) -> pl.Series:
    known = {v: words(f"{prefix}.{v}") for v in values.unique().drop_nulls() if words.has(f"{prefix}.{v}")}
    return values.replace(known)
