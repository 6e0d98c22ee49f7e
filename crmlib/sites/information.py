"""What is a complete competitor layer worth? The yuan lost by choosing sites without it.

The market is fitted again with some (or all) competitors unknown, sites are chosen by that fit, and the choice is paid
at what the full model says. Several random parts are taken away, so the value comes with a range.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crmlib.core.errors import ModelError
from crmlib.sites import forecast, huff, market, select, shares
from crmlib.sites.huff import HuffFit
from crmlib.sites.market import Array, Market, Stores


@dataclass(frozen=True, slots=True)
class Value:
    """What not knowing some competitors costs.

    missing : share of competitors unknown; lost, worst : profit lost by the choice, mean and worst [yuan a year];
    net_bias : mean error of the forecast net revenue; changed : mean share of the chosen sites that differ; failed :
    repeats in which the calibration failed; repeats : tried.
    """

    missing: float
    lost: float
    worst: float
    net_bias: float
    changed: float
    failed: int
    repeats: int


@dataclass(frozen=True, slots=True)
class Blind:
    """The market without some of its competitors, and the fit there; none where the calibration failed."""

    market: Market
    fit: HuffFit | None


def of_competitors(
    market_: Market, fitted: HuffFit, candidates: Stores, task: select.Task, *, missing: float, repeats: int,
    rng: np.random.Generator,
) -> Value:  # fmt: skip
    """Lose `missing` of the competitors `repeats` times and choose again.

    Parameters
    ----------
    task : the choice under the full model; its costs and limits are kept.
    """
    return worth(blinds(market_, fitted, missing=missing, repeats=repeats, rng=rng), candidates, task, missing=missing)


def blinds(
    market_: Market, fitted: HuffFit, *, missing: float, repeats: int, rng: np.random.Generator
) -> tuple[Blind, ...]:
    """The market fitted `repeats` times without a random part of its competitors; whatever is chosen there."""
    found = []
    for _ in range(repeats):
        market_left = market.without_rivals(market_, rng.random(len(market_.rivals.ids)) < missing)
        try:
            found.append(Blind(market_left, huff.fit(market_left, form=fitted.form, nested=fitted.nested)))
        except ModelError:
            found.append(Blind(market_left, None))
    return tuple(found)


def worth(found: tuple[Blind, ...], candidates: Stores, task: select.Task, *, missing: float) -> Value:
    """What choosing by the blind fits costs, paid at what the full model says."""
    truth = select.select(task)
    net_true = shares.open_each(task.at, task.new).net
    lost, bias, changed = [], [], []
    for blind in found:
        if blind.fit is None:
            continue
        at, new = forecast.candidate_attractions(blind.market, blind.fit, candidates)
        chosen = select.select(_with(task, at, new)).chosen
        lost.append(truth.profit - select.profit(task, chosen))
        bias.append(float(shares.open_each(at, new).net.sum() / net_true.sum() - 1))
        changed.append(1 - len(set(chosen) & set(truth.chosen)) / max(len(truth.chosen), 1))
    failed = len(found) - len(lost)
    worst = max(lost, default=float("nan"))
    return Value(missing, _mean(lost), worst, _mean(bias), _mean(changed), failed, len(found))


def _with(task: select.Task, at: shares.Stage, new: Array) -> select.Task:
    return select.Task(at, new, task.margin, task.cost, task.capex, task.near, task.k, task.budget)


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
