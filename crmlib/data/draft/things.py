"""What a till's file says of goods, stores and members on their own: names and kinds beside the codes on its lines."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from crmlib.data.draft import columns
from crmlib.data.draft.line import Line, Mapped
from crmlib.data.draft.look import Look

TOLD = {
    "products": ("name", "category_1", "category_2", "category_3", "brand", "pack"),
    "stores": ("name", "city", "region"),
    "customers": ("gender", "age_band", "birth_month", "household", "income_band", "occupation", "education"),
}
"""Columns of a thing that its lines may tell; prices, costs and homes are those of a line."""
KEYS = {"products": "product_id", "stores": "store_id", "customers": "customer_id"}
AGAIN = 10
"""Lines of codes that come again, from which on they tell what belongs to a code."""
BELONGS = 0.8
"""Share of the lines of a code on which the same stands, for it to be the code's; names are mended now and then."""


def on_lines(seen: Look, sales: Mapped) -> Iterator[Mapped]:
    """The tables of things that the lines of a till tell: columns that are alike on nearly all lines of a code."""
    made = {line.column: line.made for line in sales.lines}
    when = made.get("sold_at")
    for table, column in KEYS.items():
        key = made.get(column)
        if not isinstance(key, str) or when is None or seen.header < 0:
            continue
        taken = {c for one in made.values() for c in columns.read_by(one)} - {key}
        found = columns.mapped(seen.rows.drop(taken), table, given={column: key}, also=seen.also)
        lines = [line for line in found.lines if line.column in TOLD[table] and _belongs(seen.rows, key, line)]
        if not lines:
            continue
        code = Line(column, key, "head", {"head": key})
        rules = {"no_code": {key: ()}} | {n: r for n, r in sales.exclude.items() if set(r) == {key}}
        if seen.again:
            rules["head"] = {key: (key,)}
        below = [c for c in sales.fill_down[1:] if c in columns.read_by(when)]
        fill = (sales.fill_down[0], *below) if below else ()
        yield Mapped(table, (code, *lines), (), fill_down=fill, exclude=rules, latest_by=when)


def _belongs(rows: pl.DataFrame, key: str, told: Line) -> bool:
    """Whether a column is alike on nearly all lines of a code."""
    names = columns.read_by(told.made)
    if len(names) != 1 or key in names:
        return False
    pairs = rows.select(pl.col(key).alias("key"), pl.col(names.pop()).alias("told")).drop_nulls()
    counts = pairs.group_by("key", "told").len("lines").group_by("key")
    again = counts.agg(pl.col("lines").sum(), pl.col("lines").max().alias("most")).filter(pl.col("lines") > 1)
    lines, alike = int(again["lines"].sum()), int(again["most"].sum())
    return lines >= AGAIN and alike >= BELONGS * lines
