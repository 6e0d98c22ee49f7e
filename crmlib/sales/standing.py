"""Where does each good stand? One row per good: sales, margin, growth, class, steadiness, stock, and what to do.

Growth is `goods.growing`, the classes are `ranks.abc` (of margin, of net sales where too little has a cost) and
`ranks.xyz`; goods of one period only are new or gone and have no growth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from crmlib.core.dates import day_number
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.sales import goods, ranks

COSTED = 0.5
"""With a cost on less than half of net sales, goods are ranked by net sales."""
NEEDS = ("product_id", "half", "receipts", "net_minor", "quantity_milli", "cost_minor", "uncosted_minor", "last_day_n")


@dataclass(frozen=True, slots=True)
class Standing:
    """The goods of a period.

    Parameters
    ----------
    table : product_id, v0, v1 [minor units], n0, n1 [receipts], quantity_milli, margin_minor (null: no cost),
        margin_rate, days_since_sale, stock_minor (null: unknown), status (new, gone, listed), delisted_on, raw,
        growth, lower, upper (factors), gain_minor, share, reached, abc, error, xyz; most worth first.
    basis : margin or net: what the classes go by.
    usual : growth of goods as a rule (a factor); none with fewer than ten goods in both periods: it is unknown.
    """

    table: pl.DataFrame
    basis: str
    usual: float | None


def standing(
    now: AnyFrame,
    before: AnyFrame,
    *,
    as_of: date,
    weeks: AnyFrame | None = None,
    stock: AnyFrame | None = None,
    life: AnyFrame | None = None,
) -> Standing:
    """The goods of a period beside those of another one.

    Parameters
    ----------
    now, before : of `panels.product_period`; any number of rows per good and half.
    weeks : product_id, week, quantity_milli, for `ranks.xyz`.
    stock : product_id, stock_minor at cost.
    life : product_id, launched_on, delisted_on (nullable). Who was launched lately is new and who was delisted is gone,
        whatever was sold; without a day it goes by what was sold in which period.

    Sales without the id of a good are left out.

    Raises
    ------
    ModelError
        `sales.no_goods`: none has one.
    """
    coded = pl.col("product_id").is_not_null()
    sold, then = (to_polars(t, needs=NEEDS, name="products").filter(coded) for t in (now, before))
    if sold.is_empty():
        raise ModelError("sales.no_goods")
    costed = pl.col("net_minor").sum() - pl.col("uncosted_minor").sum()
    here = sold.group_by("product_id").agg(
        v1=pl.col("net_minor").sum(), n1=pl.col("receipts").sum(), quantity_milli=pl.col("quantity_milli").sum(),
        margin_minor=costed - pl.col("cost_minor").sum(), known=costed, last=pl.col("last_day_n").max(),
    )  # fmt: skip
    there = then.group_by("product_id").agg(
        v0=pl.col("net_minor").sum(), n0=pl.col("receipts").sum(), last_before=pl.col("last_day_n").max()
    )
    table = here.join(there, on="product_id", how="full", coalesce=True).sort("product_id")
    whole, known = (int(sold[c].sum()) for c in ("net_minor", "uncosted_minor"))
    basis = "margin" if whole > 0 and 1 - known / whole >= COSTED else "net"
    table = table.with_columns(
        margin_minor=pl.when(pl.col("known") != 0).then(pl.col("margin_minor")),
        margin_rate=pl.when(pl.col("known") > 0).then(pl.col("margin_minor") / pl.col("known")),
        days_since_sale=day_number(as_of) - pl.max_horizontal("last", "last_before"),
        status=pl.when(pl.col("v1").is_null()).then(pl.lit("gone"))
        .when(pl.col("v0").is_null() & (pl.col("v1") > 0) & pl.lit(then.height > 0)).then(pl.lit("new"))
        .otherwise(pl.lit("listed")),
    ).drop("known", "last", "last_before")  # fmt: skip
    table = _by_days(table, life, as_of)
    table, usual = _with_growth(table, sold)
    table = ranks.abc(table, value="margin_minor" if basis == "margin" else "v1")
    if stock is None:
        table = table.with_columns(stock_minor=pl.lit(None, dtype=pl.Int64))
    else:
        held = to_polars(stock, needs=["product_id", "stock_minor"], name="stock")
        table = table.join(held.select("product_id", "stock_minor"), on="product_id", how="left", maintain_order="left")
    steady = ranks.xyz(weeks) if weeks is not None else None
    if steady is None or steady.is_empty():
        return Standing(table.with_columns(error=pl.lit(None, pl.Float64), xyz=pl.lit(None, pl.String)), basis, usual)
    return Standing(table.join(steady, on="product_id", how="left", maintain_order="left"), basis, usual)


def _by_days(table: pl.DataFrame, life: AnyFrame | None, as_of: date) -> pl.DataFrame:
    """`table` with delisted_on, and its status where a day of launch or of delisting says it."""
    if life is None:
        return table.with_columns(delisted_on=pl.lit(None, dtype=pl.Date))
    known = ranks.status(to_polars(life, name="products"), as_of=as_of).select(
        "product_id", "delisted_on", told="status"
    )
    table = table.join(known, on="product_id", how="left", maintain_order="left")
    told = pl.col("told").replace_strict({"delisted": "gone", "new": "new"}, default=None, return_dtype=pl.String)
    return table.with_columns(status=pl.coalesce(told, "status")).drop("told")


def _with_growth(table: pl.DataFrame, sold: pl.DataFrame) -> tuple[pl.DataFrame, float | None]:
    """`table` with raw, growth, lower, upper, gain_minor (nulls where no growth is known), and the usual growth."""
    odd, even = pl.col("half") == 1, pl.col("half") == 0
    halves = sold.group_by("product_id").agg(
        v_odd=pl.col("net_minor").filter(odd).sum(), v_even=pl.col("net_minor").filter(even).sum(),
        n_odd=pl.col("receipts").filter(odd).sum(), n_even=pl.col("receipts").filter(even).sum(),
    )  # fmt: skip
    try:
        k = goods.receipt_variance(halves)
        grown = goods.growing(table, k=k)
    except ModelError as refused:
        if refused.code != "sales.few_goods":
            raise
        empty = {name: pl.lit(None, dtype=pl.Float64) for name in ("raw", "growth", "lower", "upper")}
        return table.with_columns(**empty, gain_minor=pl.lit(None, dtype=pl.Int64)), None
    raw, n0, n1 = (grown[c].to_numpy().astype(np.float64) for c in ("raw", "n0", "n1"))
    usual = math.exp(goods.prior(np.log(raw), n0=n0, n1=n1, k=k).mu)
    found = grown.select("product_id", "raw", "growth", "lower", "upper", "gain_minor")
    return table.join(found, on="product_id", how="left", maintain_order="left"), usual


def worth(counts: AnyFrame, products: AnyFrame) -> pl.DataFrame:
    """What lies of each good at cost: product_id, stock_minor; of the latest count in each store.

    counts : store_id, product_id, counted_on, on_hand_milli; products : product_id, cost_minor (null: left out).
    """
    held = to_polars(counts, needs=["store_id", "product_id", "counted_on", "on_hand_milli"], name="stock")
    costs = to_polars(products, needs=["cost_minor"], key="product_id", name="products")
    latest = pl.col("counted_on") == pl.col("counted_on").max().over("store_id", "product_id")
    value = (pl.col("on_hand_milli") * pl.col("cost_minor") + 500) // 1000
    table = held.filter(latest).join(costs.select("product_id", "cost_minor").drop_nulls(), on="product_id")
    return table.group_by("product_id").agg(stock_minor=value.sum()).sort("product_id")


def movers(stand: Standing) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Goods that surely grow and fall: more than goods do as a rule, and not by chance; most money first."""
    if stand.usual is None:
        return stand.table.head(0), stand.table.head(0)
    both = stand.table.filter(pl.col("status") == "listed")  # a launch grows and a delisted good falls by itself
    ups = both.filter(pl.col("lower") > max(1.0, stand.usual))
    downs = both.filter(pl.col("upper") < min(1.0, stand.usual))
    return ups.sort("gain_minor", "product_id", descending=[True, False]), downs.sort("gain_minor", "product_id")


def advice(stand: Standing) -> pl.DataFrame:
    """Goods to act on, each for one reason: product_id, action, reason, money_minor; most money first.

    Actions: ``reprice`` goods that lose money (money: the loss); ``delist`` C goods silent for 28 days or surely
    shrinking, ``clear`` others silent so long and delisted ones of which some lies (money: what lies); ``push`` goods
    that surely grow and are no A yet (money: the gain).
    """
    lies = pl.col("stock_minor").fill_null(0)
    loses = (pl.col("margin_minor") < 0) & (pl.col("v1") > 0)
    small = (pl.col("abc") == "C") & (pl.col("status") == "listed")
    silent = small & (pl.col("days_since_sale") >= ranks.SILENT_DAYS)
    left = (pl.col("days_since_sale") >= ranks.SILENT_DAYS) & (lies > 0)
    ups, downs = (some["product_id"].implode() for some in movers(stand))
    shrinks = small & pl.col("product_id").is_in(downs)
    grows = pl.col("product_id").is_in(ups) & (pl.col("abc") != "A")
    off = pl.col("delisted_on").is_not_null() & (pl.col("status") == "gone") & (lies > 0)
    reason = (
        pl.when(off).then(pl.lit("delisted")).when(loses).then(pl.lit("loses_money")).when(silent)
        .then(pl.lit("silent")).when(left).then(pl.lit("lies")).when(shrinks)
        .then(pl.lit("shrinking")).when(grows).then(pl.lit("growing"))
    )  # fmt: skip
    action = {
        "delisted": "clear",
        "loses_money": "reprice",
        "silent": "delist",
        "lies": "clear",
        "shrinking": "delist",
        "growing": "push",
    }
    money = (
        pl.when(pl.col("reason") == "loses_money").then(-pl.col("margin_minor"))
        .when(pl.col("reason") == "growing").then(pl.col("gain_minor")).otherwise(lies)
    )  # fmt: skip
    found = stand.table.with_columns(reason=reason).drop_nulls("reason").with_columns(
        money_minor=money, action=pl.col("reason").replace_strict(action, return_dtype=pl.String)
    )  # fmt: skip
    return found.select("product_id", "action", "reason", "money_minor").sort(
        "money_minor", "product_id", descending=[True, False]
    )
