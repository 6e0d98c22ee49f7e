"""The lake's reductions as a page may see them: up to its day, as they were known then, of its reader's regions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from crmlib.core.dates import EPOCH
from crmlib.panels import reductions
from crmlib.panels.handle import Cells, ReceiptLines

if TYPE_CHECKING:
    from crmlib.data.lake.lake import Lake

LINES = "receipt_lines"


class AsOf(NamedTuple):
    """A page's day, the last day of the lake, and the day up to which lines of a past page must have become known."""

    day: date
    newest: date
    known_until: Callable[[], date]


def every_line(lake: Lake, version: int | None = None) -> ReceiptLines:
    """All lines of the newest or another version, of all regions, whenever they became known: pages open by them."""
    from crmlib.data.lake import delta  # noqa: PLC0415  (opens Delta Lake)

    version = delta.version(lake.table_path(LINES)) if version is None else version
    at = AsOf(date.max, date.max, lambda: date.max)
    found = cells(lake, version, at=at, cut=lambda rows: rows)
    return ReceiptLines(lake.table(LINES, version=version), found)


def cells(
    lake: Lake,
    version: int,
    *,
    at: AsOf,
    cut: Callable[[pl.LazyFrame], pl.LazyFrame],
    by_card: bool = False,
    nameless: bool = False,
) -> Cells | None:
    """The reductions of a version of the lines; none where they were not made of it, or by other definitions.

    Parameters
    ----------
    cut : to the rows of the reader's regions. by_card : whether only members' rows are left. nameless : whether other
        regions' members have lost their names.
    """
    from crmlib.data.lake import reduced  # noqa: PLC0415  (opens Delta Lake)

    built = reduced.of_version(lake, version, by=reductions)
    if built is None:
        return None

    def find(name: str) -> pl.LazyFrame:
        found = reduced.scan(lake, built, name)
        found = found.filter(pl.col("day_n") <= (at.day - EPOCH).days)
        if at.day < at.newest:
            seen = ~pl.col("told") | (pl.col("known_n") <= (at.known_until() - EPOCH).days)
            found = found.filter(seen.fill_null(value=True))
        return cut(found)

    return Cells(find, frozenset(built.odd), by_card=by_card, nameless=nameless)
