"""Days on which customers came, by the day they became known: what cut-off days of the past are made from."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import narwhals as nw
import polars as pl

from crmlib.core.dates import day_number, day_of
from crmlib.core.frames import AnyFrame, few_texts, to_polars
from crmlib.panels import from_cells
from crmlib.panels.engine import Lines, lines_of, ordered, reduced
from crmlib.panels.handle import among, cells_of, opened
from crmlib.panels.monthly import monthly

NEEDS = ("customer_id", "day_n", "quantity_milli", "net_minor")
OPTIONAL = ("known_at", "store_id", "promotion_id")
IDS = ("customer_id", "store_id")
ORDER = ("customer_id", "day_n", "store_id", "known_n")
MEMBER_DAYS = {"customer_id": pl.String, "day_n": pl.Int32, "lines": pl.Int64, "net_minor": pl.Int64}
MARGINS = {"customer_id": pl.String, "day_n": pl.Int32, "margin_minor": pl.Int64}


class VisitDays(NamedTuple):
    """The two reductions of `visit_days`, and which optional columns the lines have and fill."""

    days: pl.DataFrame
    store_days: pl.DataFrame
    has: frozenset[str]


def visit_days(lines: AnyFrame) -> VisitDays:
    """Lines reduced to one row per customer, day, day known and store; and the days on which a store sold anything.

    Parameters
    ----------
    lines : receipt lines; needs customer_id, day_n, quantity_milli, net_minor; reads known_at, store_id, promotion_id
        where they are. Without `known_at` a line is taken as known on its day.

    Returns
    -------
    days : customer_id and store_id (Enums), day_n, known_n, sold (any line of quantity > 0), net_minor, bought_minor
        (quantity > 0), returned_minor (> 0), promoted_minor (bought under a promotion); sorted by `ORDER`.
    store_days : store_id, day_n, known_n with a sale to anyone, card or no card.
    """
    cells = cells_of(lines, "customer_store_day")
    if cells is not None:
        return _of_cells(cells)
    lazy, has = _read(lines, needs=NEEDS)
    read = lazy.select(*NEEDS, _store(has), _known(has), _promoted(has))
    bought, net = pl.col("quantity_milli") > 0, pl.col("net_minor")
    days = (
        read.filter(pl.col("customer_id").is_not_null())
        .group_by("customer_id", "day_n", "known_n", "store_id")
        .agg(
            bought.any().alias("sold"),
            net.sum(),
            pl.when(bought).then(net).otherwise(0).sum().alias("bought_minor"),
            pl.when(bought).then(0).otherwise(-net).sum().alias("returned_minor"),
            pl.when(bought & pl.col("promoted")).then(net).otherwise(0).sum().alias("promoted_minor"),
        )
    )
    stores = read.filter(bought & pl.col("store_id").is_not_null()).select("store_id", "day_n", "known_n").unique()
    reduced_, alive = pl.collect_all([days, stores], engine="streaming")
    filled = frozenset(c for c in has if c == "known_at" or _any_value(lazy, c))
    return VisitDays(ordered(few_texts(reduced_), ORDER), alive.sort("store_id", "day_n", "known_n"), filled)


def _of_cells(cells: pl.LazyFrame) -> VisitDays:
    """The same from the stored days of customers and stores; month by month, for they are millions."""
    day, bought, shop = pl.col("day_n"), pl.col("sale_lines") > 0, pl.col("store_id").is_not_null()
    known = cells.with_columns(known_n=pl.max_horizontal(pl.col("known_n").fill_null(day), day))
    stores = known.filter(bought, shop).select("store_id", "day_n", "known_n").unique()
    filled = known.select(
        day.min().alias("first"), day.max().alias("last"), store_id=shop.any(),
        promotion_id=(pl.col("promoted_lines") > 0).any(),
    )  # fmt: skip
    alive, has = (plan.collect(engine="streaming") for plan in (stores, filled))  # together they would share, and hold
    first, last = (day_of(has[end].item() or 0) for end in ("first", "last"))
    days = monthly(known, lambda month: _month_of_cells(opened(month)), start=first, end=last, ids=IDS)
    columns = frozenset(("known_at", *(c for c in ("store_id", "promotion_id") if has[c].item())))
    return VisitDays(ordered(days, ORDER), alive.sort("store_id", "day_n", "known_n"), columns)


def _month_of_cells(cells: pl.LazyFrame) -> pl.DataFrame:
    keys = ("customer_id", "day_n", "known_n", "store_id")
    days = from_cells.by_day(cells, "net_minor", "bought_minor", "sale_lines", "offer_minor", keys=keys).select(
        *keys,
        (pl.col("sale_lines") > 0).alias("sold"),
        "net_minor",
        "bought_minor",
        (pl.col("bought_minor") - pl.col("net_minor")).alias("returned_minor"),
        pl.col("offer_minor").alias("promoted_minor"),
    )
    return days.collect(engine="streaming")


def open_days(lines: AnyFrame) -> pl.DataFrame:
    """Days on which a store sold anything to anyone, card or no card: store_id, day_n; in order.

    Parameters
    ----------
    lines : receipt lines; needs day_n, quantity_milli; without store_id no store is known.
    """
    keys, shop = ("store_id", "day_n"), pl.col("store_id").is_not_null()
    cells = cells_of(lines, "customer_store_day")
    if cells is not None:
        sold = cells.filter(pl.col("sale_lines") > 0, shop).select(keys)
    else:
        lazy, has = _read(lines, needs=("day_n", "quantity_milli"))
        read = lazy.select(_store(has), pl.col("day_n").cast(pl.Int32), "quantity_milli")
        sold = read.filter(pl.col("quantity_milli") > 0, shop).select(keys)
    return sold.unique().collect(engine="streaming").sort(keys)


def _read(lines: AnyFrame, *, needs: tuple[str, ...]) -> tuple[pl.LazyFrame, frozenset[str]]:
    """The lines, and which optional columns they have."""
    frame = opened(lines)
    lazy = frame if isinstance(frame, pl.LazyFrame) else to_polars(frame, needs=needs, name="receipt_lines").lazy()
    present = lazy.collect_schema().names()
    return lazy, frozenset(c for c in OPTIONAL if c in present)


def customer_margin(lines: AnyFrame) -> pl.DataFrame:
    """Margin of each customer and day, days with a line without cost left out: customer_id, day_n, margin_minor."""
    stored = from_cells.margins(lines)
    days = _margin_days(lines) if stored is None else stored
    known = days.filter(nw.col("uncosted") == 0)
    made = known.with_columns(margin_minor=nw.col("net_minor") - nw.col("cost_minor"))
    return reduced(made, schema=MARGINS, sort=("customer_id", "day_n"))


def _margin_days(lines: AnyFrame) -> Lines:
    return (
        lines_of(lines, needs=("customer_id", "day_n", "net_minor", "cost_minor"), name="receipt_lines")
        .filter(~nw.col("customer_id").is_null())
        .with_columns(uncosted=nw.when(nw.col("cost_minor").is_null()).then(1).otherwise(0))
        .group_by("customer_id", "day_n")
        .agg(nw.col("net_minor", "cost_minor", "uncosted").sum())
    )


def goods_days(lines: AnyFrame, *, end: date) -> pl.DataFrame:
    """Days on which each customer bought each product, to `end`: customer_id, product_id, day_n."""
    needs = ("customer_id", "product_id", "day_n", "quantity_milli")
    keys = ["customer_id", "product_id", "day_n"]
    made = lines_of(lines, needs=needs, name="receipt_lines").filter(
        nw.col("quantity_milli") > 0, nw.col("day_n") <= day_number(end)
    )
    schema = {"customer_id": pl.String, "product_id": pl.String, "day_n": pl.Int32}
    return reduced(made.select(*keys).unique(), schema=schema, sort=keys)


def member_days(lines: AnyFrame, *, start: date, end: date) -> pl.DataFrame:
    """All sales to customers by day, of whichever goods and shops: a day may come several times, in any order.

    Parameters
    ----------
    lines : receipt lines; needs customer_id, day_n, quantity_milli, net_minor.

    Returns
    -------
    customer_id (an Enum); day_n [days since 1970]; lines of quantity > 0; net_minor.
    """
    return monthly(lines, _member_days, start=start, end=end, ids=("customer_id",))


def _member_days(lines: AnyFrame) -> pl.DataFrame:
    panel = from_cells.member_days(lines)
    if panel is None:
        needs = ("customer_id", "day_n", "quantity_milli", "net_minor")
        panel = (
            lines_of(lines, needs=needs, name="receipt_lines")
            .filter(~nw.col("customer_id").is_null())
            .group_by("customer_id", "day_n")
            .agg(
                lines=nw.when(nw.col("quantity_milli") > 0).then(1).otherwise(0).sum(),
                net_minor=nw.col("net_minor").sum(),
            )
        )
    return reduced(panel, schema=MEMBER_DAYS, sort=())


def member_goods(lines: AnyFrame, *, start: date, end: date) -> pl.DataFrame:
    """Days from `start` to `end`, both included, on which customers bought known goods; each once, in any order.

    Returns
    -------
    customer_id, product_id (Enums), day_n.
    """
    return monthly(lines, _member_goods, start=start, end=end, ids=("customer_id", "product_id"))


def _member_goods(lines: AnyFrame) -> pl.DataFrame:
    needs = ("customer_id", "product_id", "day_n", "quantity_milli")
    sold = lines_of(lines, needs=needs, name="receipt_lines").filter(
        nw.col("quantity_milli") > 0, ~nw.col("customer_id").is_null(), ~nw.col("product_id").is_null()
    )
    schema = {"customer_id": pl.String, "product_id": pl.String, "day_n": pl.Int32}
    return reduced(sold.select(*schema).unique(), schema=schema, sort=())


def goods_bought(lines: AnyFrame, goods: pl.Series, *, end: date) -> pl.DataFrame:
    """How much of some goods each customer bought by day, to `end`: customer_id, product_id, day_n, quantity_milli."""
    needs = ("customer_id", "product_id", "day_n", "quantity_milli")
    keys = ["customer_id", "product_id", "day_n"]
    sold = lines_of(lines, needs=needs, name="receipt_lines").filter(
        ~nw.col("customer_id").is_null(), nw.col("quantity_milli") > 0, nw.col("day_n") <= day_number(end)
    )
    made = among(sold, "product_id", goods).group_by(keys).agg(nw.col("quantity_milli").sum())
    schema = {"customer_id": pl.String, "product_id": pl.String, "day_n": pl.Int32, "quantity_milli": pl.Int64}
    return reduced(made, schema=schema, sort=keys)


def last_goods(lines: AnyFrame, customers: pl.Series) -> pl.DataFrame:
    """What some customers bought on their last day with a sale: customer_id, day, product_id, net_minor."""
    needs = ("customer_id", "product_id", "day_n", "quantity_milli", "net_minor")
    bought = lines_of(lines, needs=needs, name="receipt_lines").filter(nw.col("quantity_milli") > 0)
    by_day = (
        among(bought, "customer_id", customers)
        .group_by("customer_id", "day_n", "product_id")
        .agg(nw.col("net_minor").sum())
    )
    schema = {"customer_id": pl.String, "day_n": pl.Int32, "product_id": pl.String, "net_minor": pl.Int64}
    days = reduced(by_day, schema=schema, sort=("customer_id", "day_n", "product_id"))
    last = days.filter(pl.col("day_n") == pl.col("day_n").max().over("customer_id"))
    return last.select("customer_id", pl.col("day_n").cast(pl.Date).alias("day"), "product_id", "net_minor")


def last_receipts(lines: AnyFrame, *, customer: str, most: int) -> pl.DataFrame:
    """The last receipts of one customer: day, store_id, lines, net_minor; latest first."""
    needs = ("customer_id", "receipt_id", "store_id", "day_n", "net_minor")
    stored = from_cells.receipts(lines)
    if stored is None:
        stored = lines_of(lines, needs=needs, name="receipt_lines").with_columns(lines=nw.lit(1))
    made = (
        stored.filter(nw.col("customer_id") == customer)
        .group_by("receipt_id", "day_n", "store_id")
        .agg(nw.col("lines", "net_minor").sum())
    )
    schema = {
        "receipt_id": pl.String, "day_n": pl.Int32, "store_id": pl.String, "lines": pl.Int64, "net_minor": pl.Int64,
    }  # fmt: skip
    latest = reduced(made, schema=schema, sort=()).sort("day_n", "receipt_id", descending=True).head(most)
    return latest.select(pl.col("day_n").cast(pl.Date).alias("day"), "store_id", "lines", "net_minor")


def _known(has: frozenset[str]) -> pl.Expr:
    day = pl.col("day_n").cast(pl.Int32)
    if "known_at" not in has:
        return day.alias("known_n")
    known = pl.col("known_at").dt.date().cast(pl.Int32)
    return pl.max_horizontal(known.fill_null(day), day).alias("known_n")


def _store(has: frozenset[str]) -> pl.Expr:
    return (pl.col("store_id") if "store_id" in has else pl.lit(None)).cast(pl.String).alias("store_id")


def _promoted(has: frozenset[str]) -> pl.Expr:
    return (pl.col("promotion_id").is_not_null() if "promotion_id" in has else pl.lit(value=False)).alias("promoted")


def _any_value(lazy: pl.LazyFrame, column: str) -> bool:
    return bool(lazy.select(pl.col(column).is_not_null().any()).collect(engine="streaming").item())
