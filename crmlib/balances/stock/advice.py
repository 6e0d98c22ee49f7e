"""What to do with a batch that will not be sold in time: move it, mark it down, give it away, or write it off.

Each way is worth what it brings in over what doing nothing brings (nothing: the left-over is written off); the best is
advised, and ties go to the gentler one, in this order.
"""

from __future__ import annotations

import polars as pl

from crmlib.core.frames import AnyFrame, to_polars

WAYS = ("transfer", "markdown", "gift", "write_off")


def advise(batches: AnyFrame, response: AnyFrame, *, transport_minor: int = 0) -> pl.DataFrame:
    """Worth of each way and the best of them, per batch [minor units over doing nothing].

    Parameters
    ----------
    batches : left_milli (expected left-over), mean (expected demand of its saleable days [units]), price_minor (of a
        unit); optional room_milli (what other stores will sell of it before it expires, 0 without it) and gift_minor
        (worth of a unit given to customers, 0 without it).
    response : depth_bp, multiplier (demand at that depth ÷ demand at full price, ≥ 1).
    transport_minor : cost of moving one unit.

    Returns
    -------
    The rows with transfer_minor, markdown_minor, markdown_bp (best depth, 0 if none pays), gift_minor, write_off_minor
    (0: nothing is gained), advice.
    """
    rows = to_polars(batches, needs=["left_milli", "mean", "price_minor"], name="batches").with_row_index("__row")
    rows = rows.with_columns(
        pl.lit(0, dtype=pl.Int64).alias(c) for c in ("room_milli", "gift_minor") if c not in rows.columns
    )
    left, price = pl.col("left_milli") / 1000, pl.col("price_minor")
    moved = pl.min_horizontal("left_milli", "room_milli") / 1000
    worth = rows.with_columns(
        transfer_minor=(moved * (price - transport_minor)).round().cast(pl.Int64).clip(lower_bound=0),
        __gift=(left * pl.col("gift_minor")).round().cast(pl.Int64),
        write_off_minor=pl.lit(0, dtype=pl.Int64),
    )
    worth = worth.join(_markdown(worth, response), on="__row", how="left", maintain_order="left")
    worth = worth.with_columns(pl.col("markdown_minor", "markdown_bp").fill_null(0))
    worth = worth.with_columns(gift_minor="__gift").drop("__gift")
    columns = [f"{way}_minor" for way in WAYS]
    best = pl.concat_list(columns).list.arg_max().replace_strict(dict(enumerate(WAYS)), return_dtype=pl.String)
    gains = pl.max_horizontal(columns) > 0
    return worth.with_columns(advice=pl.when(gains).then(best).otherwise(pl.lit(WAYS[-1]))).drop("__row")


def _markdown(rows: pl.DataFrame, response: AnyFrame) -> pl.DataFrame:
    """Best depth per batch: what it sells more, of the left-over, less the discount on all that is sold anyway."""
    steps = to_polars(response, needs=["depth_bp", "multiplier"], name="response")
    each = rows.select("__row", "left_milli", "mean", "price_minor").join(steps, how="cross")
    off = pl.col("depth_bp") / 10_000
    extra = pl.min_horizontal(pl.col("left_milli") / 1000, pl.col("mean") * (pl.col("multiplier") - 1))
    gain = (pl.col("price_minor") * (extra * (1 - off) - pl.col("mean") * off)).round().cast(pl.Int64)
    each = each.with_columns(markdown_minor=gain).filter(pl.col("markdown_minor") > 0)
    each = each.sort("__row", "markdown_minor", descending=[False, True])
    return each.group_by("__row", maintain_order=True).first().select("__row", "markdown_minor", markdown_bp="depth_bp")
