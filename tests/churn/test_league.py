"""The league table on CDNOW: reference numbers of `spec/churn.md`, measured there on another implementation."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from crmlib.churn import additive, boosted, logit, overdue, rules
from crmlib.churn.backtest import Contestant, beats, league, origins, refuse_overlap, rolling, usable_origins
from crmlib.churn.calibration import ece
from crmlib.churn.features import EVERYBODY, features
from crmlib.churn.metrics import auc, brier
from crmlib.churn.visits import known_days
from crmlib.core.errors import ModelError

T0, H, LAST = date(1998, 3, 31), 91, date(1998, 6, 30)
FIRST = date(1997, 1, 1)
TRAIN = [FIRST + timedelta(days=d) for d in (180, 272, 363)]
CLOSE = 0.003  # the tolerance the issue asks for
BG_NBD = {"r": 0.272377, "alpha": 5.938963, "a": 0.461829, "b": 1.913942}  # lifetimes 0.11.3, CDNOW to T0, weeks


def p_zero(_, table):
    x, age, recency = (table[c].to_numpy().astype(float) for c in ("trips", "age", "recency"))
    return rules.p_zero(x=x - 1, t_x=(age - recency) / 7, T=age / 7, h=H / 7, **BG_NBD)


def p_gone(_, table):
    x, age, recency = (table[c].to_numpy().astype(float) for c in ("trips", "age", "recency"))
    return 1 - rules.p_alive(x=x - 1, t_x=(age - recency) / 7, T=age / 7, **BG_NBD)


CONTESTANTS = [
    Contestant("logit", lambda a, b: logit.fit(a).predict(b), probability=True),
    Contestant("additive", lambda a, b: additive.fit(a).predict(b), probability=True),
    Contestant("boosted", lambda a, b: boosted.fit(a).predict(b), probability=True),
    Contestant("p_zero", p_zero, probability=True),
    Contestant("recency", lambda _, b: rules.scores(b)["recency"].to_numpy()),
    Contestant("frequency", lambda _, b: rules.scores(b)["frequency"].to_numpy()),
    Contestant("one_minus_p_alive", p_gone),
]


@pytest.fixture(scope="module")
def scored(cdnow):
    return rolling(
        cdnow,
        test_origins=[T0],
        train_origins=TRAIN,
        horizon=H,
        observed_until=LAST,
        contestants=CONTESTANTS,
        options=EVERYBODY,
    )


@pytest.mark.parametrize(
    ("name", "everybody", "repeat"),
    [
        ("boosted", 0.8393, 0.7709),
        ("logit", 0.8385, 0.7691),
        ("p_zero", 0.8302, 0.7647),
        ("recency", 0.8279, 0.7381),
        ("frequency", 0.8254, None),
        ("one_minus_p_alive", 0.3442, None),
    ],
)
def test_cdnow_ranks_as_published(scored, name, everybody, repeat):
    y, s = scored["y"].to_numpy(), scored[name].to_numpy()
    assert auc(y, s) == pytest.approx(everybody, abs=CLOSE)
    if repeat is not None:
        again = (scored["trips"] > 1).to_numpy()
        assert auc(y[again], s[again]) == pytest.approx(repeat, abs=CLOSE)


@pytest.mark.parametrize(("name", "score"), [("boosted", 0.0888), ("logit", 0.0895), ("p_zero", 0.0898)])
def test_cdnow_probabilities_are_as_good_as_published(scored, name, score):
    assert brier(scored["y"].to_numpy(), scored[name].to_numpy()) == pytest.approx(score, abs=0.001)


def test_cdnow_calibration_error_meets_the_goal(scored):
    for name in ("logit", "additive", "boosted"):
        assert ece(scored["y"].to_numpy().astype(float), scored[name].to_numpy()) <= 0.03, name


def test_logit_is_within_half_a_point_of_the_tuned_challenger(scored):
    y = scored["y"].to_numpy()
    assert auc(y, scored["boosted"].to_numpy()) - auc(y, scored["logit"].to_numpy()) < 0.005


def test_overdue_ranks_worse_than_plain_recency(cdnow, scored):
    table = features(cdnow, t0=T0, options=EVERYBODY)
    gaps = overdue.log_gap_sums(known_days(cdnow, t0=T0).filter("trip"))
    fit = overdue.fit(features(cdnow, t0=T0), log_gaps=gaps, rng=np.random.default_rng(1))
    late = scored.join(fit.overdue(table), on="customer_id")
    y = late["y"].to_numpy()
    # published .748 with another shrinkage; the compound gamma renewal gives .754, both well below recency
    assert auc(y, late["overdue"].to_numpy()) == pytest.approx(0.748, abs=0.01)
    assert auc(y, late["overdue"].to_numpy()) < auc(y, late["recency"].to_numpy()) - 0.05


def test_the_league_shows_both_populations_best_first_with_intervals(scored):
    table = league(scored, contestants=CONTESTANTS, against="logit", rng=np.random.default_rng(1), draws=40)
    assert set(table["population"]) == {"all", "active"}
    for part in table.partition_by("population"):
        assert part["auc"].is_sorted(descending=True)
    assert (table["auc_low"] <= table["auc"]).all()
    assert (table["auc"] <= table["auc_high"]).all()
    zero = table.filter(pl.col("contestant") == "logit").select("gain", "gain_low", "gain_high")
    assert zero.unique().rows() == [(0.0, 0.0, 0.0)]
    assert not beats(table, challenger="boosted")  # one origin is no rolling test


def test_an_origin_inside_a_training_label_is_refused():
    assert usable_origins(TRAIN, test=T0, horizon=H) == TRAIN
    with pytest.raises(ModelError) as error:
        refuse_overlap([*TRAIN, T0 - timedelta(days=H - 1)], test=T0, horizon=H)
    assert error.value.code == "churn.origin_inside_label"
    with pytest.raises(ModelError):
        refuse_overlap([], test=T0, horizon=H)


def test_the_rolling_test_never_trains_on_a_label_that_had_not_closed(shop, shop_last):
    tests = origins(first=shop_last - timedelta(days=300), last=shop_last - timedelta(days=H), step=91)
    seen_origins = {}

    def spy(train, test):
        seen_origins[test["origin"][0]] = train["origin"].max()
        return test["recency"].to_numpy().astype(float)

    rolling(
        shop,
        test_origins=tests,
        train_origins=origins(first=shop_last - timedelta(days=600), last=shop_last - timedelta(days=H), step=30),
        horizon=H,
        observed_until=shop_last,
        contestants=[Contestant("spy", spy)],
    )
    assert len(seen_origins) == 3
    assert all(last + timedelta(days=H) <= test for test, last in seen_origins.items())
