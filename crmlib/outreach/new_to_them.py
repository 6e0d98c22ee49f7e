"""A slot of its own for a good the member never bought: item–item cosine on decayed history.

score(u, j) = Σ_i w_ui · cos(i, j). One in 25–30 is a hit, so the slot is shown only where it beats plain popularity
beyond its interval on the last closed window.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import sparse

from crmlib.core.frames import AnyFrame
from crmlib.outreach.repeat import RepeatFit, fit, recalls, split_last

Z = 1.959963984540054
BLOCK = 2_048
NEIGHBOURS = 200
"""Most similar goods kept of each, so that memory does not grow with the square of the assortment."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Whether the slot earns its place.

    Parameters
    ----------
    recall, popular : recall of new goods by this method and by popularity.
    low, high : 95 % of their difference.
    shown : whether low is above 0.
    """

    recall: float
    popular: float
    low: float
    high: float
    shown: bool


def recommend(fitted: RepeatFit, *, top: int = 10, by_popularity: bool = False) -> pl.DataFrame:
    """The `top` goods that are new to each member.

    Parameters
    ----------
    by_popularity : the baseline instead.

    Returns
    -------
    customer_id, rank, product_id, score.
    """
    people = fitted.members["customer_id"].sort()
    goods = fitted.goods["product_id"]
    own = fitted.own
    row = own["customer_id"].replace_strict(people, range(people.len()), return_dtype=pl.Int64).to_numpy()
    column = own["product_id"].replace_strict(goods, range(goods.len()), return_dtype=pl.Int64).to_numpy()
    history = sparse.csr_matrix((own["w"].to_numpy(), (row, column)), shape=(people.len(), goods.len()))
    similar = None if by_popularity else _cosine(history)
    depth = min(top, goods.len())
    frames = []
    for start in range(0, people.len(), BLOCK):
        part = history[start : start + BLOCK]
        order = -np.arange(goods.len(), dtype=np.float64) - 1
        scores = np.tile(order, (part.shape[0], 1)) if similar is None else (part @ similar).toarray()
        rows, columns = part.nonzero()
        scores[rows, columns] = -np.inf
        best = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
        frames.append(
            pl.DataFrame({
                "customer_id": people[start : start + BLOCK].gather(np.repeat(np.arange(part.shape[0]), depth)),
                "rank": np.tile(np.arange(1, depth + 1), part.shape[0]),
                "product_id": goods.gather(best.ravel()),
                "score": np.take_along_axis(scores, best, axis=1).ravel(),
            })
        )  # fmt: skip
    return pl.concat(frames).filter(pl.col("score").is_finite())


def _cosine(history: sparse.csr_matrix) -> sparse.csr_matrix:
    norms = np.sqrt(np.asarray(history.multiply(history).sum(axis=0)).ravel())
    scaled = (history @ sparse.diags(1 / np.maximum(norms, 1e-12))).tocsc()
    blocks = []
    for start in range(0, history.shape[1], BLOCK):
        block = (scaled[:, start : start + BLOCK].T @ scaled).toarray()
        block[np.arange(block.shape[0]), start + np.arange(block.shape[0])] = 0.0
        if block.shape[1] > NEIGHBOURS:
            least = np.partition(block, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS]
            block[block < least[:, None]] = 0.0
        blocks.append(sparse.csr_matrix(block))
    return sparse.vstack(blocks).T.tocsr()


def judge(history: AnyFrame, *, decay: float, top: int = 10) -> Slot:
    """Whether new-to-them goods beat popularity on each member's last basket.

    Parameters
    ----------
    history : customer_id, day, product_id.
    """
    before, last = split_last(history)
    fitted = fit(before, decay=decay)
    new = last.join(fitted.own, on=["customer_id", "product_id"], how="anti")
    mine = recalls(recommend(fitted, top=top), new)["recall"].to_numpy()
    base = recalls(recommend(fitted, top=top, by_popularity=True), new)["recall"].to_numpy()
    gap = mine - base
    half = Z * float(gap.std(ddof=1)) / np.sqrt(max(gap.size, 1)) if gap.size > 1 else np.inf
    middle = float(gap.mean()) if gap.size else 0.0
    return Slot(
        float(mine.mean()) if gap.size else 0.0, float(base.mean()) if gap.size else 0.0,
        float(middle - half), float(middle + half), bool(middle - half > 0),
    )  # fmt: skip
