"""Which goods go together for the same member? Pairs tested within members, so that shared taste does not count.

Per member with L ≥ 2 baskets, a of them with good i and b with good j, the joint baskets n_ij follow a hypergeometric
law if the two do not go together (Cochran 1954; Mantel & Haenszel 1959):

    O = Σ n_ij,   E = Σ ab/L,   V = Σ ab(L−a)(L−b) / (L²(L−1)),   z = (O − E)/√V.

A pair needs 20 baskets, 20 members and 3 stores; baskets of more than 60 lines are left out; Benjamini–Hochberg at 5 %
over all pairs that pass. A pair whose sign differs in and out of promotion weeks is a promotion artefact. "No pair goes
together" is an answer. Where cards are rare the stratum is store and week instead of the member; the result says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse
from scipy.stats import false_discovery_control, norm

from crmlib.core.codes import coded
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, ids_as_text, to_polars

Matrix: TypeAlias = sparse.csr_matrix
Codes: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
MIN_BASKETS, MIN_MEMBERS, MIN_STORES = 20, 20, 3
MAX_LINES = 60
LEVEL = 0.05
BLOCK = 4_000_000
"""Pairs of lines looked at in one go, so that memory stays bounded."""
MOST_CELLS = 16_000_000
"""Pairs of goods up to which a place is looked up in a table [4 bytes each]."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs that were tested.

    Parameters
    ----------
    table : left, right, baskets, members, stores, observed, expected (both within strata), ratio, z, p, lift (of all
        baskets, not adjusted), verdict (`together`, `promotion_artefact`, `apart`, `unknown`); by z, highest first.
    baskets, strata : that were compared (strata with two baskets or more).
    large : baskets left out for more than 60 lines.
    unit : column of the stratum.
    """

    table: pl.DataFrame
    baskets: int
    strata: int
    large: int
    unit: str

    def together(self) -> pl.DataFrame:
        """Pairs that go together; no row is an answer, too."""
        return self.table.filter(pl.col("verdict") == "together")


def pairs(lines: AnyFrame, *, unit: str = "customer_id") -> Pairs:
    """Test all pairs of goods that are bought together often enough.

    Parameters
    ----------
    lines : basket_id, the column `unit`, store_id, product_id, and if known promotion (Boolean: the basket lies in a
        week with an offer on either good, or any offer).
    unit : stratum within which is compared: customer_id, or a column of store and week where cards are rare.

    Raises
    ------
    ModelError
        `baskets.thin` with fewer than 20 baskets in strata of two or more.
    """
    rows = to_polars(lines, needs=["basket_id", unit, "store_id", "product_id"], name="lines", texts=False)
    named = rows.drop_nulls([unit, "product_id"])
    (basket, _), (good, goods) = coded(named["basket_id"]), coded(named["product_id"])
    count = int(basket.max(initial=-1)) + 1
    table = sparse.csr_matrix((np.ones(basket.size), (basket, good)), shape=(count, goods.len()))
    table.sum_duplicates()
    table.data[:] = 1.0
    first = np.zeros(count, dtype=np.int64)
    first[basket[::-1]] = np.arange(basket.size)[::-1]
    heads = named[first]
    large = np.diff(table.indptr) > MAX_LINES
    owner = np.where(large, -1, coded(heads[unit])[0])
    visits = np.bincount(owner[~large], minlength=1)
    used = np.flatnonzero(~large & (visits[owner] >= 2))
    if used.size < MIN_BASKETS:
        raise ModelError("baskets.thin", values={
                "baskets": used.size, "members": int((visits >= 2).sum()), "least": MIN_BASKETS,
            })  # fmt: skip
    offered = None
    if "promotion" in named.columns:
        offered = np.zeros(count, dtype=bool)
        offered[basket[named["promotion"].fill_null(value=False).to_numpy()]] = True
        offered = offered[used]
    strata, within = np.unique(owner[used], return_inverse=True)
    shop = coded(heads["store_id"])[0][used]
    shop -= min(int(shop.min()), 0)  # a store that is not known is a store
    some = _Baskets(table[used], within, shop, offered)
    del table, basket, good
    tested = _tested(some, ids_as_text(goods.to_frame())[goods.name])
    return Pairs(tested, used.size, strata.size, int(large.sum()), unit)


@dataclass(frozen=True, slots=True)
class _Baskets:
    """Baskets × goods (0/1); of each its stratum, its store, whether an offer lay on it (None: not known)."""

    table: Matrix
    owner: Codes
    store: Codes
    offered: npt.NDArray[np.bool_] | None


def _tested(baskets: _Baskets, goods: pl.Series) -> pl.DataFrame:
    table, owner = baskets.table, baskets.owner
    left, right, observed = _frequent(table)
    members, stores = _spread(table, owner, baskets.store, left=left, right=right)
    passed = (members >= MIN_MEMBERS) & (stores >= MIN_STORES)
    left, right, members, stores = (v[passed] for v in (left, right, members, stores))
    observed = observed[passed]
    expected, variance = _within(table, owner, left, right)
    z = np.divide(observed - expected, np.sqrt(variance), out=np.zeros_like(observed), where=variance > 0)
    p = norm.sf(z)
    accepted = false_discovery_control(p) <= LEVEL if p.size else np.zeros(0, dtype=bool)
    sold = np.asarray(table.sum(axis=0)).ravel()
    lift = observed * owner.size / (sold[left] * sold[right])
    artefact = np.zeros(left.size, dtype=bool)
    artefact[accepted] = _artefacts(baskets, left[accepted], right[accepted])
    frame = pl.DataFrame({
        "left": goods.gather(left), "right": goods.gather(right), "baskets": observed.astype(np.int64),
        "members": members, "stores": stores, "observed": observed, "expected": expected,
        "ratio": observed / np.maximum(expected, 1e-12), "z": z, "p": p, "lift": lift,
        "verdict": _verdicts(z, accepted, artefact),
    })  # fmt: skip
    return frame.sort("z", "left", "right", descending=[True, False, False])


def _frequent(table: Matrix) -> tuple[Codes, Codes, Floats]:
    """Columns of pairs that stand together in enough baskets, left < right, and in how many."""
    sold = np.asarray(table.sum(axis=0)).ravel()
    enough = np.flatnonzero(sold >= MIN_BASKETS)
    some = table[:, enough].tocsr()
    joint = _joint(some)
    often = joint.data >= MIN_BASKETS
    return enough[joint.row[often]].astype(np.int64), enough[joint.col[often]].astype(np.int64), joint.data[often]


def _joint(table: Matrix) -> sparse.coo_matrix:
    """How many baskets hold both, upper triangle; counted one pair of lines after the other where a table holds all."""
    goods = table.shape[1]
    if goods**2 > MOST_CELLS:
        return sparse.coo_matrix(sparse.triu(table.T @ table, k=1))
    table = table.sorted_indices()
    count = np.zeros(goods**2, dtype=np.int64)
    every = np.arange(table.shape[0])
    for rows in _blocks(every, every, np.diff(table.indptr)):
        for code in _codes(table[rows[0] : rows[-1] + 1]):
            count += np.bincount(code.ravel(), minlength=count.size)
    return sparse.coo_matrix(count.reshape(goods, goods).astype(np.float64))


def _codes(table: Matrix) -> Iterator[Codes]:
    """Pairs of goods (left · goods + right) of baskets of one size after the other, shape (baskets, pairs)."""
    size = np.diff(table.indptr)
    for count in np.unique(size[size > 1]):
        rows = np.flatnonzero(size == count)
        held = table.indices[table.indptr[rows][:, None] + np.arange(count)]
        one, other = np.triu_indices(count, k=1)
        yield held[:, one] * np.int64(table.shape[1]) + held[:, other]


def _spread(table: Matrix, owner: Codes, store: Codes, *, left: Codes, right: Codes) -> tuple[Codes, Codes]:
    """Members and stores of the baskets that hold both goods of each pair, shape (pairs,)."""
    goods = table.shape[1]
    wanted = left * goods + right
    order, people = np.argsort(wanted), int(owner.max(initial=0)) + 1
    find = _finder(wanted[order], goods)
    members = np.zeros(left.size, dtype=np.int64)
    seen = np.zeros((left.size, int(store.max(initial=0)) + 1), dtype=bool)
    owned = np.argsort(owner, kind="stable")  # all baskets of a member in one block, so that blocks add up
    for rows in _blocks(owned, owner, np.diff(table.indptr)):
        pair, basket = _both(table[rows], find)
        pair = order[pair]
        seen[pair, store[rows[basket]]] = True
        each = np.sort(pair * people + owner[rows[basket]])
        first = np.ones(each.size, dtype=bool)
        first[1:] = each[1:] != each[:-1]
        members += np.bincount(each[first] // people, minlength=left.size)
    return members, seen.sum(axis=1)


def _blocks(owned: Codes, owner: Codes, size: Codes) -> Iterator[Codes]:
    """Baskets in blocks of whole members with about `BLOCK` pairs of lines each."""
    work = np.cumsum(size[owned].astype(np.int64) ** 2)
    ends = np.flatnonzero(np.diff(owner[owned], append=-1) != 0) + 1
    start = 0
    while start < owned.size:
        goal = (work[start - 1] if start else 0) + BLOCK
        stop = int(ends[min(np.searchsorted(work[ends - 1], goal), ends.size - 1)])
        yield owned[start:stop]
        start = stop


def _finder(wanted: Codes, goods: int) -> Callable[[Codes], Codes]:
    """Place of codes (left · goods + right) in `wanted` (sorted), -1 where they are not: by a table, if it is small."""
    if goods**2 <= MOST_CELLS:
        places = np.full(goods**2, -1, dtype=np.int32)
        places[wanted] = np.arange(wanted.size)
        return lambda code: places[code].astype(np.int64)

    def search(code: Codes) -> Codes:
        place = np.minimum(np.searchsorted(wanted, code), max(wanted.size - 1, 0))
        return np.where(wanted[place] == code, place, -1) if wanted.size else np.full(code.size, -1)

    return search


def _both(table: Matrix, find: Callable[[Codes], Codes]) -> tuple[Codes, Codes]:
    """Place and basket of every pair of lines that is wanted."""
    table = table.sorted_indices()
    size, goods = np.diff(table.indptr), table.shape[1]
    places, baskets = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for count in np.unique(size[size > 1]):
        rows = np.flatnonzero(size == count)
        held = table.indices[table.indptr[rows][:, None] + np.arange(count)].astype(np.int64)
        one, other = np.triu_indices(count, k=1)
        place = find((held[:, one] * goods + held[:, other]).ravel())
        hit = np.flatnonzero(place >= 0)
        places.append(place[hit])
        baskets.append(rows[hit // one.size])
    return np.concatenate(places), np.concatenate(baskets)


def _within(table: Matrix, owner: Codes, left: Codes, right: Codes) -> tuple[Floats, Floats]:
    """E, V of the pairs, shape (pairs,)."""
    counts, baskets = _counts(table, owner)
    rest = counts.copy()
    rest.data = rest.data * (np.repeat(baskets, np.diff(rest.indptr)) - rest.data)
    weight = np.where(baskets > 1, 1 / np.maximum(baskets**2 * (baskets - 1), 1), 0.0)
    expected = _products(counts, sparse.diags(1 / np.maximum(baskets, 1)) @ counts, left, right)
    return expected, _products(rest, sparse.diags(weight) @ rest, left, right)


def _counts(table: Matrix, owner: Codes) -> tuple[Matrix, Floats]:
    """Baskets with each good by stratum, and baskets by stratum."""
    strata = int(owner.max(initial=0)) + 1
    group = sparse.csr_matrix((np.ones(owner.size), (owner, np.arange(owner.size))), shape=(strata, owner.size))
    return (group @ table).tocsr(), np.asarray(group.sum(axis=1)).ravel()


def _products(one: Matrix, other: Matrix, left: Codes, right: Codes) -> Floats:
    """(oneᵀ · other) at the pairs."""
    if left.size == 0:
        return np.zeros(0)
    rows, row = np.unique(left, return_inverse=True)
    columns, column = np.unique(right, return_inverse=True)
    full = (one[:, rows].T @ other[:, columns]).tocsr()
    return np.asarray(full[row, column]).ravel().astype(np.float64)


def _artefacts(baskets: _Baskets, left: Codes, right: Codes) -> npt.NDArray[np.bool_]:
    """Whether the excess over expectation has another sign in promotion weeks than out of them."""
    offered = baskets.offered
    if offered is None or offered.all() or not offered.any() or left.size == 0:
        return np.zeros(left.size, dtype=bool)
    signs = []
    for side in (offered, ~offered):
        table, owner = baskets.table[side], np.unique(baskets.owner[side], return_inverse=True)[1]
        counts, visits = _counts(table, owner)
        expected = _products(counts, sparse.diags(1 / np.maximum(visits, 1)) @ counts, left, right)
        signs.append(_products(table, table, left, right) > expected)
    return np.asarray(signs[0] != signs[1])


def _verdicts(
    z: npt.NDArray[np.float64], accepted: npt.NDArray[np.bool_], artefact: npt.NDArray[np.bool_]
) -> pl.Series:
    words = np.where(
        accepted, np.where(artefact, "promotion_artefact", "together"), np.where(z < 0, "apart", "unknown")
    )
    return pl.Series("verdict", words.astype(str), dtype=pl.String)
