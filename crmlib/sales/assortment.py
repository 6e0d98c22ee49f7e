"""What is carried where: active goods, numeric and weighted distribution, sales per store-day and square metre."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crmlib.core.frames import AnyFrame, timed, to_polars

ACTIVE_DAYS = 28


def active(sold: AnyFrame, *, as_of: date, listings: AnyFrame | None = None, days: int = ACTIVE_DAYS) -> pl.DataFrame:
    """store_id, product_id of goods listed and sold in the last `days`; without listings sold is enough.

    sold : store_id, product_id, day, net_minor. listings : contract `listings`.
    """
    table = timed(sold, at="day", needs=["store_id", "product_id", "net_minor"], name="sold")
    inside = pl.col("day").cast(pl.Date).is_between(as_of - timedelta(days=days - 1), as_of)
    pairs = table.filter(inside, pl.col("net_minor") > 0).select("store_id", "product_id").unique()
    if listings is not None:
        pairs = pairs.join(listed(listings, on=as_of), on=["store_id", "product_id"], how="semi")
    return pairs.sort("store_id", "product_id")


def listed(listings: AnyFrame, *, on: date) -> pl.DataFrame:
    """store_id, product_id of what stores should carry on a day."""
    table = to_polars(listings, needs=["store_id", "product_id", "valid_from", "valid_to"], name="listings")
    held = (pl.col("valid_from") <= on) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= on))
    return table.filter(held).select("store_id", "product_id").unique().sort("store_id", "product_id")


def distribution(sold: AnyFrame, *, stores: AnyFrame, first: date, last: date) -> pl.DataFrame:
    """Numeric and weighted distribution of each good within a window, which is part of the figure.

    Parameters
    ----------
    sold : store_id, product_id, category, day, net_minor: sales of the whole category.
    stores : store_id of those able to carry.
    first, last : the window; a good counts as carried where it sold in it. Longer windows give larger shares.

    Returns
    -------
    product_id, category, carrying, able [stores], numeric = carrying ÷ able, weighted = category sales of the carrying
    stores ÷ of all able ones, first_day, last_day.
    """
    able = to_polars(stores, key="store_id", name="stores").select("store_id")
    table = timed(sold, at="day", needs=["store_id", "product_id", "category", "net_minor"], name="sold")
    table = table.filter(pl.col("day").cast(pl.Date).is_between(first, last), pl.col("net_minor") > 0)
    table = table.join(able, on="store_id", how="semi")
    size = table.group_by("category", "store_id").agg(category_minor=pl.col("net_minor").sum())
    pairs = table.select("product_id", "category", "store_id").unique().join(size, on=["category", "store_id"])
    whole = size.group_by("category").agg(all_minor=pl.col("category_minor").sum())
    return (
        pairs.group_by("product_id", "category")
        .agg(carrying=pl.len(), carried_minor=pl.col("category_minor").sum())
        .join(whole, on="category")
        .select(
            "product_id",
            "category",
            "carrying",
            able=pl.lit(able.height),
            numeric=pl.col("carrying") / able.height,
            weighted=pl.col("carried_minor") / pl.col("all_minor"),
            first_day=pl.lit(first),
            last_day=pl.lit(last),
        )
        .sort("weighted", "product_id", descending=[True, False])
    )


def velocity(cells: AnyFrame, *, stores: AnyFrame | None = None) -> pl.DataFrame:
    """Sales per day on which a store sold, and per square metre: store_id, net_minor, store_days, per_day_minor,
    per_m2_minor (null without an area).

    cells : store_id, day, net_minor. stores : store_id, area_m2.
    """  # noqa: D205
    table = timed(cells, at="day", needs=["store_id", "net_minor"], name="cells")
    sums = table.group_by("store_id").agg(
        net_minor=pl.col("net_minor").sum(), store_days=pl.col("day").cast(pl.Date).n_unique()
    )
    area = (
        to_polars(stores, needs=["area_m2"], key="store_id", name="stores").select("store_id", "area_m2")
        if stores is not None
        else pl.DataFrame(schema={"store_id": pl.String, "area_m2": pl.Float64})
    )
    per_m2 = pl.when(pl.col("area_m2") > 0).then(pl.col("net_minor") / pl.col("area_m2"))
    return (
        sums.join(area, on="store_id", how="left")
        .select(
            "store_id",
            "net_minor",
            "store_days",
            per_day_minor=(pl.col("net_minor") / pl.col("store_days")).round().cast(pl.Int64),
            per_m2_minor=per_m2.round().cast(pl.Int64),
        )
        .sort("store_id")
    )
