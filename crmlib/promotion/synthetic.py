"""Synthetic control: a weighted mean of untreated units, for the one-unit case and as a published yardstick.

Source: Abadie, Diamond & Hainmueller (2010), Journal of the American Statistical Association 105(490), 493-505; here on
outcomes only: weights ≥ 0 that add up to 1 and follow the treated unit best before the event (least squares).
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from crmlib.promotion.arrays import Floats

SUM_WEIGHT = 1e4
"""How much heavier than the data the condition that weights add up to 1 counts, relative to the data's size."""


def simplex_weights(before: Floats, treated: Floats) -> Floats:
    """Weights of the untreated units, shape (units,); `before` is (periods, units), `treated` is (periods,).

    Examples
    --------
    >>> before = np.array([[1.0, 3.0], [2.0, 5.0], [2.0, 4.0]])
    >>> simplex_weights(before, before @ [0.25, 0.75]).round(3)
    array([0.25, 0.75])
    """
    heavy = SUM_WEIGHT * float(np.abs(before).max())
    stacked = np.vstack([before, np.full((1, before.shape[1]), heavy)])
    found, _ = nnls(stacked, np.concatenate([treated, [heavy]]), maxiter=50 * before.shape[1])
    return np.asarray(found / found.sum())


def mean_effect(treated: Floats, others: Floats, *, first: int, weights: Floats | None = None) -> float:
    """Mean effect from period `first` on.

    With `weights`: treated − weighted others. Without: difference-in-differences against their plain mean.
    """
    if weights is not None:
        return float((treated - others @ weights)[first:].mean())
    gap = treated - others.mean(axis=1)
    return float(gap[first:].mean() - gap[:first].mean())
