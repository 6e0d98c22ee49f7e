"""Two periods that may be compared: of one length, with the same festival days in each.

Periods of unequal length make 10–17 % of idle net flows look real, so they are refused rather than scaled; quarters and
years of the calendar (91 and 92 days, 365 and 366) differ by less than `TOLERANCE` and pass.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from crmlib.core.errors import ModelError

TOLERANCE = 0.02
"""Share by which the lengths may differ."""


@dataclass(frozen=True, slots=True)
class Period:
    """A span of days, both ends included."""

    start: date
    end: date

    @property
    def days(self) -> int:
        """Length [days]."""
        return (self.end - self.start).days + 1


def check_periods(first: Period, second: Period, *, festivals: Collection[date] = ()) -> None:
    """Refuse two periods that differ in length, overlap or hold different numbers of festival days.

    Parameters
    ----------
    festivals : festival days of all years concerned; none = not compared.

    Raises
    ------
    ModelError
        `movement.periods`.

    Examples
    --------
    >>> check_periods(Period(date(2024, 1, 1), date(2024, 1, 31)), Period(date(2024, 3, 1), date(2024, 3, 31)))
    """
    held = [sum(p.start <= day <= p.end for day in festivals) for p in (first, second)]
    apart = first.end < second.start
    shorter, longer = sorted((first.days, second.days))
    if shorter > 0 and longer - shorter <= TOLERANCE * longer and held[0] == held[1] and apart:
        return
    raise ModelError("movement.periods", values={
            "days_1": first.days, "days_2": second.days, "festival_1": held[0], "festival_2": held[1],
            "start_1": first.start.isoformat(), "start_2": second.start.isoformat(),
        })  # fmt: skip
