"""Small tables that one run keeps for the next: frozen cuts, thresholds, tiers for the hysteresis rule.

A report may be made several times on one day, asked for different things: each of these runs keeps its own rows and
finds its own again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import TYPE_CHECKING

import polars as pl

from crmlib.core.errors import LakeError

if TYPE_CHECKING:
    from crmlib.data.lake.lake import Lake

ASKED = "asked"
"""Column of what the run was asked for; rows of before there was one belong to every run that has none of its own."""
_TRIES, _PAUSE = 40, 0.25  # two languages of a report may keep the same state at the same moment


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a state is kept: report, name, the region it is of (empty for all), and what its run was asked for."""

    report: str
    name: str
    scope: str
    asked: str = ""

    @property
    def table(self) -> str:
        """Name of its table in the lake: regions that run side by side never write the same one."""
        scope = f"-{sha256(self.scope.encode()).hexdigest()[:8]}" if self.scope else ""
        return f"{self.report}-{self.name}{scope}"


def kept(lake: Lake, table: str) -> pl.DataFrame | None:
    """All rows of a state table, with `as_of` and `asked`."""
    rows = lake.state(table)
    if rows is None or ASKED in rows.columns:
        return rows
    return rows.with_columns(pl.lit(None, dtype=pl.String).alias(ASKED))


def load(lake: Lake, slot: Slot, *, before: date) -> pl.DataFrame | None:
    """The rows that the last run asked for the same, with a day before `before`, kept."""
    every = kept(lake, slot.table)
    if every is None:
        return None
    earlier = every.filter(pl.col("as_of") < before)
    own = earlier.filter(pl.col(ASKED) == slot.asked)
    earlier = own if own.height else earlier.filter(pl.col(ASKED).is_null())
    rows = earlier.filter(pl.col("as_of") == pl.col("as_of").max()).drop("as_of", ASKED)
    return rows if rows.height else None


def save(lake: Lake, slot: Slot, frame: pl.DataFrame, *, as_of: date) -> None:
    """Keep `frame` as the state of `as_of`, in place of what a run asked for the same kept for that day before."""
    rows = frame.select(pl.lit(as_of).alias("as_of"), pl.lit(slot.asked).alias(ASKED), pl.all())
    today = (pl.col("as_of") == as_of) & (pl.col(ASKED).fill_null(slot.asked) == slot.asked)

    def with_rows(found: pl.DataFrame | None) -> pl.DataFrame | None:
        if found is None:
            return rows
        kept = found if ASKED in found.columns else found.with_columns(pl.lit(None, dtype=pl.String).alias(ASKED))
        if kept.filter(today).equals(rows):
            return None
        return pl.concat([kept.filter(~today), rows], how="diagonal_relaxed")

    for attempt in range(_TRIES):
        try:
            lake.update_state(slot.table, with_rows)
        except LakeError as error:
            if error.code != "lake.locked" or attempt == _TRIES - 1:
                raise
            time.sleep(_PAUSE)
        else:
            return
