"""Is the model still right: the risk as it would have been made one horizon ago, against what came; and drift."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from crmlib.churn.features.features import Options, features
from crmlib.churn.features.labels import dataset
from crmlib.churn.features.visits import Visits
from crmlib.churn.judge import drift
from crmlib.churn.judge.calibration import Calibration, by_tier, calibration, reliability_bins
from crmlib.churn.metrics import Array
from crmlib.churn.models.rules import PZero
from crmlib.churn.risk import RiskFit, train, training_origins


@dataclass(frozen=True, slots=True)
class Reserve:
    """Money at risk [minor units]: as the risks say, and by what came of such risks at the last closed test."""

    written: int
    seen: int


@dataclass(frozen=True, slots=True)
class Health:
    """The last closed test of the risk.

    Parameters
    ----------
    origin : the day of the test, one horizon before today.
    calibration, bins : said against seen there.
    scored : customer_id, y, p at the origin.
    """

    origin: date
    calibration: Calibration
    bins: pl.DataFrame
    scored: pl.DataFrame

    def tiers(self, tiers: pl.DataFrame) -> pl.DataFrame:
        """Observed ÷ expected by tier (customer_id, tier), customers without a tier left out."""
        joined = self.scored.join(tiers.select("customer_id", "tier"), on="customer_id", maintain_order="left")
        return by_tier(joined, tier="tier")

    def seen(self, risk: Array) -> Array:
        """What came of such risks at the test, shape (n,): the share lost of the group that was told as much.

        Between the means of two groups it is interpolated, beyond the outer ones it is theirs.
        """
        return seen(risk, self.bins)

    def reserve(self, listed: pl.DataFrame) -> Reserve:
        """Money at risk of `listed` (risk, stake_minor) as written, and by what came of such risks at the test."""
        stake = listed["stake_minor"].clip(0).to_numpy().astype(float)
        risk = listed["risk"].to_numpy().astype(float)
        return Reserve(written=round(float(risk @ stake)), seen=round(float(self.seen(risk) @ stake)))


def seen(risk: Array, bins: pl.DataFrame) -> Array:
    """What came of such risks, shape (n,).

    Parameters
    ----------
    bins : `reliability_bins`: expected, observed.

    Examples
    --------
    >>> seen(np.array([0.05, 0.2, 0.9]), pl.DataFrame({"expected": [0.1, 0.3], "observed": [0.04, 0.4]})).round(2)
    array([0.04, 0.22, 0.4 ])
    """
    return np.asarray(np.interp(risk, bins["expected"].to_numpy(), bins["observed"].to_numpy()))


def last_test(
    seen: Visits,
    *,
    as_of: date,
    horizon: int,
    first: date,
    rng: np.random.Generator,
    options: Options | None = None,
    kind: str = "logit",
    purchases: PZero | None = None,
) -> Health:
    """Train as one would have one horizon ago, recalibration included, and compare with what came since."""
    origin = as_of - timedelta(days=horizon)
    days = training_origins(t0=origin, horizon=horizon, first=first)
    risk = train(
        seen, t0=origin, horizon=horizon, origins=days, rng=rng, options=options, kind=kind, purchases=purchases
    )
    table = dataset(seen, t0=origin, horizon=horizon, observed_until=as_of, options=options)
    y, p = table["y"].to_numpy().astype(float), risk.predict(table)
    scored = table.select("customer_id", "y").with_columns(pl.Series("p", p))
    return Health(origin, calibration(y, p, rng=rng), reliability_bins(y, p), scored)


def drifted(seen: Visits, risk: RiskFit, *, as_of: date, options: Options | None = None) -> pl.DataFrame:
    """Drift of score and features between the training origins and today, and of the outcome at the last origin."""
    table = features(seen, t0=as_of, options=options)
    past = [features(seen, t0=t, options=options) for t in risk.origins]
    train_rows = pl.concat(past, how="diagonal_relaxed")
    then = train_rows.with_columns(pl.Series("risk", risk.predict(train_rows)))
    now = table.with_columns(pl.Series("risk", risk.predict(table)))
    names = ["risk", *risk.model.names]
    moved = drift.drift(then, now, names=names, alarm_on=["risk"])
    outcomes = [
        dataset(seen, t0=t, horizon=risk.horizon, observed_until=as_of, options=options).select("origin", "y")
        for t in risk.origins
    ]
    if len(outcomes) < 2:
        return moved
    outcome = drift.drift(pl.concat(outcomes[:-1]), outcomes[-1], names=["y"], alarm_on=["y"])
    return pl.concat([moved, outcome]).sort("psi", descending=True, maintain_order=True)
