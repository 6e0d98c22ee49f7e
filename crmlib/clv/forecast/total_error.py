"""How wrong were totals? The chosen model's forecasts of earlier years beside what came, and intervals that hold it.

Intervals of parameters and chance grow narrow with many customers; what remains is that no model is the truth
(customers change, shops open, prices rise). That part is measured where it can be: the same model, fitted at earlier
days and asked for the same length of time, against what happened. A few origins say little about the next one, so
their spread is shrunk to what is usual over companies (a scaled inverse chi-square prior), and the interval of a
total is widened by Student's t of the two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from scipy import stats

from crmlib.core.dates import day_number

USUAL = 0.14
"""Root mean square of ln(came / forecast) of totals over CDNOW and Online Retail (`bench_clv_totals`)."""
USUAL_WORTH = 4.0
"""So many years of a company's own count as much as that."""
STEP = 91
MOST_ORIGINS = 4
LEARNED = 0.9
"""Days before an origin over days of its forecast: with less behind it than ahead a fit is worse than today's."""

Forecast = Callable[[date, date], tuple[float, float] | None]
"""(cut, end) → the total that was forecast at the cut for the days until the end, and what came; none if impossible."""


@dataclass(frozen=True, slots=True)
class TotalError:
    """How far totals were off.

    Parameters
    ----------
    origins : `cut`, `end`, `predicted`, `actual`, `log_error` = ln(actual / predicted), latest first.
    length : days of each forecast.
    scale : root mean square of the log error, shrunk to `USUAL`.
    freedom : degrees of freedom of Student's t for it.
    """

    origins: pl.DataFrame
    length: int
    scale: float
    freedom: float


def origins(*, first: date, cut: date, length: int, step: int = STEP, most: int = MOST_ORIGINS) -> list[date]:
    """Days to forecast `length` days from: `cut`, and steps back from it while as much lies behind as ahead.

    Examples
    --------
    >>> [str(d) for d in origins(first=date(2022, 1, 1), cut=date(2023, 7, 1), length=365)]
    ['2023-07-01', '2023-04-01', '2022-12-31']
    """
    days = [cut - timedelta(days=step * k) for k in range(most)]
    return [d for d in days if d == cut or (d - first).days >= LEARNED * length]


def measured(forecast: Forecast, *, cuts: Sequence[date], length: int) -> TotalError:
    """The errors of `forecast` at the cuts for `length` days each, and their shrunk scale."""
    rows = []
    for cut in cuts:
        end = cut + timedelta(days=length)
        found = forecast(cut, end)
        if found is not None and min(found) > 0:
            rows.append((cut, end, *found, float(np.log(found[1] / found[0]))))
    columns = {"cut": pl.Date, "end": pl.Date, "predicted": pl.Float64, "actual": pl.Float64, "log_error": pl.Float64}
    frame = pl.DataFrame(rows, schema=columns, orient="row")
    scale, freedom = shrunk(frame["log_error"].to_list(), ends=frame["end"].to_list(), length=length)
    return TotalError(origins=frame, length=length, scale=scale, freedom=freedom)


def shrunk(errors: Sequence[float], *, ends: Sequence[date], length: int) -> tuple[float, float]:
    """Scale and degrees of freedom: own errors and `USUAL`; forecasts that share days count once.

    Examples
    --------
    >>> shrunk([], ends=[], length=365)
    (0.14, 4.0)
    >>> scale, freedom = shrunk([0.02, -0.03], ends=[date(2024, 1, 1), date(2023, 1, 1)], length=365)
    >>> round(scale, 3), round(freedom, 1)
    (0.115, 6.0)
    """
    if not errors:
        return USUAL, USUAL_WORTH
    covered = day_number(max(ends)) - day_number(min(ends)) + length
    worth = min(covered / length, float(len(errors)))
    square = float(np.mean(np.square(errors)))
    freedom = USUAL_WORTH + worth
    return float(np.sqrt((USUAL_WORTH * USUAL**2 + worth * square) / freedom)), freedom


def widened(sums: pl.DataFrame, error: TotalError, *, days: float, level: float) -> pl.DataFrame:
    """`intervals.totals` with `low` and `high` that hold the error of totals too, on the log scale around `expected`.

    Parameters
    ----------
    sums : `expected`, `low`, `high` of any sign.
    days : the horizon; an error of the measured length grows with the square root of a longer one.
    """
    reach = float(stats.t.ppf(0.5 + level / 2.0, error.freedom)) * error.scale
    reach *= float(np.sqrt(max(days / error.length, 1.0)))
    middle = pl.col("expected").abs().clip(lower_bound=1e-300)

    def away(edge: str) -> pl.Expr:
        size = pl.col(edge).abs().clip(lower_bound=1e-300)
        return ((size / middle).log().clip(-50.0, 50.0).pow(2) + reach * reach).sqrt()

    gain = pl.col("expected") >= 0  # a loss is mirrored: its far edge is the lower one
    low = pl.when(gain).then(middle * (-away("low")).exp()).otherwise(-middle * away("low").exp())
    high = pl.when(gain).then(middle * away("high").exp()).otherwise(-middle * (-away("high")).exp())
    kept = (pl.col("low") <= 0) & gain, (pl.col("high") >= 0) & ~gain  # a bound at or beyond 0 stays where it is
    return sums.with_columns(
        low=pl.when(pl.col("expected") == 0).then(pl.col("low")).when(kept[0]).then(pl.col("low")).otherwise(low),
        high=pl.when(pl.col("expected") == 0).then(pl.col("high")).when(kept[1]).then(pl.col("high")).otherwise(high),
    )
