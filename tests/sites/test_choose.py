"""The decay form is found by held-out flows and past openings; the back-test measures net, not only gross."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from crmlib.core.errors import ModelError
from crmlib.simulate import city as simulated
from crmlib.sites import backtest, choose, huff, market, periods, ramp
from tests.sites.conftest import PER_HEAD_MINOR, SMALL


def past_of(plan: simulated.CityPlan, seed: int) -> choose.Past:
    city = simulated.build(plan, rng=np.random.default_rng(seed))
    built = []
    for day in simulated.periods(plan):
        sites, flows = periods.network(city.sites, city.openings, city.card_flows, period_end=day)
        built.append(
            market.build(
                cells=city.cells, sites=sites, flows=flows, competitors=city.competitors,
                per_head_minor=PER_HEAD_MINOR, attributes=("transit",),
            )
        )  # fmt: skip
    curve = ramp.fit(city.openings, city.sites)
    opened = backtest.past_openings(built[0], sites, before_end=simulated.periods(plan)[0], ramp=curve)
    return choose.Past(built[0], built[1], opened)


@pytest.mark.parametrize(
    ("changes", "form", "nested"),
    [
        ({}, "power", False),
        ({"decay": "exponential", "lambda_": 0.5}, "exponential", False),
        ({"nest": 0.6}, "power", True),
    ],
    ids=["power", "exponential", "nest"],
)
def test_the_form_of_the_city_is_chosen(changes, form, nested):
    past = past_of(replace(SMALL, **changes), seed=3)
    found = choose.choose(past.after, past=past, rng=np.random.default_rng(1), forms=("power", "exponential"), draws=20)
    assert (found.fit.form, found.fit.nested) == (form, nested)
    assert found.trials.filter(pl.col("chosen")).height == 1


def test_an_offset_city_is_read_by_the_offset_or_the_spline():
    past = past_of(replace(SMALL, decay="offset", lambda_=2.5, own=40, rivals=40), seed=3)
    found = choose.choose(past.after, past=None, rng=np.random.default_rng(1), nests=(False,))
    assert found.fit.form in ("offset", "spline")
    assert found.backtest is None


@pytest.fixture(scope="module")
def tested() -> tuple[choose.Past, backtest.Backtest]:
    past = past_of(replace(SMALL, own=40, openings=9), seed=5)
    return past, backtest.run(
        past.before, huff.fit(past.before), past.after, past.opened, draws=100, rng=np.random.default_rng(1)
    )


def test_openings_are_foreseen_within_their_noise(tested):
    _, found = tested
    assert found.openings.height == 9
    assert found.mape < 0.45
    assert found.coverage >= 0.5


def test_what_openings_take_from_old_stores_is_foreseen(tested):
    _, found = tested
    assert abs(found.lost_predicted - found.lost_actual) < 3 * found.lost_error_se
    assert abs(found.net_bias) < 0.15
    assert 0.05 < found.lost_predicted < 0.6


def test_a_model_without_competitors_is_caught_by_the_back_test(tested):
    past, found = tested
    blind = [market.without_rivals(m, np.ones(len(m.rivals.ids), dtype=bool)) for m in (past.before, past.after)]
    wrong = backtest.run(blind[0], huff.fit(blind[0]), blind[1], past.opened, draws=10, rng=np.random.default_rng(1))
    assert abs(wrong.lost_predicted - found.lost_actual) > abs(found.lost_predicted - found.lost_actual)


def test_young_stores_are_not_openings_to_judge_by(tested):
    past, _ = tested
    young = past.opened.with_columns(opened_on=pl.col("period_end"))
    assert backtest.past_openings(past.before, young, before_end=simulated.periods(SMALL)[0]).is_empty()


def test_fewer_than_three_openings_are_refused(tested):
    past, _ = tested
    with pytest.raises(ModelError) as raised:
        backtest.run(
            past.before, huff.fit(past.before), past.after, past.opened.head(2), draws=5, rng=np.random.default_rng(1)
        )
    assert raised.value.code == "sites.no_openings"
