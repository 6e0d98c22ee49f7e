"""How far ahead, in calendar time, and what a year's wait costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

from crmlib.clv.history import DAYS_PER_UNIT, Unit
from crmlib.core.errors import ModelError

DAYS_PER_YEAR = 365.25


@dataclass(frozen=True, slots=True)
class Horizon:
    """A length of calendar time after the end of the history.

    Examples
    --------
    >>> Horizon(days=273).units("week"), months(12).days
    (39.0, 365.25)
    """

    days: float

    def units(self, unit: Unit) -> float:
        """The horizon in the model's time unit."""
        if not 0.0 <= self.days < math.inf:
            raise ModelError("clv.horizon_length", values={"days": self.days})
        return self.days / DAYS_PER_UNIT[unit]


def weeks(count: float) -> Horizon:
    """A number of weeks."""
    return Horizon(days=7.0 * count)


def months(count: float) -> Horizon:
    """A number of average calendar months (a twelfth of 365.25 days)."""
    return Horizon(days=DAYS_PER_YEAR / 12.0 * count)


def until(end: date, *, after: date) -> Horizon:
    """The days after `after` (the last day of the history) up to and including `end`.

    Examples
    --------
    >>> until(date(1998, 6, 30), after=date(1997, 9, 30)).days
    273
    """
    if end <= after:
        raise ModelError("clv.horizon", values={"after": str(after), "end": str(end)})
    return Horizon(days=(end - after).days)


def rate_per_unit(annual_rate: float, *, unit: Unit) -> float:
    """Continuous discount rate per time unit of an annual rate (0.1 = 10 % a year).

    Examples
    --------
    >>> round(rate_per_unit(0.15, unit="week"), 5)  # the papers' 15 % a year is δ = .0027 a week
    0.00268
    """
    if not 0.0 <= annual_rate < math.inf:
        raise ModelError("clv.rate", values={"rate": annual_rate})
    return math.log1p(annual_rate) * DAYS_PER_UNIT[unit] / DAYS_PER_YEAR
