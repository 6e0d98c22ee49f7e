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
from crmlib.churn.models.rules import PZero
from crmlib.churn.risk import RiskFit, train, training_origins


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
