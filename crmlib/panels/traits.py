"""How customers buy: what, when, on which offers, and how their card is used; one row per customer, or per part.

Everything here is counted over the days from `start` to `end`, both included; lines without a customer are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import narwhals as nw
import polars as pl

from crmlib.core.dates import day_number
from crmlib.core.frames import AnyFrame, few_texts, to_polars
from crmlib.panels import from_cells
from crmlib.panels.engine import Lines, Schema, lines_of, reduced
from crmlib.panels.handle import among
from crmlib.panels.monthly import monthly, spans

CUSTOMER_TRAITS = {
    "customer_id": pl.String,
    "sale_minor": pl.Int64,
    "gift_minor": pl.Int64,
    "offer_minor": pl.Int64,
    "units_milli": pl.Int64,
    "lines": pl.Int64,
}
CUSTOMER_PART = {
    "customer_id": pl.String,
    "part": pl.String,
    "days": pl.Int64,
    "net_minor": pl.Int64,
}
PART_DAY = {
    "customer_id": pl.String,
    "part": pl.String,
    "day_n": pl.Int32,
    "lines": pl.Int64,
    "net_minor": pl.Int64,
}
KIND_SUMS = {"lines": pl.Int64, "quantity_milli": pl.Int64, "net_minor": pl.Int64}
MEMBER_GOODS = {"product_id": pl.String, "quantity_milli": pl.Int64, "net_minor": pl.Int64}
_PARTS = 1000
"""Usual prices are summed in such parts of a minor unit, and rounded once."""
AT_ONCE = 365
"""Days whose use of cards is summed at once."""
CARD_USE = {
    "customer_id": pl.String,
    "most_receipts_day": pl.Int64,
    "most_receipt_minor": pl.Int64,
    "net_minor": pl.Int64,
}


def customer_traits(lines: AnyFrame, products: AnyFrame | None = None, *, start: date, end: date) -> pl.DataFrame:
    """Money spent on gifts and under offers, by customer; of sales lines, returns left out.

    Parameters
    ----------
    lines : receipt lines; needs customer_id, day_n, product_id, promotion_id, quantity_milli, net_minor.
    products : needs product_id, is_gift; without it `gift_minor` is null.

    Returns
    -------
    customer_id; sale_minor, all sales lines; gift_minor, those of gift goods; offer_minor, those under a promotion;
    units_milli; lines.
    """
    stored = from_cells.bought(lines, day_number(start), day_number(end))
    if stored is not None:
        return _traits_of_cells(stored, lines, products, start=start, end=end)
    needs = ("customer_id", "day_n", "product_id", "promotion_id", "quantity_milli", "net_minor")
    offered = ~nw.col("promotion_id").is_null()
    sold = _sold(lines, needs=needs, start=start, end=end).with_columns(
        offer_minor=nw.when(offered).then(nw.col("net_minor")).otherwise(0)
    )
    if products is None:
        sold = sold.with_columns(gift=nw.lit(None, dtype=nw.Int64))
    else:
        goods = _goods(products, "is_gift")
        sold = sold.join(goods, on="product_id", how="left").with_columns(
            gift=nw.when(nw.col("is_gift")).then(nw.col("net_minor")).otherwise(0)
        )
    panel = sold.group_by("customer_id").agg(
        sale_minor=nw.col("net_minor").sum(),
        gift_minor=nw.col("gift").sum(),
        offer_minor=nw.col("offer_minor").sum(),
        units_milli=nw.col("quantity_milli").sum(),
        lines=nw.len(),
    )
    result = reduced(panel, schema=CUSTOMER_TRAITS, sort=("customer_id",))
    unknown = pl.lit(None, dtype=pl.Int64)
    return result if products is not None else result.with_columns(gift_minor=unknown)


def _traits_of_cells(
    stored: Lines, lines: AnyFrame, products: AnyFrame | None, *, start: date, end: date
) -> pl.DataFrame:
    """`customer_traits` from stored sums; only the sales of gift goods are looked for among the lines."""
    sums = reduced(
        stored.with_columns(gift_minor=nw.lit(None, dtype=nw.Int64)), schema=CUSTOMER_TRAITS, sort=("customer_id",)
    )
    if products is None:
        return sums
    goods = to_polars(_goods(products, "is_gift").to_native(), name="products").filter("is_gift")["product_id"]
    needs = ("customer_id", "day_n", "product_id", "quantity_milli", "net_minor")
    sold = among(_sold(lines, needs=needs, start=start, end=end), "product_id", goods)
    gifts = sold.group_by("customer_id").agg(gift_minor=nw.col("net_minor").sum())
    given = reduced(gifts, schema={"customer_id": pl.String, "gift_minor": pl.Int64}, sort=())
    found = sums.drop("gift_minor").join(given, on="customer_id", how="left", maintain_order="left")
    return found.with_columns(pl.col("gift_minor").fill_null(0)).select(*CUSTOMER_TRAITS)


def member_goods(lines: AnyFrame, *, start: date, end: date) -> pl.DataFrame:
    """What all customers together bought of each good: product_id (null where unknown), quantity_milli, net_minor.

    Parameters
    ----------
    lines : receipt lines; needs customer_id, day_n, product_id, quantity_milli, net_minor.
    """
    needs = ("customer_id", "day_n", "product_id", "quantity_milli", "net_minor")
    sold = _sold(lines, needs=needs, start=start, end=end)
    sums = sold.group_by("product_id").agg(nw.col("quantity_milli", "net_minor").sum())
    return reduced(sums, schema=MEMBER_GOODS, sort=("product_id",))


def customer_kinds(lines: AnyFrame, products: AnyFrame, *, by: Sequence[str], start: date, end: date) -> pl.DataFrame:
    """What each customer bought of each kind of goods, in any order.

    Parameters
    ----------
    lines : receipt lines; needs customer_id, day_n, product_id, quantity_milli, net_minor.
    products : needs product_id and the columns of `by`.
    by : what tells kinds apart, such as ``("category_1", "unit")``.

    Returns
    -------
    customer_id; the columns of `by` (null where unknown; Enums where Polars sums); lines of sales, quantity_milli and
    net_minor of them.
    """
    needs = ("customer_id", "day_n", "product_id", "quantity_milli", "net_minor")
    sold = _sold(lines, needs=needs, start=start, end=end).select(
        "customer_id", "product_id", "quantity_milli", "net_minor", lines=nw.lit(1, nw.Int64)
    )
    return _of_kinds(sold, products, keys=("customer_id",), by=by, sums=KIND_SUMS)


def _of_kinds(
    sold: Lines, products: AnyFrame, *, keys: tuple[str, ...], by: Sequence[str], sums: Schema
) -> pl.DataFrame:
    """Sums of goods that were sold by `keys` and kind."""
    goods = _goods(products, *by)
    native = goods.to_native()
    types = dict(native.collect_schema()) if isinstance(native, pl.LazyFrame) else dict.fromkeys(by, pl.String)
    kinds = {column: types[column] for column in by}
    panel = sold.join(goods, on="product_id", how="left").group_by(*keys, *by).agg(nw.col(*sums).sum())
    return reduced(panel, schema={**dict.fromkeys(keys, pl.String), **kinds, **sums}, sort=())


def customer_prices(
    lines: AnyFrame, products: AnyFrame, *, by: str, start: date, end: date, every: AnyFrame | None = None
) -> pl.DataFrame:
    """What each customer paid, beside what all customers paid for as many goods of the same category and unit.

    Parameters
    ----------
    lines : receipt lines; needs customer_id, day_n, product_id, quantity_milli, net_minor.
    products : needs product_id, unit and `by`, the category; goods without one are left out.
    every : `member_goods` of all customers, where `lines` are those of some.

    Returns
    -------
    customer_id; lines of sales; paid_minor, net of them; usual_minor, their quantities at the average price of their
    category and unit [minor units].
    """
    kinds = customer_kinds(lines, products, by=(by, "unit"), start=start, end=end)
    if every is None:
        return usual_prices(kinds, kinds, by=by)
    goods = lines_of(every, needs=MEMBER_GOODS, name="every")
    sums = {name: KIND_SUMS[name] for name in ("quantity_milli", "net_minor")}
    return usual_prices(kinds, _of_kinds(goods, products, keys=(), by=(by, "unit"), sums=sums), by=by)


def usual_prices(kinds: pl.DataFrame, every: pl.DataFrame, *, by: str) -> pl.DataFrame:
    """What `customer_prices` returns, from `customer_kinds`: whole numbers all the way, so no order of sums can tell.

    every : what all customers bought: `by`, unit, quantity_milli, net_minor; its columns of the same types.
    """
    kin = (by, "unit")
    own, whole = (frame.lazy().filter(pl.col(by).is_not_null()) for frame in (kinds, every))
    usual = whole.group_by(kin).agg(all_minor=pl.col("net_minor").sum(), all_milli=pl.col("quantity_milli").sum())
    wide = pl.col("quantity_milli").cast(pl.Int128) * pl.col("all_minor") * _PARTS  # a product of sums leaves 64 bits
    return (
        own.join(usual, on=kin, nulls_equal=True)
        .with_columns(usual=((2 * wide + pl.col("all_milli")) // (2 * pl.col("all_milli"))).cast(pl.Int64))
        .group_by("customer_id")
        .agg(pl.col("lines").sum(), paid_minor=pl.col("net_minor").sum(), usual=pl.col("usual").sum())
        .select("customer_id", "lines", "paid_minor", usual_minor=(pl.col("usual") + _PARTS // 2) // _PARTS)
        .sort("customer_id")
        .collect(engine="streaming")
    )


def customer_part(
    lines: AnyFrame, products: AnyFrame | None = None, *, by: str, start: date, end: date, days: bool = True
) -> pl.DataFrame:
    """Sales of each customer by category, store, channel or another column.

    Parameters
    ----------
    lines : receipt lines; needs customer_id, day_n, quantity_milli, net_minor and `by`, or product_id.
    products : needs product_id and `by`; given when `by` is a column of products (category_1, brand, flavour, …).
    by : the column that parts the sales.
    days : whether days are counted, which costs more than the sums do; without them rows come in any order.

    Returns
    -------
    customer_id; part (null where unknown); days, days with a sale in it; net_minor of sales lines.
    """
    panel = None if products is not None else _stored_parts(lines, by=by, start=day_number(start), end=day_number(end))
    if panel is None:
        needs = ("customer_id", "day_n", "quantity_milli", "net_minor", by if products is None else "product_id")
        sold = _sold(lines, needs=needs, start=start, end=end)
        if products is not None:
            sold = sold.join(_goods(products, by), on="product_id", how="left")
        parted = sold.with_columns(part=_part(sold, by))
        if not days:
            sums = parted.group_by("customer_id", "part").agg(net_minor=nw.col("net_minor").sum())
            return reduced(sums, schema={k: kind for k, kind in CUSTOMER_PART.items() if k != "days"}, sort=())
        panel = _days_of_parts(parted.group_by("customer_id", "part", "day_n").agg(net_minor=nw.col("net_minor").sum()))
    return reduced(panel, schema=CUSTOMER_PART, sort=("customer_id", "part"))


def _days_of_parts(days: Lines) -> Lines:
    """Days of each customer and part, summed."""
    return days.group_by("customer_id", "part").agg(days=nw.len(), net_minor=nw.col("net_minor").sum())


def _stored_parts(lines: AnyFrame, *, by: str, start: int, end: int) -> Lines | None:
    """The same from stored cells, by store; none where they do not know the part."""
    visits = from_cells.store_visits(lines, start, end) if by == "store_id" else None
    return None if visits is None else _days_of_parts(visits.rename({"store_id": "part"}))


def customer_part_day(
    lines: AnyFrame, products: AnyFrame | None = None, *, by: str, start: date, end: date, money_only: bool = False
) -> pl.DataFrame:
    """All sales by customer, part and day, returns and sales without card among them: they add up to the sales report.

    Parameters
    ----------
    lines, products, by : as for `customer_part`.
    money_only : without the column of lines, a third of the memory of very many rows.

    Returns
    -------
    customer_id (null without card) and part (null where unknown), Enums; day_n [days since 1970]; lines of quantity
    > 0; net_minor. Month by month, in any order.
    """
    columns = [c for c in PART_DAY if c != "lines" or not money_only]
    return monthly(
        lines,
        lambda month: _part_days(month, products, by=by, columns=columns),
        start=start,
        end=end,
        ids=("customer_id", "part"),
    )


def _part_days(lines: AnyFrame, products: AnyFrame | None, *, by: str, columns: Sequence[str]) -> pl.DataFrame:
    panel = from_cells.part_days(lines) if products is None and by == "store_id" else None
    if panel is None:
        needs = ("customer_id", "day_n", "quantity_milli", "net_minor", "product_id" if products is not None else by)
        sold = lines_of(lines, needs=needs, name="receipt_lines")
        if products is not None:
            sold = sold.join(_goods(products, by), on="product_id", how="left")
        sums = {"lines": _one_if_sold().sum(), "net_minor": nw.col("net_minor").sum()}
        panel = (
            sold.with_columns(part=_part(sold, by))
            .group_by("customer_id", "part", "day_n")
            .agg(**{name: total for name, total in sums.items() if name in columns})
        )
    return reduced(panel, schema={name: PART_DAY[name] for name in columns}, sort=())


def _one_if_sold() -> nw.Expr:
    return nw.when(nw.col("quantity_milli") > 0).then(1).otherwise(0)


def customer_clock(lines: AnyFrame, *, start: date, end: date) -> pl.DataFrame:
    """Receipts of each customer by hour and weekday.

    Returns
    -------
    customer_id; hour (0-23); weekday (1 = Monday); receipts; in any order.
    """
    needs = ("customer_id", "day_n", "receipt_id", "sold_at", "quantity_milli", "net_minor")
    sold = _stored_receipts(lines, start=start, end=end)
    if sold is None:
        sold = _sold(lines, needs=needs, start=start, end=end).with_columns(hour=nw.col("sold_at").dt.hour())
    panel = (
        sold.with_columns(hour=nw.col("hour").cast(nw.Int64), day_n=nw.col("day_n").cast(nw.Int64))
        # 1970-01-01 was a Thursday
        .with_columns(weekday=(nw.col("day_n") + 3) % 7 + 1)
        .group_by("customer_id", "hour", "weekday")
        .agg(receipts=nw.col("receipt_id").n_unique())
    )
    schema = {"customer_id": pl.String, "hour": pl.Int8, "weekday": pl.Int8, "receipts": pl.Int64}
    return reduced(panel, schema=schema, sort=())


def card_use(lines: AnyFrame, *, start: date, end: date) -> pl.DataFrame:
    """How a card is used at most: receipts on its busiest day, and its largest receipt; in any order.

    Parameters
    ----------
    lines : receipt lines; needs customer_id, day_n, receipt_id, store_id, quantity_milli, net_minor.

    Returns
    -------
    customer_id; most_receipts_day; most_receipt_minor, value of the largest receipt; net_minor of sales lines.
    """
    made = pl.DataFrame(schema=CARD_USE)
    for first, last in spans(start, end, AT_ONCE):
        stored = from_cells.card_days(lines, day_number(first), day_number(last))
        if stored is None:
            return reduced(_use(_card_days(_receipts(lines, start=start, end=end))), schema=CARD_USE, sort=())
        alone, parts = stored
        more = reduced(_use(nw.concat([_card_days(parts), alone])), schema=CARD_USE, sort=())
        most = pl.col("most_receipts_day", "most_receipt_minor").max()
        both = pl.concat([made, more]).lazy().group_by("customer_id").agg(most, pl.col("net_minor").sum())
        made = both.collect(engine="streaming") if made.height else more
    return made


def _use(days: Lines) -> Lines:
    """Use of cards over days of members."""
    most = {"most_receipts_day": nw.col("receipts").max(), "most_receipt_minor": nw.col("largest").max()}
    return days.group_by("customer_id").agg(**most, net_minor=nw.col("net_minor").sum())


def _card_days(parts: Lines) -> Lines:
    """Days of members, from parts of them: customer_id, receipts, net_minor, largest."""
    days = parts.group_by("customer_id", "day_n").agg(
        receipts=nw.col("receipts").sum(), net_minor=nw.col("net_minor").sum(), largest=nw.col("largest").max()
    )
    return days.with_columns(nw.col("receipts").cast(nw.Int64)).select(
        "customer_id", "receipts", "net_minor", "largest"
    )


def _receipts(lines: AnyFrame, *, start: date, end: date) -> Lines:
    """Receipts of members, each a part of its day."""
    needs = ("customer_id", "day_n", "receipt_id", "store_id", "quantity_milli", "net_minor")
    receipts = (
        _sold(lines, needs=needs, start=start, end=end)
        .group_by("customer_id", "day_n", "store_id", "receipt_id")
        .agg(net_minor=nw.col("net_minor").sum())
    )
    return receipts.with_columns(receipts=nw.lit(1, nw.Int64), largest=nw.col("net_minor"))


def _stored_receipts(lines: AnyFrame, *, start: date, end: date) -> Lines | None:
    """Receipts of customers with their sales, as they are stored; none where they are not."""
    stored = from_cells.card_receipts(lines)
    if stored is None:
        return None
    return stored.filter(
        ~nw.col("customer_id").is_null(), nw.col("day_n") >= day_number(start), nw.col("day_n") <= day_number(end)
    )


def _goods(products: AnyFrame, *columns: str) -> Lines:
    """Columns of the goods by product; a product that stands twice would count its sales twice.

    In Polars texts are Enums: for each line a text would be hashed anew, a place in a list is cheap.
    """
    goods = lines_of(products, needs=("product_id", *columns), name="products").select("product_id", *columns)
    native = goods.to_native()
    if not isinstance(native, pl.LazyFrame):
        return goods
    held = to_polars(native, name="products", key="product_id")
    texts = held.select(pl.col(c).cast(pl.String) for c in columns if held.schema[c] != pl.Boolean)
    coded: Lines = nw.from_native(held.with_columns(few_texts(texts)).lazy())
    return coded


def _part(sold: Lines, by: str) -> nw.Expr:
    """The part of a line: a place in a list where that is known, else a text."""
    return nw.col(by) if isinstance(sold.collect_schema()[by], nw.Enum) else nw.col(by).cast(nw.String)


def _sold(lines: AnyFrame, *, needs: tuple[str, ...], start: date, end: date) -> Lines:
    return lines_of(lines, needs=needs, name="receipt_lines").filter(
        ~nw.col("customer_id").is_null(),
        nw.col("quantity_milli") > 0,
        nw.col("day_n") >= day_number(start),
        nw.col("day_n") <= day_number(end),
    )
