"""Scores that need no training: P(no purchase in h) of a BG/NBD fit, and the rules of thumb it must beat.

P(0 in h) = 1 − PA · (1 − ((α + T)/(α + T + h))^(r + x)) with PA = P(alive) = 1/(1 + 1{x>0} · a/(b + x − 1) ·
((α + T)/(α + t_x))^(r + x)): Fader, Hardie & Lee (2005, 2008), symbols as there. r, α, a, b come as numbers from
whoever fitted the model; this package does not fit it.

1 − PA is no churn score: somebody who came once has PA = 1 whatever the silence since. It is refused by name.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from crmlib.churn.metrics import Array
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.shapes import shaped

ALIVE_NAMES = frozenset({"p_alive", "palive", "probability_alive", "alive"})


@shaped(x="customers", t_x="customers", T="customers")
def p_alive(*, x: Array, t_x: Array, T: Array, r: float, alpha: float, a: float, b: float) -> Array:
    """P(alive) of BG/NBD; x repeat trips, t_x and T in the time unit of alpha, shape (n,).

    Examples
    --------
    >>> paper = dict(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> p_alive(x=np.array([0.0]), t_x=np.array([0.0]), T=np.array([38.0]), **paper)
    array([1.])
    """
    log_odds = np.log(a / (b + np.maximum(x, 1) - 1)) + (r + x) * np.log((alpha + T) / (alpha + t_x))
    return np.asarray(1 / (1 + np.where(x > 0, np.exp(np.minimum(log_odds, 700)), 0.0)))


@shaped(x="customers", t_x="customers", T="customers")
def p_zero(*, x: Array, t_x: Array, T: Array, h: float, r: float, alpha: float, a: float, b: float) -> Array:
    """P(no purchase in the next h) of BG/NBD, h in the time unit of alpha.

    Examples
    --------
    >>> paper = dict(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> p_zero(x=np.array([0.0, 5]), t_x=np.array([0.0, 36]), T=np.array([38.0, 38]), h=13, **paper).round(3)
    array([0.937, 0.35 ])
    """
    none_if_alive = ((alpha + T) / (alpha + T + h)) ** (r + x)
    return np.asarray(1 - p_alive(x=x, t_x=t_x, T=T, r=r, alpha=alpha, a=a, b=b) * (1 - none_if_alive))


@dataclass(frozen=True, slots=True)
class PZero:
    """P(no purchase in `horizon` days) as a score of features; r, alpha, a, b of a BG/NBD fit in weeks."""

    r: float
    alpha: float
    a: float
    b: float
    horizon: int

    def predict(self, table: AnyFrame) -> Array:
        """Probability of no trip in the horizon, shape (n,)."""
        return _p_zero(self, to_polars(table, needs=["trips", "age", "recency"], name="features"))


def _p_zero(fit: PZero, table: pl.DataFrame) -> Array:
    trips, age, recency = (table[c].to_numpy().astype(float) for c in ("trips", "age", "recency"))
    weeks = {"t_x": (age - recency) / 7, "T": age / 7, "h": fit.horizon / 7}
    return p_zero(x=trips - 1, r=fit.r, alpha=fit.alpha, a=fit.a, b=fit.b, **weeks)


def scores(table: pl.DataFrame) -> pl.DataFrame:
    """Rules of thumb as scores, higher = more at risk: `recency` (days), `frequency` (minus trips)."""
    return table.select(
        "customer_id",
        pl.col("recency").cast(pl.Float64).alias("recency"),
        (-pl.col("trips").cast(pl.Float64)).alias("frequency"),
    )


def refuse_alive(name: str) -> None:
    """Refuse P(alive), or one minus it, as a churn score.

    Raises
    ------
    ModelError
        `churn.p_alive`.
    """
    if name.lower().strip("1-− ").replace(" ", "_") in ALIVE_NAMES:
        raise ModelError("churn.p_alive", values={"name": name})
