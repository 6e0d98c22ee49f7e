"""Rules of plain baskets, without members: lift with the bound that keeps pairs seen once from leading.

A lower bound does not cure lift (it still finds "the same people buy both"): this table is for shops without cards, and
to compare with other tools. Pairs that are to become bundles come from `pairs`.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from crmlib.core.codes import coded
from crmlib.core.frames import AnyFrame, ids_as_text, to_polars
from crmlib.core.proportions import wilson

Codes: TypeAlias = npt.NDArray[Any]
Floats: TypeAlias = npt.NDArray[np.float64]


def rules(lines: AnyFrame, *, least: int = 20) -> pl.DataFrame:
    """Ordered pairs of goods in at least `least` baskets.

    Parameters
    ----------
    lines : basket_id, product_id.

    Returns
    -------
    left, right, baskets, share (of the baskets with left that hold right), lift, bound (Wilson's lower bound of that
    share ÷ share of right among all baskets); by bound, highest first.
    """
    rows = to_polars(lines, needs=["basket_id", "product_id"], name="lines", texts=False)
    (basket, baskets), (good, goods) = coded(rows["basket_id"]), coded(rows["product_id"])
    total, known = baskets.len(), (good >= 0) & (basket >= 0)
    table = sparse.csr_matrix((np.ones(known.sum()), (basket[known], good[known])), shape=(total, goods.len()))
    table.sum_duplicates()
    table.data[:] = 1.0
    joint = (table.T @ table).tocoo()
    kept = (joint.row != joint.col) & (joint.data >= least)
    sold = np.asarray(table.sum(axis=0)).ravel()
    found = joint.row[kept], joint.col[kept], joint.data[kept]
    return _ruled(ids_as_text(goods.to_frame())[goods.name], sold.astype(np.float64), found, total=total)


def of_counts(goods: AnyFrame, pairs: AnyFrame, *, baskets: int, least: int = 20) -> pl.DataFrame:
    """`rules` of baskets that were counted before.

    Parameters
    ----------
    goods : product_id, baskets. pairs : left, right (each pair once), baskets. baskets : of all.
    """
    sold = to_polars(goods, needs=["baskets"], name="goods", key="product_id").sort("product_id")
    both = to_polars(pairs, needs=["left", "right", "baskets"], name="pairs").filter(pl.col("baskets") >= least)
    place = pl.Enum(sold["product_id"])
    left, right = (both[side].cast(place).to_physical().to_numpy().astype(np.int64) for side in ("left", "right"))
    held = both["baskets"].to_numpy().astype(float)
    found = np.concatenate([left, right]), np.concatenate([right, left]), np.concatenate([held, held])
    return _ruled(sold["product_id"], sold["baskets"].to_numpy().astype(float), found, total=baskets)


def _ruled(goods: pl.Series, sold: Floats, pairs: tuple[Codes, Codes, Floats], *, total: int) -> pl.DataFrame:
    left, right, both = pairs
    low, _ = wilson(both, sold[left])
    frame = pl.DataFrame({
        "left": goods.gather(left), "right": goods.gather(right), "baskets": both.astype(np.int64),
        "share": both / sold[left], "lift": both * total / (sold[left] * sold[right]),
        "bound": low * total / sold[right],
    })  # fmt: skip
    return frame.sort("bound", "left", "right", descending=[True, False, False])
