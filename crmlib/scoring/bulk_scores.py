"""RFM, pyramid and value matrix of millions of customers in one pass over plain arrays.

The same definitions as `rfm`, `pyramid` and `matrix` (a test holds them equal), for lines whose customers are numbered
0 … n-1: sums by `numpy.bincount`, purchase days by one sort of (customer, day) keys, cuts by sorts of integers. Sums
pass through float64, which holds whole minor units exactly up to 2**53; beyond that the input is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from crmlib.core.errors import ModelError
from crmlib.scoring.matrix import quadrant_codes
from crmlib.scoring.pyramid import SHARES, assign, thresholds
from crmlib.scoring.rfm import CLASSES, strict_scores

Ints: TypeAlias = npt.NDArray[np.int64]
Codes: TypeAlias = npt.NDArray[np.int8]
AnyInts: TypeAlias = npt.NDArray[np.integer]

EXACT = 2**53
CHUNK = 10_000_000
"""Lines summed at a time: temporary floats stay small beside the lines themselves."""
NEVER = -1


@dataclass(frozen=True, slots=True)
class DenseScores:
    """Scores by customer number, each of shape (n,).

    Parameters
    ----------
    last_day : last purchase day [day number], -1 without one; frequency : purchase days; net, margin : minor units.
    r, f, m : 1 … classes, 0 for those who never bought; tier : 0 = A; quadrant : place in `matrix.QUADRANTS`.
    """

    last_day: Ints
    frequency: Ints
    net: Ints
    margin: Ints
    r: Codes
    f: Codes
    m: Codes
    tier: Codes
    quadrant: Codes


def score_lines(
    customer: AnyInts,
    day: AnyInts,
    net: AnyInts,
    cost: AnyInts,
    *,
    customers: int,
    sold: npt.NDArray[np.bool_] | None = None,
    classes: int = CLASSES,
    shares: tuple[int, ...] = SHARES,
) -> DenseScores:
    """Score every customer from the lines.

    Parameters
    ----------
    customer : number of the customer of each line, 0 … customers - 1; day : day number >= 0; net, cost : minor units;
        each shape (lines,).
    customers : n.
    sold : lines with quantity > 0; all of them without it. Others count in sums and make no purchase day.

    Raises
    ------
    ModelError
        `scoring.dense_arrays` for arrays of unequal length or of fractions, `scoring.dense_codes` for numbers out of
        range, `scoring.dense_sums` for sums too large to be exact.

    Examples
    --------
    >>> customer, day = np.array([0, 0, 1]), np.array([1, 5, 3])
    >>> two = score_lines(customer, day, np.array([9, 1, 5]), np.array([4, 1, 4]), customers=2)
    >>> two.frequency.tolist(), two.last_day.tolist(), two.net.tolist(), two.tier.tolist()
    ([2, 1], [5, 3], [10, 5], [0, 3])
    """
    _check(customer, day, net, cost, customers)
    customer = customer.astype(np.intp, copy=False)
    frequency, last_day = purchase_days(customer, day, customers=customers, sold=sold)
    total = sum_by(customer, net, customers)
    margin = total - sum_by(customer, cost, customers)
    bought = frequency > 0
    scores = [_scores(values, bought, classes) for values in (last_day, frequency, total)]
    return DenseScores(
        last_day=last_day,
        frequency=frequency,
        net=total,
        margin=margin,
        r=scores[0],
        f=scores[1],
        m=scores[2],
        tier=assign(total, thresholds(total, shares=shares)),
        quadrant=_quadrants(total, margin),
    )


def purchase_days(
    customer: AnyInts, day: AnyInts, *, customers: int, sold: npt.NDArray[np.bool_] | None = None
) -> tuple[Ints, Ints]:
    """Purchase days and last purchase day of each customer; each shape (customers,).

    One sort of integers that hold the customer in their upper bits and the day in their lower ones.

    Examples
    --------
    >>> purchase_days(np.array([1, 1, 1]), np.array([4, 4, 6]), customers=2)
    (array([0, 2]), array([-1,  6]))
    """
    last = np.full(customers, NEVER, dtype=np.int64)
    if not day.size:
        return np.zeros(customers, dtype=np.int64), last
    bits = max(int(day.max()), 1).bit_length()
    keys = customer.astype(np.int64)
    keys <<= bits
    keys |= day
    keys = _distinct(keys if sold is None else keys[sold])
    owner = keys >> bits
    keys &= (1 << bits) - 1
    last[owner] = keys  # keys ascend, so the last write per customer is the latest day
    return np.bincount(owner, minlength=customers).astype(np.int64, copy=False), last


def sum_by(customer: AnyInts, values: AnyInts, customers: int) -> Ints:
    """Exact sums by customer; shape (customers,)."""
    _check_exact(values)
    total = np.zeros(customers)
    for start in range(0, values.size, CHUNK):
        part = slice(start, start + CHUNK)
        # both casts by hand: bincount's own, from narrower integers, costs four times as much
        owner, weight = customer[part].astype(np.intp, copy=False), values[part].astype(np.float64)
        total += np.bincount(owner, weights=weight, minlength=customers)
    return total.astype(np.int64)


def _distinct(keys: Ints) -> Ints:
    """The distinct keys, ascending; `keys` itself is sorted in place."""
    keys.sort()
    fresh = np.empty(keys.size, dtype=bool)
    fresh[:1] = True
    np.not_equal(keys[1:], keys[:-1], out=fresh[1:])
    return keys[fresh]


def _check_exact(values: AnyInts) -> None:
    """Refuse values whose sums a float64 may not hold exactly; the cheap bound settles nearly all."""
    if not values.size:
        return
    largest = max(abs(int(values.min())), abs(int(values.max())))
    size = float(largest) * values.size
    if size >= EXACT:
        size = float(np.abs(values).sum(dtype=np.float64))
    if size >= EXACT:
        raise ModelError("scoring.dense_sums", values={"size": f"{size:.3g}"})


def _scores(values: Ints, bought: npt.NDArray[np.bool_], classes: int) -> Codes:
    if bought.all():
        return strict_scores(values, classes=classes)
    scores = np.zeros(values.shape, dtype=np.int8)
    if bought.any():
        scores[bought] = strict_scores(values[bought], classes=classes)
    return scores


def _quadrants(net: Ints, margin: Ints) -> Codes:
    """Above the medians of the rated, as `matrix(..., margin="amount", cut="median")` places them."""
    rated = net > 0
    cuts = [_above_median(values, rated) for values in (net, margin)]
    return quadrant_codes(net, margin, rated, net_cut=cuts[0], margin_cut=cuts[1])


def _above_median(values: Ints, rated: npt.NDArray[np.bool_]) -> float:
    known = values if rated.all() else values[rated]
    if not known.size:
        return float("inf")
    middle = float(np.median(known))
    above = float(np.floor(middle)) + 1.0  # whole numbers: above the median is at least the next one
    return min(above, float(known.max()))  # nobody above: high begins at the largest, as in `matrix`


def _check(customer: AnyInts, day: AnyInts, net: AnyInts, cost: AnyInts, customers: int) -> None:
    lengths = [a.size for a in (customer, day, net, cost)]
    kinds = [a.dtype for a in (customer, day, net, cost)]
    if len(set(lengths)) > 1 or not all(np.issubdtype(kind, np.integer) for kind in kinds):
        raise ModelError(
            "scoring.dense_arrays", values={"lengths": str(lengths), "types": ", ".join(str(kind) for kind in kinds)}
        )
    if not customer.size:
        return
    low, high, first = int(customer.min()), int(customer.max()), int(day.min())
    if low < 0 or high >= customers or first < 0:
        raise ModelError("scoring.dense_codes", values={"low": low, "high": high, "customers": customers})
