"""Every public function of lifetimes and churn that takes arrays refuses those that do not belong together."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import numpy as np
import pytest

import crmlib.churn
import crmlib.clv
from crmlib.churn import metrics
from crmlib.churn.judge import calibration, profit
from crmlib.churn.models import rules
from crmlib.churn.winback import clusters, uplift
from crmlib.clv.judge import baselines, diagnosis
from crmlib.clv.models import bg_bb, bg_nbd, cnbd, gamma_gamma, ggom_nbd, mbg_nbd, pareto_nbd
from crmlib.clv.numerics import clock, coin
from crmlib.core.errors import ModelError

INSIDE = {
    "crmlib.clv.numerics": "inner loops: their arrays come from models that have checked them",
    "crmlib.clv.estimate": "searches over theta, whose length the model decides",
    "crmlib.clv.seasonal": "pieces of one history, cut in one place",
    "crmlib.clv.forecast.posterior": "draws of theta",
    "crmlib.clv.models.bg_bb.occasions_exceed": "parts of one `Occasions`",
    "crmlib.clv.models.bg_bb.occasions_exceed_at": "parts of one `Occasions`",
    "crmlib.clv.models.bg_bb.occasions_moment": "parts of one `Occasions`",
    "crmlib.clv.models.ggom_nbd.clock_time": "inner loop",
    "crmlib.clv.models.ggom_nbd.later_beta": "inner loop",
    "crmlib.churn.models.boosted.tuned": "the matrix and the labels of one frame",
}

THREE, FOUR, FLAT = np.full(3, 0.5), np.full(4, 0.5), np.full((1, 3), 0.5)
RATES = {"r": 0.2, "alpha": 4.0, "a": 0.8, "b": 2.4}
CALLS = {
    "bg_nbd": lambda x, y: bg_nbd.log_likelihood(bg_nbd.BgNbdParams(**RATES), x=x, t_x=y, T=x),
    "bg_nbd expected": lambda x, y: bg_nbd.expected_purchases(bg_nbd.BgNbdParams(**RATES), x=x, t_x=x, T=y, t=9.0),
    "mbg_nbd": lambda x, y: mbg_nbd.p_alive(mbg_nbd.MbgNbdParams(**RATES), x=x, t_x=y, T=x),
    "pareto_nbd": lambda x, y: pareto_nbd.p_alive(pareto_nbd.ParetoNbdParams(0.5, 9.0, 0.6, 9.0), x=x, t_x=x, T=y),
    "ggom_nbd": lambda x, y: ggom_nbd.p_alive(ggom_nbd.GgomNbdParams(0.5, 9.0, 0.1, 0.6, 9.0), x=x, t_x=x, T=y),
    "bg_bb": lambda x, y: bg_bb.p_alive(bg_bb.BgBbParams(1.2, 0.7, 0.6, 2.7), x=x, t_x=x, n=y),
    "cnbd": lambda x, y: cnbd.log_likelihood(cnbd.CnbdParams(**RATES), x=x, t_x=y, T=x, k=2, family="bg_cnbd"),
    "gamma_gamma": lambda x, y: gamma_gamma.expected_spend(gamma_gamma.GammaGammaParams(6.0, 4.0, 15.0), n=x, spend=y),
    "deviance": diagnosis.deviance,
    "contest": lambda x, y: baselines.contest({"a": x}, y, baseline="a", rng=np.random.default_rng(1)),
    "coin": lambda x, y: coin.coin_moments(x, y, 0.8, 2.4, t=9.0),
    "coin at": lambda x, y: coin.coin_exceed_at(x, 4.0, 0.8, 2.4, t=9.0, i=y),
    "clock": lambda x, y: clock.clock_mean(x, y, 0.8, 2.4, 0.0, t=9.0),
    "clock at": lambda x, y: clock.clock_exceed_at(x, 4.0, 0.8, 2.4, 0.0, t=9.0, i=y),
    "auc": metrics.auc,
    "brier": metrics.brier,
    "lift": metrics.lift,
    "ece": calibration.ece,
    "recalibrate": calibration.recalibrate,
    "empc": lambda x, y: profit.empc(x, y, value=200.0, offer=10.0, contact=1.0),
    "contact_profit": lambda x, y: profit.contact_profit(
        x, margin=y, accept=0.3, offer=10.0, taken_anyway=0.5, contact=1.0
    ),
    "p_zero": lambda x, y: rules.p_zero(x=x, t_x=y, T=x, h=9.0, **RATES),
    "dr_score": lambda x, y: uplift.dr_score(x, x, p0=y, p1=x),
    "mean_of_those": clusters.mean_of_those,
}


@pytest.mark.parametrize("other", [FOUR, FLAT], ids=["longer", "a row of a table"])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_arrays_that_do_not_belong_together_are_refused_in_three_parts(call, other):
    with pytest.raises(ModelError) as refused:
        call(THREE, other)
    assert refused.value.code == "frame.shape"
    assert refused.value.given and refused.value.expected and refused.value.mend


def public_array_functions() -> list[tuple[str, object]]:
    """Public functions of both packages with two arguments or more that are arrays."""
    found = []
    for package in (crmlib.clv, crmlib.churn):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for name, function in vars(importlib.import_module(module.name)).items():
                if name.startswith("_") or not inspect.isfunction(function) or function.__module__ != module.name:
                    continue
                kinds = [str(p.annotation) for p in inspect.signature(function).parameters.values()]
                if sum(kind == "Array" for kind in kinds) >= 2:
                    found.append((f"{module.name}.{name}", function))
    return found  # type: ignore[return-value]


def test_every_public_function_of_two_arrays_checks_them_or_says_why_not():
    functions = public_array_functions()
    assert len(functions) > 40
    unchecked = [
        name for name, f in functions if not hasattr(f, "__wrapped__") and not any(name.startswith(i) for i in INSIDE)
    ]
    assert unchecked == []
