"""How well a score ranks and how far its probabilities are off: AUC, average precision, Brier, lift."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from crmlib.core import lazy, proportions
from crmlib.core.errors import ModelError
from crmlib.core.shapes import shaped

sklearn = lazy.module("sklearn.metrics")

Array = npt.NDArray[Any]


@shaped(y="customers", score="customers")
def auc(y: Array, score: Array) -> float:
    """Chance that a lost customer scores above a kept one, ties counting half (Mann-Whitney).

    Examples
    --------
    >>> auc(np.array([0, 1, 1]), np.array([0.1, 0.1, 0.9]))
    0.75
    """
    lost = y == 1
    n1, n0 = int(lost.sum()), int((~lost).sum())
    refuse_one_class(n1, n0)
    return float((rankdata(score)[lost].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))


@shaped(y="customers", score="customers")
def average_precision(y: Array, score: Array) -> float:
    """Area under precision and recall: what the top of the list is worth."""
    return float(sklearn.average_precision_score(y, score))


@shaped(y="customers", p="customers")
def brier(y: Array, p: Array) -> float:
    """Mean squared error of the probability."""
    return float(np.mean((p - y) ** 2))


@shaped(y="customers", score="customers")
def lift(y: Array, score: Array, *, share: float = 0.1) -> tuple[float, float]:
    """Churn among the top ⌈share · n⌉ over churn of all, and the largest lift possible.

    Customers tied at the cut count with the expected value over random orders, so a coarse score is not flattered
    by the order of the file.

    Examples
    --------
    >>> lift(np.array([1, 0, 0, 0]), np.array([0.5, 0.5, 0.5, 0.5]), share=0.25)
    (1.0, 4.0)
    """
    n, base = len(y), float(y.mean())
    refuse_one_class(int(y.sum()), int(n - y.sum()))
    top = int(np.ceil(n * share))
    cut = np.sort(score)[::-1][top - 1]
    above, tied = score > cut, score == cut
    hits = float(y[above].sum() + (top - above.sum()) * y[tied].mean())
    return hits / top / base, min(top, float(y.sum())) / top / base


def refuse_one_class(lost: int, kept: int) -> None:
    """Refuse labels that are all lost or all kept."""
    if lost == 0 or kept == 0:
        raise ModelError("churn.one_class", values={"lost": lost, "kept": kept})


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share; 0 to 1 where nothing was tried.

    Examples
    --------
    >>> tuple(round(v, 3) for v in wilson(8, 10))
    (0.49, 0.943)
    """
    low, high = proportions.wilson(hits, n, alpha=0.05)
    return float(low), float(high)
