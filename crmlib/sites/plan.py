"""The plan: which sites, what they bring together, how sure, and how much better than the rule of thumb."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from crmlib.core.frames import check_columns
from crmlib.core.money import to_units
from crmlib.sites import (
    bound,
    cannibal,
    checks,
    explain,
    features,
    forecast,
    information,
    market,
    payback,
    ramp,
    select,
    shares,
    whatif,
)
from crmlib.sites.choose import Choice
from crmlib.sites.market import Array
from crmlib.sites.study import DRAWS, Town

CURVE_SITES = 8  # the profit by number of sites is shown up to this
EXPLAINED = 3
UNSEEN, UNSEEN_REPEATS = 0.3, 5  # share of competitors that might be unknown, and how often that is tried
OFFERS = ("rent_minor_month", "fixed_minor_month", "capex_minor", "lease_months")
DEFAULT_RAMP = (0.5, 8.0)  # first month and months, where the chain has too few openings to tell


@dataclass(frozen=True, slots=True)
class Goal:
    """What is asked.

    k : at most so many sites; margin : of revenue; spacing_km : between new sites; budget_minor : of investment,
    none if free; rent_growth : a year.
    """

    k: int
    margin: float
    spacing_km: float = 0.0
    budget_minor: int | None = None
    rent_growth: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer and what stands behind it; money in minor units, `site_id` in every frame.

    goal : what was asked; chosen : site ids in the order of choice; net, profit, capex : of all chosen together, a year
    (capex once), with 80 % intervals; alone_net : sum of stand-alone nets; gap : to the upper bound; better : profit
    above the experience ranking's, with interval; experience : its sites; together : payback of all chosen as one;
    table : one row per candidate; losses : who loses how much to each; joint : what each own store loses to all;
    steps : waterfall; analogs; curve : profit by number of sites; paid : probability of having paid back by month;
    grid : scenarios; lost_months : months of revenue lost by ramping up; blind : value of the competitor layer.
    """

    goal: Goal
    chosen: tuple[str, ...]
    net_minor: int
    net_low_minor: int
    net_high_minor: int
    profit_minor: int
    capex_minor: int
    alone_net_minor: int
    gap: float
    better_minor: int
    better_low_minor: int
    better_high_minor: int
    experience: tuple[str, ...]
    together: pl.DataFrame
    table: pl.DataFrame
    losses: pl.DataFrame
    joint: pl.DataFrame
    steps: pl.DataFrame
    analogs: pl.DataFrame
    curve: pl.DataFrame
    paid: pl.DataFrame
    grid: pl.DataFrame
    lost_months: float
    blind: information.Value | None


@dataclass(frozen=True, slots=True)
class _Desk:
    """Everything at hand while the plan is made."""

    town: Town
    choice: Choice
    goal: Goal
    task: select.Task
    ramps: Array
    offers: dict[str, Array]
    unit: float


def blinds(town: Town, choice: Choice, *, rng: np.random.Generator) -> tuple[information.Blind, ...]:
    """The town as it would look without some of its competitors; the same for every goal."""
    if not town.rivals_known:
        return ()
    return information.blinds(town.market, choice.fit, missing=UNSEEN, repeats=UNSEEN_REPEATS, rng=rng)


def make(
    town: Town,
    choice: Choice,
    goal: Goal,
    *,
    rng: np.random.Generator,
    draws: int = DRAWS,
    currency: str = "CNY",
    unseen: tuple[information.Blind, ...] | None = None,
) -> Plan:
    """Forecast, choose, bound, compare, explain.

    Parameters
    ----------
    unseen : what `blinds` returned, if it was asked before.
    """
    desk = _desk(town, choice, goal, rng=rng, draws=draws, currency=currency)
    found, by_feel = select.select(desk.task), select.by_rank(desk.task, _experience(town))
    ids = town.candidates.ids
    single = forecast.simulate(town.market, choice.fit, town.candidates, draws=draws, rng=rng)
    sets = forecast.simulate_sets(
        town.market, choice.fit, town.candidates, [found.chosen, by_feel.chosen], draws=draws, rng=rng
    )
    profit = goal.margin * sets - np.array([desk.task.cost[list(s.chosen)].sum() for s in (found, by_feel)])
    net_low, net_high = np.quantile(sets[:, 0], forecast.INTERVAL)
    better_low, better_high = np.quantile(profit[:, 0] - profit[:, 1], forecast.INTERVAL)
    index = list(found.chosen)
    chosen_stores = market.subset(town.candidates, np.array(index, dtype=np.int64))
    whole = _payback(desk, sets[:, :1], [index], rng=rng)
    paid = _payback(desk, single.net, [[i] for i in range(len(ids))], rng=rng)
    losses = cannibal.matrix(town.market, choice.fit, chosen_stores, draws=draws // 2, rng=rng, currency=currency)

    def minor(yuan: float) -> int:
        return round(yuan / desk.unit)

    return Plan(
        goal=goal,
        chosen=tuple(ids[i] for i in index),
        net_minor=minor(found.net),
        net_low_minor=minor(net_low),
        net_high_minor=minor(net_high),
        profit_minor=minor(found.profit),
        capex_minor=minor(found.capex),
        alone_net_minor=minor(found.alone),
        gap=bound.bound(desk.task, found, seconds=4.0).gap if index else 0.0,
        better_minor=minor(found.profit - by_feel.profit),
        better_low_minor=minor(better_low),
        better_high_minor=minor(better_high),
        experience=tuple(ids[i] for i in by_feel.chosen),
        together=payback.summary(
            whole, ids=("all",), lease_months=np.array([desk.offers["lease"][index].min(initial=1e3)])
        ),
        table=_table(desk, single, paid, found, by_feel, currency),
        losses=losses,
        joint=_joint(desk, index, losses),
        steps=explain.waterfall(
            town.market, choice.fit, town.candidates, which=tuple(index[:EXPLAINED]), currency=currency
        ),
        analogs=_analogs(town, index, desk.unit),
        curve=_curve(desk),
        paid=_paid(paid[:, index], [ids[i] for i in index]),
        grid=_grid(desk, losses),
        lost_months=_lost_months(desk.ramps),
        blind=_blind(desk, blinds(town, choice, rng=rng) if unseen is None else unseen) if index else None,
    )


def _desk(town: Town, choice: Choice, goal: Goal, *, rng: np.random.Generator, draws: int, currency: str) -> _Desk:
    unit = to_units(1, currency=currency)
    check_columns(town.offers.columns, OFFERS, name="sites")
    checks.known_numbers(town.offers, OFFERS, key="site_id", name="sites")
    at, new = forecast.candidate_attractions(town.market, choice.fit, town.candidates)
    offers = {
        "rent": market.column(town.offers, "rent_minor_month") * unit,
        "fixed": market.column(town.offers, "fixed_minor_month") * unit,
        "capex": market.column(town.offers, "capex_minor") * unit,
        "lease": market.column(town.offers, "lease_months"),
    }
    task = select.task(
        at, new, margin=goal.margin, yearly_cost=12 * (offers["rent"] + offers["fixed"]), capex=offers["capex"],
        k=min(goal.k, len(town.candidates.ids)), candidates=town.candidates, spacing_km=goal.spacing_km,
        budget=np.inf if goal.budget_minor is None else goal.budget_minor * unit,
    )  # fmt: skip
    horizon = payback.HORIZON_MONTHS
    if town.ramp is None:
        first, pace = DEFAULT_RAMP
        ramps = np.tile(ramp.share(np.arange(1, horizon + 1), first_month=first, months=pace), (draws, 1))
    else:
        ramps = ramp.draw(town.ramp, draws=draws, months=horizon, rng=rng)
    return _Desk(town, choice, goal, task, ramps, offers, unit)


def _experience(town: Town) -> Array:
    return features.experience_rank(features.catchment(town.market, town.candidates))


def _payback(desk: _Desk, net: Array, groups: list[list[int]], *, rng: np.random.Generator) -> Array:
    """Months to pay back for groups of sites taken as one, shape (draws, groups)."""
    rent, fixed, capex = (np.array([desk.offers[name][g].sum() for g in groups]) for name in ("rent", "fixed", "capex"))
    return payback.months(
        net, ramp=desk.ramps, margin=desk.goal.margin, rent_month=rent, fixed_month=fixed, capex=capex, rng=rng,
        rent_growth=desk.goal.rent_growth,
    )  # fmt: skip


def _table(  # noqa: PLR0917
    desk: _Desk, single: forecast.Draws, paid: Array, found: select.Selection, by_feel: select.Selection, currency: str
) -> pl.DataFrame:
    """One row per candidate, the chosen ones first in their order, then by stand-alone profit."""
    town, goal = desk.town, desk.goal
    ids, k = town.candidates.ids, max(len(found.chosen), 1)
    base = forecast.table(town.market, desk.choice.fit, town.candidates, simulated=single, currency=currency)
    profits = goal.margin * single.net - desk.task.cost
    low, high = np.quantile(profits, forecast.INTERVAL, axis=0)
    rank = np.argsort(np.argsort(-profits, axis=1), axis=1)
    order = {i: n + 1 for n, i in enumerate(found.chosen)}
    alone = shares.open_each(desk.task.at, desk.task.new).net * goal.margin - desk.task.cost

    def minor(yuan: Array) -> pl.Series:
        return pl.Series(np.rint(yuan / desk.unit)).cast(pl.Int64)

    lease = desk.offers["lease"]
    return (
        base.with_columns(
            profit_minor=minor(alone),
            profit_low_minor=minor(low),
            profit_high_minor=minor(high),
            rent_minor_month=minor(desk.offers["rent"]),
            fixed_minor_month=minor(desk.offers["fixed"]),
            capex_minor=minor(desk.offers["capex"]),
            affordable_minor_month=minor(_affordable(desk, single.net)),
            stability=pl.Series((rank < k).mean(axis=0)),
            choice=pl.Series([order.get(i) for i in range(len(ids))], dtype=pl.Int64),
            by_feel=pl.Series([i in by_feel.chosen for i in range(len(ids))]),
        )
        .join(payback.summary(paid, ids=ids, lease_months=lease), on="site_id", maintain_order="left")
        .sort("choice", "profit_minor", "site_id", descending=[False, True, False], nulls_last=True)
    )


def _affordable(desk: _Desk, net: Array) -> Array:
    """The highest monthly rent at which the site pays back within its lease in half of the draws, shape (n,)."""
    out = np.empty(net.shape[1])
    growth = (1 + desk.goal.rent_growth) ** (np.arange(payback.HORIZON_MONTHS) // 12)
    for n, lease in enumerate(desk.offers["lease"].astype(int)):
        months = min(int(lease), payback.HORIZON_MONTHS)
        earned = net[:, n] / 12 * desk.ramps[:, :months].sum(axis=1) * desk.goal.margin
        spare = earned - desk.offers["fixed"][n] * months - desk.offers["capex"][n]
        out[n] = max(float(np.median(spare)) / growth[:months].sum(), 0.0)
    return out


def _joint(desk: _Desk, index: list[int], losses: pl.DataFrame) -> pl.DataFrame:
    """from_id, loss_minor, share of its revenue, and the new site that takes most of it; largest loss first."""
    at = desk.task.at
    lost = cannibal.joint(at, desk.task.new[:, index])
    most = (
        losses.filter(pl.col("from_kind") == "own")
        .sort("loss_minor", "site_id", descending=[True, False])
        .group_by("from_id", maintain_order=True)
        .agg(taker=pl.col("site_id").first())
    )
    frame = pl.DataFrame(
        {
            "from_id": list(desk.town.market.own.ids),
            "loss_minor": pl.Series(np.rint(lost / desk.unit)).cast(pl.Int64),
            "share": lost / shares.revenue(at),
        }
    )
    return frame.join(most, on="from_id", how="left").sort("loss_minor", "from_id", descending=[True, False])


def _analogs(town: Town, index: list[int], unit: float) -> pl.DataFrame:
    own = features.catchment(town.market, town.market.own, own_included=False)
    sites = features.catchment(town.market, town.candidates)[index]
    found = features.analogs(own, town.market.revenue, sites)
    return found.with_columns(revenue_minor=(pl.col("revenue") / unit).round().cast(pl.Int64)).drop("revenue")


def _curve(desk: _Desk) -> pl.DataFrame:
    """Joint profit by number of sites: ours and the experience ranking's."""
    rows = []
    feel = _experience(desk.town)
    for k in range(1, min(CURVE_SITES, len(desk.town.candidates.ids)) + 1):
        task = whatif.with_k(desk.task, k)
        ours, theirs = select.select(task), select.by_rank(task, feel)
        rows.append((k, len(ours.chosen), round(ours.profit / desk.unit), round(theirs.profit / desk.unit)))
    return pl.DataFrame(
        rows, schema={"k": pl.Int64, "opened": pl.Int64, "profit_minor": pl.Int64, "feel_minor": pl.Int64}, orient="row"
    )


def _paid(months: Array, ids: list[str]) -> pl.DataFrame:
    """Probability of having paid back by each month."""
    month = np.arange(1, payback.HORIZON_MONTHS + 1)
    parts = [
        pl.DataFrame({"site_id": [s] * len(month), "month": month, "p_paid": (months[:, [n]] <= month).mean(axis=0)})
        for n, s in enumerate(ids)
    ]
    empty = pl.DataFrame(schema={"site_id": pl.String, "month": pl.Int64, "p_paid": pl.Float64})
    return pl.concat([empty, *parts])


def _grid(desk: _Desk, losses: pl.DataFrame) -> pl.DataFrame:
    start = whatif.base(desk.town.market, desk.choice.fit, desk.town.candidates)
    own_ids = desk.town.market.own.ids
    lost = losses.filter(pl.col("from_kind") == "own").group_by("from_id").agg(pl.col("loss_minor").sum())
    by_id = dict(lost.rows())
    closable = whatif.most_overlapping(np.array([by_id.get(i, 0) for i in own_ids], dtype=float))
    return whatif.grid(start, desk.task, desk.town.candidates, own_ids=own_ids, closable=closable)


def _lost_months(ramps: Array) -> float:
    """Months of mature revenue that the ramp costs in all: Σ (1 − r(m))."""
    return float((1 - ramps).sum(axis=1).mean())


def _blind(desk: _Desk, unseen: tuple[information.Blind, ...]) -> information.Value | None:
    return information.worth(unseen, desk.town.candidates, desk.task, missing=UNSEEN) if unseen else None
