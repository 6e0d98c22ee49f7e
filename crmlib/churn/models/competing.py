"""How long until somebody followed up is lost, when others are won meanwhile: Aalen–Johansen.

Winning ends the chance of being lost. Kaplan–Meier would treat the won as if they could still be lost, and say 45 %
where 23 % are; the mean over the lost alone forgets everybody not lost yet. So: cumulative incidence, right-censored,
as `crmlib.core.incidence` has it.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from crmlib.core import incidence
from crmlib.core.frames import AnyFrame
from crmlib.core.incidence import at, median_time

__all__ = ["at", "cumulative_incidence", "median_time"]


def cumulative_incidence(
    frame: AnyFrame, *, time: str = "days", event: str = "event", causes: Sequence[str] = ("lost", "won")
) -> pl.DataFrame:
    """`crmlib.core.incidence.cumulative_incidence` of lost and won."""
    return incidence.cumulative_incidence(frame, causes=causes, time=time, event=event)
