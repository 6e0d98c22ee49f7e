"""Which traits go with an earlier loss: Cox regression (Efron's ties) by statsmodels, as hazard ratios, ranked.

A hazard ratio describes; it does not say what would happen if the trait were changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from crmlib.churn.metrics import refuse_one_class
from crmlib.core import lazy
from crmlib.core.frames import AnyFrame, to_polars

hazard = lazy.module("statsmodels.duration.hazard_regression")


@dataclass(frozen=True, slots=True)
class CoxFit:
    """Result of a Cox regression.

    Parameters
    ----------
    table : name, coefficient, standard_error, hazard_ratio, low, high (95 %), p_value; largest |z| first.
    log_likelihood : partial log likelihood at the maximum.
    """

    table: pl.DataFrame
    log_likelihood: float
    rows: int
    lost: int


def fit(frame: AnyFrame, *, time: str, lost: str, names: Sequence[str]) -> CoxFit:
    """Fit time to loss on `names`; `lost` is 1 where the loss was seen, 0 where the time is censored."""
    data = to_polars(frame, needs=[time, lost, *names], name="times to loss").drop_nulls([time, lost, *names])
    status = data[lost].to_numpy().astype(float)
    refuse_one_class(int(status.sum()), int(len(status) - status.sum()))
    x = data.select(pl.col(n).cast(pl.Float64) for n in names).to_numpy()
    result = hazard.PHReg(data[time].to_numpy().astype(float), x, status=status, ties="efron").fit(disp=0)
    order = np.argsort(-np.abs(result.tvalues), kind="stable")
    low, high = np.exp(result.conf_int()).T
    table = pl.DataFrame(
        {
            "name": list(names),
            "coefficient": result.params,
            "standard_error": result.bse,
            "hazard_ratio": np.exp(result.params),
            "low": low,
            "high": high,
            "p_value": result.pvalues,
        }
    )
    return CoxFit(table[order], float(result.llf), data.height, int(status.sum()))
