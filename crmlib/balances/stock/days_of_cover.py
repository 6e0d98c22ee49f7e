"""How many days stock lasts: until the cumulated forecast reaches it, not stock ÷ past mean."""

from __future__ import annotations

import numpy as np

from crmlib.core.apportion import Floats

BEYOND = np.inf


def cover(stock: Floats, mean: Floats) -> Floats:
    """First day on which the cumulated forecast reaches the stock, shape (items,); infinite beyond the horizon.

    Parameters
    ----------
    stock : on hand [units], shape (items,). mean : forecast [units a day], shape (items, horizon).

    Examples
    --------
    >>> cover(np.array([45.0, 45.0]), np.array([[1.0] * 30, [1.0] * 10 + [4.0] * 20]))
    array([inf, 19.])
    """
    total = np.cumsum(mean, axis=1)
    reached = total >= stock[:, None] - 1e-9
    day = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, BEYOND)
    return np.asarray(np.where(stock <= 0, 0.0, day))


def excess(stock: Floats, mean: Floats, *, days: Floats) -> Floats:
    """Stock beyond the forecast of the next `days` (wanted cover + lead time) [units], shape (items,).

    Examples
    --------
    >>> excess(np.array([45.0]), np.array([[1.0] * 30]), days=np.array([20.0]))
    array([25.])
    """
    total = np.concatenate([np.zeros((mean.shape[0], 1)), np.cumsum(mean, axis=1)], axis=1)
    at = np.clip(days, 0, mean.shape[1]).astype(np.int64)
    return np.asarray(np.maximum(stock - np.take_along_axis(total, at[:, None], axis=1)[:, 0], 0.0))
