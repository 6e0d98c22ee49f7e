"""How far can the chosen set be from the best one? An upper bound by linear programming.

The net revenue F(x) = Σ_c D_c·P_c(A_c + Σ_j a_cj·x_j) is concave on 0 ≤ x ≤ 1 and exact at 0/1 points, so every tangent
plane bounds it from above. Kelley's cutting planes (1960), solved by HiGHS, tighten the bound; where the relaxed one
stays above the tolerance, the same planes in a 0/1 programme close it (outer approximation).
"""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array, hstack, vstack

from crmlib.sites import shares
from crmlib.sites.market import Array
from crmlib.sites.select import Selection, Task, profit

TOLERANCE = 0.005


@dataclass(frozen=True, slots=True)
class Bound:
    """No set has a higher profit than `profit` [yuan a year]; gap = profit / chosen − 1; planes used; whole : 0/1."""

    profit: float
    gap: float
    planes: int
    whole: bool


def bound(task: Task, found: Selection, *, seconds: float = 8.0, tolerance: float = TOLERANCE) -> Bound:
    """Upper bound of the profit over all feasible sets, within about `seconds`."""
    ends = monotonic() + seconds
    cuts = _Cuts(task)
    n = len(task.cost)
    point = np.zeros(n)
    cuts.add(point)
    point[list(found.chosen)] = 1
    cuts.add(point)
    best = np.inf
    value = max(found.profit, 1e-9)
    while monotonic() < ends - 0.4 * seconds:
        upper, point = cuts.relaxed()
        best = min(best, upper)
        if best <= value * (1 + tolerance) or cuts.add(point) * task.margin - task.cost @ point >= upper - 1e-3 * value:
            break
    whole = False
    while best > value * (1 + tolerance) and monotonic() < ends:
        upper, point = cuts.whole(max(ends - monotonic(), 0.2))
        whole = True
        best = min(best, upper)
        before = profit(task, tuple(np.flatnonzero(point > 0.5).tolist()))
        cuts.add(point)
        if before >= upper - 1e-6 * value:
            break
    return Bound(best, best / value - 1, len(cuts.rows), whole)


class _Cuts:
    """Tangent planes θ ≤ F(x_t) + ∇F(x_t)·(x − x_t), and the feasible region."""

    __slots__ = ("levels", "rows", "sides", "task", "tops")

    def __init__(self, task: Task) -> None:
        self.task = task
        self.rows: list[Array] = []
        self.levels: list[float] = []
        self.sides, self.tops = _region(task)

    def add(self, point: Array) -> float:
        """Add the plane at `point`; returns F there."""
        level, slope = _plane(self.task, point)
        self.rows.append(slope)
        self.levels.append(level - float(slope @ point))
        return level

    def relaxed(self) -> tuple[float, Array]:
        """Maximum over 0 ≤ x ≤ 1."""
        return _solve_relaxed(self.task, self.rows, self.levels, self.sides, self.tops)

    def whole(self, seconds: float) -> tuple[float, Array]:
        """Upper bound of the maximum over x in {0, 1}, and the point HiGHS found."""
        return _solve_whole(self.task, self.rows, self.levels, self.sides, self.tops, seconds)


def _plane(task: Task, point: Array) -> tuple[float, Array]:
    """F and its gradient [yuan a year] at a point."""
    before = task.at.own.sum(axis=1)
    rest = task.at.rivals + task.at.outside
    total = before + task.new @ point
    share = shares.own_share(total, rest, task.at.nest)
    slope = task.at.nest * share * (1 - share) / total
    level = float(task.at.demand @ (share - shares.own_share(before, rest, task.at.nest)))
    return level, np.asarray((task.at.demand * slope) @ task.new)


def _region(task: Task) -> tuple[csr_array, Array]:
    """Rows of: at most k, the budget, and one per clique of sites that exclude each other."""
    rows, tops = [np.ones(len(task.cost))], [float(task.k)]
    if np.isfinite(task.budget):
        rows.append(task.capex / 1e4)
        tops.append(task.budget / 1e4)
    left = np.triu(task.near)
    while left.any():
        i = int(left.any(axis=1).argmax())
        clique = [i]
        for j in np.flatnonzero(left[i]):
            if task.near[j, clique].all():
                clique.append(int(j))
        left[np.ix_(clique, clique)] = False
        rows.append(np.isin(np.arange(len(task.cost)), clique).astype(float))
        tops.append(1.0)
    return csr_array(np.array(rows)), np.array(tops)


def _solve_relaxed(
    task: Task, rows: list[Array], levels: list[float], sides: csr_array, tops: Array
) -> tuple[float, Array]:  # fmt: skip
    scale = 1e6  # yuan to millions keeps HiGHS's tolerances meaningful
    planes = np.column_stack([-np.array(rows) / scale, np.ones(len(rows))])
    matrix = vstack([csr_array(planes), hstack([sides, csr_array((len(tops), 1))])]).tocsr()
    limits = np.concatenate([np.array(levels) / scale, tops])
    goal = np.append(task.cost / scale, -task.margin)
    found = linprog(goal, A_ub=matrix, b_ub=limits, bounds=[(0, 1)] * len(task.cost) + [(None, None)], method="highs")
    return float(-found.fun * scale), np.clip(found.x[:-1], 0, 1)


def _solve_whole(
    task: Task, rows: list[Array], levels: list[float], sides: csr_array, tops: Array, seconds: float
) -> tuple[float, Array]:  # fmt: skip
    scale = 1e6
    n = len(task.cost)
    planes = np.column_stack([-np.array(rows) / scale, np.ones(len(rows))])
    matrix = vstack([csr_array(planes), hstack([sides, csr_array((len(tops), 1))])])
    limits = np.concatenate([np.array(levels) / scale, tops])
    found = milp(
        np.append(task.cost / scale, -task.margin),
        constraints=LinearConstraint(matrix, ub=limits),
        integrality=np.append(np.ones(n), 0),
        bounds=Bounds(np.append(np.zeros(n), -np.inf), np.append(np.ones(n), np.inf)),
        options={"time_limit": seconds, "mip_rel_gap": 1e-4},
    )
    if found.x is None:
        return np.inf, np.zeros(n)
    return float(-found.mip_dual_bound * scale), np.round(found.x[:-1])
