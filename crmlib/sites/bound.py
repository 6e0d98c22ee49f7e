"""How far can the chosen set be from the best one? An upper bound by linear programming.

The revenue is monotone and submodular over sets, and concave in 0 ≤ x ≤ 1, in every group of cells g. Two families of
planes lie above it: tangents θ_g ≤ F_g(x_t) + ∇F_g(x_t)·(x − x_t), and Nemhauser & Wolsey's (1981) planes
θ_g ≤ f_g(S) + Σ_{j∉S} [f_g(S+j) − f_g(S)]·x_j, which are tight at sets. HiGHS maximises m·Σθ_g − cost·x under them;
each solution adds planes (Kelley 1960). Where the relaxation stays above the tolerance, the same planes in a 0/1
programme bound the sets themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, hstack, vstack

from crmlib.sites import shares
from crmlib.sites.market import Array, Ints
from crmlib.sites.select import Selection, Task, greedy

TOLERANCE = 0.005
GROUPS = 16
STALLED = 1e-4  # an LP round that lowers the bound by less ends the relaxed phase
SCALE = 1e6  # yuan to millions keeps HiGHS's tolerances meaningful


@dataclass(frozen=True, slots=True)
class Bound:
    """No set has a higher profit than `profit` [yuan a year]; gap = profit / chosen − 1; rounds solved; whole : 0/1."""

    profit: float
    gap: float
    rounds: int
    whole: bool


@dataclass(frozen=True, slots=True)
class _Planes:
    """θ_g − slopes·x ≤ levels: one row per group and point; and the region of feasible x."""

    slopes: list[Array]
    levels: list[Array]
    sides: csr_array
    tops: Array


def bound(task: Task, found: Selection, *, seconds: float = 8.0, tolerance: float = TOLERANCE) -> Bound:
    """Upper bound of the profit over all feasible sets, within about `seconds`."""
    ends = monotonic() + seconds
    groups = _groups(task)
    planes = _Planes([], [], *_region(task))
    for size in range(len(found.chosen) + 1):
        _add_set(task, planes, groups, list(found.chosen[:size]))
    value, best, rounds, whole = max(found.profit, 1e-9), np.inf, 0, False
    while best > value * (1 + tolerance) and monotonic() < ends:
        upper, point = _solve(task, planes, whole=whole, seconds=max(ends - monotonic(), 0.2))
        rounds += 1
        stalled = best - upper < STALLED * value
        best = min(best, upper)
        if stalled and whole:
            break
        whole = whole or stalled or monotonic() > ends - 0.6 * seconds
        if np.any((point > 1e-6) & (point < 1 - 1e-6)):
            _add_tangent(task, planes, groups, point)
        _add_set(task, planes, groups, _top(task, point))
    gap = best / value - 1 if found.profit > 0 or best > 1e-6 else 0.0
    return Bound(float(best), float(gap), rounds, whole)


def _groups(task: Task) -> Ints:
    """Group of each cell: the one of the greedy's first sites that pulls it most."""
    wide = Task(task.at, task.new, task.margin, 0 * task.cost, task.capex, 0 * task.near > 0, GROUPS, np.inf)
    wide = wide if task.new.shape[1] >= GROUPS else task
    seeds = greedy(wide, per_capex=False)
    return np.asarray(task.new[:, seeds].argmax(axis=1) if seeds else np.zeros(len(task.new), dtype=np.int64))


def _by_group(groups: Ints, values: Array) -> Array:
    """Sums of rows (cells) by group."""
    member = csr_array((np.ones(len(groups)), (groups, np.arange(len(groups)))), shape=(groups.max() + 1, len(groups)))
    return np.asarray(member @ values)


def _add_set(task: Task, planes: _Planes, groups: Ints, chosen: list[int]) -> None:
    """The submodular plane of a set: what each further site would add to it."""
    start = task.at.own.sum(axis=1)
    rest = task.at.rivals + task.at.outside
    before = shares.own_share(start, rest, task.at.nest)
    total = start + task.new[:, chosen].sum(axis=1)
    now = shares.own_share(total, rest, task.at.nest)
    after = shares.own_share(total[:, None] + task.new, rest[:, None], task.at.nest)
    gains = _by_group(groups, task.at.demand[:, None] * (after - now[:, None]))
    gains[:, chosen] = 0
    planes.slopes.append(gains / SCALE)
    planes.levels.append(_by_group(groups, task.at.demand * (now - before)) / SCALE)


def _add_tangent(task: Task, planes: _Planes, groups: Ints, point: Array) -> None:
    """The tangent plane of the concave revenue at a fractional point."""
    start = task.at.own.sum(axis=1)
    rest = task.at.rivals + task.at.outside
    total = start + task.new @ point
    share = shares.own_share(total, rest, task.at.nest)
    gained = task.at.demand * (share - shares.own_share(start, rest, task.at.nest))
    slope = task.at.demand * task.at.nest * share * (1 - share) / total
    slopes = _by_group(groups, slope[:, None] * task.new) / SCALE
    planes.slopes.append(slopes)
    planes.levels.append(_by_group(groups, gained) / SCALE - slopes @ point)


def _top(task: Task, point: Array) -> list[int]:
    """The k sites with the largest x."""
    order = np.argsort(-point, kind="stable")[: task.k]
    return [int(j) for j in order if point[j] > 1e-6]


def _region(task: Task) -> tuple[csr_array, Array]:
    """Rows of: at most k, the budget, and one per clique of sites that exclude each other."""
    rows, tops = [np.ones(len(task.cost))], [float(task.k)]
    if np.isfinite(task.budget):
        rows.append(task.capex / SCALE)
        tops.append(task.budget / SCALE)
    left = np.triu(task.near)
    while left.any():
        clique = [int(left.any(axis=1).argmax())]
        for j in np.flatnonzero(left[clique[0]]):
            if task.near[j, clique].all():
                clique.append(int(j))
        left[np.ix_(clique, clique)] = False
        rows.append(np.isin(np.arange(len(task.cost)), clique).astype(float))
        tops.append(1.0)
    return csr_array(np.array(rows)), np.array(tops)


def _solve(task: Task, planes: _Planes, *, whole: bool, seconds: float) -> tuple[float, Array]:
    """Upper bound of the maximum [yuan a year], and where HiGHS found it; over 0 ≤ x ≤ 1 or x in {0, 1}."""
    n, groups = len(task.cost), len(planes.levels[0])
    points = len(planes.levels)
    theta = csr_array(np.tile(np.eye(groups), (points, 1)))
    above = hstack([csr_array(-np.concatenate(planes.slopes)), theta])
    region = hstack([planes.sides, csr_array((len(planes.tops), groups))])
    found = milp(
        np.append(task.cost / SCALE, np.full(groups, -task.margin)),
        constraints=LinearConstraint(vstack([above, region]).tocsc(), ub=np.concatenate([*planes.levels, planes.tops])),
        integrality=(np.arange(n + groups) < n * whole).astype(np.int64),
        bounds=Bounds(np.append(np.zeros(n), np.full(groups, -np.inf)), np.append(np.ones(n), np.full(groups, np.inf))),
        options={"time_limit": seconds, "mip_rel_gap": 1e-4},
    )
    if found.x is None:
        return np.inf, np.zeros(n)
    dual = found.mip_dual_bound if whole and found.mip_dual_bound is not None else found.fun
    return float(-dual * SCALE), np.clip(found.x[:n], 0, 1)
