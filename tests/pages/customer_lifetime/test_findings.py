"""Lifetime findings say what the data say: flip the data, and the headline flips."""

from __future__ import annotations

import dataclasses
from datetime import date

import numpy as np
import polars as pl
import pytest

from crmlib.clv.forecast import portfolio
from crmlib.clv.forecast.equal_age import EqualAge
from crmlib.clv.forecast.total_error import TotalError
from crmlib.clv.horizon import months
from crmlib.clv.judge import backtest
from crmlib.clv.judge.baselines import Contest
from crmlib.kit.words import LANGUAGES, Words
from crmlib.pages.customer_lifetime.findings import checks, keep, value

ZH = Words("zh")


def contest(name: str, *, bias: float = 0.0, better: tuple[float, float] | None = (0.1, 0.2)) -> Contest:
    near = (bias - 0.02, bias + 0.02)
    return Contest(name, 100 * (1 + bias), 100, bias, near, 1.0, (0.9, 1.1), 2.0, (1.9, 2.1), better, better, 0.4)


@pytest.fixture(scope="module")
def test() -> backtest.Backtest:
    """A back-test made by hand: a model without bias that beats the baseline."""
    rng = np.random.default_rng(1)
    weeks = pl.DataFrame(
        {
            "day": [date(2025, 1, 7), date(2025, 1, 14), date(2025, 1, 21)],
            "actual": [5, 6, 7],
            "expected": [5.0, 6.0, 7.0],
            "holdout": [False, True, True],
        }
    )
    return backtest.Backtest(
        cut=date(2025, 1, 7),
        end=date(2025, 1, 21),
        chosen="bg_nbd",
        fits={},
        spend=None,
        customers=pl.DataFrame(
            {
                "pit": (np.arange(1000) + 0.5) / 1000,
                "actual": rng.poisson(1, 1000),
                "low": [0] * 1000,
                "high": [9] * 1000,
            }
        ),
        models=pl.DataFrame({"model": ["bg_nbd"], "log_likelihood": [-10.0], "aic": [28.0]}),
        trips=[contest("bg_nbd"), contest("last_trips", better=None)],
        money=[contest("bg_nbd"), contest("last_spend", better=None)],
        frequency=pl.DataFrame({"purchases": range(8), "actual": [100] * 8, "expected": [100.0] * 8}),
        by_x=pl.DataFrame({"x": range(8), "customers": [10] * 8, "actual": [1.0] * 8, "expected": [1.0] * 8}),
        weeks=weeks,
        calibration=pl.DataFrame(
            {"p_buy": [0.2, 0.8], "rate": [0.2, 0.8], "low": [0.1, 0.7], "high": [0.3, 0.9], "customers": [5, 5]}
        ),
        error=TotalError(pl.DataFrame(), length=365, scale=0.1, freedom=6.0),
    )


def sums(values: dict[str, float], *, spread: float = 0.05, customers: int = 100) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "segment": list(values),
            "customers": [customers] * len(values),
            "alive": [90.0] * len(values),
            "expected": list(values.values()),
            "low": [v * (1 - spread) for v in values.values()],
            "high": [v * (1 + spread) for v in values.values()],
        }
    )


@pytest.fixture(scope="module")
def whole() -> portfolio.Portfolio:
    rng = np.random.default_rng(2)
    customers = pl.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(100)],
            "x": [3] * 100,
            "t_x": [10.0] * 100,
            "T": [20.0] * 100,
            "p_alive": rng.uniform(0.15, 0.85, 100),
            "value": [10.0] * 100,
            "tier": ["D"] * 100,
        }
    )
    return portfolio.Portfolio(
        customers=customers,
        tiers=sums({"A": 500.0, "B": 300.0, "C": 150.0, "D": 50.0}),
        stores=sums({"S1": 600.0, "S2": 200.0, "S3": 200.0}),
        total={"customers": 400, "alive": 360.0, "expected": 1000.0, "low": 900.0, "high": 1100.0},
        horizon=months(12),
        margin=portfolio.Margin(0.3, "measured"),
        annual_rate=0.08,
        level=0.9,
    )


NOBODY = pl.Series("customer_id", [], dtype=pl.String)
CURVE = pl.DataFrame(
    {
        "months": [3, 12, 36],
        "purchases": [1.0, 3.0, 6.0],
        "value": [10.0, 30.0, 50.0],
        "value_low": [9.0, 28.0, 45.0],
        "value_high": [11.0, 32.0, 55.0],
    }
)


def reach(listed: pl.DataFrame) -> pl.DataFrame:
    return listed.select(
        "customer_id", past_tier=pl.lit("B"), owner=pl.lit("Li"), means=pl.lit("sms"), due_on=pl.lit(date(2026, 1, 5)),
        usual_gap=pl.lit(None, dtype=pl.Float64), action=pl.lit(None, dtype=pl.String),
    )  # fmt: skip


def test_a_late_member_is_spoken_of_as_on_the_other_lists(whole, test):
    listed = portfolio.keep_list(whole.customers, capacity=20, unit_days=7, held=NOBODY)
    known = reach(listed).with_columns(usual_gap=pl.lit(4.6), action=pl.lit("other_store"))
    pseudonyms = pl.Series([f"P{i}" for i in range(listed.height)])
    table = keep.keep_list(listed, test, words=ZH, reach=known, pseudonyms=pseudonyms, last=None).table
    assert all(why.startswith("平时每 5 天一次") for why in table["reason"])
    assert set(table["suggestion"]) == {ZH("churn.action.other_store")}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_finding_speaks_both_languages_and_draws(whole, test, language):
    words = Words(language)
    listed = portfolio.keep_list(whole.customers, capacity=20, unit_days=7, held=NOBODY)
    made = [
        value.tiers(whole, test, words=words),
        value.cohorts(lives({"2025-Q1": 9000.0, "2025-Q2": 1000.0}, chance=0.001), words=words),
        value.stores(whole, test, words=words),
        keep.undecided(whole, test, words=words),
        value.newcomers(CURVE, whole, test, words=words),
        checks.frequency(test, words=words),
        checks.conditional(test, words=words),
        checks.tracking(test, words=words),
        checks.calibration(test, words=words),
        checks.spread(test, words=words),
        checks.models(test, words=words),
        checks.spend((0.01, 0.05, 500), test, words=words),
    ]
    for finding in made:
        assert finding.headline
        assert finding.note_seen
        assert finding.note_sure
        assert finding.note_do
        assert "{" not in finding.headline + finding.note_seen + finding.note_sure + finding.note_do
        if finding.chart is not None:
            assert finding.chart.to_dict()
            assert finding.alt
    actions = keep.keep_list(
        listed,
        test,
        words=words,
        reach=reach(listed),
        pseudonyms=pl.Series([f"P{i}" for i in range(listed.height)]),
        last={"contact": 20, "contact_back": 5, "control": 2, "control_back": 0},
    )
    assert actions.table.height == 20
    assert not set(actions.table["customer_id"]) & set(listed["customer_id"])
    answer = value.answer(whole, test, listed=listed, newcomer=CURVE, words=words)
    assert len(answer.figures) == 4
    assert "{" not in answer.sentence


def test_most_needs_the_lower_bound_above_half(whole, test):
    narrow = value.tiers(whole, test, words=ZH).headline
    wide = dataclasses.replace(whole, tiers=sums({"A": 300.0, "B": 250.0, "C": 300.0, "D": 150.0}, spread=0.3))
    flat = dataclasses.replace(whole, tiers=sums({"A": 50.0, "B": 50.0, "C": 400.0, "D": 500.0}))
    assert "过半" in narrow
    assert "一定集中" in value.tiers(wide, test, words=ZH).headline
    assert "比较分散" in value.tiers(flat, test, words=ZH).headline


def lives(net: dict[str, float], *, chance: float | None) -> EqualAge:
    """Cohorts with this spend per head [fen] over their first 180 days."""
    table = pl.DataFrame({"cohort": list(net), "customers": [100] * len(net), "net_minor": list(net.values())})
    edges = {f"net_minor_{e}": pl.col("net_minor") * f for e, f in (("low", 0.95), ("high", 1.05))}
    return EqualAge(table.with_columns(purchases=pl.lit(2.0), **edges), 180, 40, chance, chance)


def test_cohorts_are_compared_at_equal_age_and_differ_only_beyond_chance():
    two = {"2025-Q1": 9000.0, "2025-Q2": 1000.0}
    assert (
        "同样看首购后头 180 天，2025年1季度来的会员人均消费"
        in value.cohorts(lives(two, chance=0.001), words=ZH).headline
    )
    assert "看不出差别" in value.cohorts(lives(two, chance=0.2), words=ZH).headline
    one = value.cohorts(lives({"2025-Q1": 9000.0}, chance=None), words=ZH)
    assert "不能按来的时间比较" in one.headline
    assert one.chart is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_company_that_sells_below_cost_is_told_so_and_not_whom_to_look_after(whole, test, language):
    words = Words(language)
    loss = dataclasses.replace(
        whole,
        tiers=sums({"A": -500.0, "B": -300.0, "C": -150.0, "D": -50.0}),
        stores=sums({"S1": -600.0, "S2": -200.0}),
        total={"customers": 400, "alive": 360.0, "expected": -1000.0, "low": -1100.0, "high": -900.0},
        margin=portfolio.Margin(-0.125, "measured"),
        customers=whole.customers.with_columns(value=-pl.col("value")),
    )
    down = CURVE.with_columns(-pl.col("value"), value_low=-pl.col("value_high"), value_high=-pl.col("value_low"))
    listed = portfolio.keep_list(loss.customers, capacity=20, unit_days=7, held=NOBODY)
    assert listed.is_empty()
    said = [
        (value.tiers(loss, test, words=words).headline, "customer_lifetime.tiers.headline.loss"),
        (value.stores(loss, test, words=words).headline, "customer_lifetime.stores.headline.loss"),
        (value.newcomers(down, loss, test, words=words).headline, "customer_lifetime.newcomers.headline.loss"),
        (
            value.answer(loss, test, listed=listed, newcomer=down, words=words).sentence,
            "customer_lifetime.answer.loss",
        ),
    ]
    for sentence, key in said:
        assert sentence[:6] == words(key, customers="400", months="12", money="", what="", stores="2")[:6], key
    assert value.tiers(loss, test, words=words).table["share_value"].null_count() == 4
    assert keep.undecided(loss, test, words=words).status == "ok"


def test_stores_that_are_not_connected_are_said_to_be_so(whole, test):
    nothing = value.stores(dataclasses.replace(whole, stores=None), test, words=ZH)
    assert nothing.status == "none"
    assert nothing.chart is None
    assert "没有接入" in nothing.headline
    even = dataclasses.replace(whole, stores=sums({f"S{i}": 100.0 for i in range(10)}))
    assert "多数门店" in value.stores(even, test, words=ZH).headline
    assert "少数门店" in value.stores(whole, test, words=ZH).headline


def test_a_biased_back_test_is_in_the_answer_and_red(whole, test):
    listed = portfolio.keep_list(whole.customers, capacity=20, unit_days=7, held=NOBODY)
    off = dataclasses.replace(
        test,
        trips=[contest("bg_nbd", bias=0.3), contest("last_trips", better=None)],
        money=[contest("bg_nbd", bias=0.3), contest("last_spend", better=None)],
    )
    plain = value.answer(whole, test, listed=listed, newcomer=CURVE, words=ZH).sentence
    said = value.answer(whole, off, listed=listed, newcomer=CURVE, words=ZH)
    assert "偏高" not in plain
    assert "偏高 30.0%" in said.sentence
    assert said.figures[3].tone == "bad"
    assert checks.tracking(off, words=ZH).status == "fail"
    assert checks.tracking(test, words=ZH).status == "ok"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_tile_beside_money_is_the_error_of_money_and_not_of_purchases(whole, test, language):
    """Counts were off by 1.9 % and spend by 5.6 %: beside a total of money stands the error of money."""
    words = Words(language)
    listed = portfolio.keep_list(whole.customers, capacity=20, unit_days=7, held=NOBODY)
    off = dataclasses.replace(
        test,
        trips=[contest("bg_nbd", bias=0.019), contest("last_trips", better=None)],
        money=[contest("bg_nbd", bias=0.056), contest("last_spend", better=None)],
    )
    tile = value.answer(whole, off, listed=listed, newcomer=CURVE, words=words).figures[3]
    assert (tile.amount, tile.tone) == (0.056, "neutral")
    assert words("customer_lifetime.measure.spend") in tile.label
    assert words.format.share(0.056) in value.tiers(whole, off, words=words).note_sure
    assert words.format.share(0.019) in checks.tracking(off, words=words).note_sure  # which is about purchases
    unknown = value.answer(whole, dataclasses.replace(off, money=[]), listed=listed, newcomer=CURVE, words=words)
    assert unknown.figures[3].amount == 0.019
    assert words("customer_lifetime.measure.trips") in unknown.figures[3].label


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("off", "status"), [(1, "ok"), (6, "warn"), (9, "fail")])
def test_a_list_ranked_by_probabilities_that_are_off_says_so_wherever_it_is_named(whole, test, language, off, status):
    words = Words(language)
    rows = [(0.2, 0.1, 0.3)] * (10 - off) + [(0.5, 0.1, 0.3)] * off
    tenths = pl.DataFrame(
        {"p_buy": [p for p, *_ in rows], "rate": [0.2] * 10, "low": [r[1] for r in rows], "high": [r[2] for r in rows],
         "customers": [9] * 10}
    )  # fmt: skip
    tried = dataclasses.replace(test, calibration=tenths)
    listed = portfolio.keep_list(whole.customers, capacity=20, unit_days=7, held=NOBODY)
    pseudonyms = pl.Series([f"P{i}" for i in range(listed.height)])
    actions = keep.keep_list(listed, tried, words=words, reach=reach(listed), pseudonyms=pseudonyms, last=None)
    said = [
        value.answer(whole, tried, listed=listed, newcomer=CURVE, words=words).sentence,
        keep.undecided(whole, tried, words=words).note_sure,
        actions.note,
    ]
    assert checks.calibration(tried, words=words).status == status
    told = "" if status == "ok" else words(f"clv.chance.{status}", off=str(off), tenths="10")
    assert all(told in one for one in said)
    assert all(words("clv.chance.warn", off=str(off), tenths="10") not in one for one in said) or told


def test_the_advice_follows_the_order_of_the_list(whole, test):
    """It said to begin with the likely while the first 23 rows were below one half."""
    listed = portfolio.keep_list(whole.customers, capacity=20, unit_days=7, held=NOBODY)
    pseudonyms = pl.Series([f"P{i}" for i in range(listed.height)])
    actions = keep.keep_list(listed, test, words=ZH, reach=reach(listed), pseudonyms=pseudonyms, last=None)
    assert actions.table["at_stake_minor"].is_sorted(descending=True)
    for said in (keep.undecided(whole, test, words=ZH).note_do, actions.note):
        assert "系于去留的价值从高到低" in said
        assert "五成以上" not in said


def test_a_cap_on_what_a_new_member_may_cost_is_the_lower_bound(whole, test):
    made = value.newcomers(CURVE, whole, test, words=ZH)
    assert "28 元" in made.note_do
    assert "28 元至 32 元" in made.note_sure
    assert "误差" in made.note_sure


def test_a_model_that_loses_to_last_year_is_said_to_lose(test):
    lost = dataclasses.replace(test, trips=[contest("bg_nbd", better=(-0.2, -0.1)), contest("last_trips", better=None)])
    tied = dataclasses.replace(test, trips=[contest("bg_nbd", better=(-0.1, 0.1)), contest("last_trips", better=None)])
    assert (checks.models(test, words=ZH).status, checks.models(test, words=ZH).headline[:2]) == (
        "ok",
        "模型",
    )
    assert checks.models(lost, words=ZH).status == "fail"
    assert "不如照搬" in checks.models(lost, words=ZH).headline
    assert checks.models(tied, words=ZH).status == "warn"


def test_open_value_turns_amber_from_a_tenth_on(whole, test):
    much = keep.undecided(whole, test, words=ZH)
    sure = whole.customers.with_columns(p_alive=pl.lit(0.95))
    calm = keep.undecided(dataclasses.replace(whole, customers=sure), test, words=ZH)
    assert much.status == "warn"
    assert calm.status == "ok"
    assert "没有去留未定" in calm.headline


def test_spend_that_goes_with_frequency_is_told_in_its_direction(test):
    assert "低估" in checks.spend((0.35, 0.02, 900), test, words=ZH).headline
    assert "高估" in checks.spend((-0.35, 0.02, 900), test, words=ZH).headline
    assert checks.spend((0.35, 0.3, 9), test, words=ZH).status == "ok"  # within its error
    assert checks.spend((float("nan"), float("nan"), 1), test, words=ZH).status == "none"
