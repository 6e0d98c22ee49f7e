"""Where did sales change? The gap of two sets of days by category, channel, region, store and product."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from crmlib.core.frames import AnyFrame, timed, to_polars
from crmlib.sales.trade import on_days

DIMENSIONS = ("category", "channel", "region", "store_id")
PRODUCT = "product_id"
SCHEMA = {"dimension": pl.String, "place": pl.String, "now_minor": pl.Int64, "then_minor": pl.Int64}


def gaps(
    cube: AnyFrame, products: tuple[AnyFrame, AnyFrame], *, days: tuple[Sequence[date], Sequence[date]]
) -> pl.DataFrame:
    """Net sales then and now of every value of every dimension, largest gap first within a dimension.

    Parameters
    ----------
    cube : day, net_minor and `DIMENSIONS` (null where unknown).
    products : before and now: product_id, net_minor.
    days : before and now; a day counts as often as it stands there.

    Returns
    -------
    dimension, place (null: unknown), now_minor, then_minor, gap_minor, growth (null where then is 0 or less). A
    dimension with a single value says nothing and is left out; product stays. Every dimension adds up to the same gap.
    """
    table = timed(cube, at="day", needs=[*DIMENSIONS, "net_minor"], name="cube").with_columns(
        pl.col("day").cast(pl.Date)
    )
    then, now = (on_days(table, some) for some in days)
    parts = [_sides(name, now, then) for name in DIMENSIONS]
    parts = [part for part in parts if part.height > 1]
    before, after = (to_polars(t, needs=[PRODUCT, "net_minor"], name="products") for t in products)
    parts.append(_sides(PRODUCT, after, before))
    gap = pl.col("now_minor") - pl.col("then_minor")
    grown = pl.when(pl.col("then_minor") > 0).then(pl.col("now_minor") / pl.col("then_minor") - 1)
    found = pl.concat([pl.DataFrame(schema=SCHEMA), *parts]).with_columns(gap_minor=gap, growth=grown)
    order = pl.col("dimension").replace_strict([*DIMENSIONS, PRODUCT], range(5), return_dtype=pl.Int64)
    return found.sort(order, -pl.col("gap_minor").abs(), "place", nulls_last=True)


def _sides(name: str, now: pl.DataFrame, then: pl.DataFrame) -> pl.DataFrame:
    here, there = (
        side.group_by(pl.col(name).cast(pl.String).alias("place")).agg(pl.col("net_minor").sum().alias(f"{when}_minor"))
        for side, when in ((now, "now"), (then, "then"))
    )
    both = here.join(there, on="place", how="full", coalesce=True, nulls_equal=True)
    return both.select(
        pl.lit(name).alias("dimension"), "place", pl.col("now_minor").fill_null(0), pl.col("then_minor").fill_null(0)
    )
