"""The weekly grid of what moves every customer at once: seasons, and festivals that wander through the solar year.

A grid is a frame with `start_n` (first day of the period, days since 1970), `days` (its length) and one numeric
column per effect. `pareto_nbd_calendar` takes it with any columns joined to it (weather, campaigns, closures), for
all customers (no `customer_id` column) or for each.
"""

from __future__ import annotations

import math
from datetime import date

import polars as pl

from crmlib.clv.horizon import DAYS_PER_YEAR
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars

EPOCH = date(1970, 1, 1)


def calendar_grid(
    start: date,
    end: date,
    *,
    festivals: AnyFrame | None = None,
    before: int = 14,
    after: int = 0,
    harmonics: int = 0,
    period: int = 7,
) -> pl.DataFrame:
    """Periods of `period` days from `start` that cover `end`, with season and festival columns.

    Parameters
    ----------
    festivals : frame with `name` and `day` (Date), one row per festival and year, lunar dates already turned into
        solar ones. Each name becomes a column `festival_<name>`: the share of the period's days that lie in the
        festival's run-up, `before` days ahead of it to `after` days behind it.
    harmonics : pairs of columns `season_sin_k`, `season_cos_k` of the solar year, k = 1 … harmonics.

    Examples
    --------
    >>> spring = pl.DataFrame({"name": ["spring"], "day": [date(2024, 2, 10)]})
    >>> g = calendar_grid(date(2024, 1, 22), date(2024, 2, 11), festivals=spring, before=10)
    >>> g.select("days", pl.col("festival_spring").round(3)).rows()
    [(7, 0.0), (7, 0.714), (7, 0.857)]
    """
    if end < start or period < 1:
        raise ModelError("clv.grid", values={"start": str(start), "end": str(end), "period": period})
    first, last = (start - EPOCH).days, (end - EPOCH).days
    count = math.ceil((last - first + 1) / period)
    grid = pl.DataFrame({"start_n": [first + period * i for i in range(count)], "days": [period] * count})
    grid = grid.with_columns(pl.col("start_n", "days").cast(pl.Int32))
    middle = (pl.col("start_n") + pl.col("days") / 2) * (2 * math.pi / DAYS_PER_YEAR)
    for k in range(1, harmonics + 1):
        grid = grid.with_columns(
            (middle * k).sin().alias(f"season_sin_{k}"), (middle * k).cos().alias(f"season_cos_{k}")
        )
    if festivals is None:
        return grid
    table = to_polars(festivals, needs=["name", "day"], name="festivals")
    for name in sorted(table["name"].unique().to_list()):
        days = table.filter(pl.col("name") == name)["day"].to_physical().to_list()
        grid = grid.with_columns(_share_in_windows([(d - before, d + after) for d in days]).alias(f"festival_{name}"))
    return grid


def season_columns(grid: pl.DataFrame) -> tuple[str, ...]:
    """The effect columns of a grid: all but its dates and keys."""
    return tuple(c for c in grid.columns if c not in {"start_n", "days", "customer_id"})


def _share_in_windows(windows: list[tuple[int, int]]) -> pl.Expr:
    """Share of each period's days within any of the windows (first and last day included)."""
    low, high = pl.col("start_n"), pl.col("start_n") + pl.col("days") - 1
    shared = [
        (pl.min_horizontal(high, pl.lit(b)) - pl.max_horizontal(low, pl.lit(a)) + 1).clip(lower_bound=0)
        for a, b in windows
    ]
    return (pl.sum_horizontal(shared) / pl.col("days")).clip(upper_bound=1.0)
