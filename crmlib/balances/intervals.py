"""Intervals from what past forecasts missed: quantiles of ln(true ÷ forecast) of the part still to come.

Fewer than six past dates give no interval and no verdict. Intervals of lower levels are never added.
"""

from __future__ import annotations

import numpy as np

from crmlib.core.apportion import Floats

MIN_DATES = 6


def ratios(forecast: Floats, true: Floats, *, level: float = 0.8) -> tuple[float, float] | None:
    """Lower and upper true ÷ forecast of past as-of dates at `level`; None with fewer than six dates.

    Quantiles are taken at the plotting positions i/(n+1), so a few dates do not pretend to more than they have seen.

    Examples
    --------
    >>> low, high = ratios(np.full(9, 100.0), np.arange(80.0, 125.0, 5.0), level=0.8)
    >>> round(low, 2), round(high, 2)
    (0.8, 1.2)
    """
    usable = (forecast > 0) & (true > 0)
    if int(usable.sum()) < MIN_DATES:
        return None
    errors = np.log(true[usable] / forecast[usable])
    tail = (1.0 - level) / 2
    low, high = np.exp(np.quantile(errors, [tail, 1 - tail], method="weibull"))
    return float(low), float(high)


def band(
    forecast: float, past_forecast: Floats, past_true: Floats, *, level: float = 0.8
) -> tuple[float, float] | None:
    """Interval around a forecast of what is still to come; None without enough past dates."""
    found = ratios(past_forecast, past_true, level=level)
    return None if found is None else (forecast * found[0], forecast * found[1])
