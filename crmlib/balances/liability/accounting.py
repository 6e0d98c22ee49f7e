"""Points in the accounts: part of the price is put aside at issue and becomes revenue as points are used.

Source: IFRS 15 (CAS 14), illustrative example 52. The management view is future use × unit cost and is not this.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Allocation:
    """goods_minor, points_minor: the price received, split by stand-alone selling prices [minor units]."""

    goods_minor: int
    points_minor: int


def allocate(received_minor: int, *, goods_minor: int, points_value_minor: int) -> Allocation:
    """Split what a sale brought in between goods and points.

    Parameters
    ----------
    goods_minor : stand-alone price of the goods. points_value_minor : stand-alone price of the points: points ×
        worth of a point × share expected to be used.

    Examples
    --------
    >>> allocate(100_000, goods_minor=100_000, points_value_minor=9_500)
    Allocation(goods_minor=91324, points_minor=8676)
    """
    whole = goods_minor + points_value_minor
    points = (2 * received_minor * points_value_minor + whole) // (2 * whole) if whole else 0
    return Allocation(received_minor - points, points)


def revenue(put_aside_minor: int, *, used: int, expected: int, recognised_minor: int = 0) -> int:
    """Revenue of the period: put aside × used so far ÷ expected in all, less what was recognised before.

    Parameters
    ----------
    used, expected : points used from the beginning, and expected to be used in all, as it is known now.

    Examples
    --------
    >>> first = revenue(8_676, used=4_500, expected=9_500)
    >>> second = revenue(8_676, used=8_500, expected=9_700, recognised_minor=first)
    >>> first, second, 8_676 - first - second
    (4110, 3493, 1073)
    """
    if expected <= 0:
        return 0
    total = (2 * put_aside_minor * min(used, expected) + expected) // (2 * expected)
    return total - recognised_minor
