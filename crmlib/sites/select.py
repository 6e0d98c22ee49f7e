"""Which k of n candidates together? Net profit after rent, sites that take from each other counted once.

    max_T  m·Σ_c D_c·[P_c(A_c + Σ_{j∈T} a_cj) − P_c(A_c)] − Σ_{j∈T} cost_j      |T| ≤ k, spacing, budget

P is concave in A, so the revenue is submodular: lazy greedy (Minoux 1978) gives at least 1 − 1/e of it, and was optimal
wherever optimality could be proved; a 1-swap search and the bound of `crmlib.sites.bound` guard against the rest.
Greedy is not good for p-median (7 % off there): see `crmlib.sites.classics.location` for that.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from crmlib.core.coordinates import distance_km
from crmlib.core.errors import ModelError
from crmlib.sites import shares
from crmlib.sites.market import Array, Stores

Bools: TypeAlias = NDArray[np.bool_]

MAX_BRUTE_FORCE = 200_000


@dataclass(frozen=True, slots=True)
class Task:
    """What to choose from.

    at : the stage before; new : mean attractions of candidates, shape (c, n); margin : of revenue; cost : rent and
    fixed cost [yuan a year], shape (n,); capex : [yuan], shape (n,); near : pairs too close, shape (n, n);
    k : at most so many; budget : of capex [yuan], inf if none.
    """

    at: shares.Stage
    new: Array
    margin: float
    cost: Array
    capex: Array
    near: Bools
    k: int
    budget: float


@dataclass(frozen=True, slots=True)
class Selection:
    """Chosen sites (indices, in the order of choice) and their joint profit and net revenue [yuan a year].

    alone : sum of the stand-alone net revenues, which counts overlaps twice; swaps : improvements the 1-swap found.
    """

    chosen: tuple[int, ...]
    profit: float
    net: float
    alone: float
    capex: float
    swaps: int


def task(
    at: shares.Stage,
    new: Array,
    *,
    margin: float,
    yearly_cost: Array,
    capex: Array,
    k: int,
    candidates: Stores | None = None,
    spacing_km: float = 0.0,
    budget: float = float("inf"),
) -> Task:
    """Put a choice together; sites nearer to each other than `spacing_km` exclude one another."""
    if k < 1 or k > new.shape[1] or k != int(k):
        raise ModelError("sites.bad_k", values={"k": k, "n": new.shape[1]})
    _check_offers(new.shape[1], yearly_cost=yearly_cost, capex=capex, margin=margin, budget=budget)
    near = np.zeros((new.shape[1], new.shape[1]), dtype=bool)
    if candidates is not None and spacing_km > 0:
        lat, lon = candidates.lat, candidates.lon
        near = distance_km(lat[:, None], lon[:, None], lat[None, :], lon[None, :]) < spacing_km
        np.fill_diagonal(near, val=False)
    return Task(at, new, margin, yearly_cost, capex, near, k, budget)


def _check_offers(n: int, *, yearly_cost: Array, capex: Array, margin: float, budget: float) -> None:
    """Rent, fixed cost and investment of every candidate are known, and the margin is a share of revenue."""
    bad = [len(np.atleast_1d(v)) != n or not np.isfinite(v).all() for v in (yearly_cost, capex)]
    if any(bad):
        raise ModelError("sites.offers", values={"n": n})
    if not 0 <= margin <= 1 or np.isnan(budget):
        raise ModelError("sites.margin", values={"margin": margin, "budget": budget})


def profit(task_: Task, chosen: tuple[int, ...] | list[int]) -> float:
    """Joint profit of a set [yuan a year]."""
    index = list(chosen)
    return float(task_.margin * shares.open_together(task_.at, task_.new[:, index]) - task_.cost[index].sum())


def select(task_: Task) -> Selection:
    """Greedy, then swaps while they help.

    With a budget the greedy is run by gain and by gain per yuan of capex, and the better set is kept.
    """
    starts = [greedy(task_, per_capex=False)]
    if np.isfinite(task_.budget):
        starts.append(greedy(task_, per_capex=True))
    chosen, swaps = max((_swap(task_, s) for s in starts), key=lambda found: profit(task_, found[0]))
    index = list(chosen)
    each = shares.open_each(task_.at, task_.new[:, index]).net if index else np.zeros(0)
    return Selection(
        chosen=tuple(chosen),
        profit=profit(task_, chosen),
        net=shares.open_together(task_.at, task_.new[:, index]),
        alone=float(each.sum()),
        capex=float(task_.capex[index].sum()),
        swaps=swaps,
    )


def by_rank(task_: Task, rank: Array) -> Selection:
    """The set a ranking would open: the best-ranked sites that spacing and budget allow, loss-making or not.

    Parameters
    ----------
    rank : lower is better, shape (n,).
    """
    chosen: list[int] = []
    for j in np.argsort(rank, kind="stable"):
        if len(chosen) < task_.k and _allowed(task_, chosen)[j]:
            chosen.append(int(j))
    each = shares.open_each(task_.at, task_.new[:, chosen]).net
    net = shares.open_together(task_.at, task_.new[:, chosen])
    return Selection(tuple(chosen), profit(task_, chosen), net, float(each.sum()), float(task_.capex[chosen].sum()), 0)


def brute_force(task_: Task) -> Selection:
    """The best set of all, by looking at every one; for small n, to prove the greedy."""
    n = task_.new.shape[1]
    best: tuple[float, tuple[int, ...]] = (0.0, ())
    for size in range(1, task_.k + 1):
        sets = np.array(list(combinations(range(n), size)), dtype=np.int64)
        if len(sets) > MAX_BRUTE_FORCE:
            raise ModelError("sites.too_many_sets", values={"sets": len(sets)})
        clash = np.array([task_.near[np.ix_(s, s)].any() for s in sets]) | (task_.capex[sets].sum(1) > task_.budget)
        for rows in np.array_split(sets[~clash], max(1, len(sets) // 500)):
            if len(rows):
                values = _profits(task_, rows)
                top = int(values.argmax())
                best = max(best, (float(values[top]), tuple(int(i) for i in rows[top])))
    chosen = best[1]
    net = shares.open_together(task_.at, task_.new[:, list(chosen)])
    return Selection(chosen, best[0], net, 0.0, float(task_.capex[list(chosen)].sum()), 0)


def _profits(task_: Task, sets: NDArray[np.int64]) -> Array:
    before = task_.at.own.sum(axis=1)
    rest = task_.at.rivals + task_.at.outside
    added = task_.new[:, sets[:, 0]].copy()
    for column in sets.T[1:]:
        added += task_.new[:, column]
    after = shares.own_share(before[:, None] + added, rest[:, None], task_.at.nest)
    gain = task_.at.demand @ after - task_.at.demand @ shares.own_share(before, rest, task_.at.nest)
    return np.asarray(task_.margin * gain - task_.cost[sets].sum(axis=1))


def _allowed(task_: Task, chosen: list[int]) -> Bools:
    """Candidates that may join the chosen ones."""
    free: Bools = np.logical_not(task_.near[chosen].any(axis=0))
    free[chosen] = False
    return np.asarray(free & (task_.capex <= task_.budget - task_.capex[chosen].sum()))


def _gains(task_: Task, total: Array, index: NDArray[np.int64]) -> Array:
    """Profit each of `index` adds to own attraction `total` (c,)."""
    rest = task_.at.rivals + task_.at.outside
    after = shares.own_share(total[:, None] + task_.new[:, index], rest[:, None], task_.at.nest)
    now = shares.own_share(total, rest, task_.at.nest)
    return np.asarray(task_.margin * (task_.at.demand @ after - task_.at.demand @ now) - task_.cost[index])


def greedy(task_: Task, *, per_capex: bool) -> list[int]:
    """Lazy greedy: an old gain is an upper bound of the new one, so few are computed again."""
    total = task_.at.own.sum(axis=1)
    everyone = np.arange(task_.new.shape[1])
    weight = np.maximum(task_.capex, 1.0) if per_capex else np.ones(len(everyone))
    gains = _gains(task_, total, everyone)
    fresh = np.ones(len(everyone), dtype=bool)
    chosen: list[int] = []
    while len(chosen) < task_.k:
        open_ = _allowed(task_, chosen) & (gains > 0)
        if not open_.any():
            break
        top = int(np.where(open_, gains / weight, -np.inf).argmax())
        if fresh[top]:
            chosen.append(top)
            total = total + task_.new[:, top]
            fresh[:] = False
        else:
            gains[top] = _gains(task_, total, np.array([top]))[0]
            fresh[top] = True
    return chosen


def _swap(task_: Task, chosen: list[int]) -> tuple[list[int], int]:
    """Exchange one chosen site for another while the joint profit grows."""
    chosen, swaps, improved = list(chosen), 0, True
    while improved and chosen:
        improved = False
        now = profit(task_, chosen)
        for place in range(len(chosen)):
            others = chosen[:place] + chosen[place + 1 :]
            allowed = np.flatnonzero(_allowed(task_, others))
            allowed = allowed[allowed != chosen[place]]
            if not len(allowed):
                continue
            total = task_.at.own.sum(axis=1) + task_.new[:, others].sum(axis=1)
            gains = _gains(task_, total, allowed)
            top = int(gains.argmax())
            if profit(task_, others) + gains[top] > now + 1e-6:
                chosen = [*chosen[:place], int(allowed[top]), *chosen[place + 1 :]]
                swaps, improved = swaps + 1, True
                break
    return chosen, swaps
