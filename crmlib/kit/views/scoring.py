"""Quadrants, movers, overdue members, segments and months, set for reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from crmlib.kit.table import table
from crmlib.kit.words import Words

if TYPE_CHECKING:
    from great_tables import GT


def readable(
    frame: pl.DataFrame, *, words: Words, named: dict[str, str] | None = None, hide: tuple[str, ...] = ()
) -> GT:
    """Any of the scoring tables, without the columns that hold nothing.

    Parameters
    ----------
    named : column → prefix of text keys that name its values, e.g. ``{"quadrant": "customer_value.quadrant"}``.
    hide : columns left out.
    """
    empty = [name for name in frame.columns if frame.height and frame[name].null_count() == frame.height]
    return table(frame, words=words, names=named, hide=list(dict.fromkeys([*hide, *empty])))
