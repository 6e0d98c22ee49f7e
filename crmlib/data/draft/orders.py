"""How the lines of one order lie in a file: fields on its first line only, amounts of the whole order, totals."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import polars as pl

from crmlib.data.read import values

ENOUGH = 5
"""Orders of several lines that tell how their fields stand."""
NEARLY_ALL = 0.9
OPEN_SHARE = 0.02
"""Share of rows without the order's number from which merged cells are taken for the reason."""
LEAST = 3
MOVED = 0.05
"""Share of receipts that may stand for several days or stores: as ingest has it."""
BARE_SHARE, MOST_CODES = 0.05, 12
"""Codes without a digit are no goods where they are so few of the lines; so many of them are named."""
HOME_SHARE = 0.75
"""From this share of the lines on a country is the shop's own."""
LONGEST_TOTAL = 12
TOTALS_AT = 3
"""Columns from the left in which the word for a total may stand."""


def filled_down(rows: pl.DataFrame, lead: str | None, others: Iterable[str], every: Iterable[str]) -> tuple[str, ...]:
    """The order's number and its fields, where they stand on its first line only; nothing where all lines have them.

    Parameters
    ----------
    lead : column of the order's number; others : columns of its fields; every : columns each line must have a value in.
    """
    if lead is None:
        return ()
    others = list(others)
    lined = [c for c in every if c not in {lead, *others}]
    body = rows.filter(pl.all_horizontal([pl.col(c).is_not_null() for c in lined])) if lined else rows
    open_ = body[lead].null_count()
    merged = body.height > 0 and body[lead][0] is not None and open_ >= max(LEAST, OPEN_SHARE * body.height)
    runs = body.with_columns(pl.col(lead).forward_fill()).with_columns(pl.col(lead).rle_id().alias("__run"))
    later = runs.filter(pl.int_range(pl.len()).over("__run") > 0)
    firsts = runs.group_by("__run", maintain_order=True).first()
    found = []
    for column in others:
        first = later.join(firsts.select("__run", pl.col(column).alias("__first")), on="__run", how="left")
        told = first.filter(pl.col("__first").is_not_null())
        if told.height >= LEAST and told[column].null_count() >= NEARLY_ALL * told.height:
            found.append(column)
    return (lead, *found) if merged or found else ()


def of_whole_order(rows: pl.DataFrame, amount: str, lead: str | None) -> bool:
    """Whether an amount is the order's and not the line's: alike in all lines of an order, or on its first one only."""
    if lead is None or lead == amount:
        return False
    runs = rows.select(pl.col(lead).forward_fill().alias("__order"), pl.col(amount).alias("__amount"))
    sums = (
        runs.drop_nulls("__order")
        .group_by("__order")
        .agg(
            pl.len().alias("lines"),
            pl.col("__amount").n_unique().alias("kinds"),
            pl.col("__amount").count().alias("told"),
        )
    )
    several = sums.filter(pl.col("lines") > 1)
    if several.height < ENOUGH:
        return False
    once = several.filter((pl.col("kinds") == 1) | (pl.col("told") == 1)).height
    return once >= NEARLY_ALL * several.height


def per_piece(rows: pl.DataFrame, amount: str, product: str, quantity: str) -> bool:
    """Whether an amount is that of a piece: alike for one product, in whatever quantity it is bought."""
    sold = rows.select(product, quantity, amount).drop_nulls()
    if amount in {product, quantity} or sold.is_empty():
        return False
    kinds = sold.group_by(product).agg(
        pl.col(quantity).n_unique().alias("counts"), pl.col(amount).n_unique().alias("kinds")
    )
    several = kinds.filter(pl.col("counts") > 1)
    return several.height >= ENOUGH and several.filter(pl.col("kinds") == 1).height >= NEARLY_ALL * several.height


def apart(rows: pl.DataFrame, receipt: str, beside: Sequence[str]) -> tuple[str, ...]:
    """The columns that make a receipt's number one receipt: store, day, both; itself where it is one already.

    Parameters
    ----------
    beside : columns of the store and the day, those that the file has. A number that begins anew every day or in every
    store stands in several of them; the fewest columns with which none does are taken, nothing where none helps.
    """
    for count in range(len(beside) + 1):
        for chosen in combinations(beside, count):
            rest = [c for c in beside if c not in chosen]
            kinds = rows.select(receipt, *beside).drop_nulls(receipt).group_by(receipt, *chosen)
            several = kinds.agg(pl.col(c).drop_nulls().n_unique() for c in rest)
            many = several.select(pl.any_horizontal(pl.col(c) > 1 for c in rest).sum()).item() if rest else 0
            if many <= max(ENOUGH, MOVED * several.height):
                return (*chosen, receipt)
    return ()


def no_goods(rows: pl.DataFrame, product: str) -> tuple[str, ...]:
    """Codes without a digit where nearly all others have one (POST, D, M): postage, discounts, charges."""
    codes = rows[product].drop_nulls()
    bare = codes.filter(~codes.str.contains(r"\d"))
    if bare.is_empty() or len(bare) > BARE_SHARE * len(codes) or len(codes) - len(bare) < LEAST:
        return ()
    return tuple(bare.unique().sort().to_list()[:MOST_CODES])


def of_country(rows: pl.DataFrame, heads: Iterable[str], known: Mapping[str, str]) -> tuple[str, str, float]:
    """The currency of the country that most lines are of, the country, and their share; nothing where none is."""
    for head in heads:
        cells = values.clean_series(rows[head]).drop_nulls()
        if cells.is_empty():
            continue
        top = cells.value_counts(sort=True, name="n").row(0)
        share = top[1] / len(cells)
        if share >= HOME_SHARE and (code := known.get(str(top[0]).lower())):
            return code, str(top[0]), share
    return "", "", 0.0


def totals(rows: pl.DataFrame, words: Iterable[str], parts: Iterable[str] = ()) -> dict[str, tuple[str, ...]]:
    """Column → words of totals that stand in it, of the first columns.

    Parameters
    ----------
    parts : begins and ends of words that are totals where their rows have less than the others.
    """
    known, ends = {"".join(w.lower().split()) for w in words}, tuple(parts)
    for column in rows.columns[:TOTALS_AT]:
        cells = values.clean_series(rows[column])
        told = {cell: "".join(cell.lower().split()).strip(":\uff1a") for cell in cells.drop_nulls().unique().sort()}
        hits = [cell for cell, word in told.items() if word in known]
        body = rows.filter(~cells.is_in(hits).fill_null(value=False))
        full = [c for c in rows.columns if body[c].null_count() <= OPEN_SHARE * body.height]
        short = [c for c, w in told.items() if len(w) <= LONGEST_TOTAL and (w.startswith(ends) or w.endswith(ends))]
        hits += [c for c in short if c not in hits and _has_less(rows.filter(cells == c), full)]
        if hits:
            return {column: tuple(hits)}
    return {}


def _has_less(some: pl.DataFrame, full: Sequence[str]) -> bool:
    """Whether some rows have nothing in a column that nearly all others are filled in."""
    return any(some[c].null_count() == some.height for c in full)


def excluded(
    rows: pl.DataFrame, rules: Mapping[str, Mapping[str, Sequence[str]]]
) -> dict[str, dict[str, tuple[str, ...]]]:
    """The rules of a system whose columns the file has."""
    return {
        name: {column: tuple(words) for column, words in rule.items()}
        for name, rule in rules.items()
        if all(column in rows.columns for column in rule)
    }


def currency(rows: pl.DataFrame, heads: Iterable[str], signs: Mapping[str, str], known: Iterable[str]) -> str:
    """The one currency that a column of it names, or the sign before the amounts; else nothing."""
    for head in heads:
        named = values.clean_series(rows[head]).drop_nulls().str.to_uppercase().unique()
        if len(named) == 1 and named[0] in set(known):
            return str(named[0])
    said = {code for column in rows.columns for code in _in_head(column, signs, known)}
    if len(said) == 1:
        return said.pop()
    cells = pl.concat([rows[c].drop_nulls().head(50) for c in rows.columns]) if rows.width else pl.Series("c", [""])
    seen = {code for sign, code in signs.items() if cells.str.contains(rf"^\(?-?\s*{sign}\s*\d").sum() > LEAST}
    return seen.pop() if len(seen) == 1 else ""


def _in_head(head: str, signs: Mapping[str, str], known: Iterable[str]) -> set[str]:
    """The currency that stands in brackets in a head: `Amount (EUR)`, `Price (\u00a3)`."""
    remarks = {remark.strip().upper() for remark in re.findall(r"[(\uff08\[]([^()\uff08\uff09\[\]]*)[)\uff09\]]", head)}
    by_sign = {code for sign, code in signs.items() if sign.replace("\\", "") in remarks}
    return by_sign | (remarks & set(known))
