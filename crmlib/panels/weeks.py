"""Units, revenue and price of every product in every store and week, with the zeros and gaps spelled out.

The engine reduces the lines; the grid is built here. A missing row in the lines can mean five things, and a model
that mixes them up is wrong: `sold`, `zero` (on the shelf, not sold), `closed` (the store was), `not_carried`
(not yet, or no longer, on the shelf) and `unknown` (an open store from which no line came that week).
"""

from __future__ import annotations

from datetime import date
from typing import Any, TypeAlias

import narwhals as nw
import numpy as np
import numpy.typing as npt
import polars as pl

from crmlib.core.dates import a_day, day_number
from crmlib.core.errors import ContractError, ParameterError, mask
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.panels import from_cells
from crmlib.panels.engine import Lines, lines_of, reduced

IntArray: TypeAlias = npt.NDArray[Any]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

STATES = ("sold", "zero", "closed", "not_carried", "unknown")
_KNOWN = ("sold", "zero")
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
    start, end = a_day(start, name="start"), a_day(end, name="end")
    _check_whole_weeks(start, end)
    sold = _sold(lines, start=start, end=end)
    shops = to_polars(stores, name="stores", key="store_id")
    _check_known(sold, shops)
    first_week, last_week = (day_number(start) + _MONDAY) // 7, (day_number(end) + _MONDAY) // 7
    open_days = _open_days(shops, closures, start=start, end=end)
    return _on_grid(sold, open_days, first_week=first_week, weeks=last_week - first_week + 1, carry_weeks=carry_weeks)


def _on_grid(
    sold: pl.DataFrame, open_days: pl.DataFrame, *, first_week: int, weeks: int, carry_weeks: int
) -> pl.DataFrame:
    """Every store-product in every week: sums laid at position pair · weeks + week, the gaps given their reason.

    Positions come from integer codes, so the grid needs neither sort nor join of millions of texts.
    """
    pair, pairs = _coded(sold)
    week = sold["week_n"].to_numpy() - first_week
    at = pair * weeks + week
    shop_names = open_days["store_id"].unique().sort()
    shop_of_pair = shop_names.search_sorted(pairs["store_id"]).to_numpy()
    shape = (pairs.height, weeks)
    days = open_days.sort("store_id", "week_n")["open_days"].to_numpy().reshape(-1, weeks)[shop_of_pair]
    heard = np.zeros((len(shop_names), weeks), dtype=bool)
    heard[shop_of_pair[pair], week] = True
    state = _states(
        sales=_laid(sold["sold_milli"], at, shape),
        any_line=_laid(pl.repeat(1, sold.height, eager=True), at, shape) > 0,
        open_days=days,
        heard=heard[shop_of_pair],
        carry_weeks=carry_weeks,
    )
    sums = {name: pl.Series(_laid(sold[name], at, shape).ravel()) for name in list(_SOLD)[len(_KEYS) :]}
    week_n = np.tile(np.arange(first_week, first_week + weeks, dtype=np.int32), pairs.height)
    index = pl.Series(np.repeat(np.arange(pairs.height), weeks))
    return pl.DataFrame(
        {
            "store_id": pairs["store_id"].gather(index),
            "product_id": pairs["product_id"].gather(index),
            "week_n": week_n,
            "state": pl.Series(STATES, dtype=pl.Enum(STATES)).gather(state.ravel()),
            "open_days": days.ravel(),
            **sums,
        }
    ).select(
        *_KEYS,
        pl.from_epoch((pl.col("week_n").cast(pl.Int64) * 7 - _MONDAY), time_unit="d").alias("week_start"),
        "state",
        "open_days",
        *(pl.when(pl.col("state").is_in(_KNOWN)).then(name).alias(name) for name in ("quantity_milli", "net_minor")),
        _per_unit("sold_minor", "sold_milli").alias("price"),
        _per_unit("list_minor", "listed_milli").alias("base_price"),
        pl.when(pl.col("state").is_in(_KNOWN)).then("promoted_milli").alias("promoted_milli"),
    )


def _coded(sold: pl.DataFrame) -> tuple[IntArray, pl.DataFrame]:
    """The pair of each row as a number, and the pairs (store_id, product_id) in order of their numbers."""
    stores, products = (sold[name].unique().sort() for name in ("store_id", "product_id"))
    store, product = (
        sold[name].cast(pl.Enum(names)).to_physical().to_numpy().astype(np.int64)
        for name, names in (("store_id", stores), ("product_id", products))
    )
    found, pair = np.unique(store * max(len(products), 1) + product, return_inverse=True)
    which, what = np.divmod(found, max(len(products), 1))
    return pair, pl.DataFrame({"store_id": stores.gather(which), "product_id": products.gather(what)})


def _states(
    *, sales: IntArray, any_line: BoolArray, open_days: IntArray, heard: BoolArray, carry_weeks: int
) -> IntArray:
    """Position in STATES of every store-product (rows) and week (columns)."""
    weeks = sales.shape[1]
    column = np.arange(weeks)
    first = np.argmax(any_line, axis=1)[:, None]
    last = weeks - 1 - np.argmax(any_line[:, ::-1], axis=1)[:, None] + carry_weeks
    conditions = [
        sales > 0,
        any_line,  # only returns came
        open_days == 0,
        (column < first) | (column > last),
        ~heard,
    ]
    reasons = ["sold", "zero", "closed", "not_carried", "unknown"]
    return np.select(conditions, [np.uint8(STATES.index(r)) for r in reasons], np.uint8(STATES.index("zero")))


def _laid(values: pl.Series, at: IntArray, shape: tuple[int, int]) -> IntArray:
    grid = np.zeros(shape[0] * shape[1], dtype=np.int64)
    grid[at] = values.to_numpy()
    return grid.reshape(shape)


def _sold(lines: AnyFrame, *, start: date, end: date) -> pl.DataFrame:
    """The engine's part: sums by store, product and week."""
    stored = from_cells.goods(lines)
    if stored is not None:
        return reduced(_stored_weeks(stored, start=day_number(start), end=day_number(end)), schema=_SOLD, sort=())
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
    return reduced(plan, schema=_SOLD, sort=())


def _stored_weeks(cells: pl.LazyFrame, *, start: int, end: int) -> Lines:
    """The same sums from stored cells."""
    sale = pl.col("sold") > 0

    def of(rows: pl.Expr, column: str) -> pl.Expr:
        return pl.when(rows).then(column).otherwise(0).sum()

    sums = (
        cells.filter(
            pl.col("store_id").is_not_null(), pl.col("product_id").is_not_null(), pl.col("day_n").is_between(start, end)
        )
        .group_by("store_id", "product_id", week_n=(pl.col("day_n") + _MONDAY) // 7)
        .agg(
            pl.col("lines", "quantity_milli", "net_minor").sum(),
            sold_milli=of(sale, "quantity_milli"),
            sold_minor=of(sale, "net_minor"),
            listed_milli=of(sale & pl.col("listed"), "quantity_milli"),
            list_minor=of(sale & pl.col("listed"), "list_minor"),
            promoted_milli=of(pl.col("promotion_id").is_not_null(), "quantity_milli"),
        )
        .filter(pl.col("lines") > 0)
    )
    made: Lines = nw.from_native(sums)
    return made


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
        raise ParameterError("panels.partial_week", values={"start": start, "end": end})


def _check_known(sold: pl.DataFrame, shops: pl.DataFrame) -> None:
    strangers = sold.join(shops, on="store_id", how="anti")["store_id"].unique().sort()
    if len(strangers):
        raise ContractError(
            "panels.unknown_store", values={"count": len(strangers)}, examples=[mask(s) for s in strangers]
        )
