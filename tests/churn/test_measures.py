import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from crmlib.churn.judge import drift, profit
from crmlib.churn.judge.backtest import _weighted_auc
from crmlib.churn.judge.calibration import by_tier, calibration, ece, null_ece, recalibrate, reliability_bins
from crmlib.churn.metrics import auc, lift
from crmlib.churn.models import rules
from crmlib.core.errors import ModelError


def perfect(n, seed=1):
    rng = np.random.default_rng(seed)
    p = rng.beta(2, 3, n)
    return (rng.random(n) < p).astype(float), p


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=4, max_size=60))
def test_auc_counts_ties_half_as_scikit_learn_does(rows):
    y, s = np.array([r[0] for r in rows]).astype(float), np.array([r[1] for r in rows]).astype(float)
    if 0 < y.sum() < len(y):
        assert auc(y, s) == pytest.approx(roc_auc_score(y, s), abs=1e-12)
        tie = np.unique(s, return_inverse=True)[1]
        w = np.arange(1, len(y) + 1).astype(float)
        assert _weighted_auc(y, w, tie) == pytest.approx(roc_auc_score(y, s, sample_weight=w), abs=1e-9)


def test_lift_of_a_score_that_is_all_ties_is_one_whatever_the_order_of_the_file():
    y = np.array([1.0] * 10 + [0.0] * 90)
    assert lift(y, np.zeros(100)) == (pytest.approx(1.0), pytest.approx(10.0))
    assert lift(y[::-1], np.zeros(100))[0] == pytest.approx(1.0)


def test_the_largest_possible_lift_is_bounded_by_the_share_of_lost():
    y = np.array([1.0] * 50 + [0.0] * 50)
    assert lift(y, y) == (2.0, 2.0)


@pytest.mark.parametrize(("n", "published"), [(43, 0.25), (4297, 0.024)])
def test_a_perfect_model_scores_the_calibration_error_that_chance_gives(n, published):
    # spec: .25 at n = 43 and .024 at 4,297, where the churn was about one half
    p = np.random.default_rng(2).uniform(0.2, 0.8, n)
    assert null_ece(p, rng=np.random.default_rng(1)) == pytest.approx(published, rel=0.15)


def test_the_brier_score_splits_after_murphy():
    y, p = perfect(5000)
    c = calibration(y, np.round(p, 1), rng=np.random.default_rng(1), bins=20)
    # equal-mass bins cut through tied p, so the split is exact only up to what varies inside the bins
    assert c.brier == pytest.approx(c.reliability - c.resolution + c.uncertainty, abs=5e-3)


def test_a_perfect_model_is_left_alone_and_an_extreme_one_is_pulled_in():
    y, p = perfect(20_000)
    assert recalibrate(y, p).kind == "none"
    odds = np.log(p / (1 - p))
    extreme = 1 / (1 + np.exp(-2 * odds))
    fixed = recalibrate(y, extreme)
    assert fixed.kind == "slope"
    assert fixed.slope == pytest.approx(0.5, abs=0.03)
    shifted = 1 / (1 + np.exp(-(odds + 1)))
    moved = recalibrate(y, shifted)
    assert (moved.kind, moved.intercept) == ("intercept", pytest.approx(-1, abs=0.05))
    assert ece(y, moved.apply(shifted)) < 0.02


def test_calibration_intervals_contain_the_truth_of_a_perfect_model():
    y, p = perfect(20_000, seed=5)
    c = calibration(y, p, rng=np.random.default_rng(1))
    assert c.slope_low < 1 < c.slope_high
    assert c.intercept_low < 0 < c.intercept_high
    assert c.ece_excess < 0.005


def test_tiers_are_judged_by_observed_over_expected_with_wilson_bounds():
    y, p = perfect(4000)
    frame = pl.DataFrame({"tier": ["A"] * 40 + ["D"] * 3960, "y": y, "p": p})
    table = by_tier(frame, tier="tier")
    assert table["holds"].all()
    half = by_tier(frame.with_columns(pl.col("p") / 2), tier="tier")
    assert half.filter(pl.col("tier") == "D")["ratio"].item() == pytest.approx(2, abs=0.1)
    assert not half.filter(pl.col("tier") == "D")["holds"].item()


def test_bins_hold_everybody_once():
    y, p = perfect(997)
    bins = reliability_bins(y, p)
    assert (bins.height, bins["n"].sum()) == (20, 997)


EMPC_Y = np.array([0, 1] * 4)
EMPC_S = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9])


def test_empc_is_the_published_vector():
    made = profit.empc(EMPC_Y, EMPC_S, value=200, offer=10, contact=1, alpha=6, beta=14)
    assert made.profit == pytest.approx(23.875593418348124, abs=1e-12)


def test_empc_is_the_profit_of_the_best_threshold_averaged_over_gamma():
    gamma = np.random.default_rng(1).beta(6, 14, 4000)
    best = []
    for g in gamma:
        sums = [0.0]
        for cut in EMPC_S:
            hit = cut <= EMPC_S
            f1, f0 = (hit & (EMPC_Y == 1)).sum() / 8, (hit & (EMPC_Y == 0)).sum() / 8
            sums.append(200 * (g * (1 - 0.05) - 0.005) * f1 - 200 * (0.05 + 0.005) * f0)
        best.append(max(sums))
    # thresholds off the convex hull are never better than the hull, so the two agree up to simulation error
    assert profit.empc(EMPC_Y, EMPC_S, value=200, offer=10, contact=1).profit == pytest.approx(np.mean(best), rel=0.02)


def test_an_offer_dearer_than_the_customer_is_refused():
    with pytest.raises(ModelError) as error:
        profit.empc(EMPC_Y, EMPC_S, value=5, offer=10, contact=1)
    assert error.value.code == "churn.offer_above_value"


def test_psi_is_zero_for_the_same_rows_and_alarms_for_a_moved_score():
    rng = np.random.default_rng(1)
    base = pl.DataFrame({"risk": rng.beta(2, 3, 4000), "age": rng.integers(0, 300, 4000)})
    same = drift.drift(base, base, names=["risk", "age"], alarm_on=["risk"])
    assert same["psi"].max() == pytest.approx(0, abs=1e-12)
    moved = base.with_columns(pl.col("risk") * 0.5, pl.col("age") + 200)
    verdicts = dict(drift.drift(base, moved, names=["risk", "age"], alarm_on=["risk"]).select("name", "verdict").rows())
    assert verdicts == {"risk": "alarm", "age": "expected"}


def test_psi_counts_missing_values_as_a_bin():
    rng = np.random.default_rng(1)
    values = rng.normal(size=2000)
    holes = np.where(rng.random(2000) < 0.3, np.nan, values)
    assert drift.psi(drift.freeze(values, name="gap_mean"), holes) > drift.ALARM


def test_psi_with_fewer_than_100_rows_per_bin_is_refused():
    with pytest.raises(ModelError) as error:
        drift.freeze(np.arange(999.0), name="risk")
    assert error.value.code == "churn.psi_small"


@pytest.mark.parametrize("name", ["p_alive", "1 - p_alive", "P_ALIVE", "alive"])
def test_p_alive_is_refused_as_a_churn_score(name):
    with pytest.raises(ModelError) as error:
        rules.refuse_alive(name)
    assert error.value.code == "churn.p_alive"


def test_p_zero_of_a_new_customer_is_the_closed_form_for_no_purchase():
    # Fader, Hardie & Lee (2005): P(X(t) = 0) = (alpha / (alpha + t)) ** r
    paper = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
    zero = np.zeros(1)
    made = rules.p_zero(x=zero, t_x=zero, T=zero, h=39.0, **paper)
    assert made[0] == pytest.approx((4.414 / 43.414) ** 0.243, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(x=st.integers(0, 60), share=st.floats(0, 1), T=st.floats(1, 300), h=st.floats(0.1, 50))
def test_a_longer_horizon_never_makes_no_purchase_more_likely(x, share, T, h):
    paper = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
    one = {"x": np.array([float(x)]), "t_x": np.array([share * T if x else 0.0]), "T": np.array([T])}
    near, far = rules.p_zero(h=h, **one, **paper)[0], rules.p_zero(h=2 * h, **one, **paper)[0]
    assert 0 <= far <= near <= 1


def test_a_risk_that_parts_few_rows_completely_is_left_as_it_is():
    y = np.array([0.0] * 30 + [1.0] * 30)
    assert recalibrate(y, np.where(y > 0, 0.9, 0.1)).kind == "none"
