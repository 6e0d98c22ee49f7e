"""No parameter and no history may give a number that is not finite, and the hard ones agree with mpmath."""

from __future__ import annotations

import itertools

import mpmath as mp
import numpy as np
import pytest

from crmlib.clv.models import bg_nbd, ggom_nbd, mbg_nbd, nbd, pareto_nbd
from crmlib.clv.numerics.coin import _integral, _sum, coin_exceed, coin_moments
from crmlib.clv.numerics.special import digamma_rising, log_rising

SCALES = (1e-4, 0.5, 1.0, 30.0, 1e5)
TIMES = ((0.0, 0.0, 0.0), (0.0, 0.0, 1e4), (1.0, 1e-4, 1e4), (1.0, 1e4, 1e4), (7.0, 20.0, 39.0))
BUSY = ((254.0, 38.0, 39.0), (1e4, 5e3, 1e4), (1e4, 1e4, 1e4), (3000.0, 1e-3, 1e4))
MODELS = {"bg_nbd": 4, "mbg_nbd": 4, "pareto_nbd": 4, "ggom_nbd": 5, "nbd": 2}
MODULES = {"bg_nbd": bg_nbd, "mbg_nbd": mbg_nbd, "pareto_nbd": pareto_nbd, "ggom_nbd": ggom_nbd, "nbd": nbd}


def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, t_x, T = np.array([*TIMES, *BUSY]).T
    return x, t_x, T


@pytest.mark.parametrize("name", MODELS)
def test_nothing_on_the_grid_is_not_finite(name):
    """x 0 … 1e4, T 0 … 1e4, parameters 1e-4 … 1e5, with t_x = T, t_x = 0, a = 1, s = 1, α = β among them."""
    model, k = MODULES[name].MODEL, MODELS[name]
    x, t_x, T = rows()
    grid = list(itertools.product(SCALES, repeat=k))
    for values in grid[:: max(1, len(grid) // 250)]:
        with np.errstate(all="ignore"):
            ll, scores = model.score(values, x, t_x, T)
            alive = model.p_alive(values, x, t_x, T)
            mean, pairs = model.ahead(values, x, t_x, T).moments(52.0)
        for what, numbers in (("ll", ll), ("score", scores), ("p_alive", alive), ("mean", mean), ("pairs", pairs)):
            assert np.isfinite(numbers).all(), (what, values)
        assert ((alive >= 0) & (alive <= 1 + 1e-12)).all(), values
        assert (mean >= 0).all(), values
        assert (ll <= 1e-6 + 60 * x).all()


@pytest.mark.parametrize("name", MODELS)
def test_gradients_are_the_slopes_of_the_log_likelihood(name):
    model, k = MODULES[name].MODEL, MODELS[name]
    x, t_x, T = (np.array(v) for v in ([0.0, 2.0, 1.0, 25.0], [0.0, 30.4, 3.0, 39.0], [39.0, 38.9, 39.0, 39.0]))
    for values in ((0.55, 10.6, 0.6, 11.7, 0.9)[:k], (0.9, 3.0, 1.0, 0.4, 4.0)[:k]):
        scores = model.score(values, x, t_x, T)[1]
        for i in range(k):
            up, down = list(values), list(values)
            up[i] *= np.exp(1e-5)
            down[i] *= np.exp(-1e-5)
            slope = (model.log_likelihood(tuple(up), x, t_x, T) - model.log_likelihood(tuple(down), x, t_x, T)) / 2e-5
            np.testing.assert_allclose(scores[i], slope, rtol=1e-5, atol=1e-7)


HARD_PARETO = [
    # r, alpha, s, beta, x, t_x, T
    (0.55, 10.58, 0.61, 11.67, 2.0, 30.43, 38.86),
    (1e-4, 1e-4, 1e-4, 1e5, 0.0, 0.0, 1e4),
    (0.5, 1e5, 1.0, 1e-4, 254.0, 1.0, 39.0),
    (0.5, 30.0, 1.0, 30.0, 1e4, 5.0, 1e4),
    (3.0, 1e5, 1e5, 1e5, 7.0, 20.0, 39.0),
    (0.3, 0.2, 5.0, 4000.0, 0.0, 0.0, 500.0),
]


@pytest.mark.parametrize("case", HARD_PARETO)
def test_pareto_log_likelihood_agrees_with_mpmath(case):
    r, alpha, s, beta, x, t_x, T = case
    params = pareto_nbd.ParetoNbdParams(r, alpha, s, beta)
    ours = pareto_nbd.log_likelihood(params, x=np.array([x]), t_x=np.array([t_x]), T=np.array([T]))[0]
    with mp.workdps(40):
        r, alpha, s, beta, x, t_x, T = (mp.mpf(v) for v in case)

        def dead(gone):  # relative to t_x: mpmath's quadrature stops early on numbers like 1e-1200
            return s / (beta + t_x) * (1 + gone / (alpha + t_x)) ** -(r + x) * (1 + gone / (beta + t_x)) ** -(s + 1)

        gap = T - t_x
        points = [mp.mpf(0), *(gap * mp.mpf(10) ** -k for k in range(11, -1, -1))] if gap else [mp.mpf(0), mp.mpf(0)]
        inside = (1 + gap / (alpha + t_x)) ** -(r + x) * (1 + gap / (beta + t_x)) ** -s + mp.quad(dead, points)
        known = -(r + x) * mp.log(alpha + t_x) - s * mp.log(beta + t_x)
        ln = mp.loggamma(r + x) - mp.loggamma(r) + r * mp.log(alpha) + s * mp.log(beta) + known + mp.log(inside)
    assert ours == pytest.approx(float(ln), rel=5e-13, abs=5e-12)


HARD_GGOM = [(0.55, 10.6, 0.05, 0.6, 0.7, 2.0, 30.4, 38.9), (0.8, 2.0, 3.0, 0.3, 5.0, 0.0, 0.0, 39.0)]


@pytest.mark.parametrize("case", HARD_GGOM)
def test_ggom_log_likelihood_agrees_with_mpmath(case):
    params = ggom_nbd.GgomNbdParams(*case[:5])
    ours = ggom_nbd.log_likelihood(params, x=np.array([case[5]]), t_x=np.array([case[6]]), T=np.array([case[7]]))[0]
    with mp.workdps(30):
        r, alpha, b, s, beta, x, t_x, T = (mp.mpf(v) for v in case)

        def dead(tau):
            return (
                (alpha + tau) ** -(r + x) * b * s * beta**s * mp.exp(b * tau) / (beta - 1 + mp.exp(b * tau)) ** (s + 1)
            )

        points = sorted({t_x, T, *(t_x + (T - t_x) * mp.mpf(2) ** -k for k in range(1, 8))})
        alive = (alpha + T) ** -(r + x) * (beta / (beta - 1 + mp.exp(b * T))) ** s
        ln = mp.loggamma(r + x) - mp.loggamma(r) + r * mp.log(alpha) + mp.log(alive + mp.quad(dead, points))
    assert ours == pytest.approx(float(ln), rel=1e-11)


def bg_cet_mp(k, scale, a, b, t):
    """Eq. (10)'s bracket by 2F1 in 60 digits: what a customer who is there will still buy."""
    with mp.workdps(60):
        k, scale, a, b, t = (mp.mpf(v) for v in (k, scale, a, b, t))
        z = t / (scale + t)
        f = mp.hyp2f1(k, b, a + b - 1, z)
        return float((a + b - 1) / (a - 1) * (1 - (scale / (scale + t)) ** k * f))


@pytest.mark.parametrize(
    "case",
    [
        (2.243, 43.27, 0.793, 4.426, 39.0),
        (0.243, 4.414, 0.793, 2.426, 78.0),
        (1e4 + 0.2, 200.0, 0.8, 1e4 + 2.4, 10.0),  # a very busy customer: the integral takes over
        (30.5, 5.0, 0.01, 12.0, 400.0),
        (500.0, 39.0, 1.0000001, 502.0, 52.0),  # next to a = 1, where the formula is 0/0
        (3.0, 1e-2, 2.5, 1.5, 1e4),
    ],
)
def test_bg_conditional_expectation_agrees_with_mpmath(case):
    k, scale, a, b, t = case
    ours = coin_moments(np.array([k]), scale, a, b, t=t)[0][0]
    assert ours == pytest.approx(bg_cet_mp(*case), rel=1e-8)


def test_sum_and_integral_give_the_same_moments():
    k, z, a, b = (np.array(v) for v in ([0.2, 3.0, 40.0], [9.0, 1.0, 2.0], [0.8, 0.05, 3.0], [2.4, 8.0, 40.0]))
    by_sum = np.array(_sum(k, z, a, b, terms=1500, pairs=True))
    np.testing.assert_allclose(_integral(k, z, a, b, pairs=True), by_sum, rtol=1e-10)


def test_a_equal_one_is_an_ordinary_point():
    """lifetimes returns inf at a = 1."""
    around = [coin_moments(np.array([2.2]), 43.0, a, 4.4, t=39.0)[0][0] for a in (1 - 1e-7, 1.0, 1 + 1e-7)]
    assert around[1] == pytest.approx((around[0] + around[2]) / 2, rel=1e-9)


def test_log_rising_keeps_its_digits():
    with mp.workdps(40):
        for a, x in itertools.product((1e-4, 0.5, 19.9, 20.1, 1e5, 1e12), (1.0, 7.0, 1e4)):
            exact = float(mp.loggamma(mp.mpf(a) + x) - mp.loggamma(mp.mpf(a)))
            slope = float(mp.digamma(mp.mpf(a) + x) - mp.digamma(mp.mpf(a)))
            assert float(log_rising(a, x)) == pytest.approx(exact, rel=5e-15 * max(1.0, 3.0))
            assert float(digamma_rising(a, x)) == pytest.approx(slope, rel=3e-14)


def test_probabilities_of_counts_add_up_to_the_moments():
    exceed = coin_exceed(np.array([2.2, 30.0]), 43.0, 0.8, np.array([4.4, 32.0]), t=39.0, most=400)
    mean, pairs = coin_moments(np.array([2.2, 30.0]), 43.0, 0.8, np.array([4.4, 32.0]), t=39.0)
    np.testing.assert_allclose(exceed.sum(axis=0), mean, rtol=1e-12)
    np.testing.assert_allclose((2 * np.arange(401)[:, None] * exceed).sum(axis=0), pairs, rtol=1e-10)


def test_pareto_clock_gives_the_same_moments_as_its_count_probabilities():
    ahead = pareto_nbd.MODEL.ahead(
        (0.55, 10.6, 0.61, 11.7), np.array([0.0, 3.0, 20.0]), np.zeros(3), np.array([39.0, 39.0, 20.0])
    )
    mean, pairs = ahead.moments(52.0)
    exceed = ahead.exceed(52.0, most=1500)
    np.testing.assert_allclose(exceed.sum(axis=0), mean, rtol=1e-10)
    np.testing.assert_allclose((2 * np.arange(1501)[:, None] * exceed).sum(axis=0), pairs, rtol=1e-8)


def test_ggom_with_hardly_any_ageing_predicts_what_pareto_does():
    x, T = np.array([0.0, 3.0]), np.array([39.0, 39.0])
    pareto = pareto_nbd.MODEL.ahead((0.55, 10.6, 0.61, 11.7), x, x, T).mean(52.0)
    ggom = ggom_nbd.MODEL.ahead((0.55, 10.6, 1e-9, 0.61, 11.7e-9), x, x, T).mean(52.0)
    np.testing.assert_allclose(ggom, pareto, rtol=1e-6)
