"""Units, revenue and price of every product in every store and week, with the zeros and gaps spelled out.

The engine reduces the lines; the grid is built here. A missing row in the lines can mean five things, and a model
that mixes them up is wrong: `sold`, `zero` (on the shelf, not sold), `closed` (the store was), `not_carried`
(not yet, or no longer, on the shelf) and `unknown` (an open store from which no line came that week).
"""

from __future__ import annotations

from datetime import date

import narwhals as nw
import polars as pl

from crmlib.core.errors import ContractError, ParameterError, mask
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.panels.engine import day_number, lines_of, reduced

STATES = ("sold", "zero", "closed", "not_carried", "unknown")
_MONDAY = 3  # 1970-01-01 was a Thursday: (day_n + 3) // 7 counts weeks that start on Monday
_KEYS = ("store_id", "product_id", "week_n")
_NEEDS = (
    "store_id",
    "product_id",
    "day_n",
    "quantity_milli",
    "net_minor",
    "list_minor",
    "promotion_id",
)
_SOLD = {
    "store_id": pl.String,
    "product_id": pl.String,
    "week_n": pl.Int32,
    "quantity_milli": pl.Int64,
    "net_minor": pl.Int64,
    "sold_milli": pl.Int64,
    "sold_minor": pl.Int64,
    "listed_milli": pl.Int64,
    "list_minor": pl.Int64,
    "promoted_milli": pl.Int64,
}


def store_product_week(
    lines: AnyFrame,
    *,
    stores: AnyFrame,
    start: date,
    end: date,
    closures: AnyFrame | None = None,
    carry_weeks: int = 8,
) -> pl.DataFrame:
    """Sales of `start` to `end` (both included) on the full grid of store-products that ever sold, by Monday week.

    Parameters
    ----------
    lines : receipt lines; needs store_id, product_id, day_n, quantity_milli, net_minor, list_minor, promotion_id.
    stores : store_id, opened_on, closed_on (either date may be null or absent).
    closures : store_id, starts_on, ends_on (null = still closed): temporary closings.
    carry_weeks : a product counts as carried from its first sale in a store until this many weeks after its last.

    Returns
    -------
    store_id, product_id, week_n [Monday weeks since 1969-12-29], week_start; state (`sold`, `zero`, `closed`,
    `not_carried`, `unknown`); open_days [0–7]; quantity_milli, net_minor (both net of returns); price and base_price
    [minor units per piece or kg; of the lines with quantity > 0, null where nothing was sold]; promoted_milli.
    `quantity_milli` and `net_minor` are 0 where the state is `zero` and null where it is not known to be zero.

    Raises
    ------
    ParameterError
        `panels.partial_week` if `start` is no Monday or `end` no Sunday: a cut week looks like a fall in sales.
    ContractError
        `panels.unknown_store` if lines name a store that `stores` does not list.
    """
    _check_whole_weeks(start, end)
    sold = _sold(lines, start=start, end=end)
    shops = to_polars(stores, needs=("store_id",), name="stores")
    _check_known(sold, shops)
    open_days = _open_days(shops, closures, start=start, end=end)
    heard = sold.select("store_id", "week_n").unique().with_columns(heard=pl.lit(value=True))
    carried = sold.group_by("store_id", "product_id").agg(
        first=pl.col("week_n").min(), last=pl.col("week_n").max() + carry_weeks
    )
    known = pl.col("state").is_in(["sold", "zero"])
    return (
        carried.join(open_days, on="store_id")
        .join(sold, on=_KEYS, how="left")
        .join(heard, on=("store_id", "week_n"), how="left")
        .with_columns(
            state=pl.when(pl.col("sold_milli") > 0)
            .then(pl.lit("sold"))
            .when(pl.col("quantity_milli").is_not_null())  # only returns came
            .then(pl.lit("zero"))
            .when(pl.col("open_days") == 0)
            .then(pl.lit("closed"))
            .when(~pl.col("week_n").is_between("first", "last"))
            .then(pl.lit("not_carried"))
            .when(pl.col("heard").is_null())
            .then(pl.lit("unknown"))
            .otherwise(pl.lit("zero"))
            .cast(pl.Enum(STATES))
        )
        .select(
            *_KEYS,
            pl.from_epoch((pl.col("week_n").cast(pl.Int64) * 7 - _MONDAY), time_unit="d").alias("week_start"),
            "state",
            "open_days",
            pl.when(known).then(pl.col("quantity_milli").fill_null(0)).alias("quantity_milli"),
            pl.when(known).then(pl.col("net_minor").fill_null(0)).alias("net_minor"),
            _per_unit("sold_minor", "sold_milli").alias("price"),
            _per_unit("list_minor", "listed_milli").alias("base_price"),
            pl.when(known).then(pl.col("promoted_milli").fill_null(0)).alias("promoted_milli"),
        )
        .sort(_KEYS)
    )


def _sold(lines: AnyFrame, *, start: date, end: date) -> pl.DataFrame:
    """The engine's part: sums by store, product and week."""
    is_sale = nw.col("quantity_milli") > 0
    has_list = is_sale & ~nw.col("list_minor").is_null()
    plan = (
        lines_of(lines, needs=_NEEDS, name="receipt_lines")
        .filter(
            ~nw.col("store_id").is_null(),
            ~nw.col("product_id").is_null(),
            nw.col("day_n") >= day_number(start),
            nw.col("day_n") <= day_number(end),
        )
        .with_columns(
            week_n=(nw.col("day_n") + _MONDAY) // 7,
            sold_milli=nw.when(is_sale).then(nw.col("quantity_milli")).otherwise(0),
            sold_minor=nw.when(is_sale).then(nw.col("net_minor")).otherwise(0),
            listed_milli=nw.when(has_list).then(nw.col("quantity_milli")).otherwise(0),
            list_minor=nw.when(has_list).then(nw.col("list_minor")).otherwise(0),
            promoted_milli=nw.when(~nw.col("promotion_id").is_null()).then(nw.col("quantity_milli")).otherwise(0),
        )
        .group_by(*_KEYS)
        .agg(*(nw.col(name).sum() for name in list(_SOLD)[len(_KEYS) :]))
    )
    return reduced(plan, schema=_SOLD, sort=_KEYS)


def _open_days(shops: pl.DataFrame, closures: AnyFrame | None, *, start: date, end: date) -> pl.DataFrame:
    """Days each store was open in each week: store_id, week_n, open_days."""
    life = shops.select(
        "store_id",
        *(pl.col(c) if c in shops.columns else pl.lit(None, pl.Date).alias(c) for c in ("opened_on", "closed_on")),
    )
    days = pl.DataFrame({"day": pl.date_range(start, end, eager=True)})
    grid = life.join(days, how="cross").with_columns(
        open=pl.col("day").is_between(pl.col("opened_on").fill_null(date.min), pl.col("closed_on").fill_null(date.max))
    )
    if closures is not None:
        shut = to_polars(closures, needs=("store_id", "starts_on", "ends_on"), name="closures")
        shut_days = (
            shut.select("store_id", "starts_on", pl.col("ends_on").fill_null(end))
            .join(days, how="cross")
            .filter(pl.col("day").is_between("starts_on", "ends_on"))
            .select("store_id", "day", shut=pl.lit(value=True))
            .unique()
        )
        grid = grid.join(shut_days, on=("store_id", "day"), how="left").with_columns(
            open=pl.col("open") & pl.col("shut").is_null()
        )
    day_n = pl.col("day").cast(pl.Int32)
    return grid.group_by("store_id", week_n=(day_n + _MONDAY) // 7).agg(open_days=pl.col("open").sum().cast(pl.Int8))


def _per_unit(minor: str, milli: str) -> pl.Expr:
    return pl.when(pl.col(milli) > 0).then(pl.col(minor) * 1000 / pl.col(milli))


def _check_whole_weeks(start: date, end: date) -> None:
    if start.weekday() != 0 or end.weekday() != 6 or end < start:
        raise ParameterError(
            "panels.partial_week",
            given=f"start {start} ({start:%A}), end {end} ({end:%A})",
            expected="whole weeks: start on a Monday, end on a later Sunday",
            mend="move start to the next Monday and end to the last Sunday",
            values={"start": start, "end": end},
        )


def _check_known(sold: pl.DataFrame, shops: pl.DataFrame) -> None:
    strangers = sold.join(shops, on="store_id", how="anti")["store_id"].unique().sort()
    if len(strangers):
        raise ContractError(
            "panels.unknown_store",
            given=f"lines of {len(strangers)} stores that the table of stores does not list",
            expected="every store of the lines in the table of stores",
            mend="add the stores, or leave their lines out on purpose",
            values={"count": len(strangers)},
            examples=[mask(s) for s in strangers],
        )
