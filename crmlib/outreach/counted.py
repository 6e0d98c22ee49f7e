"""Every good of every basket of every member once, counted in parts, so that memory does not grow with the lines."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from crmlib.core.apportion import Floats, Ints

LINES = 4_000_000
"""Goods of baskets counted at a time."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Every good of every basket once, as one whole number (member, day, good) each, in order, shape (lines,).

    first : the first day; span : days; goods : how many there are.
    """

    sorted: Ints
    first: int
    span: int
    goods: int


def keys(row: Ints, good: Ints, day: Ints, *, goods: int) -> Keys:
    """The keys of lines, each of a member (`row`), a good and a day, in any order, shape (lines,)."""
    first = int(day.min()) if day.size else 0
    span = int(day.max()) - first + 1 if day.size else 1
    key = row * span
    key += day
    key -= first
    key *= max(goods, 1)
    key += good
    key.sort()
    new = np.ones(key.size, dtype=bool)
    np.not_equal(key[1:], key[:-1], out=new[1:])
    return Keys(key if new.all() else key[new], first, span, max(goods, 1))


def parts(of: Keys) -> list[slice]:
    """Whole members, about `LINES` keys at a time; a member with more has a part of their own."""
    cuts, width = [0], of.span * of.goods
    while cuts[-1] < of.sorted.size:
        last = of.sorted[min(cuts[-1] + LINES, of.sorted.size) - 1] // width
        cuts.append(int(np.searchsorted(of.sorted, (last + 1) * width)))
    return [slice(*cut) for cut in pairwise(cuts)]


@dataclass(frozen=True, slots=True)
class Bought:
    """Of a part of the members, every good of every basket once: good, later (baskets of the member after this one).

    row : of the member, shape (goods bought,); day : of every basket, by member and time, shape (baskets,);
    first : the first member's row; visits : baskets of each member, shape (members of the part,).
    """

    row: Ints
    good: Ints
    later: Ints
    day: Ints
    first: int
    visits: Ints


def bought(of: Keys, part: slice) -> Bought:
    """The baskets of a part of the members."""
    visit, good = np.divmod(of.sorted[part], of.goods)
    starts = np.diff(visit, prepend=-1) != 0
    baskets = visit[starts]
    row, day = np.divmod(baskets, of.span)
    first = int(row[0])
    visits = np.bincount(row - first).astype(np.int64)
    at = visit // of.span
    later = visits.cumsum()[at - first] - np.cumsum(starts)
    return Bought(at, good, later, day + of.first, first, visits)


def popular(of: Keys, names: pl.Series) -> Ints:
    """Place of each good by baskets, most first, then by name, shape (goods,)."""
    many = np.zeros(names.len(), dtype=np.int64)
    for part in parts(of):
        many += np.bincount(of.sorted[part] % of.goods, minlength=names.len())
    place = np.empty(names.len(), dtype=np.int64)
    place[np.lexsort((np.arange(names.len()), -many))] = np.arange(names.len())
    return place


@dataclass(frozen=True, slots=True)
class Own:
    """Of a part of the members: `RepeatFit.held`, the baskets of each, and Σc, Σc(c−1) of each good by popularity."""

    held: pl.DataFrame
    visits: Ints
    n: Floats
    again: Floats


def own(of: Bought, popular: Ints, *, decay: float) -> Own:
    """row, popular, c, w, last of every member and good, in this order; `popular` as the function of this name says."""
    longest, goods = int(of.visits.max(initial=0)) + 1, max(popular.size, 1)
    key = (of.row * goods + popular[of.good]) * longest + of.later
    key.sort()
    pair, later = np.divmod(key, longest)
    starts = np.flatnonzero(np.diff(pair, prepend=-1) != 0)
    row, place = np.divmod(pair[starts], goods)
    weights = float(decay) ** np.arange(longest)
    last = of.day[of.visits.cumsum()[row - of.first] - 1 - later[starts]]
    c = np.diff(starts, append=key.size)
    n = np.bincount(place, weights=c, minlength=popular.size).astype(np.float64)
    again = np.bincount(place, weights=c * (c - 1), minlength=popular.size).astype(np.float64)
    held = pl.DataFrame({
        "row": row.astype(np.uint32), "popular": place.astype(np.uint32), "c": c.astype(np.uint32),
        "w": np.add.reduceat(weights[later], starts), "last": pl.Series(last.astype(np.int32)).cast(pl.Date),
    })  # fmt: skip
    return Own(held, of.visits, n, again)
