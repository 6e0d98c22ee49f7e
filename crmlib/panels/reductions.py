"""The reductions that a lake keeps beside its lines: what they hold, and how a span of lines becomes them.

Every cell belongs to one day, and to one day on which its lines became known: so what a page of any day, of any region
may see of the lines is what it may see of the cells, and sums of cells are the sums of the lines, to the bit.

| reduction | one row per | read by |
|---|---|---|
| `receipt` | receipt, store, customer, day, hour | the clock, bulk receipts, last receipts |
| `customer_store_day` | customer, store, day | customer days and periods, histories, visits, card use |
| `store_day` | store, day | store days, sums of days |
| `store_product_day` | store, product, day, promotion, unit, sign | weeks of goods, promotions, plans |
| `feed_day` | feed, store, day | how far each feed of sales reaches, lines that lack a field |

A receipt of a member that stands in several rows of `receipt` (known in pieces, or over the turn of an hour) has rows
of its own in `customer_store_day`, with its number, so that its value can be told whatever piece a page does not see.

What customers bought, good by good, is read from the lines: cells of months (half of the lines) cost more at ingest
than they saved any page.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl

from crmlib.core.frames import AnyFrame

_TEXT = Path(__file__).read_bytes()
"""As it was loaded: an upgrade under a process that runs does not pass its cells off as those of the new text."""
KNOWN = ("known_n", "told")
"""The day on which the lines became known, and whether they say so themselves (else it is the time of their ingest)."""
COUNTS = ("lines", "sale_lines", "uncosted_lines", "promoted_lines", "offer_lines")
SUMS = (
    *("quantity_milli", "sold_milli", "net_minor", "bought_minor", "returned_minor", "cost_minor", "offer_minor"),
    *COUNTS,
)
RECEIPT_KEYS = ("receipt_id", "store_id", "customer_id", "day_n", "hour", *KNOWN)
CELL_KEYS = ("customer_id", "store_id", "day_n", "receipt_id", *KNOWN)
"""`receipt_id` is null but for receipts in pieces."""
LARGEST = ("largest_minor", "largest_milli")
STORE_KEYS = ("store_id", "day_n", *KNOWN)
STORE_SUMS = ("lines", "quantity_milli", "net_minor", "cost_minor", "uncosted_lines", "receipts")
MEMBER_SUMS = ("member_lines", "member_net_minor", "member_receipts")
GOODS_KEYS = ("store_id", "product_id", "day_n", "promotion_id", "unit", "sold", "listed", "costed", *KNOWN)
GOODS_SUMS = ("lines", "quantity_milli", "net_minor", "list_minor", "cost_minor")
FEED_KEYS = ("src_name", "store_id", "day_n", *KNOWN)
FEED_SUMS = ("lines", "net_minor", "promoted_lines", "uncosted_lines", "unlisted_lines", "unnamed_lines")
TYPES: dict[str, pl.DataType | type[pl.DataType]] = {
    **dict.fromkeys(
        ("receipt_id", "store_id", "customer_id", "product_id", "promotion_id", "unit", "src_name"), pl.String
    ),
    **dict.fromkeys((*SUMS, *GOODS_SUMS, *STORE_SUMS, *MEMBER_SUMS, *FEED_SUMS), pl.Int64),
    **dict.fromkeys((*LARGEST, "most_milli", "sale_receipts"), pl.Int64),
    **dict.fromkeys(("day_n", "known_n"), pl.Int32),
    **dict.fromkeys(("hour", "sold"), pl.Int8),
    **dict.fromkeys(("told", "listed", "costed", "alone"), pl.Boolean),
}
COLUMNS: dict[str, tuple[str, ...]] = {
    "receipt": (*RECEIPT_KEYS, *SUMS, "most_milli"),
    "customer_store_day": (*CELL_KEYS, *SUMS, "receipts", "sale_receipts", *LARGEST, "alone"),
    "store_day": (*STORE_KEYS, *STORE_SUMS, *MEMBER_SUMS),
    "store_product_day": (*GOODS_KEYS, *GOODS_SUMS),
    "feed_day": (*FEED_KEYS, *FEED_SUMS),
}
KEYS = {
    "receipt": RECEIPT_KEYS,
    "customer_store_day": CELL_KEYS,
    "store_day": STORE_KEYS,
    "store_product_day": GOODS_KEYS,
    "feed_day": FEED_KEYS,
}


def prepared(lines: AnyFrame, *, stamped: Collection[datetime] = ()) -> nw.LazyFrame[Any]:
    """Lines with the columns that reductions are keyed by and sum, on their own engine.

    Parameters
    ----------
    lines : receipt lines of the contract, in the lake's time zone; of another engine than Polars with `hour` of the
        sale and `known_n`, the day they became known.
    stamped : times of the table's ingests: a line known at exactly such a time was stamped, not told.
    """
    if isinstance(lines, pl.LazyFrame):
        clock = pl.col("sold_at").dt.hour().alias("hour"), pl.col("known_at").dt.date().cast(pl.Int32).alias("known_n")
        lines = lines.with_columns(*clock)
    known, quantity, net = nw.col("known_at"), nw.col("quantity_milli"), nw.col("net_minor")
    sale, back, offered = quantity > 0, quantity < 0, ~nw.col("promotion_id").is_null()
    zero, one = nw.lit(0, nw.Int64), nw.lit(1, nw.Int64)

    def of(rows: nw.Expr, value: nw.Expr) -> nw.Expr:
        return nw.when(rows).then(value).otherwise(zero)

    told = ~known.is_null()
    ready: nw.LazyFrame[Any] = nw.from_native(lines)
    return ready.select(
        *("receipt_id", "store_id", "customer_id", "product_id", "promotion_id", "src_name"),
        *("day_n", "hour", "known_n"),
        nw.col("unit").cast(nw.String),
        (told & ~known.is_in(list(stamped)) if stamped else told).alias("told"),
        of(sale, one).alias("above"),
        of(back, one).alias("below"),
        (~nw.col("list_minor").is_null()).alias("listed"),
        (~nw.col("cost_minor").is_null()).alias("costed"),
        *("quantity_milli", "net_minor", "list_minor", "cost_minor"),
        of(sale, quantity).alias("sold_milli"),
        of(sale, net).alias("bought_minor"),
        of(back, net).alias("returned_minor"),
        of(sale & offered, net).alias("offer_minor"),
        quantity.abs().alias("most_milli"),
        one.alias("lines"),
        of(sale, one).alias("sale_lines"),
        of(nw.col("cost_minor").is_null(), one).alias("uncosted_lines"),
        of(nw.col("list_minor").is_null(), one).alias("unlisted_lines"),
        of(nw.col("product_id").is_null(), one).alias("unnamed_lines"),
        of(offered, one).alias("promoted_lines"),
        of(sale & offered, one).alias("offer_lines"),
    ).with_columns((nw.col("above") - nw.col("below")).alias("sold"))


def receipts(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """`receipt` from prepared lines: sums of each receipt, and its largest line [thousandths]."""
    return lines.group_by(RECEIPT_KEYS).agg(nw.col(*SUMS).sum(), nw.col("most_milli").max())


def customer_store_days(receipt: pl.LazyFrame) -> pl.LazyFrame:
    """`customer_store_day` from `receipt`.

    `receipts` counts each receipt of a customer's day once, in the cell that is known first; so it may be summed over
    cells whatever of them a page of an earlier day does not see yet. `sale_receipts` counts receipts with a sale,
    `largest_minor` and `largest_milli` are the most that one of them sold; `alone`: the cell is all of a member's day.
    """
    whose, sale = pl.struct("customer_id", "day_n", "receipt_id"), pl.col("sale_lines") > 0
    pieces = pl.col("customer_id").is_not_null() & whose.is_duplicated()
    sold = {name: pl.when(sale).then(of) for name, of in zip(LARGEST, ("bought_minor", "sold_milli"), strict=True)}
    again = pl.col("receipt_id").is_duplicated()  # few are: the careful look is for these
    rows = receipt.with_columns(again=again, sale_receipts=sale.cast(pl.Int64), **sold)
    once = rows.filter(~pl.col("again")).with_columns(
        receipt_id=pl.lit(None, dtype=pl.String), receipts=pl.lit(1, dtype=pl.Int64)
    )
    several = (
        rows.filter("again")
        .sort("told", "known_n", "store_id", "hour")
        .with_columns(receipt_id=pl.when(pieces).then("receipt_id"), receipts=whose.is_first_distinct().cast(pl.Int64))
    )
    return (
        pl.concat([once, several])
        .group_by(CELL_KEYS)
        .agg(pl.col(*SUMS, "receipts", "sale_receipts").sum(), pl.col(*LARGEST).max())
        .with_columns(alone=pl.col("customer_id").is_not_null() & pl.struct("customer_id", "day_n").is_unique())
    )


def store_days(cells: pl.LazyFrame) -> pl.LazyFrame:
    """`store_day` from `customer_store_day`."""
    carded = pl.col("customer_id").is_not_null()
    members = (
        pl.when(carded).then(name.removeprefix("member_")).otherwise(0).sum().alias(name) for name in MEMBER_SUMS
    )
    return cells.group_by(STORE_KEYS).agg(pl.col(*STORE_SUMS).sum(), *members)


def store_product_days(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """`store_product_day` from prepared lines; list_minor and cost_minor are null where the lines have none."""
    sums = lines.group_by(GOODS_KEYS).agg(nw.col(*GOODS_SUMS).sum())
    return sums.with_columns(
        nw.when(nw.col(have)).then(nw.col(column)).alias(column)
        for have, column in (("listed", "list_minor"), ("costed", "cost_minor"))
    )


def feed_days(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """`feed_day` from prepared lines."""
    return lines.group_by(FEED_KEYS).agg(nw.col(*FEED_SUMS).sum())


def definitions() -> bytes:
    """The text of this module: what was made by another one is made anew."""
    return _TEXT


def odd_days(receipt: pl.DataFrame) -> list[int]:
    """Days with a receipt of several stores or customers: there, receipts cannot be told from cells."""
    who = pl.struct("store_id", "customer_id").n_unique()
    several = receipt.filter(pl.col("receipt_id").is_duplicated())
    found = several.group_by("day_n", "receipt_id").agg(who=who).filter(pl.col("who") > 1)
    return found["day_n"].unique().sort().to_list()


def reduced_span(lines: AnyFrame, *, stamped: Collection[datetime] = ()) -> dict[str, pl.DataFrame]:
    """All reductions of some lines, of any engine, typed and sorted by their keys."""
    ready = prepared(lines, stamped=stamped)
    if isinstance(native := ready.to_native(), pl.LazyFrame):  # decoded once for three sums
        ready = nw.from_native(native.collect(engine="streaming").lazy())
    receipt = typed("receipt", _collected(receipts(ready)))
    cells = typed("customer_store_day", customer_store_days(receipt.lazy()).collect())
    return {
        "receipt": receipt,
        "customer_store_day": cells,
        "store_day": typed("store_day", store_days(cells.lazy()).collect()),
        "store_product_day": typed("store_product_day", _collected(store_product_days(ready))),
        "feed_day": typed("feed_day", _collected(feed_days(ready))),
    }


def _collected(plan: nw.LazyFrame[Any]) -> pl.DataFrame:
    native = plan.to_native()
    return (
        native.collect(engine="streaming") if isinstance(native, pl.LazyFrame) else plan.collect("polars").to_native()
    )


def typed(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """A reduction in its own columns, types and order: by day first, so that a day or month prunes files."""
    order = ["day_n", *(k for k in KEYS[name] if k != "day_n")]
    return frame.select(pl.col(c).cast(TYPES[c]) for c in COLUMNS[name]).sort(order, nulls_last=True)
