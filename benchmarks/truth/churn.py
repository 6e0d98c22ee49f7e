"""Churn: CDNOW and Telco as published, survival as R prints it, the profit measure of its package."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import numpy as np
import polars as pl

from crmlib.churn.features.features import EVERYBODY
from crmlib.churn.features.visits import visits
from crmlib.churn.judge import profit
from crmlib.churn.judge.backtest import Contestant, rolling
from crmlib.churn.metrics import auc, brier
from crmlib.churn.models import boosted, cox, logit, rules
from truth.clv import packaged
from truth.row import Row

T0, H, LAST, FIRST = date(1998, 3, 31), 91, date(1998, 6, 30), date(1997, 1, 1)
BG_NBD = {"r": 0.272377, "alpha": 5.938963, "a": 0.461829, "b": 1.913942}
"""lifetimes 0.11.3 on CDNOW to T0, weeks."""
SIX_MP = [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def times(table: pl.DataFrame) -> dict[str, np.ndarray]:
    """x, t_x and T [weeks] of a feature table."""
    trips, age, recency = (table[c].to_numpy().astype(float) for c in ("trips", "age", "recency"))
    return {"x": trips - 1, "t_x": (age - recency) / 7, "T": age / 7}


@cache
def league() -> pl.DataFrame:
    """All 23,570 customers of CDNOW scored at 1998-03-31."""
    rows = [line.split() for line in packaged("CDNOW_master.txt").read_text(encoding="utf-8").splitlines()[1:]]
    frame = pl.DataFrame([r for r in rows if r], schema=["customer_id", "day", "cds", "value"], orient="row")
    lines = frame.select(
        "customer_id",
        day_n=pl.col("day").str.to_date("%Y%m%d").cast(pl.Int32),
        quantity_milli=pl.col("cds").cast(pl.Int64) * 1000,
        net_minor=(pl.col("value").cast(pl.Float64) * 100).round().cast(pl.Int64),
    )
    return rolling(
        visits(lines),
        test_origins=[T0],
        train_origins=[FIRST + timedelta(days=d) for d in (180, 272, 363)],
        horizon=H,
        observed_until=LAST,
        contestants=[
            Contestant("logit", lambda a, b: logit.fit(a).predict(b), probability=True),
            Contestant("boosted", lambda a, b: boosted.fit(a).predict(b), probability=True),
            Contestant("p_zero", lambda _, b: rules.p_zero(h=H / 7, **times(b), **BG_NBD), probability=True),
            Contestant("recency", lambda _, b: rules.scores(b)["recency"].to_numpy()),
            Contestant("frequency", lambda _, b: rules.scores(b)["frequency"].to_numpy()),
            Contestant("one_minus_p_alive", lambda _, b: 1 - rules.p_alive(**times(b), **BG_NBD)),
        ],
        options=EVERYBODY,
    )


def ranked(name: str, *, repeat: bool = False) -> float:
    """AUC of everybody, or of repeat buyers."""
    some = league().filter(pl.col("trips") > 1) if repeat else league()
    return auc(some["y"].to_numpy(), some[name].to_numpy())


def off(name: str) -> float:
    """Brier score."""
    return brier(league()["y"].to_numpy(), league()[name].to_numpy())


@cache
def leukaemia() -> cox.CoxFit:
    """Freireich's trial with Efron's ties."""
    frame = pl.DataFrame(
        {"time": SIX_MP + PLACEBO, "lost": [1] * 9 + [0] * 12 + [1] * 21, "placebo": [0] * 21 + [1] * 21}
    )
    return cox.fit(frame, time="time", lost="lost", names=["placebo"])


def empc() -> float:
    y, s = np.array([0, 1] * 4), np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9])
    return profit.empc(y, s, value=200, offer=10, contact=1).profit


SET, TRIAL = "CDNOW, no trip in 91 days from 1998-03-31", "Freireich 1963, R coxph (Efron)"
AUCS = {"boosted": 0.8393, "logit": 0.8385, "p_zero": 0.8302, "recency": 0.8279, "frequency": 0.8254}
REPEAT = {"boosted": 0.7709, "logit": 0.7691, "p_zero": 0.7647, "recency": 0.7381}
BRIERS = {"boosted": 0.0888, "logit": 0.0895, "p_zero": 0.0898}
ROWS = [
    *(Row(SET, f"AUC {n}", v, lambda n=n: ranked(n), 0.003) for n, v in AUCS.items()),
    Row(SET, "AUC 1 − P(alive)", 0.3442, lambda: ranked("one_minus_p_alive"), 0.003),
    *(Row(SET, f"AUC {n}, repeat buyers", v, lambda n=n: ranked(n, repeat=True), 0.003) for n, v in REPEAT.items()),
    *(Row(SET, f"Brier {n}", v, lambda n=n: off(n), 0.001) for n, v in BRIERS.items()),
    Row(TRIAL, "coefficient", 1.5721, lambda: leukaemia().table["coefficient"][0], 5e-5),
    Row(TRIAL, "standard error", 0.4124, lambda: leukaemia().table["standard_error"][0], 5e-5),
    Row(TRIAL, "log-likelihood", -85.0084, lambda: leukaemia().log_likelihood, 5e-5),
    Row("EMPC, Verbraken et al.", "profit of [0, 1] × 4", 23.875593418348124, empc, 1e-12),
]
