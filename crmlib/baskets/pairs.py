"""Which goods go together for the same member? Pairs tested within members, so that shared taste does not count.

Per member with L ≥ 2 baskets, a of them with good i and b with good j, the joint baskets n_ij follow a hypergeometric
law if the two do not go together (Cochran 1954; Mantel & Haenszel 1959):

    O = Σ n_ij,   E = Σ ab/L,   V = Σ ab(L−a)(L−b) / (L²(L−1)),   z = (O − E)/√V.

A pair needs 20 baskets, 20 members and 3 stores; baskets of more than 60 lines are left out; Benjamini–Hochberg at 5 %
over all pairs that pass. A pair whose sign differs in and out of promotion weeks is a promotion artefact. "No pair goes
together" is an answer. Where cards are rare the stratum is store and week instead of the member; the result says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse
from scipy.stats import false_discovery_control, norm

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars

Matrix: TypeAlias = sparse.csr_matrix
Codes: TypeAlias = npt.NDArray[np.int64]
MIN_BASKETS, MIN_MEMBERS, MIN_STORES = 20, 20, 3
MAX_LINES = 60
LEVEL = 0.05
BLOCK = 4_000_000
"""Pairs of lines looked at in one go, so that memory stays bounded."""


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
    rows = to_polars(lines, needs=["basket_id", unit, "store_id", "product_id"], name="lines")
    named = rows.drop_nulls([unit, "product_id"]).unique(["basket_id", "product_id"], maintain_order=True)
    size = named.group_by("basket_id").len()
    large = size.filter(pl.col("len") > MAX_LINES)
    kept = named.join(large, on="basket_id", how="anti")
    heads = kept.unique("basket_id", maintain_order=True).select("basket_id", unit, "store_id")
    strata = heads.group_by(unit).len("L")
    heads = heads.join(strata.filter(pl.col("L") >= 2), on=unit, maintain_order="left")
    if heads.height < MIN_BASKETS:
        raise ModelError("baskets.thin", values={
                "baskets": heads.height, "members": strata.filter(pl.col("L") >= 2).height, "least": MIN_BASKETS,
            })  # fmt: skip
    used = kept.join(heads.select("basket_id"), on="basket_id", how="semi")
    table = _tested(used, heads, unit=unit)
    return Pairs(table, heads.height, heads[unit].n_unique(), large.height, unit)


def _tested(used: pl.DataFrame, heads: pl.DataFrame, *, unit: str) -> pl.DataFrame:
    goods = used["product_id"].unique().sort()
    basket = _codes(used["basket_id"], heads["basket_id"])
    good = _codes(used["product_id"], goods)
    owner = heads[unit].rank("dense").to_numpy().astype(np.int64) - 1
    store = heads["store_id"].rank("dense").fill_null(0).to_numpy().astype(np.int64)
    ones = np.ones(basket.size)
    table = sparse.csr_matrix((ones, (basket, good)), shape=(heads.height, goods.len()))
    left, right = _frequent(table)
    members, stores = _spread(table, owner, store, left=left, right=right)
    passed = (members >= MIN_MEMBERS) & (stores >= MIN_STORES)
    left, right, members, stores = left[passed], right[passed], members[passed], stores[passed]
    observed, expected, variance = _within(table, owner, left, right)
    z = np.divide(observed - expected, np.sqrt(variance), out=np.zeros_like(observed), where=variance > 0)
    p = norm.sf(z)
    accepted = false_discovery_control(p) <= LEVEL if p.size else np.zeros(0, dtype=bool)
    sold = np.asarray(table.sum(axis=0)).ravel()
    lift = observed * heads.height / (sold[left] * sold[right])
    frame = pl.DataFrame({
        "left": goods.gather(left), "right": goods.gather(right), "baskets": observed.astype(np.int64),
        "members": members, "stores": stores, "observed": observed, "expected": expected,
        "ratio": observed / np.maximum(expected, 1e-12), "z": z, "p": p, "lift": lift,
        "verdict": _verdicts(z, accepted, _artefacts(used, heads, table=table, owner=owner, left=left, right=right)),
    })  # fmt: skip
    return frame.sort("z", "left", "right", descending=[True, False, False])


def _codes(values: pl.Series, known: pl.Series) -> Codes:
    return values.replace_strict(known, range(known.len()), return_dtype=pl.Int64).to_numpy()


def _frequent(table: Matrix) -> tuple[Codes, Codes]:
    """Columns of pairs that stand together in enough baskets, left < right."""
    sold = np.asarray(table.sum(axis=0)).ravel()
    enough = np.flatnonzero(sold >= MIN_BASKETS)
    joint = sparse.triu(table[:, enough].T @ table[:, enough], k=1).tocoo()
    often = joint.data >= MIN_BASKETS
    return enough[joint.row[often]].astype(np.int64), enough[joint.col[often]].astype(np.int64)


def _spread(table: Matrix, owner: Codes, store: Codes, *, left: Codes, right: Codes) -> tuple[Codes, Codes]:
    """Members and stores of the baskets that hold both goods of each pair, shape (pairs,)."""
    goods = table.shape[1]
    wanted = left * goods + right
    order, people = np.argsort(wanted), int(owner.max(initial=0)) + 1
    members = np.zeros(left.size, dtype=np.int64)
    seen = np.zeros((left.size, int(store.max(initial=0)) + 1), dtype=bool)
    owned = np.argsort(owner, kind="stable")  # all baskets of a member in one block, so that blocks add up
    for rows in _blocks(owned, owner, np.diff(table.indptr)):
        pair, basket = _both(table[rows], wanted[order])
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


def _both(table: Matrix, wanted: Codes) -> tuple[Codes, Codes]:
    """Place in `wanted` (sorted codes left · goods + right) and basket of every pair of lines that is wanted."""
    table = table.sorted_indices()
    size, goods = np.diff(table.indptr), table.shape[1]
    places, baskets = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for count in np.unique(size[size > 1]):
        rows = np.flatnonzero(size == count)
        held = table.indices[table.indptr[rows][:, None] + np.arange(count)].astype(np.int64)
        one, other = np.triu_indices(count, k=1)
        code = (held[:, one] * goods + held[:, other]).ravel()
        place = np.minimum(np.searchsorted(wanted, code), max(wanted.size - 1, 0))
        hit = np.flatnonzero(wanted[place] == code) if wanted.size else np.zeros(0, dtype=np.int64)
        places.append(place[hit])
        baskets.append(rows[hit // one.size])
    return np.concatenate(places), np.concatenate(baskets)


def _within(
    table: Matrix, owner: Codes, left: Codes, right: Codes
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """O, E, V of the pairs, shape (pairs,)."""
    members = int(owner.max()) + 1
    group = sparse.csr_matrix((np.ones(owner.size), (owner, np.arange(owner.size))), shape=(members, owner.size))
    baskets = np.asarray(group.sum(axis=1)).ravel()
    counts = (group @ table).tocsr()
    rest = counts.copy()
    rest.data = rest.data * (np.repeat(baskets, np.diff(rest.indptr)) - rest.data)
    joint, expected = _products(table, table, left, right), np.zeros(left.size)
    expected = _products(counts, sparse.diags(1 / np.maximum(baskets, 1)) @ counts, left, right)
    weight = np.where(baskets > 1, 1 / np.maximum(baskets**2 * (baskets - 1), 1), 0.0)
    variance = _products(rest, sparse.diags(weight) @ rest, left, right)
    return joint, expected, variance


def _products(one: Matrix, other: Matrix, left: Codes, right: Codes) -> npt.NDArray[np.float64]:
    """(oneᵀ · other) at the pairs."""
    if left.size == 0:
        return np.zeros(0)
    rows, row = np.unique(left, return_inverse=True)
    columns, column = np.unique(right, return_inverse=True)
    full = (one[:, rows].T @ other[:, columns]).tocsr()
    return np.asarray(full[row, column]).ravel().astype(np.float64)


def _artefacts(
    used: pl.DataFrame, heads: pl.DataFrame, *, table: Matrix, owner: Codes, left: Codes, right: Codes
) -> npt.NDArray[np.bool_]:
    """Whether the excess over expectation has another sign in promotion weeks than out of them."""
    if "promotion" not in used.columns or left.size == 0:
        return np.zeros(left.size, dtype=bool)
    offered = used.group_by("basket_id").agg(pl.col("promotion").any())
    flag = heads.join(offered, on="basket_id", how="left", maintain_order="left")["promotion"].fill_null(value=False)
    signs = []
    for side in (flag.to_numpy(), ~flag.to_numpy()):
        if not side.any():
            return np.zeros(left.size, dtype=bool)
        observed, expected, _ = _within(table[side], np.unique(owner[side], return_inverse=True)[1], left, right)
        signs.append(observed > expected)
    return np.asarray(signs[0] != signs[1])


def _verdicts(
    z: npt.NDArray[np.float64], accepted: npt.NDArray[np.bool_], artefact: npt.NDArray[np.bool_]
) -> pl.Series:
    words = np.where(
        accepted, np.where(artefact, "promotion_artefact", "together"), np.where(z < 0, "apart", "unknown")
    )
    return pl.Series("verdict", words.astype(str), dtype=pl.String)
