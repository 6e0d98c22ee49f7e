"""The score is the gradient of the objective, for every form, with and without the nest."""

import numpy as np
import pytest

from crmlib.sites import decay, likelihood, shares
from crmlib.sites.huff import _yuan_per_visit
from crmlib.sites.likelihood import Data, Layout

RELATIVE = 2e-5  # central differences of a sum of about 1e6


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("form", decay.FORMS)
def test_the_score_is_the_gradient_of_the_likelihood(world, form, nested):
    market = world.market
    layout = Layout(form, nested, market.attributes, market.chains, len(market.own.ids))
    data = Data(market, layout, np.ones_like(market.visits), _yuan_per_visit(market))
    theta = likelihood._start(data) + np.random.default_rng(1).normal(0, 0.05, len(layout.names) + layout.stores)
    score, fisher, _ = likelihood._derivatives(data, theta)

    def value(at):
        mean = shares.flows(likelihood.stage(market, layout, at, 0.0)) / data.scale
        return float(np.sum(market.visits * np.log(mean) - mean))

    scale = np.abs(score).max()
    for i in range(len(layout.names) + 3):
        step = np.zeros(len(theta))
        step[i] = 1e-4
        slope = (value(theta + step) - value(theta - step)) / 2e-4
        assert abs(slope - score[i]) < RELATIVE * scale, layout.names[i : i + 1]
    eigen = np.linalg.eigvalsh(fisher)  # size is a sum of store effects, so the likelihood alone leaves zeros
    assert eigen.min() > -1e-9 * eigen.max()
