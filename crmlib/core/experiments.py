"""What a random holdout can show: power, sizes of groups, when to stop.

Source: Jennison & Turnbull (2000), Group Sequential Methods, table 2.3 (O'Brien–Fleming).
"""

from __future__ import annotations

from math import comb
from statistics import NormalDist

OBRIEN_FLEMING = (1.960, 1.977, 2.004, 2.024, 2.040, 2.053, 2.063, 2.072, 2.080, 2.087)
"""Constant C_B(K, .05, two-sided) for K = 1 … 10 looks."""


def detectable(*, treated: int, held: int, base: float, strength: float = 0.8, alpha: float = 0.05) -> float:
    """Smallest difference of shares found with chance `strength` (two-sided test, normal approximation).

    Solves d = z_level · se(no effect) + z_power · se(effect d), whose errors depend on d themselves.

    Parameters
    ----------
    treated, held : people of either group.
    base : share expected without contact.

    Examples
    --------
    >>> round(detectable(treated=900, held=100, base=0.2437), 4)
    0.1383
    """
    z_level, z_power = NormalDist().inv_cdf(1 - alpha / 2), NormalDist().inv_cdf(strength)
    n1, n0 = max(treated, 1), max(held, 1)
    d = 0.0
    for _ in range(50):
        other = min(base + d, 1.0)
        pooled = (n1 * other + n0 * base) / (n1 + n0)
        none = (pooled * (1 - pooled) * (1 / n1 + 1 / n0)) ** 0.5
        some = (other * (1 - other) / n1 + base * (1 - base) / n0) ** 0.5
        d = min(z_level * none + z_power * some, 1.0 - base)
    return d


def sizes(*, treated: int, held: int, held_bp: int) -> tuple[float, float]:
    """χ² of the groups' sizes against the share drawn [basis points], and its p (one degree of freedom).

    Examples
    --------
    >>> chi2, p = sizes(treated=8_900, held=1_100, held_bp=1_000)
    >>> round(chi2, 2), round(p, 5)
    (11.11, 0.00086)
    """
    total = treated + held
    expected = total * held_bp / 10_000
    if total == 0 or not 0 < held_bp < 10_000:
        return 0.0, 1.0
    chi2 = (held - expected) ** 2 / expected + (treated - (total - expected)) ** 2 / (total - expected)
    return chi2, 2 * NormalDist().cdf(-(chi2**0.5))


def bound(*, look: int, looks: int) -> float:
    """|z| beyond which look number `look` of `looks` equally spaced ones may stop (O'Brien–Fleming, 5 %).

    Examples
    --------
    >>> [round(bound(look=k, looks=4), 2) for k in (1, 2, 3, 4)]
    [4.05, 2.86, 2.34, 2.02]
    """
    constant = OBRIEN_FLEMING[min(looks, len(OBRIEN_FLEMING)) - 1]
    return float(constant * (looks / look) ** 0.5)


def lopsided(under: int, over: int, *, alpha: float = 0.05) -> bool:
    """Whether misses lie to one side more often than chance would have it (sign test, exact, two-sided).

    Examples
    --------
    >>> lopsided(21, 8), lopsided(8, 21), lopsided(73, 87), lopsided(5, 0), lopsided(6, 0)
    (True, True, False, False, True)
    """
    n, few = under + over, min(under, over)
    return n > 0 and 2 * sum(comb(n, k) for k in range(few + 1)) / 2**n <= alpha
