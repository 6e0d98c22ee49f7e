"""What panels read of the stored reductions instead of the lines: the same columns, one step further on.

Each function gives what its panel would have made of the lines up to there, or none where no reduction stands for
them. Panels that count receipts read the lines of odd days (see `reductions.odd_days`) all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import date, timedelta

import narwhals as nw
import polars as pl

from crmlib.core.dates import EPOCH, day_number
from crmlib.core.frames import AnyFrame
from crmlib.panels import reductions
from crmlib.panels.engine import Lines, lines_of
from crmlib.panels.handle import cells_of, odd_days, part, services
from crmlib.panels.monthly import months

DAY, GOODS, RECEIPT, FEED, STORE = "customer_store_day", "store_product_day", "receipt", "feed_day", "store_day"
DAYS = ("customer_id", "day_n")
PERIOD_SUMS = ("sale_lines", "receipts", "lines", "quantity_milli", "net_minor", "cost_minor", "returned_minor",
               "uncosted_lines")  # fmt: skip
HAS_CARD = pl.col("customer_id").is_not_null()


def customer_days(lines: AnyFrame) -> Lines | None:
    """customer_id, day_n, most (> 0 where anything was bought), quantity_milli, net_minor; of customers only."""
    cells = cells_of(lines, DAY)
    if cells is None:
        return None
    days = by_day(cells, "quantity_milli", "net_minor", "sale_lines")
    return _lazy(days.rename({"sale_lines": "most"}))


def by_day(cells: pl.LazyFrame, *sums: str, keys: Sequence[str] = DAYS) -> pl.LazyFrame:
    """Sums of cells of customers by `keys`, in any order; most are all of a customer's day, and their own sum."""
    carded = cells.filter(HAS_CARD)
    alone = carded.filter("alone").select(*keys, pl.col(sums).cast(pl.Int64))
    parts = carded.filter(~pl.col("alone")).group_by(keys).agg(pl.col(sums).cast(pl.Int64).sum())
    return pl.concat([alone, parts])


def period_days(lines: AnyFrame, start: int, end: int, read: Callable[[AnyFrame], Lines]) -> Lines | None:
    """The days of customers as `customers.customer_period` sums them; `read` makes them of the lines of odd days."""
    cells = cells_of(lines, DAY)
    if cells is None:
        return None
    days = (
        by_day(cells.filter(pl.col("day_n") >= start, pl.col("day_n") <= end), *PERIOD_SUMS)
        .with_columns(sale=(pl.col("sale_lines") > 0).cast(pl.Int32))
        .drop("sale_lines")
    )
    return _mixed(days, lines, read, start=start, end=end)


def sold_days(lines: AnyFrame) -> Lines | None:
    """customer_id, day_n, sold_n (the day where anything was sold); of customers only, a day may come several times."""
    cells = cells_of(lines, DAY)
    if cells is None:
        return None
    sold = pl.when(pl.col("sale_lines") > 0).then("day_n")
    return _lazy(cells.filter(HAS_CARD).select("customer_id", "day_n", sold_n=sold))


def store_days(lines: AnyFrame, read: Callable[[AnyFrame], Lines]) -> Lines | None:
    """Days of stores as `stores.store_day` gives them; `read` makes them of the lines of odd days."""
    left = services(lines)
    days = _days_of_stores(lines if left is None else left[0])
    if days is None:
        return None
    if left is not None:
        off = _days_of_services(*left)
        if off is None:
            return None
        both = (
            pl.concat([days, off], how="diagonal_relaxed").group_by("store_id", "day_n").agg(pl.col(*STORE_DAY).sum())
        )
        days = both.filter(pl.col("lines") > 0)
    return _mixed(days, lines, read)


STORE_DAY = (*(c for c in reductions.STORE_SUMS if c != "quantity_milli"), "member_receipts", "member_net_minor")


def _days_of_stores(lines: AnyFrame) -> pl.LazyFrame | None:
    cells = cells_of(lines, STORE)
    if cells is not None:
        return cells.group_by("store_id", "day_n").agg(pl.col(*STORE_DAY).sum())
    cells = cells_of(lines, DAY)
    if cells is None:
        return None
    member = {f"member_{name}": pl.when(HAS_CARD).then(name).otherwise(0).sum() for name in ("receipts", "net_minor")}
    sums = (c for c in STORE_DAY if not c.startswith("member_"))
    return cells.group_by("store_id", "day_n").agg(pl.col(*sums).sum(), **member)


def _days_of_services(every: AnyFrame, only: AnyFrame) -> pl.LazyFrame | None:
    """What lines of services take off the days of their stores; a receipt is taken off where it holds nothing else.

    every, only : all lines, and those of services, which are few.
    """
    cells = cells_of(every, RECEIPT)
    if cells is None:
        return None
    needs = ("store_id", "day_n", "receipt_id", "customer_id", "net_minor", "cost_minor")
    of_lines: pl.LazyFrame = lines_of(only, needs=needs, name="receipt_lines").select(*needs).to_native()
    key = ["day_n", "receipt_id"]
    found = of_lines.collect(engine="streaming")
    few, whole = found.lazy(), _whole_receipts(cells, found.select(key).unique())
    member = pl.when(HAS_CARD)
    taken = few.group_by("store_id", *key).agg(
        pl.col("net_minor", "cost_minor").sum(), lines=pl.len().cast(pl.Int64),
        uncosted_lines=pl.col("cost_minor").null_count().cast(pl.Int64),
        member_net_minor=member.then("net_minor").otherwise(0).sum(), member=HAS_CARD.any(),
    )  # fmt: skip
    alone = (pl.col("every") == pl.col("lines")).cast(pl.Int64)
    by_receipt = taken.join(whole, on=key, how="left").with_columns(
        receipts=alone, member_receipts=pl.when("member").then(alone).otherwise(0)
    )
    return by_receipt.group_by("store_id", "day_n").agg((-pl.col(c)).sum() for c in STORE_DAY)


def _whole_receipts(cells: pl.LazyFrame, receipts: pl.DataFrame) -> pl.LazyFrame:
    """Lines of `receipts` (day_n, receipt_id, each once) in `every`; month by month, since all are not held at once."""
    key, made = ["day_n", "receipt_id"], []
    if receipts.is_empty():
        return cells.select(*key, every="lines").head(0)
    first, last = (_day(int(n)) for n in receipts.select(a=pl.col("day_n").min(), b=pl.col("day_n").max()).row(0))
    for start, end in months(first, last):
        inside = pl.col("day_n").is_between(day_number(start), day_number(end))
        asked = cells.filter(inside).join(receipts.lazy().filter(inside), on=key, how="semi")
        made.append(asked.group_by(key).agg(every=pl.col("lines").sum()).collect(engine="streaming"))
    return pl.concat(made).lazy()


def offers(lines: AnyFrame) -> Lines | None:
    """Purchase days of customers: customer_id, day_n, most and least (1 where any, where all sales were on offer)."""
    cells = cells_of(lines, DAY)
    if cells is None:
        return None
    days = by_day(cells, "sale_lines", "offer_lines")
    offer = pl.col("offer_lines")
    bought = days.filter(pl.col("sale_lines") > 0)
    return _lazy(
        bought.select(
            "customer_id",
            "day_n",
            most=(offer > 0).cast(pl.Int32),
            least=(offer == pl.col("sale_lines")).cast(pl.Int32),
        )
    )


def margins(lines: AnyFrame) -> Lines | None:
    """customer_id, day_n, net_minor, cost_minor, uncosted (lines); of customers only."""
    cells = cells_of(lines, DAY)
    if cells is None:
        return None
    days = by_day(cells, "net_minor", "cost_minor", "uncosted_lines")
    return _lazy(days.rename({"uncosted_lines": "uncosted"}))


def span(lines: AnyFrame) -> Lines | None:
    """day_n; each may come several times."""
    cells = next((c for c in (cells_of(lines, name) for name in (STORE, DAY)) if c is not None), None)
    return None if cells is None else _lazy(cells.select("day_n"))


def days(lines: AnyFrame, *, cards: bool = False) -> Lines | None:
    """day_n, lines, quantity_milli, net_minor; with `cards` card_net_minor and card_lines besides."""
    sums = pl.col("lines", "quantity_milli", "net_minor").sum()
    stores = cells_of(lines, STORE)
    if stores is not None:
        card = {f"card_{name}": pl.col(f"member_{name}").sum() for name in ("net_minor", "lines")}
        return _lazy(stores.group_by("day_n").agg(sums, **(card if cards else {})))
    cells = cells_of(lines, DAY)
    if cells is None:
        return None if cards else _goods_days(lines)
    card = {f"card_{name}": pl.when(HAS_CARD).then(name).otherwise(0).sum() for name in ("net_minor", "lines")}
    return _lazy(cells.group_by("day_n").agg(sums, **card))


def card_receipts(lines: AnyFrame) -> Lines | None:
    """Receipts of sales: customer_id, day_n, receipt_id, hour."""
    cells = cells_of(lines, RECEIPT)
    return None if cells is None else _lazy(cells.filter(pl.col("sale_lines") > 0).select(*CLOCKED))


CLOCKED = ("customer_id", "day_n", "receipt_id", "hour")


def card_days(lines: AnyFrame, start: int, end: int) -> tuple[Lines, Lines] | None:
    """Sales to members from `start` to `end`: whole days in one cell, and the days of members in several.

    Returns
    -------
    customer_id, receipts, net_minor, largest (value of the largest receipt): of the first each row is a day, of the
    second, which has day_n besides, a part of one.
    """
    cells = cells_of(lines, DAY)
    if cells is None:
        return None
    inside = cells.filter(HAS_CARD, pl.col("sale_lines") > 0, pl.col("day_n") >= start, pl.col("day_n") <= end)
    given = {"receipts": "sale_receipts", "net_minor": "bought_minor", "largest": "largest_minor"}
    alone = inside.filter("alone").select("customer_id", **given)
    whole = pl.col("receipt_id").is_null()
    parts = (
        inside.filter(~pl.col("alone"))
        .group_by("customer_id", "day_n", "store_id", "receipt_id")
        .agg(pl.col("sale_receipts", "bought_minor").sum(), pl.col("largest_minor").max())
        .with_columns(
            sale_receipts=pl.when(whole).then("sale_receipts").otherwise(1),
            largest_minor=pl.when(whole).then("largest_minor").otherwise("bought_minor"),
        )
        .select("customer_id", "day_n", **given)
    )
    return _lazy(alone), _lazy(parts)


def bought(lines: AnyFrame, start: int, end: int) -> Lines | None:
    """Sales to members: customer_id, sale_minor, offer_minor (under a promotion), units_milli, lines."""
    cells = cells_of(lines, DAY)
    if cells is None:
        return None
    given = {
        "sale_minor": "bought_minor", "offer_minor": "offer_minor", "units_milli": "sold_milli", "lines": "sale_lines",
    }  # fmt: skip
    inside = cells.filter(HAS_CARD, pl.col("sale_lines") > 0, pl.col("day_n") >= start, pl.col("day_n") <= end)
    return _lazy(inside.group_by("customer_id").agg(pl.col(of).sum().alias(name) for name, of in given.items()))


def receipts(lines: AnyFrame) -> Lines | None:
    """All receipts: receipt_id, customer_id, store_id, day_n, lines, net_minor, most_milli (of its largest line)."""
    cells = cells_of(lines, RECEIPT)
    names = ("receipt_id", "customer_id", "store_id", "day_n", "lines", "net_minor", "most_milli")
    return None if cells is None else _lazy(cells.select(names))


def store_visits(lines: AnyFrame, start: int, end: int) -> Lines | None:
    """customer_id, store_id, day_n, net_minor of what was sold; days of customers with a sale."""
    cells = cells_of(lines, DAY)
    if cells is None:
        return None
    inside = cells.filter(pl.col("day_n") >= start, pl.col("day_n") <= end)
    days = by_day(inside, "sale_lines", "bought_minor", keys=("customer_id", "store_id", "day_n"))
    return _lazy(
        days.filter(pl.col("sale_lines") > 0).select("customer_id", "store_id", "day_n", net_minor="bought_minor")
    )


def part_days(lines: AnyFrame) -> Lines | None:
    """customer_id (null: no card), part (the store), day_n, lines of sales, net_minor."""
    cells = cells_of(lines, DAY)
    if cells is None:
        return None
    keys, sums = ("customer_id", "day_n", "store_id"), ("net_minor", "sale_lines")
    others = cells.filter(~HAS_CARD).group_by(keys).agg(pl.col(sums).cast(pl.Int64).sum())
    days = pl.concat([by_day(cells, *sums, keys=keys), others])
    return _lazy(days.rename({"store_id": "part", "sale_lines": "lines"}))


def member_days(lines: AnyFrame) -> Lines | None:
    """customer_id, day_n, lines of sales, net_minor; of customers only, a day may come several times."""
    cells = cells_of(lines, DAY)
    if cells is None:
        return None
    return _lazy(cells.filter(HAS_CARD).select("customer_id", "day_n", "net_minor", lines="sale_lines"))


def goods(lines: AnyFrame) -> pl.LazyFrame | None:
    """`store_product_day` as it is stored, receipts that were left out taken off."""
    return cells_of(lines, GOODS)


def feed_days(lines: AnyFrame) -> Lines | None:
    """Days of feeds: src_name, day_n; each may come several times."""
    cells = cells_of(lines, FEED)
    return None if cells is None else _lazy(cells.select("src_name", "day_n"))


BEARERS = {"store_id": FEED, "product_id": GOODS, "customer_id": DAY}
"""Where the sums of an id's lines are read."""


def of_ids(lines: AnyFrame, column: str) -> Lines | None:
    """The id, day_n, lines, net_minor; a day may come several times."""
    cells = cells_of(lines, BEARERS[column])
    return None if cells is None else _lazy(cells.select(column, "day_n", "lines", "net_minor"))


MISSING = {"product_id": pl.col("product_id").is_null(), "store_id": pl.col("store_id").is_null(),
           "cost_minor": ~pl.col("costed"), "list_minor": ~pl.col("listed"),
           "promotion_id": pl.col("promotion_id").is_null()}  # fmt: skip
"""Where a cell of goods stands for lines that lack a field."""
LACKING = {"product_id": pl.col("unnamed_lines"), "store_id": pl.when(pl.col("store_id").is_null()).then("lines"),
           "cost_minor": pl.col("uncosted_lines"), "list_minor": pl.col("unlisted_lines"),
           "promotion_id": pl.col("lines") - pl.col("promoted_lines")}  # fmt: skip
"""Lines of a feed's cell that lack a field."""


def missing(lines: AnyFrame, fields: Collection[str]) -> Lines | None:
    """rows, and lines that lack each of `fields`; none where neither feeds' nor goods' cells tell of all of them."""
    if not set(fields) <= set(MISSING):
        return None
    rows = pl.col("lines").sum().alias("rows")
    feeds = cells_of(lines, FEED)
    if feeds is not None:
        return _lazy(feeds.select(rows, **{field: LACKING[field].sum() for field in fields}))
    cells = cells_of(lines, GOODS)
    if cells is None:
        return None
    lacking = {field: pl.when(MISSING[field]).then("lines").otherwise(0).sum() for field in fields}
    return _lazy(cells.select(rows, **lacking))


def _goods_days(lines: AnyFrame) -> Lines | None:
    cells = cells_of(lines, GOODS)
    if cells is None:
        return None
    sums = cells.group_by("day_n").agg(pl.col("lines", "quantity_milli", "net_minor").sum())
    return _lazy(sums.filter(pl.col("lines") > 0))


def _mixed(
    days: pl.LazyFrame,
    lines: AnyFrame,
    read: Callable[[AnyFrame], Lines],
    *,
    start: int | None = None,
    end: int | None = None,
) -> Lines:
    """Days of cells, but odd ones of the lines."""
    odd = [d for d in odd_days(lines) if (start is None or d >= start) and (end is None or d <= end)]
    if not odd:
        return _lazy(days)
    even = days.filter(~pl.col("day_n").is_in(odd))
    apart = part(lines, start=_day(odd[0]), end=_day(odd[-1]))
    told = read(apart).filter(nw.col("day_n").is_in(odd)).to_native()
    names = even.collect_schema().names()
    return _lazy(pl.concat([even, told.select(names)], how="vertical_relaxed"))


def _day(number: int) -> date:
    return EPOCH + timedelta(days=number)


def _lazy(frame: pl.LazyFrame) -> Lines:
    made: Lines = nw.from_native(frame)
    return made
