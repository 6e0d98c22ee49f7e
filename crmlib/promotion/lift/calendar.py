"""From the table of promotions to events of the lift engine: latest versions, weeks touched, stores and products."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crmlib.core.calendar import festivals
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.promotion.lift.flags import refuse_text

NEEDS = ("promotion_id", "version", "starts_at", "ends_at", "stores", "products")
MONDAY = 3  # 1970-01-01 was a Thursday: (day_n + 3) // 7 counts weeks that start on Monday
RUN_UP = {
    "new_year": 7,
    "spring_festival": 21,
    "lantern": 7,
    "labour_day": 7,
    "dragon_boat": 14,
    "mid_autumn": 14,
    "national_day": 7,
}
"""Days of buying before each festival at which gifts and snacks are bought; its own week belongs to it too."""


def week_number(day: date) -> int:
    """week_n of a day: Monday weeks since 1969-12-29.

    Examples
    --------
    >>> week_number(date(1970, 1, 4)), week_number(date(1970, 1, 5))
    (0, 1)
    """
    return (day.toordinal() - date(1970, 1, 1).toordinal() + MONDAY) // 7


def frozen_versions(promotions: AnyFrame) -> pl.DataFrame:
    """The version each promotion is judged by: the last frozen one, else the last; with first and last day.

    Adds first_day, last_day (both included; the end is exclusive in the table) and edited (a later version exists than
    the frozen one: R10).
    """
    table = to_polars(promotions, needs=NEEDS, name="promotions").sort("promotion_id", "version")
    refuse_text(table, days=("starts_at", "ends_at"), name="promotions")
    frozen = pl.col("frozen").fill_null(value=False) if "frozen" in table.columns else pl.lit(value=False)
    table = table.with_columns(judged=frozen, last=pl.col("version").max().over("promotion_id"))
    ranked = table.sort("promotion_id", "judged", "version").group_by("promotion_id", maintain_order=True).last()
    end = (pl.col("ends_at") - pl.duration(microseconds=1)).dt.date()
    return ranked.with_columns(
        first_day=pl.col("starts_at").dt.date(),
        last_day=end,
        edited=pl.col("judged") & (pl.col("version") < pl.col("last")),
    ).drop("judged", "last")


def festival_weeks(first: date, last: date) -> frozenset[int]:
    """week_n of the weeks in which people buy for a festival: from its run-up to its own day.

    Examples
    --------
    >>> weeks = festival_weeks(date(2026, 2, 2), date(2026, 4, 19))
    >>> [str(date(1969, 12, 29) + timedelta(weeks=w)) for w in sorted(weeks)]
    ['2026-02-02', '2026-02-09', '2026-02-16', '2026-02-23', '2026-03-02']
    """
    table = festivals(first, last + timedelta(days=max(RUN_UP.values())))
    begin, end = week_number(first), week_number(last)
    spans = [
        (max((day_n - RUN_UP[name] + MONDAY) // 7, begin), min((day_n + MONDAY) // 7, end))
        for name, day_n in table.select("festival", "day_n").iter_rows()
        if name in RUN_UP
    ]
    return frozenset(w for low, high in spans for w in range(low, high + 1))


def in_full(promotions: pl.DataFrame, *, stores: pl.Series, products: pl.Series) -> pl.DataFrame:
    """`promotions` with every id named where an empty list means all.

    Examples
    --------
    >>> kinds = dict.fromkeys(["stores", "products"], pl.List(pl.String))
    >>> offer = pl.DataFrame({"stores": [[], ["b"]], "products": [["x"], []]}, schema=kinds)
    >>> in_full(offer, stores=pl.Series(["b", "a"]), products=pl.Series(["x"]))["stores"].to_list()
    [['a', 'b'], ['b']]
    """
    given = {"stores": stores, "products": products}
    return promotions.with_columns(
        pl.when(pl.col(name).list.len() == 0)
        .then(pl.lit(ids.cast(pl.String).unique().sort()).implode())
        .otherwise(pl.col(name))
        .alias(name)
        for name, ids in given.items()
    )


def event_cells(promotions: pl.DataFrame, *, panel: pl.DataFrame, last_day: date) -> pl.DataFrame:
    """Events of the lift engine: event_id, store_id, product_id, first_week_n, last_week_n.

    Parameters
    ----------
    promotions : as `frozen_versions` gives it; empty lists mean all stores or products.
    panel : store_id, product_id, week_n: only store-products that are in it can be judged.
    last_day : promotions that had not ended by this day are left out.

    Where two promotions meet on a store-product in one week, the earlier keeps it and the later begins after it; an
    event of which nothing is left is dropped (both are told apart nowhere).
    """
    pairs = panel.select("store_id", "product_id").unique().sort("store_id", "product_id")
    weeks = panel.select(low=pl.col("week_n").min(), high=pl.col("week_n").max()).row(0)
    ended = promotions.filter(pl.col("last_day") <= last_day)
    rows = ended.select(
        event_id="promotion_id",
        stores="stores",
        products="products",
        first_week_n=((pl.col("first_day").cast(pl.Int32) + MONDAY) // 7).clip(lower_bound=weeks[0]),
        last_week_n=((pl.col("last_day").cast(pl.Int32) + MONDAY) // 7).clip(upper_bound=weeks[1]),
    ).filter(pl.col("first_week_n") <= pl.col("last_week_n"))
    crossed = rows.join(pairs, how="cross").filter(
        (pl.col("stores").list.len() == 0) | pl.col("stores").list.contains(pl.col("store_id")),
        (pl.col("products").list.len() == 0) | pl.col("products").list.contains(pl.col("product_id")),
    )
    ordered = crossed.drop("stores", "products").sort("store_id", "product_id", "first_week_n", "event_id")
    before = pl.col("last_week_n").cum_max().shift(1).over("store_id", "product_id")
    cut = ordered.with_columns(
        first_week_n=pl.max_horizontal(pl.col("first_week_n"), before.fill_null(-1) + 1).cast(pl.Int32)
    )
    kept = cut.filter(pl.col("first_week_n") <= pl.col("last_week_n"))
    return kept.select("event_id", "store_id", "product_id", "first_week_n", "last_week_n").sort(
        "event_id", "store_id", "product_id"
    )
