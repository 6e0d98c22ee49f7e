"""Every model against printed numbers and the numbers of lifetimes on the same rows."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from crmlib.clv import horizon
from crmlib.clv.forecast import predict
from crmlib.clv.models import bg_bb, bg_nbd, gamma_gamma, ggom_nbd, mbg_nbd, nbd, pareto_nbd, sbg
from crmlib.clv.numerics.coin import coin_exceed

PRINTED = 5e-4
"""The papers print three decimals, so agreement can be no finer."""
FOUR_DIGITS = 1.5e-3
"""Reference parameters are given to four or five digits; alpha and beta, being larger, to 1e-4 of themselves."""
LIKELIHOOD = 5e-3
"""Log-likelihoods are printed to two decimals or better."""


@pytest.fixture(scope="module")
def rounded(summary) -> pl.DataFrame:
    """The CDNOW summary as published: times rounded to two decimals, which is what the references were fitted on."""
    return summary("cdnow_customers_summary.csv").rename({"frequency": "x", "recency": "t_x"})


@pytest.mark.parametrize(
    ("model", "params", "log_likelihood"),
    [
        (nbd, (0.38477, 12.0721), -9763.66),
        (bg_nbd, (0.242593, 4.413532, 0.792886, 2.425753), -9582.4256),
        (mbg_nbd, (0.524838, 6.182988, 0.891356, 1.614000), -9582.1327),
        (pareto_nbd, (0.55328, 10.5776, 0.60621, 11.6679), -9594.9739),
    ],
)
def test_cdnow_estimates_are_the_published_ones(rounded, model, params, log_likelihood):
    fit = model.fit(rounded)
    assert fit.certificate.converged
    assert fit.log_likelihood == pytest.approx(log_likelihood, abs=LIKELIHOOD)
    estimates = [getattr(fit.params, name) for name in fit.params.__dataclass_fields__]
    np.testing.assert_allclose(estimates, params, rtol=2e-5)
    assert fit.n_customers == 2357


def test_standard_errors_of_bg_and_pareto_are_the_reference_ones(rounded):
    bg, pareto = bg_nbd.fit(rounded), pareto_nbd.fit(rounded)
    np.testing.assert_allclose(list(bg.standard_errors.values()), [0.01256, 0.3782, 0.1857, 0.7053], rtol=1e-3)
    np.testing.assert_allclose(list(pareto.standard_errors.values()), [0.0476, 0.8427, 0.1873, 6.2105], rtol=1e-3)
    matrix = np.array(bg.covariance)
    assert (matrix == matrix.T).all()  # lifetimes' is not symmetric
    assert (np.linalg.eigvalsh(matrix) > 0).all()


def test_ggom_collapses_to_pareto_on_cdnow_and_says_so(cdnow):
    fit = ggom_nbd.fit(cdnow)
    assert fit.log_likelihood == pytest.approx(-9594.9762, abs=1e-3)
    assert not fit.certificate.converged
    assert set(fit.certificate.boundary) == {"b", "beta"}
    assert "boundary" in fit.notes
    assert fit.params.beta / fit.params.b == pytest.approx(11.668, rel=1e-3)  # Pareto's beta


def test_gamma_gamma_estimates_are_the_published_ones(summary):
    history = summary("cdnow_customers_summary_with_transactions.csv").rename({"zbar": "spend"})
    fit = gamma_gamma.fit(history)
    assert fit.n_customers == 946
    assert fit.log_likelihood == pytest.approx(-4055.92, abs=LIKELIHOOD)
    np.testing.assert_allclose([fit.params.p, fit.params.q, fit.params.gamma], [6.2488, 3.7446, 15.4477], rtol=2e-5)
    np.testing.assert_allclose(list(fit.standard_errors.values()), [1.190, 0.290, 4.160], rtol=1e-3)


def test_bg_bb_estimates_of_the_donations_are_the_published_ones(summary):
    rows = summary("donations.csv").rename({"frequency": "x", "recency": "t_x", "periods": "n", "weights": "customers"})
    fit = bg_bb.fit(rows)
    assert fit.n_customers == 11104
    assert fit.log_likelihood == pytest.approx(-33225.58, abs=LIKELIHOOD)
    np.testing.assert_allclose(
        [fit.params.alpha, fit.params.beta, fit.params.gamma, fit.params.delta],
        [1.2035, 0.7497, 0.6567, 2.7834],
        rtol=1e-4,
    )


def test_sbg_estimates_of_the_paper(regular=(1000, 631, 468, 382, 326, 289, 262, 241)):
    fit = sbg.fit(sbg.members_of_cohort(list(regular)))
    assert (fit.params.alpha, fit.params.beta) == pytest.approx((0.7041, 1.1820), abs=1e-4)
    assert fit.log_likelihood == pytest.approx(-1680.265, abs=1e-3)
    high_end = sbg.fit(sbg.members_of_cohort([1000, 869, 743, 653, 593, 551, 517, 491]))
    assert (high_end.params.alpha, high_end.params.beta) == pytest.approx((0.6681, 3.8061), abs=1e-4)
    assert high_end.log_likelihood == pytest.approx(-1611.158, abs=1e-3)


def test_bg_predictions_are_the_printed_ones(rounded):
    fit = bg_nbd.fit(rounded)
    one = pl.DataFrame({"x": [2], "t_x": [30.43], "T": [38.86]})
    scores = predict.customers(fit, one, horizon=horizon.weeks(39))
    assert scores["expected"].item() == pytest.approx(1.226, abs=PRINTED)
    assert scores["p_alive"].item() == pytest.approx(0.72661, abs=5e-5)
    for t, expected in ((0.1429, 0.0078), (1, 0.0532), (3, 0.1506), (31.8571, 1.0405), (32, 1.0437), (78, 1.8576)):
        assert predict.newcomers(fit, horizon=horizon.weeks(t)) == pytest.approx(expected, abs=FOUR_DIGITS)
    assert predict.p_newcomers(fit, horizon=horizon.weeks(39), most=0)[0] == pytest.approx(0.574307, abs=5e-6)


def test_zero_class_with_the_printed_rounded_parameters():
    printed = coin_exceed(0.243, 4.414, 0.793, np.array([2.426]), t=39.0, most=0)
    assert 1 - printed[0, 0] == pytest.approx(0.5737864, abs=5e-8)


def test_pareto_predictions_are_the_printed_ones(rounded):
    fit = pareto_nbd.fit(rounded)
    one = pl.DataFrame({"x": [26], "t_x": [30.86], "T": [31.0]})
    scores = predict.customers(fit, one, horizon=horizon.weeks(52))
    # printed 25.458 goes with parameters rounded to three decimals: 25.45847; ours are not rounded
    assert scores["expected"].item() == pytest.approx(25.458, abs=2e-3)
    assert scores["p_alive"].item() == pytest.approx(0.99792, abs=5e-6)
    assert predict.newcomers(fit, horizon=horizon.weeks(52)) == pytest.approx(1.4735, abs=1e-4)
    dert = predict.discounted(fit, predict.read_for(fit, one), t=None, rate=0.0027)
    assert dert[0] == pytest.approx(86.032, rel=5e-5)


@pytest.mark.parametrize(("x", "expected"), [(132.0, 6.2060517889632418), (133.0, 6.2528722475748113)])
def test_pareto_keeps_its_digits_where_the_last_purchase_is_at_the_end(x, expected):
    """CLVTools' hard rows: t_x = T = 200 with many purchases."""
    params = pareto_nbd.ParetoNbdParams(0.55, 10.58, 0.61, 11.67)
    at = np.array([200.0])
    assert pareto_nbd.expected_purchases(params, x=np.array([x]), t_x=at, T=at, t=10.0)[0] == pytest.approx(
        expected, rel=1e-13
    )


def test_holdout_forecasts_of_cdnow_are_the_known_ones(cdnow):
    for model, total in ((bg_nbd, 1653.4), (mbg_nbd, 1576.7), (pareto_nbd, 1665.5)):
        fit = model.fit(cdnow)
        scores = predict.customers(fit, cdnow, horizon=horizon.weeks(39))
        assert scores["expected"].sum() == pytest.approx(total, abs=0.05)
        if model is bg_nbd:
            by_x = scores.with_columns(x=cdnow["x"].clip(upper_bound=7)).group_by("x").agg(pl.col("expected").mean())
            known = [0.225, 0.523, 1.044, 1.520, 2.164, 2.654, 3.504, 6.157]
            np.testing.assert_allclose(by_x.sort("x")["expected"].to_numpy(), known, atol=PRINTED)


def test_the_sample_has_the_counts_of_the_paper(cdnow):
    assert (cdnow.height, cdnow["x"].sum(), int((cdnow["x"] == 0).sum())) == (2357, 2457, 1411)
