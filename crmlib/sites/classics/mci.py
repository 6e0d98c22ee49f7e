"""Classic Huff shares with given parameters, and the log-centred MCI regression, as textbooks and R's MCI print them.

Sources: Huff (1964); Nakanishi & Cooper (1974), Journal of Marketing Research 11(3), 303-311. Kept for comparison with
published numbers and for data without flows (`fit_totals`); forecasts come from `crmlib.sites.huff`, since the
regression cannot take zeros, and adding 0.1 to them biases λ by −32 to +16 %.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from crmlib.core.errors import ModelError
from crmlib.core.shapes import check_shapes
from crmlib.sites.market import Array


@dataclass(frozen=True, slots=True)
class MciFit:
    """coefficients, standard_errors : one per attribute, in the order given; r_squared : without an intercept."""

    coefficients: tuple[float, ...]
    standard_errors: tuple[float, ...]
    r_squared: float


@dataclass(frozen=True, slots=True)
class TotalsFit:
    """area, distance : exponents; pseudo_r2, mape : of store totals; converged."""

    area: float
    distance: float
    pseudo_r2: float
    mape: float
    converged: bool


def huff_totals(demand: Array, area: Array, distance: Array, *, gamma: float, lambda_: float) -> Array:
    """Σ_c D_c·(area^γ·d^λ)/Σ(…): expected sales per store, shape (stores,); λ is negative, as in R's `huff.shares`.

    Parameters
    ----------
    demand : per cell, shape (c,); area : shape (s,) or (c, s); distance : shape (c, s), above 0.

    Raises
    ------
    ModelError
        `frame.shape`; `sites.no_logarithm` for an area or a distance that is not above 0: a power law has no value
        there.
    """
    axes = "cells stores" if np.ndim(area) == 2 else "stores"
    check_shapes(demand=(demand, "cells"), distance=(distance, "cells stores"), area=(area, axes))
    _refuse_not_positive(area=area, distance=distance)
    pull = area**gamma * distance**lambda_
    return np.asarray(demand @ (pull / pull.sum(axis=1, keepdims=True)))


def quality(observed: Array, expected: Array) -> tuple[float, float]:
    """Pseudo-R² (1 − residual over total sum of squares) and MAPE of observed against expected totals."""
    check_shapes(observed=(observed, "stores"), expected=(expected, "stores"))
    _refuse_not_positive(observed=observed)
    residual = np.sum((observed - expected) ** 2)
    return float(1 - residual / np.sum((observed - observed.mean()) ** 2)), float(
        np.mean(np.abs(observed - expected) / observed)
    )


def fit_totals(demand: Array, area: Array, distance: Array, observed: Array) -> TotalsFit:
    """Exponents that fit store totals best on the log scale, for data that have revenues but no flows."""
    _refuse_not_positive(observed=observed)

    def residuals(theta: Array) -> Array:
        expected = huff_totals(demand, area, distance, gamma=theta[0], lambda_=theta[1])
        return np.asarray(np.log(expected) - np.log(observed))

    found = least_squares(residuals, np.array([1.0, -1.5]))
    expected = huff_totals(demand, area, distance, gamma=found.x[0], lambda_=found.x[1])
    r2, mape = quality(observed, expected)
    return TotalsFit(float(found.x[0]), float(found.x[1]), r2, mape, bool(found.success))


def regression(origin: Array, share: Array, attributes: Array) -> MciFit:
    """OLS without intercept on log-centred values: ln(v / geometric mean within the origin).

    Parameters
    ----------
    origin : group of each row, shape (n,); share : above 0, shape (n,); attributes : above 0, shape (n, a).
    """
    check_shapes(origin=(origin, "rows"), share=(share, "rows"), attributes=(attributes, "rows attributes"))
    _refuse_not_positive(share=share, attributes=attributes)
    _, group = np.unique(origin, return_inverse=True)
    count = np.bincount(group)

    def centred(values: Array) -> Array:
        logs = np.log10(values)
        return np.asarray(logs - (np.bincount(group, weights=logs) / count)[group])

    y, x = centred(share), np.column_stack([centred(a) for a in attributes.T])
    beta, *_ = np.linalg.lstsq(x, y, rcond=None)
    residual = y - x @ beta
    variance = residual @ residual / (len(y) - x.shape[1]) * np.linalg.inv(x.T @ x)
    return MciFit(
        tuple(float(b) for b in beta),
        tuple(float(s) for s in np.sqrt(np.diag(variance))),
        float(1 - residual @ residual / (y @ y)),
    )


def _refuse_not_positive(**arrays: Array) -> None:
    """Refuse numbers whose logarithm or negative power does not exist, by name."""
    for name, values in arrays.items():
        wrong = int(np.count_nonzero(~(np.asarray(values) > 0) | ~np.isfinite(values)))
        if wrong:
            raise ModelError(
                "sites.no_logarithm", values={"name": name, "wrong": wrong, "values": int(np.size(values))}
            )
