"""Classic location problems on a distance matrix, solved exactly by HiGHS: cover, p-median, p-center.

Sources: Toregas et al. (1971) LSCP; Church & ReVelle (1974) MCLP; Hakimi (1964) p-median and p-center; ReVelle & Swain
(1970) for the formulation. They know no competition and no money: use them for service points, not for revenue.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, eye_array, hstack, kron, vstack

from crmlib.core.errors import ModelError
from crmlib.sites.market import Array


@dataclass(frozen=True, slots=True)
class Located:
    """objective : of the problem, in its unit; chosen : indices of sites; covered : demand points within reach."""

    objective: float
    chosen: tuple[int, ...]
    covered: int


def cover_all(distance: Array, *, radius: float) -> Located:
    """LSCP: the fewest sites so that every point has one within `radius`; objective [sites]; `distance` (c, n)."""
    _check(distance)
    reach = (distance <= radius).astype(float)
    n = distance.shape[1]
    x = _solve(np.ones(n), [LinearConstraint(csr_array(reach), lb=1)], whole=n)
    return _located(distance, x, float(x.sum()), radius)


def cover_most(distance: Array, weight: Array, *, p: int, radius: float) -> Located:
    """MCLP: p sites that cover the most weight within `radius`; objective [weight]."""
    _check(distance, p)
    points, n = distance.shape
    reach = csr_array((distance <= radius).astype(float))
    goal = np.concatenate([np.zeros(n), -weight])
    rules = [
        LinearConstraint(hstack([reach, -eye_array(points)]), lb=0),
        LinearConstraint(np.append(np.ones(n), np.zeros(points))[None, :], lb=p, ub=p),
    ]
    x = _solve(goal, rules, whole=n)
    return _located(distance, x[:n], float(weight @ x[n:]), radius)


def p_median(distance: Array, weight: Array, *, p: int) -> Located:
    """The p sites with the least weighted distance to the nearest; objective [weight × distance]."""
    _check(distance, p)
    points, n = distance.shape
    goal = np.concatenate([np.zeros(n), (weight[:, None] * distance).ravel() / weight.max()])
    x = _solve(goal, _assign(points, n, p), whole=n)
    chosen = np.flatnonzero(x[:n] > 0.5)
    value = float(weight @ distance[:, chosen].min(axis=1))
    return Located(value, tuple(int(i) for i in chosen), points)


def p_center(distance: Array, *, p: int) -> Located:
    """The p sites that bring the farthest point nearest; objective [distance], by bisection over the distances."""
    _check(distance, p)
    levels = np.unique(distance)
    low, high = 0, len(levels) - 1
    while low < high:
        middle = (low + high) // 2
        enough = (distance <= levels[middle]).any(axis=1).all() and cover_all(
            distance, radius=levels[middle]
        ).objective <= p
        low, high = (low, middle) if enough else (middle + 1, high)
    found = cover_all(distance, radius=levels[low])
    return Located(float(levels[low]), found.chosen, found.covered)


def _check(distance: Array, p: int = 1) -> None:
    """Distances are there and not negative (inf: no road), and p is a number of sites that there are."""
    bad = int((np.isnan(distance) | (distance < 0)).sum())
    if bad or p not in range(1, distance.shape[1] + 1):
        raise ModelError("sites.locations", values={"p": p, "n": distance.shape[1], "rows": bad})


def _assign(points: int, n: int, p: int) -> list[LinearConstraint]:
    """Each point goes to one open site; p sites are open."""
    one = hstack([csr_array((points, n)), kron(eye_array(points), np.ones((1, n)))])
    only_open = hstack([vstack([eye_array(n)] * points), -eye_array(points * n)])
    count = np.append(np.ones(n), np.zeros(points * n))[None, :]
    return [LinearConstraint(one, lb=1, ub=1), LinearConstraint(only_open, lb=0), LinearConstraint(count, lb=p, ub=p)]


def _solve(goal: Array, rules: list[LinearConstraint], *, whole: int) -> Array:
    kinds = (np.arange(len(goal)) < whole).astype(np.int64)
    found = milp(goal, constraints=rules, integrality=kinds, bounds=Bounds(0, 1), options={"mip_rel_gap": 1e-9})
    if found.x is None:
        raise ModelError("sites.no_cover", values={"sites": whole})
    return np.asarray(found.x)


def _located(distance: Array, x: Array, objective: float, radius: float) -> Located:
    chosen = np.flatnonzero(x > 0.5)
    covered = int((distance[:, chosen] <= radius).any(axis=1).sum())
    return Located(objective, tuple(int(i) for i in chosen), covered)
