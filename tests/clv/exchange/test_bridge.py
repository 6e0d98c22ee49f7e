"""A fit crosses over to lifetimes and back, and both sides predict the same."""

from __future__ import annotations

import numpy as np
import pytest

from crmlib.clv import horizon
from crmlib.clv.exchange import bridge
from crmlib.clv.forecast import predict
from crmlib.clv.models import bg_nbd, gamma_gamma, ggom_nbd, mbg_nbd, pareto_nbd
from crmlib.core.errors import ModelError


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("model", [bg_nbd, mbg_nbd, pareto_nbd])
def test_lifetimes_predicts_the_same_with_our_parameters(cdnow, model):
    fit = model.fit(cdnow)
    fitter = bridge.to_lifetimes(fit)
    x, t_x, T = (cdnow[c].to_numpy() for c in ("x", "t_x", "T"))
    theirs = fitter.predict(39, x, t_x, T)
    ours = predict.customers(fit, cdnow, horizon=horizon.weeks(39))["expected"].to_numpy()
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)
    alive = fitter.conditional_probability_alive(x, t_x, T)
    np.testing.assert_allclose(model.p_alive(fit.params, x=x, t_x=t_x, T=T), alive, rtol=1e-9)
    assert bridge.from_lifetimes(fitter) == fit.params
    np.testing.assert_allclose(fitter.standard_errors_.to_numpy(), list(fit.standard_errors.values()))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_spend_crosses_over(cdnow):
    repeat = cdnow.filter(cdnow["x"] > 0)
    fit = gamma_gamma.fit(repeat)
    fitter = bridge.to_lifetimes(fit)
    theirs = fitter.conditional_expected_average_profit(repeat["x"].to_pandas(), repeat["spend"].to_pandas())
    n, m = repeat["x"].to_numpy(), repeat["spend"].to_numpy()
    np.testing.assert_allclose(gamma_gamma.expected_spend(fit.params, n=n, spend=m), theirs.to_numpy(), rtol=1e-12)
    assert bridge.from_lifetimes(fitter) == fit.params


def test_what_lifetimes_does_not_have_is_refused(cdnow):
    with pytest.raises(ModelError, match="lifetimes has as well"):
        bridge.to_lifetimes(ggom_nbd.fit(cdnow.head(300), prior=1.0))
    with pytest.raises(ModelError, match="a fitted lifetimes fitter"):
        bridge.from_lifetimes(object())
