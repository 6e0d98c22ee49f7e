"""Rules of plain baskets, without members: lift with the bound that keeps pairs seen once from leading.

A lower bound does not cure lift (it still finds "the same people buy both"): this table is for shops without cards, and
to compare with other tools. Pairs that are to become bundles come from `pairs`.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy import sparse

from crmlib.core.codes import coded
from crmlib.core.experiments import wilson
from crmlib.core.frames import AnyFrame, ids_as_text, to_polars


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
    goods = ids_as_text(goods.to_frame())[goods.name]
    joint = (table.T @ table).tocoo()
    kept = (joint.row != joint.col) & (joint.data >= least)
    sold = np.asarray(table.sum(axis=0)).ravel()
    left, right, both = joint.row[kept], joint.col[kept], joint.data[kept]
    low = np.array([wilson(b, n)[0] for b, n in zip(both, sold[left], strict=True)])
    frame = pl.DataFrame({
        "left": goods.gather(left), "right": goods.gather(right), "baskets": both.astype(np.int64),
        "share": both / sold[left], "lift": both * total / (sold[left] * sold[right]),
        "bound": low * total / sold[right],
    })  # fmt: skip
    return frame.sort("bound", "left", "right", descending=[True, False, False])
