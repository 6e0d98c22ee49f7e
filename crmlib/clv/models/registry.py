"""The continuous-time and occasion models by name."""

from __future__ import annotations

from typing import Any

from crmlib.clv.estimate.result import Model
from crmlib.clv.models import bg_bb, bg_nbd, cnbd, ggom_nbd, mbg_nbd, nbd, pareto_nbd
from crmlib.core.errors import ModelError

MODELS: dict[str, Model[Any]] = {
    module.MODEL.name: module.MODEL for module in (bg_nbd, mbg_nbd, pareto_nbd, ggom_nbd, bg_bb, nbd)
}


def model_of(name: str) -> Model[Any]:
    """The model called `name`.

    Examples
    --------
    >>> model_of("bg_nbd").names
    ('r', 'alpha', 'a', 'b')
    >>> model_of("mbg_cnbd_2").name
    'mbg_cnbd_2'
    """
    regular = cnbd.by_name(name)
    if regular is not None:
        return regular
    if name not in MODELS:
        raise ModelError("clv.unknown_model", values={"name": name, "models": ", ".join(MODELS)})
    return MODELS[name]
