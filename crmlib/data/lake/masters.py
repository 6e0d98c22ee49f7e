"""Stores, products and members that sales name and their own tables do not know yet; prices that never change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

WATCHED = 91
"""Days looked at: thirteen weeks."""
FEW_GOODS, FEW_LINES = 10, 200
"""Fewer goods or lines than these may well have one price."""
ONE_PRICE = 0.95
"""From this share of lines at one price per piece on, the column is no price."""
UNKNOWN = pl.Schema(
    [
        ("kind", pl.String()), ("id", pl.String()), ("first_day", pl.Date()), ("last_day", pl.Date()),
        ("days", pl.Int64()), ("lines", pl.Int64()), ("net_minor", pl.Int64()),
    ]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unknown:
    """What sales name and master data lack.

    Parameters
    ----------
    rows : one row per id: kind (stores, products, customers), id, first_day and last_day sold on, days since the first
        one, lines, net_minor; most money first.
    shares : share of net sales on such ids, by kind; a kind whose table is not connected is not in it.
    """

    rows: pl.DataFrame
    shares: Mapping[str, float]

    @property
    def worst(self) -> str:
        """The kind with most sales on it; empty where all is known."""
        return max((k for k in self.shares if self.shares[k] or self.count(k)), key=self.shares.__getitem__, default="")

    def count(self, kind: str) -> int:
        """Ids of a kind."""
        return int((self.rows["kind"] == kind).sum())


def unknown(sold: Mapping[str, pl.DataFrame], known: Mapping[str, pl.Series], *, as_of: date) -> Unknown:
    """Compare what was sold with what is known.

    Parameters
    ----------
    sold : by kind: id, first_day, last_day, lines, net_minor. known : ids of the master table, by kind.

    Examples
    --------
    >>> day = date(2026, 6, 1)
    >>> sold = pl.DataFrame({"id": ["a", "b"], "first_day": day, "last_day": day, "lines": 1, "net_minor": [300, 100]})
    >>> found = unknown({"products": sold}, {"products": pl.Series(["a"])}, as_of=date(2026, 6, 13))
    >>> found.rows.select("id", "days").rows(), found.shares
    ([('b', 12)], {'products': 0.25})
    """
    parts, shares = [pl.DataFrame(schema=UNKNOWN)], dict[str, float]()
    for kind, table in sold.items():
        if kind not in known:
            continue
        strange = table.filter(~pl.col("id").is_in(known[kind].cast(pl.String).implode()))
        whole = int(table["net_minor"].sum())
        shares[kind] = int(strange["net_minor"].sum()) / whole if whole > 0 else 0.0
        since = (pl.lit(as_of) - pl.col("first_day")).dt.total_days()
        parts.append(strange.select(pl.lit(kind).alias("kind"), "id", "first_day", "last_day", since.alias("days"),
                                    "lines", "net_minor").cast(UNKNOWN))  # fmt: skip
    rows = pl.concat(parts).sort("net_minor", "kind", "id", descending=[True, False, False])
    return Unknown(rows, shares)


def one_price(goods: pl.DataFrame) -> int | None:
    """The one price of a piece [minor units] that nearly all lines of all goods have; none where prices differ.

    Parameters
    ----------
    goods : product_id, day_n, lines, quantity_milli, net_minor.

    Examples
    --------
    >>> same = pl.DataFrame({"product_id": [str(n) for n in range(12)], "lines": 50, "quantity_milli": 100_000,
    ...     "net_minor": 90_000})
    >>> one_price(same), one_price(same.with_columns(net_minor=pl.int_range(12) * 1000))
    (900, None)
    """
    sold = goods.filter(pl.col("quantity_milli") > 0)
    price = (pl.col("net_minor") * 1000 / pl.col("quantity_milli")).round().cast(pl.Int64)
    by = sold.group_by(price.alias("price")).agg(pl.col("lines").sum(), pl.col("product_id").n_unique().alias("goods"))
    top = by.sort("lines", "price", descending=[True, False]).head(1)
    lines = int(sold["lines"].sum())
    if lines < FEW_LINES or sold["product_id"].n_unique() < FEW_GOODS or top["lines"][0] < ONE_PRICE * lines:
        return None
    return int(top["price"][0])
