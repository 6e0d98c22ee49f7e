"""Static covariates: what is known of a customer moves a parameter by a factor exp(± γᵀz).

Source: Fader & Hardie (2007), "Incorporating time-invariant covariates into the Pareto/NBD and BG/NBD models",
note 019. Purchases: α_i = α exp(−γᵀz), so that the mean rate r/α_i grows by exp(γᵀz). Dropout: β_i = β exp(−γᵀz)
for Pareto/NBD and GGom/NBD; a_i = a exp(γ_aᵀz), b_i = b exp(γ_bᵀz) for the beta-geometric models.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from crmlib.clv.estimate.result import Model
from crmlib.clv.history import PurchaseHistory
from crmlib.clv.numerics.arrays import Array, Values


def effect_names(model: Model[Any], history: PurchaseHistory) -> tuple[str, ...]:
    """Names of the covariate effects, ``"parameter:column"``, in the order of theta."""
    return tuple(f"{p}:{z}" for p, _ in model.purchase for z in history.purchase_names) + tuple(
        f"{p}:{z}" for p, _ in model.dropout for z in history.dropout_names
    )


def row_values(model: Model[Any], theta: Array, *, purchase: Array, dropout: Array) -> Values:
    """The parameters of every row: scalars, or arrays (n,) where covariates move them.

    Parameters
    ----------
    theta : log parameters, then effects.
    purchase, dropout : covariates, shape (n, number of names).
    """
    names = model.names
    values: list[float | Array] = [float(v) for v in np.exp(theta[: len(names)])]
    at = len(names)
    for links, z in ((model.purchase, purchase), (model.dropout, dropout)):
        width = z.shape[1]
        for name, sign in links if width else ():
            position = names.index(name)
            values[position] = values[position] * np.exp(sign * (z @ theta[at : at + width]))
            at += width
    return tuple(values)


def chain(model: Model[Any], scores: Array, *, purchase: Array, dropout: Array) -> Array:
    """Derivatives by theta (k + effects, n) from those by the log parameters (k, n)."""
    rows = [scores]
    names = model.names
    for links, z in ((model.purchase, purchase), (model.dropout, dropout)):
        if z.shape[1]:
            rows.extend(sign * z.T * scores[names.index(name)] for name, sign in links)
    return np.vstack(rows) if len(rows) > 1 else scores
