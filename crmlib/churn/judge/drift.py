"""Has the world moved away from the one the model was trained in? Population stability index on frozen deciles.

PSI = Σ (q_k − p_k) ln(q_k / p_k), p from the training rows, q from now, each count + .5. By custom below .1 quiet,
above .25 an alarm. Only score and outcome raise an alarm; tenure-like features grow with the calendar by nature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from crmlib.churn.features.catalogue import feature
from crmlib.churn.metrics import Array
from crmlib.core.errors import ModelError
from crmlib.core.shapes import shaped

NOTE, ALARM = 0.1, 0.25
MIN_PER_BIN = 100
SMOOTH = 0.5


@dataclass(frozen=True, slots=True)
class Deciles:
    """Frozen cut points of one column and the rows that fell between them; the last count is of missing values."""

    name: str
    cuts: tuple[float, ...]
    counts: tuple[int, ...]


@shaped(values="customers")
def freeze(values: Array, *, name: str) -> Deciles:
    """Cut points at the deciles of the training rows, equal ones merged.

    Raises
    ------
    ModelError
        `churn.psi_small` if a bin would hold fewer than 100 rows.
    """
    known = values[~np.isnan(values)]
    if len(known) < 10 * MIN_PER_BIN:
        raise ModelError("churn.psi_small", values={"name": name, "rows": len(known), "needed": 10 * MIN_PER_BIN})
    cuts = np.unique(np.quantile(known, np.arange(0.1, 1, 0.1)))
    return Deciles(name, tuple(cuts.tolist()), tuple(_count(values, cuts).tolist()))


@shaped(values="customers")
def psi(frozen: Deciles, values: Array) -> float:
    """Population stability index of `values` against the frozen deciles."""
    before, now = np.array(frozen.counts) + SMOOTH, _count(values, np.array(frozen.cuts)) + SMOOTH
    used = (before > SMOOTH) | (now > SMOOTH)
    p, q = before[used] / before[used].sum(), now[used] / now[used].sum()
    return float(((q - p) * np.log(q / p)).sum())


def drift(train: pl.DataFrame, now: pl.DataFrame, *, names: Sequence[str], alarm_on: Sequence[str]) -> pl.DataFrame:
    """PSI of each column, largest first: name, psi, kind (`score` or `feature`), verdict (quiet, note, alarm).

    Only names in `alarm_on` (score and outcome) can raise an alarm; a tenure-like feature gets a note at most.
    """
    rows = []
    for name in names:
        value = psi(freeze(_floats(train, name), name=name), _floats(now, name))
        loud = name in alarm_on
        verdict = "quiet" if value < NOTE else "alarm" if loud and value >= ALARM else "note"
        if feature(name).tenure_like and not loud:
            verdict = "expected" if value >= NOTE else "quiet"
        rows.append({"name": name, "psi": value, "kind": "score" if loud else "feature", "verdict": verdict})
    return pl.DataFrame(rows).sort("psi", descending=True, maintain_order=True)


def _floats(frame: pl.DataFrame, name: str) -> Array:
    return frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _count(values: Array, cuts: Array) -> Array:
    gone = np.isnan(values)
    inside = np.bincount(np.searchsorted(cuts, values[~gone], side="left"), minlength=len(cuts) + 1)
    return np.append(inside, gone.sum())
