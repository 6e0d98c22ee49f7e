"""Fits and draws on disk: JSON and Arrow with a schema version and the hash of the data; never pickle."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import polars as pl
import pyarrow as pa

from crmlib.clv.estimate.certificate import Certificate
from crmlib.clv.estimate.result import ModelFit
from crmlib.clv.forecast.posterior import Posterior
from crmlib.clv.models.gamma_gamma import GammaGammaParams, SpendFit
from crmlib.clv.models.pareto_nbd import ParetoNbdParams
from crmlib.clv.models.registry import model_of
from crmlib.clv.models.sbg import SbgFit, SbgParams
from crmlib.clv.seasonal.pareto_nbd_calendar import CalendarFit
from crmlib.core.errors import ModelError

SCHEMA_VERSION = 1
_KEY = b"crmlib"

AnyFit = ModelFit[Any] | SpendFit | SbgFit | CalendarFit
_KINDS: dict[str, type[Any]] = {
    "model": ModelFit,
    "gamma_gamma": SpendFit,
    "sbg": SbgFit,
    "pareto_nbd_calendar": CalendarFit,
}
_PARAMS: dict[str, type[Any]] = {
    "gamma_gamma": GammaGammaParams,
    "sbg": SbgParams,
    "pareto_nbd_calendar": ParetoNbdParams,
}


def to_json(fit: AnyFit) -> str:
    """A fit as JSON text: its fields, its kind and the schema version; keys in a fixed order.

    Examples
    --------
    >>> from crmlib.clv import sbg
    >>> fit = sbg.fit(sbg.members_of_cohort([100, 63, 47, 38]))
    >>> from_json(to_json(fit)) == fit
    True
    """
    kind = next(name for name, cls in _KINDS.items() if isinstance(fit, cls))
    return json.dumps({"schema": SCHEMA_VERSION, "kind": kind, "fit": asdict(fit)}, indent=1, allow_nan=True)


def from_json(text: str) -> Any:
    """The fit that `to_json` wrote.

    Raises
    ------
    ModelError
        `clv.schema` if the text is not a fit, or of another schema version.
    """
    try:
        document = json.loads(text)
        version, kind = document["schema"], document["kind"]
    except (ValueError, KeyError, TypeError):
        raise _not_a_fit("no fit of this package") from None
    if version != SCHEMA_VERSION or kind not in _KINDS:
        raise _not_a_fit(f"schema {version}, kind {kind}")
    fields = {name: _tuples(value) for name, value in document["fit"].items()}
    params = model_of(document["fit"]["model"]).params if kind == "model" else _PARAMS[kind]
    fields["params"] = params(**document["fit"]["params"])
    fields["standard_errors"] = document["fit"]["standard_errors"]
    certificate = {name: _tuples(value) for name, value in document["fit"]["certificate"].items()}
    return _KINDS[kind](**(fields | {"certificate": Certificate(**certificate)}))


def to_arrow(posterior: Posterior, *, fit: ModelFit[Any]) -> pa.Table:
    """Draws as an Arrow table (columns of theta) that carries its fit and how it came about in its metadata."""
    table = pl.DataFrame(dict(zip(posterior.names, posterior.theta.T, strict=True))).to_arrow()
    about = {
        "schema": SCHEMA_VERSION,
        "fit": to_json(fit),
        "method": posterior.method,
        "pareto_k": posterior.pareto_k,
        "ess": posterior.ess,
        "proposals": posterior.proposals,
    }
    return table.replace_schema_metadata({_KEY: json.dumps(about).encode()})


def from_arrow(table: pa.Table) -> tuple[ModelFit[Any], Posterior]:
    """The fit and its draws that `to_arrow` wrote."""
    metadata = table.schema.metadata or {}
    if _KEY not in metadata:
        raise _not_a_fit("an Arrow table without this package's metadata")
    about = json.loads(metadata[_KEY])
    if about["schema"] != SCHEMA_VERSION:
        raise _not_a_fit(f"schema {about['schema']}")
    fit = from_json(about["fit"])
    frame = pl.DataFrame(pl.from_arrow(table))
    posterior = Posterior(
        model=fit.model,
        names=tuple(frame.columns),
        n_log=len(model_of(fit.model).names),
        theta=frame.to_numpy(),
        method=about["method"],
        pareto_k=about["pareto_k"],
        ess=about["ess"],
        proposals=about["proposals"],
    )
    return fit, posterior


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


def _not_a_fit(given: str) -> ModelError:
    return ModelError("clv.schema", values={"given": given, "schema": SCHEMA_VERSION})
