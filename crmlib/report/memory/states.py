"""Small tables that one run keeps for the next: frozen cuts, thresholds, tiers for the hysteresis rule."""

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

_TRIES, _PAUSE = 40, 0.25  # two languages of a report may keep the same state at the same moment


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a state is kept: report, name, and the region it is of (empty for all)."""

    report: str
    name: str
    scope: str

    @property
    def table(self) -> str:
        """Name of its table in the lake: regions that run side by side never write the same one."""
        scope = f"-{sha256(self.scope.encode()).hexdigest()[:8]}" if self.scope else ""
        return f"{self.report}-{self.name}{scope}"


def load(lake: Lake, slot: Slot, *, before: date) -> pl.DataFrame | None:
    """The rows that the last run with a day before `before` kept."""
    kept = lake.state(slot.table)
    if kept is None:
        return None
    earlier = kept.filter(pl.col("as_of") < before)
    rows = earlier.filter(pl.col("as_of") == pl.col("as_of").max()).drop("as_of")
    return rows if rows.height else None


def save(lake: Lake, slot: Slot, frame: pl.DataFrame, *, as_of: date) -> None:
    """Keep `frame` as the state of `as_of`, in place of what was kept for that day before."""
    rows = frame.select(pl.lit(as_of).alias("as_of"), pl.all())
    today = pl.col("as_of") == as_of

    def with_rows(kept: pl.DataFrame | None) -> pl.DataFrame | None:
        if kept is None:
            return rows
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
