"""To and from `lifetimes`: an analyst's notebooks go on working with a crmlib fit, and crmlib with theirs.

`lifetimes` is imported only when a bridge is crossed.
"""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import numpy as np
import pandas as pd

from crmlib.clv.estimate.result import ModelFit
from crmlib.clv.models.gamma_gamma import GammaGammaParams, SpendFit
from crmlib.clv.models.registry import model_of
from crmlib.core.errors import ModelError

_FITTERS = {
    "bg_nbd": "BetaGeoFitter",
    "mbg_nbd": "ModifiedBetaGeoFitter",
    "pareto_nbd": "ParetoNBDFitter",
    "bg_bb": "BetaGeoBetaBinomFitter",
    "gamma_gamma": "GammaGammaFitter",
}
_THEIR_NAMES = {"gamma_gamma": {"gamma": "v"}}


def to_lifetimes(fit: ModelFit[Any] | SpendFit) -> Any:
    """The matching lifetimes fitter with the parameters, covariance and standard errors of `fit`.

    Its prediction methods work; what needs the training data (its plots) does not.
    """
    name = "gamma_gamma" if isinstance(fit, SpendFit) else fit.model
    fitter = getattr(_lifetimes(), _fitter_name(name))()
    ours = tuple(fit.params.__dataclass_fields__)
    theirs = [_THEIR_NAMES.get(name, {}).get(p, p) for p in ours]
    fitter.params_ = pd.Series([getattr(fit.params, p) for p in ours], index=theirs)
    fitter._scale = 1.0
    fitter.generate_new_data = None
    if fit.covariance:
        matrix = np.asarray(fit.covariance)[: len(ours), : len(ours)]
        fitter.variance_matrix_ = pd.DataFrame(matrix, index=theirs, columns=theirs)
        fitter.standard_errors_ = pd.Series(np.sqrt(np.diag(matrix)), index=theirs)
    if name != "gamma_gamma":
        fitter.predict = fitter.conditional_expected_number_of_purchases_up_to_time
    return fitter


def from_lifetimes(fitter: Any) -> Any:
    """The crmlib parameters of a fitted lifetimes fitter (`BgNbdParams`, …, `GammaGammaParams`)."""
    kind = type(fitter).__name__
    names = {theirs: ours for ours, theirs in _FITTERS.items()}
    if kind not in names or not hasattr(fitter, "params_"):
        raise ModelError("clv.not_a_fitter", values={"kind": kind})
    name = names[kind]
    params: type[Any] = GammaGammaParams if name == "gamma_gamma" else model_of(name).params
    rename = _THEIR_NAMES.get(name, {})
    return params(*(float(fitter.params_[rename.get(p, p)]) for p in params.__dataclass_fields__))


def _lifetimes() -> Any:
    """The package, imported only here: it is slow, and sets a pandas option that no longer exists."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The 'mode.chained_assignment' option is deprecated")
        return importlib.import_module("lifetimes")


def _fitter_name(name: str) -> str:
    if name not in _FITTERS:
        raise ModelError("clv.no_fitter", values={"name": name, "models": ", ".join(_FITTERS)})
    return _FITTERS[name]
