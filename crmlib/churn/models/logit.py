"""Logit: the default model of churn. Its probabilities explain themselves, and on card data nothing beats it by much.

logit p_i = b0 + Σ_j b_j z_ij, z the features (log1p where the catalogue says so) centred and scaled on the training
rows, a missing one at its centre with an indicator beside it. So the contribution of feature j is b_j z_ij plus the
indicator's, its mean over the training rows is 0, and Σ_j c_ij + b0 = logit p_i exactly.

Fitted by maximum likelihood with statsmodels (Newton); where a group was lost to the last, so that no maximum exists,
under a wide normal prior. Columns that others determine are dropped, and named.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import expit

from crmlib.churn.features.catalogue import feature, linear
from crmlib.churn.metrics import Array, refuse_one_class
from crmlib.core import lazy
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars

sm, said = lazy.module("statsmodels.api"), lazy.module("statsmodels.tools.sm_exceptions")

DEPENDENT = 1e-7
"""A column whose part not explained by the columns before it is below this share of its variance is dropped."""
PRIOR_SD = 3.0
"""Standard deviation of the prior of a slope [log odds per scaled unit] where the likelihood has no maximum."""


@dataclass(frozen=True, slots=True)
class LogitFit:
    """A fitted logit.

    Parameters
    ----------
    names : features, in the order of `centre`, `scale`, `slope` and `missing`.
    centre, scale : of each feature (after log1p) over the training rows where it is known.
    slope : b_j per scaled unit; 0 for a feature that others determine.
    missing : added to the log odds where the feature is missing, and `missing_mean`, its mean over training rows.
    intercept : b0, the log odds of a customer whose contributions are all 0.
    standard_error : of each slope; NaN where the slope is not estimated.
    dropped : features left out because others determine them.
    penalised : the likelihood had no maximum (say, everybody with one trip was lost), so the slopes are the mode under
        a wide normal prior instead.
    """

    names: tuple[str, ...]
    centre: tuple[float, ...]
    scale: tuple[float, ...]
    slope: tuple[float, ...]
    missing: tuple[float, ...]
    missing_mean: tuple[float, ...]
    intercept: float
    standard_error: tuple[float, ...]
    dropped: tuple[str, ...]
    log_likelihood: float
    penalised: bool
    rows: int

    def predict(self, table: AnyFrame) -> Array:
        """Probability of being lost, shape (n,)."""
        frame = to_polars(table, needs=self.names, name="features")
        return _probability(self, frame)

    def contributions(self, table: AnyFrame) -> Array:
        """Parts of the log odds by feature, shape (n, features); with `intercept` they add up to logit p."""
        return _contributions(self, to_polars(table, needs=self.names, name="features"))


def fit(table: AnyFrame, *, y: str = "y", names: Sequence[str] | None = None) -> LogitFit:
    """Fit the logit to labelled features.

    Raises
    ------
    ModelError
        `churn.one_class` or `churn.separation`.
    """
    frame = to_polars(table, needs=[y], name="features")
    chosen = tuple(names) if names is not None else linear(frame, skip=[y])
    truth = frame[y].to_numpy().astype(float)
    refuse_one_class(int(truth.sum()), int(len(truth) - truth.sum()))
    raw = _raw(frame, chosen)
    gone = np.isnan(raw)
    centre, scale = _moments(raw)
    z = np.where(gone, 0.0, (raw - centre) / scale)
    share = gone.mean(axis=0)
    full = np.column_stack([z - z.mean(axis=0), gone - share])
    kept = _independent(full)
    params, errors, log_likelihood, penalised = _maximise(truth, full[:, kept])
    beta, se = np.zeros(full.shape[1]), np.full(full.shape[1], np.nan)
    beta[kept], se[kept] = params[1:], errors[1:]
    k = len(chosen)
    return LogitFit(
        names=chosen,
        centre=tuple((centre + scale * z.mean(axis=0)).tolist()),
        scale=tuple(scale.tolist()),
        slope=tuple(beta[:k].tolist()),
        missing=tuple((beta[k:] - beta[:k] * z.mean(axis=0)).tolist()),
        missing_mean=tuple((beta[k:] * share).tolist()),
        intercept=float(params[0]),
        standard_error=tuple(se[:k].tolist()),
        dropped=tuple(n for n, used in zip(chosen, np.isin(np.arange(k), kept), strict=True) if not used),
        log_likelihood=log_likelihood,
        penalised=penalised,
        rows=frame.height,
    )


def _raw(frame: pl.DataFrame, names: Sequence[str]) -> Array:
    columns = [pl.col(n).cast(pl.Float64) for n in names]
    logged = [c.clip(0).log1p() if feature(n).log else c for n, c in zip(names, columns, strict=True)]
    return frame.select(logged).to_numpy()


def _moments(raw: Array) -> tuple[Array, Array]:
    known = ~np.isnan(raw)
    n = np.maximum(known.sum(axis=0), 1)
    centre = np.where(known, raw, 0).sum(axis=0) / n
    spread = np.sqrt(np.where(known, (raw - centre) ** 2, 0).sum(axis=0) / n)
    return centre, np.where(spread > 0, spread, 1.0)


def _independent(full: Array) -> Array:
    """Columns that those before them do not determine, by a Cholesky factor built column by column."""
    gram = full.T @ full / len(full)
    kept: list[int] = []
    for j in np.flatnonzero(np.diag(gram) > DEPENDENT**2):
        rest = gram[j, j]
        if kept:
            rest -= gram[j, kept] @ np.linalg.solve(gram[np.ix_(kept, kept)], gram[kept, j])
        if rest > DEPENDENT * gram[j, j]:
            kept.append(int(j))
    return np.array(kept, dtype=int)


def _maximise(y: Array, x: Array) -> tuple[Array, Array, float, bool]:
    """Coefficients, standard errors, log likelihood and whether the prior was needed."""
    design = sm.add_constant(x, has_constant="add")
    with warnings.catch_warnings(), np.errstate(over="raise"):
        warnings.simplefilter("error", said.ConvergenceWarning)
        warnings.simplefilter("error", said.HessianInversionWarning)
        warnings.simplefilter("error", said.PerfectSeparationWarning)
        try:
            result = sm.Logit(y, design, check_rank=False).fit(disp=0, maxiter=35)
        except said.PerfectSeparationWarning:
            raise ModelError("churn.separation", values={"rows": len(y)}) from None
        except (said.ConvergenceWarning, said.HessianInversionWarning, FloatingPointError, np.linalg.LinAlgError):
            return (*_with_prior(y, design), True)
    return np.asarray(result.params), np.asarray(result.bse), float(result.llf), False


def _with_prior(y: Array, design: Array) -> tuple[Array, Array, float]:
    """The posterior mode under normal(0, `PRIOR_SD`) slopes, by Newton; it exists whatever the data."""
    precision = np.diag([0.0] + [PRIOR_SD**-2] * (design.shape[1] - 1))
    beta = np.zeros(design.shape[1])
    for _ in range(100):
        p = expit(design @ beta)
        hessian = (design * (p * (1 - p))[:, None]).T @ design + precision
        step = np.linalg.solve(hessian, design.T @ (y - p) - precision @ beta)
        beta = beta + step
        if np.abs(step).max() < 1e-9:
            break
    log_likelihood = float(-np.logaddexp(0, np.where(y == 1, -1, 1) * (design @ beta)).sum())
    return beta, np.sqrt(np.diag(np.linalg.inv(hessian))), log_likelihood


def _contributions(fit: LogitFit, frame: pl.DataFrame) -> Array:
    raw = _raw(frame, fit.names)
    slope, missing = np.array(fit.slope), np.array(fit.missing)
    parts = slope * (raw - np.array(fit.centre)) / np.array(fit.scale)
    filled = np.where(np.isnan(raw), missing, parts)
    return np.asarray(filled - np.array(fit.missing_mean))


def _probability(fit: LogitFit, frame: pl.DataFrame) -> Array:
    return np.asarray(expit(fit.intercept + _contributions(fit, frame).sum(axis=1)))
