"""Fast draws from many small discrete distributions at once."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]


def flat_cdf(weights: Floats) -> Floats:
    """Cumulative shares of each row, shifted by the row's number, so that one sorted array serves every row.

    Parameters
    ----------
    weights : not negative, shape (rows, columns); a row of zeros counts as uniform.

    Examples
    --------
    >>> flat_cdf(np.array([[1.0, 3.0], [0.0, 2.0]]))
    array([0.25, 1.  , 1.  , 2.  ])
    """
    total = weights.sum(axis=1, keepdims=True)
    shares = np.where(total > 0, weights / np.where(total > 0, total, 1.0), 1 / weights.shape[1])
    cumulative = np.minimum(np.cumsum(shares, axis=1), 1.0)
    cumulative[:, -1] = 1.0
    shifted: Floats = cumulative + np.arange(len(weights))[:, None]
    return shifted.ravel()


def pick(cdf: Floats, row: Ints, *, columns: int, rng: np.random.Generator) -> Ints:
    """One column for each entry of `row`, drawn with that row's shares, shape of `row`.

    Examples
    --------
    >>> pick(flat_cdf(np.array([[0.0, 1.0], [1.0, 0.0]])), np.array([0, 1, 1]), columns=2, rng=np.random.default_rng(1))
    array([1, 0, 0])
    """
    place = np.searchsorted(cdf, row + rng.random(len(row)), side="right") - row * columns
    drawn: Ints = np.clip(place, 0, columns - 1).astype(np.int64)
    return drawn


def stream(seed: int, *keys: int) -> np.random.Generator:
    """A generator of its own for each stage and chunk, so that one stage's draws never move another's."""
    return np.random.default_rng([seed, *keys])
