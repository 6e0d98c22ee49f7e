"""A till's export without heads: what a column holds is told by its cells where they leave no doubt.

Money is taken only where another column proves it: price times quantity is the amount in nearly all rows, or the price
of a product is the same in whatever quantity it is sold.
"""

from __future__ import annotations

from itertools import permutations

import polars as pl

from crmlib.data.draft import orders
from crmlib.data.read import values

READABLE, PROVEN = 0.98, 0.95
DATE = r"^(19|20)\d{2}([-/.\x{5e74}]\d{1,2}|\d{4}$|\d{10}$)"
CLOCK = r"^\d{1,2}:\d{2}"
CODE = r"^[A-Za-z0-9][A-Za-z0-9_-]{2,}$"
CENT = 0.011
"""Price times quantity is rounded to the cent."""


def guessed(rows: pl.DataFrame) -> dict[str, str]:
    """Columns of a sample without heads by what they hold.

    Examples
    --------
    >>> rows = pl.DataFrame({"1": ["2024-01-03 9:00"] * 12, "2": [f"P{n % 3}00" for n in range(12)],
    ...     "3": [str(n % 4 + 1) for n in range(12)], "4": ["2.50"] * 12,
    ...     "5": [f"{2.5 * (n % 4 + 1):.2f}" for n in range(12)]})
    >>> guessed(rows)
    {'sold_at': '1', 'product_id': '2', 'quantity_milli': '3', 'price': '4', 'net_minor': '5'}
    """
    found: dict[str, str] = {}
    if day := next((c for c in rows.columns if _share(rows[c], DATE) >= READABLE), None):
        found["sold_at"] = day
    rest = [c for c in rows.columns if c != day and _share(rows[c], CLOCK) < READABLE]
    if product := _product(rows, rest):
        found["product_id"] = product
    if receipt := _receipt(rows, [c for c in rest if c != product], day):
        found["receipt_id"] = receipt
    numeric = [c for c in rest if c not in {product, receipt} and _numbers(rows[c]) is not None]
    return found | _money(rows, numeric, product, day)


def _share(cells: pl.Series, pattern: str) -> float:
    known = cells.drop_nulls()
    return float(known.str.contains(pattern).mean() or 0) if len(known) else 0.0  # type: ignore[arg-type]


def _numbers(cells: pl.Series) -> pl.Series | None:
    """The column as numbers, none where it is not one of numbers that vary."""
    known = values.clean_series(cells)
    read = values.numbers(known).cast(pl.Float64)
    told = len(known) - known.null_count()
    return read if told and (told - (len(read) - read.null_count())) <= (1 - READABLE) * told else None


def _product(rows: pl.DataFrame, columns: list[str]) -> str | None:
    """The longest codes that come again and again, and are not the same on every line."""
    coded = [c for c in columns if _share(rows[c], CODE) >= READABLE and 2 < rows[c].n_unique() < 0.8 * rows.height]
    return max(coded, key=lambda c: float(rows[c].str.len_chars().mean() or 0), default=None)  # type: ignore[arg-type]


def _money(rows: pl.DataFrame, numeric: list[str], product: str | None, day: str | None) -> dict[str, str]:
    if product is not None and day is not None:  # a price may change from one day to the next
        rows = rows.with_columns(pl.concat_str(product, pl.col(day).str.head(10), separator=" ").alias(product))
    number = {c: n for c in numeric if (n := _numbers(rows[c])) is not None}
    for quantity, price, amount in permutations(number, 3):
        q, p, a = number[quantity], number[price], number[amount]
        close = ((q * p - a).abs() <= CENT).mean()
        if float(close or 0) >= PROVEN and q.n_unique() > 1 and _each(rows, price, product, quantity):  # type: ignore[arg-type]
            return {"quantity_milli": quantity, "price": price, "net_minor": amount}
    pairs = [
        {"quantity_milli": quantity, "price": price}
        for quantity, price in permutations(number, 2)
        if number[quantity].n_unique() > 1 and _each(rows, price, product, quantity)
    ]
    return pairs[0] if len(pairs) == 1 else {}  # of several nobody can say which column counts


def _each(rows: pl.DataFrame, price: str, product: str | None, quantity: str) -> bool:
    """Whether a column is the price of a piece: alike for one product, in whatever quantity."""
    one = rows[price].n_unique() == 1
    return one or (product is not None and orders.per_piece(rows, price, product, quantity))


def _receipt(rows: pl.DataFrame, columns: list[str], day: str | None) -> str | None:
    """Codes that stand on several lines on end, each on one day."""
    for column in columns:
        kinds = rows[column].n_unique()
        if _share(rows[column], r"^[A-Za-z0-9-]+$") < READABLE or not 0.1 * rows.height < kinds < 0.95 * rows.height:
            continue
        runs = rows[column].rle_id().n_unique()
        days = 1 if day is None else rows.group_by(column).agg(pl.col(day).str.head(10).n_unique())[day].max()
        if runs == kinds and days == 1:
            return column
    return None
