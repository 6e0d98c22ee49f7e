"""Forms of distance decay and their gradients."""

import numpy as np
import pytest

from crmlib.sites import decay

KM = np.random.default_rng(1).uniform(0.05, 30, (40, 12))
WITHIN = np.random.default_rng(2).uniform(0.2, 0.6, 40)
COEFFICIENTS = {"power": [1.8], "exponential": [0.5], "offset": [2.2, 0.4], "spline": [1.6, 0.3, -0.2]}
NUMERIC = 1e-6  # central differences with a step of 1e-5


@pytest.mark.parametrize("form", decay.FORMS)
def test_the_gradient_is_the_derivative_of_the_utility(form):
    at = np.array(COEFFICIENTS[form])
    exact = decay.gradient(form, at, KM, within_km=WITHIN)
    for i, step in enumerate(1e-5 * np.eye(len(at))):
        up, down = (decay.utility(form, at + s, KM, within_km=WITHIN) for s in (step, -step))
        assert np.abs((up - down) / 2e-5 - exact[i]).max() < NUMERIC


@pytest.mark.parametrize("form", decay.FORMS)
def test_a_store_farther_away_pulls_less(form):
    at = np.array(COEFFICIENTS[form])
    line = np.linspace(0.01, 40, 200)[None, :]
    assert np.all(np.diff(decay.utility(form, at, line, within_km=np.array([0.4]))) < 0)


def test_beyond_its_knots_the_spline_is_a_power_again():
    at = np.array(COEFFICIENTS["spline"])
    slopes = [decay.slope("spline", at, at_km=km, within_km=1e-9) for km in (20.0, 40.0, 80.0)]
    assert np.ptp(slopes) < 1e-4
    assert decay.slope("spline", at, at_km=0.1, within_km=1e-9) == pytest.approx(1.6, abs=1e-4)


def test_the_slope_compares_forms_at_a_distance():
    assert decay.slope("power", np.array([1.8]), at_km=2.0, within_km=1e-9) == pytest.approx(1.8, abs=1e-6)
    assert decay.slope("exponential", np.array([0.9]), at_km=2.0, within_km=0.4) == pytest.approx(1.8, abs=1e-6)
    assert decay.slope("offset", np.array([2.0, 0.0]), at_km=2.0, within_km=0.4) == pytest.approx(4 / 3, abs=1e-6)
