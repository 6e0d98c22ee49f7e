"""The risk of each customer, from history to probability: origins, probes, fit, recalibration, score.

Training origins lie a fixed step apart and end where the label window closed. The recalibration origin is the closed
one nearest to a year before t0 if the history has one (on Online Retail, whose autumn is nothing like its summer, that
takes the calibration error from .12 to .05), else the last closed one.

The logit ranks unless `backtest.winner` names another score. One without reasons of its own (boosted trees, P(0 in h))
only ranks: the reasons stay the logit's, and still add up to the logit's own log odds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from crmlib.churn.features.features import Options, features
from crmlib.churn.features.labels import dataset
from crmlib.churn.features.visits import Visits, some
from crmlib.churn.judge.backtest import refuse_overlap
from crmlib.churn.judge.calibration import Recalibration, recalibrate
from crmlib.churn.judge.probes import check, check_origins, check_single
from crmlib.churn.metrics import Array
from crmlib.churn.models import additive, boosted, logit
from crmlib.churn.models.additive import AdditiveFit
from crmlib.churn.models.boosted import BoostedFit
from crmlib.churn.models.logit import LogitFit
from crmlib.churn.models.reasons import reasons
from crmlib.churn.models.rules import PZero
from crmlib.core.errors import ModelError

STEP = 91
MAX_ORIGINS = 4
YEAR = 364
"""A year in whole weeks, so that weekdays meet."""
SEASON = 28
"""Days by which an origin may miss the same day of last year and still be the same season."""
MAX_ROWS = 200_000
PROBE_CUSTOMERS = 20_000


@dataclass(frozen=True, slots=True)
class RiskFit:
    """A fitted risk: what explains, what ranks, its recalibration, horizon [days] and the origins it was trained on."""

    model: LogitFit | AdditiveFit
    ranker: LogitFit | AdditiveFit | BoostedFit | PZero
    recalibration: Recalibration
    horizon: int
    origins: tuple[date, ...]
    calibrated_on: date
    rows: int
    churn: float

    def predict(self, table: pl.DataFrame) -> Array:
        """Probability of no trip in the horizon, shape (n,)."""
        return self.recalibration.apply(self.ranker.predict(table))

    def score(self, table: pl.DataFrame) -> pl.DataFrame:
        """customer_id, risk, base, parts and reasons of each customer."""
        made = reasons(self.model, table)
        raw = _risk(made) if self.ranker is self.model else self.ranker.predict(table)
        return made.with_columns(pl.Series("risk", self.recalibration.apply(raw)))


def _risk(made: pl.DataFrame) -> Array:
    """Logistic function of base + parts, so that the contributions are computed once."""
    return made.select(1 / (1 + (-pl.sum_horizontal("^part_.*$", "base")).exp())).to_series().to_numpy()


def training_origins(*, t0: date, horizon: int, first: date, step: int = STEP, most: int = MAX_ORIGINS) -> list[date]:
    """Origins whose label window closes by `t0`, one horizon or more after the first day, one of them a year ago.

    Examples
    --------
    >>> [str(d) for d in training_origins(t0=date(2024, 12, 31), horizon=91, first=date(2024, 1, 1))]
    ['2024-04-02', '2024-07-02', '2024-10-01']
    """
    earliest, last = first + timedelta(days=horizon), t0 - timedelta(days=horizon)
    days = [last - timedelta(days=step * k) for k in range(most)]
    if min(abs((d - (t0 - timedelta(days=YEAR))).days) for d in days) > SEASON and horizon <= YEAR:
        days.append(t0 - timedelta(days=YEAR))
    return sorted(d for d in days if d >= earliest)


def train(
    seen: Visits,
    *,
    t0: date,
    horizon: int,
    origins: Sequence[date],
    rng: np.random.Generator,
    options: Options | None = None,
    kind: str = "logit",
    purchases: PZero | None = None,
) -> RiskFit:
    """Fit the risk with what was known at `t0`; the leak probes run first.

    Parameters
    ----------
    kind : what ranks, from `backtest.winner`.
    purchases : the score to rank by where `kind` is p_zero (`contestants.p_zero`).

    Raises
    ------
    ModelError
        `churn.origin_inside_label`, `churn.leak`, `churn.too_good`, `churn.one_class`, …
    """
    refuse_overlap(origins, test=t0, horizon=horizon)
    for origin in origins:
        probe(seen, t0=origin, options=options, rng=rng, most=PROBE_CUSTOMERS // (1 if origin == max(origins) else 5))
    tables = [dataset(seen, t0=t, horizon=horizon, observed_until=t0, options=options) for t in origins]
    rows = pl.concat(tables, how="diagonal_relaxed")
    check_single(rows)
    check_origins(tables)
    chosen = rows if rows.height <= MAX_ROWS else rows[np.sort(rng.choice(rows.height, MAX_ROWS, replace=False))]
    model = additive.fit(chosen) if kind == "additive" else logit.fit(chosen)
    season = nearest_season(origins, t0=t0)
    last = rows.filter(pl.col("origin") == season)
    ranker = _ranker(model, kind, chosen, purchases)
    seen_before = isinstance(ranker, BoostedFit)  # trees remember their rows, which makes the slope look too flat there
    moved = recalibrate(last["y"].to_numpy().astype(float), ranker.predict(last), slope=not seen_before)
    return RiskFit(
        model=model,
        ranker=ranker,
        recalibration=moved,
        horizon=horizon,
        origins=tuple(origins),
        calibrated_on=season,
        rows=chosen.height,
        churn=float(np.mean(rows["y"].to_numpy())),
    )


def _ranker(
    model: LogitFit | AdditiveFit, kind: str, rows: pl.DataFrame, purchases: PZero | None
) -> LogitFit | AdditiveFit | BoostedFit | PZero:
    if kind == "p_zero":
        if purchases is None:
            raise ValueError("p_zero ranks by a fit of purchases: give it")
        return purchases
    return boosted.fit(rows) if kind == "boosted" else model


def nearest_season(origins: Sequence[date], *, t0: date) -> date:
    """The origin nearest to a year before `t0` if one lies within four weeks of it, else the last."""
    year_ago = t0 - timedelta(days=YEAR)
    nearest = min(origins, key=lambda t: abs((t - year_ago).days))
    return nearest if abs((nearest - year_ago).days) <= SEASON else max(origins)


def probe(
    seen: Visits, *, t0: date, options: Options | None, rng: np.random.Generator, most: int = PROBE_CUSTOMERS
) -> None:
    """Leak probes (a), (b) and (d) on a sample of `most` customers, with the features the fit will use."""
    few = some(seen, most=most, rng=rng)
    if few.days.is_empty():
        raise ModelError("churn.no_customers")
    check(
        lambda visits, chosen: features(visits, t0=t0, options=chosen),
        few,
        t0=t0,
        rng=rng,
        options=options or Options(),
    )
