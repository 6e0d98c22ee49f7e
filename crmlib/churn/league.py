"""The scores that stand side by side in every report: the risk, its challenger, P(0 in h), overdue, rules of thumb.

`trial` lets them compete on the company's own past, and says which of them ranks from now on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import numpy as np
import polars as pl

from crmlib.churn.features.features import Options
from crmlib.churn.features.visits import Visits, known_days
from crmlib.churn.judge.backtest import Contestant, league, rolling, winner
from crmlib.churn.metrics import Array
from crmlib.churn.models import additive, boosted, logit, overdue, rules
from crmlib.churn.risk import training_origins


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


ORIGINS = 9
"""Most training origins of the rolling test."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The rolling test: its league table (null if no test origin has closed), what ranks, and P(0 in h) if given."""

    board: pl.DataFrame | None
    kind: str
    p_zero: rules.PZero | None


def trial(
    seen: Visits,
    *,
    tests: Sequence[date],
    as_of: date,
    first: date,
    horizon: int,
    purchases: BgNbd | None,
    rng: np.random.Generator,
    options: Options | None = None,
    draws: int = 100,
) -> Trial:
    """The standard line-up at the test origins; the logit ranks unless a challenger beats it (`backtest.winner`).

    Parameters
    ----------
    tests : from `backtest.closed_tests`; none leaves the logit in its place.
    purchases : BG/NBD parameters in weeks, fitted on what was known at the first test origin; none leaves P(0) out.
    """
    zero = p_zero(purchases, horizon=horizon) if purchases is not None else None
    if not tests:
        return Trial(None, "logit", zero)
    rivals = standard(seen, horizon=horizon, purchases=purchases, rng=rng)
    scored = rolling(
        seen,
        test_origins=tests,
        train_origins=training_origins(t0=as_of, horizon=horizon, first=first, most=ORIGINS),
        horizon=horizon,
        observed_until=as_of,
        contestants=rivals,
        options=options,
    )
    board = league(scored, contestants=rivals, against="logit", rng=rng, draws=draws)
    return Trial(board, winner(board), zero)


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
        known = p_zero(purchases, horizon=horizon)
        line_up.insert(3, Contestant("p_zero", lambda _, test: known.predict(test), probability=True))
    return line_up


def p_zero(purchases: BgNbd, *, horizon: int) -> rules.PZero:
    """The score P(no purchase in `horizon` days) of a BG/NBD fit in weeks."""
    return rules.PZero(r=purchases.r, alpha=purchases.alpha, a=purchases.a, b=purchases.b, horizon=horizon)


def _overdue(seen: Visits, test: pl.DataFrame, rng: np.random.Generator) -> Array:
    days = known_days(seen, t0=test["origin"][0]).filter("trip")
    fit = overdue.fit(test, log_gaps=overdue.log_gap_sums(days), rng=rng)
    return fit.overdue(test)["overdue"].to_numpy()
