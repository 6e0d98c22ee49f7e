from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from crmlib.core.errors import ModelError
from crmlib.promotion.audit.synthetic import mean_effect, predictor_weights, simplex_weights, synthetic_control

PERIODS, FIRST, UNITS = 60, 45, 19


def markets(seed, *, effect=0.0, level=0.0, units=UNITS):
    """Markets of one kind that share two factors; the treated one stands `level` above the others."""
    rng = np.random.default_rng(seed)
    factors = np.cumsum(rng.normal(0, 1, (PERIODS, 2)), axis=0)
    loads = rng.uniform(0.2, 1, (2, units + 1))
    every = 50 + 10 * rng.uniform(0, 1, units + 1) + factors @ loads + rng.normal(0, 1, (PERIODS, units + 1))
    treated = every[:, 0] + level
    treated[FIRST:] += effect
    return treated, every[:, 1:]


@pytest.mark.real_data
def test_proposition_99_gives_the_published_effects(real_data):
    table = pl.read_parquet(real_data / "causal" / "california_prop99.parquet")
    california, others = table["California"].to_numpy(), table.drop("Year", "California").to_numpy()
    first = int((table["Year"] < 1989).sum())
    assert mean_effect(california, others, first=first) == pytest.approx(-27.3491, abs=5e-5)
    got = synthetic_control(california, others, first=first, demeaned=False)
    assert got.effect == pytest.approx(-19.51, abs=5e-3)
    assert got.p_value < 0.15  # on outcomes alone; with their predictors Abadie et al. rank California first of 39
    assert got.total == pytest.approx(got.effect * (len(california) - first))


def test_a_treated_unit_above_all_others_needs_the_intercept():
    plain, centred = [], []
    for seed in range(20):
        treated, others = markets(seed, effect=4.0, level=40.0)
        plain.append(synthetic_control(treated, others, first=FIRST, demeaned=False).effect)
        centred.append(synthetic_control(treated, others, first=FIRST).effect)
    assert np.mean(plain) > 20  # the weighted mean of the others never reaches it
    assert np.mean(centred) == pytest.approx(4.0, abs=0.5)


def test_the_placebo_interval_holds_the_truth_as_often_as_it_says_and_the_test_is_level():
    inside, p = [], []
    for seed in range(150):
        treated, others = markets(seed, effect=2.0)
        got = synthetic_control(treated, others, first=FIRST)
        inside.append(got.lower <= 2.0 <= got.upper)
        null = synthetic_control(*markets(seed), first=FIRST)
        p.append(null.p_value)
    assert np.mean(inside) == pytest.approx(0.9, abs=0.06)
    assert np.mean(np.array(p) <= 0.1) == pytest.approx(0.1, abs=0.06)


def test_several_treated_units_are_judged_by_their_mean_and_summed():
    """As a geo test of two markets and 15 days is printed: 155.556 a day and market are 4,667 in all."""
    treated, others = markets(3, effect=5.0)
    both = np.column_stack([treated - 1.0, treated + 1.0])
    one, two = (synthetic_control(t, others, first=FIRST) for t in (treated, both))
    assert two.effect == pytest.approx(one.effect)
    assert two.total == pytest.approx(2 * one.total) == pytest.approx(2 * (PERIODS - FIRST) * two.effect)
    expected = (treated - one.gap)[FIRST:].mean()
    assert one.lift == pytest.approx(one.effect / expected)


def test_demeaned_weights_are_those_of_the_demeaned_series():
    treated, others = markets(5, level=30.0)
    got = synthetic_control(treated, others, first=FIRST)
    centred = others[:FIRST] - others[:FIRST].mean(axis=0), treated[:FIRST] - treated[:FIRST].mean()
    assert got.weights == pytest.approx(simplex_weights(*centred))
    assert got.gap[:FIRST].mean() == pytest.approx(0, abs=1e-9)


def test_predictors_are_weighed_so_that_outcomes_are_followed():
    """One predictor carries the load of the factor, one is noise: the first gets nearly all the weight."""
    rng = np.random.default_rng(8)
    load = rng.uniform(0, 1, 12)
    factor = np.cumsum(rng.normal(1, 1, 40))
    others = factor[:, None] * load + rng.normal(0, 0.05, (40, 12))
    treated = 0.5 * factor + rng.normal(0, 0.05, 40)
    predictors = np.vstack([load, rng.normal(0, 1, 12)])
    own = np.array([0.5, 3.0])
    importance, weights = predictor_weights(own, predictors, treated=treated[:30], before=others[:30])
    assert importance[0] > 0.9 and importance.sum() == pytest.approx(1)
    assert weights @ load == pytest.approx(0.5, abs=0.02) and weights.min() >= 0
    treated[30:] += 7.0
    got = synthetic_control(treated, others, first=30, demeaned=False, predictors=(own, predictors))
    assert got.effect == pytest.approx(7.0, abs=0.5)


def test_few_untreated_units_give_an_effect_without_an_interval():
    got = synthetic_control(*markets(1, units=4), first=FIRST)
    assert (got.lower, got.upper) == (None, None) and got.p_value is not None
    alone = synthetic_control(*markets(1, units=2), first=FIRST)
    assert alone.p_value is None


@pytest.mark.parametrize(
    "call",
    [
        lambda t, o: mean_effect(t, o.T, first=FIRST),
        lambda t, o: mean_effect(t, o, first=FIRST, weights=np.ones(3)),
        lambda t, o: mean_effect(t[:-1], o, first=FIRST),
        lambda t, o: simplex_weights(o.T, t),
        lambda t, o: synthetic_control(t, o.T, first=FIRST),
        lambda t, o: synthetic_control(np.column_stack([t, t]).T, o, first=FIRST),
        lambda t, o: predictor_weights(np.ones(2), np.ones((UNITS, 2)), treated=t, before=o),
    ],
)
def test_arrays_that_do_not_belong_together_are_refused(call):
    with pytest.raises(ModelError) as refused:
        call(*markets(0))
    assert refused.value.code == "frame.shape"


@pytest.mark.parametrize("first", [0, PERIODS, -1])
def test_an_event_without_a_before_or_without_weeks_is_refused(first):
    for call in (mean_effect, synthetic_control):
        with pytest.raises(ModelError) as refused:
            call(*markets(0), first=first)
        assert refused.value.code == "promotion.synthetic_periods"
