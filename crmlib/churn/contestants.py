"""The scores that stand side by side in every report: the risk, its challenger, P(0 in h), overdue, rules of thumb."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import polars as pl

from crmlib.churn import additive, boosted, logit, overdue, rules
from crmlib.churn.backtest import Contestant
from crmlib.churn.metrics import Array
from crmlib.churn.visits import Visits, known_days


class BgNbd(Protocol):
    """Parameters of a BG/NBD fit, whoever made it."""

    @property
    def r(self) -> float:
        """Shape of the purchase rate."""

    @property
    def alpha(self) -> float:
        """Rate of the purchase rate [weeks]."""

    @property
    def a(self) -> float:
        """First beta shape of dropout."""

    @property
    def b(self) -> float:
        """Second beta shape of dropout."""


def standard(seen: Visits, *, horizon: int, purchases: BgNbd | None, rng: np.random.Generator) -> list[Contestant]:
    """The standard line-up.

    Parameters
    ----------
    horizon : days.
    purchases : BG/NBD parameters in weeks, fitted on what was known at the first test origin; none leaves P(0) out.
    """

    def late(_: pl.DataFrame, test: pl.DataFrame) -> Array:
        return _overdue(seen, test, rng)

    line_up = [
        Contestant("logit", lambda train, test: logit.fit(train).predict(test), probability=True),
        Contestant("additive", lambda train, test: additive.fit(train).predict(test), probability=True),
        Contestant("boosted", lambda train, test: boosted.fit(train).predict(test), probability=True),
        Contestant("recency", lambda _, test: rules.scores(test)["recency"].to_numpy()),
        Contestant("frequency", lambda _, test: rules.scores(test)["frequency"].to_numpy()),
        Contestant("overdue", late),
    ]
    if purchases is not None:
        fitted = purchases
        line_up.insert(3, Contestant("p_zero", lambda _, test: _p_zero(test, horizon, fitted), probability=True))
    return line_up


def _p_zero(test: pl.DataFrame, horizon: int, fit: BgNbd) -> Array:
    trips, age, recency = (test[c].to_numpy().astype(float) for c in ("trips", "age", "recency"))
    weeks = {"t_x": (age - recency) / 7, "T": age / 7, "h": horizon / 7}
    return rules.p_zero(x=trips - 1, r=fit.r, alpha=fit.alpha, a=fit.a, b=fit.b, **weeks)


def _overdue(seen: Visits, test: pl.DataFrame, rng: np.random.Generator) -> Array:
    days = known_days(seen, t0=test["origin"][0]).filter("trip")
    fit = overdue.fit(test, log_gaps=overdue.log_gap_sums(days), rng=rng)
    return fit.overdue(test)["overdue"].to_numpy()
