"""Days without stock that nobody counted: a chain of two states, in stock and out, seen through daily sales.

In stock, sales are negative binomial (mean λ·season, shape k); out of stock they are 0. After z days without a sale
the shelf is empty with pi·s^(z−1) / (pi·s^(z−1) + (1−pi)·p0^z), p0 = (k/(k+λ))^k; days after the run say more, so the
probabilities are smoothed in both directions and the rates estimated again. "Seven days without a sale" calls slow
goods empty and fast ones full.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crmlib.core.apportion import Floats, Ints

ROUNDS = 6
BLOCK = 4096  # items at a time, so that a block's arrays stay in the cache
ENTER, STAY = 0.02, 0.8


@dataclass(frozen=True, slots=True)
class StockOuts:
    """Parameters
    ----------
    p_out : probability that the shelf was empty, shape (items, days).
    rate : demand a day without season [units], shape (items,).
    lost : expected demand of the empty days [units], shape (items, days).
    enter, stay : probability a day to run out, and to stay out.
    shape : k of the negative binomial.
    """  # noqa: D205

    p_out: Floats
    rate: Floats
    lost: Floats
    enter: float
    stay: float
    shape: float


def empty_after(zero_days: Ints, *, rate: Floats, shape: float, enter: float = ENTER, stay: float = STAY) -> Floats:
    """Probability that the shelf is empty after a run of days without a sale, nothing known of the days after it.

    Examples
    --------
    >>> empty_after(np.array([1, 2, 3, 5]), rate=np.array(2.0), shape=4.0).round(4)
    array([0.0936, 0.295 , 0.6289, 0.9653])
    """
    nothing = (shape / (shape + rate)) ** shape
    out = enter * stay ** (zero_days - 1.0)
    return np.asarray(out / (out + (1 - enter) * nothing ** (1.0 * zero_days)))


def detect(
    sold: Ints,
    *,
    season: Floats | None = None,
    shape: float | None = None,
    enter: float = ENTER,
    stay: float = STAY,
    learn: bool = True,
    counted: Ints | None = None,
) -> StockOuts:
    """Empty days, rates and lost sales of the items of one category.

    Parameters
    ----------
    sold : units a day, shape (items, days). season : factor of each day, shape (days,); 1 without it.
    shape : k of the category; estimated from the days in stock without it.
    learn : estimate `enter` and `stay` from the category, starting at the given ones.
    counted : 1 a count found the shelf empty, 0 it found stock, −1 nobody counted; shape (items, days).
    """
    usual = np.ones(sold.shape[1]) if season is None else np.maximum(season, 1e-6)
    rate = np.maximum(sold.sum(axis=1) / usual.sum(), 1e-9)
    k, p_out = 2.0 if shape is None else shape, np.zeros(sold.shape)
    for _ in range(ROUNDS):
        moved, stayed, was_in, was_out = 0.0, 0.0, 1e-9, 1e-9
        for start in range(0, sold.shape[0], BLOCK):
            rows = slice(start, start + BLOCK)
            known = None if counted is None else counted[rows]
            gone, flows = _smooth(sold[rows], rate[rows], usual, k=k, enter=enter, stay=stay, counted=known)
            p_out[rows] = gone
            moved, stayed = moved + flows[0], stayed + flows[1]
            was_in, was_out = was_in + float((1 - gone[:, :-1]).sum()), was_out + float(gone[:, :-1].sum())
        inside = 1.0 - p_out
        rate = np.maximum((inside * sold).sum(axis=1) / np.maximum(inside @ usual, 1e-9), 1e-9)
        if learn:
            enter, stay = float(np.clip(moved / was_in, 1e-4, 0.5)), float(np.clip(stayed / was_out, 0.05, 0.995))
        if shape is None:
            k = _shape(sold, rate[:, None] * usual, inside)
    return StockOuts(p_out, rate, p_out * rate[:, None] * usual, enter, stay, k)


def _smooth(
    sold: Ints, rate: Floats, usual: Floats, *, k: float, enter: float, stay: float, counted: Ints | None
) -> tuple[Floats, tuple[float, float]]:
    """Forward and backward pass: P(out | all days), and expected numbers of days that ran out and that stayed out."""
    items, days = sold.shape
    seen_out = (sold.T == 0).astype(np.float64)
    mean = rate[None, :] * usual[:, None]
    seen_in = np.where(seen_out > 0, np.exp(k * np.log(k / (k + mean))), 1.0)
    if counted is not None:
        seen_out = np.where(counted.T == 0, 0.0, seen_out)
        seen_in = np.where((counted.T == 1) & (seen_out > 0), 0.0, seen_in)
    forward = np.empty((days, items))
    chance = np.full(items, enter)
    for t in range(days):
        out = chance * seen_out[t]
        forward[t] = out / (out + (1 - chance) * seen_in[t])
        chance = forward[t] * stay + (1 - forward[t]) * enter
    gone = np.empty((days, items))
    gone[-1] = forward[-1]
    back_in, back_out = np.ones(items), np.ones(items)
    ran_out = stayed = 0.0
    for t in range(days - 2, -1, -1):
        next_in, next_out = back_in * seen_in[t + 1], back_out * seen_out[t + 1]
        f = forward[t]
        was_in = (1 - f) * ((1 - enter) * next_in + enter * next_out)
        was_out = f * ((1 - stay) * next_in + stay * next_out)
        total = was_in + was_out
        ran_out += float(((1 - f) * enter * next_out / total).sum())
        stayed += float((f * stay * next_out / total).sum())
        gone[t] = was_out / total
        back_in, back_out = (1 - enter) * next_in + enter * next_out, (1 - stay) * next_in + stay * next_out
        scale = back_in + back_out
        back_in, back_out = back_in / scale, back_out / scale
    return gone.T, (ran_out, stayed)


def _shape(sold: Ints, mean: Floats, inside: Floats) -> float:
    """Shape k of the category by moments: Σ mean² / Σ((sold − mean)² − mean) over the days in stock."""
    over = float((inside * ((sold - mean) ** 2 - mean)).sum())
    return float(np.clip((inside * mean**2).sum() / max(over, 1e-9), 0.2, 1e4))
