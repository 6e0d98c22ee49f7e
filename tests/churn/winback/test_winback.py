from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm
from statsmodels.stats.proportion import confint_proportions_2indep

from crmlib.churn.features.labels import came_again
from crmlib.churn.features.visits import visits
from crmlib.churn.lists import snapshot as night
from crmlib.churn.lists.watchlist import outcomes, previous_day, watchlist
from crmlib.churn.winback import uplift, winback
from crmlib.core.dates import day_number
from crmlib.core.errors import ModelError

SENT = date(2024, 3, 1)


def listed(n):
    return pl.DataFrame(
        {"customer_id": [f"c{i:05d}" for i in range(n)], "tier": ["A" if i % 10 == 0 else "B" for i in range(n)]}
    )


def test_the_holdout_is_drawn_within_each_tier_and_reproducible():
    made = winback.assign(listed(1000), rng=np.random.default_rng(7), holdout=0.2, strata="tier")
    counts = dict(made.filter(pl.col("group") == "holdout").group_by("tier").len().rows())
    assert counts == {"A": 20, "B": 180}
    again = winback.assign(listed(1000), rng=np.random.default_rng(7), holdout=0.2, strata="tier")
    assert made.equals(again)
    assert not made.equals(winback.assign(listed(1000), rng=np.random.default_rng(8), holdout=0.2, strata="tier"))


@pytest.mark.parametrize("share", [0.0, 0.05, 1.0])
def test_a_holdout_below_ten_percent_is_refused(share):
    with pytest.raises(ModelError) as error:
        winback.assign(listed(100), rng=np.random.default_rng(1), holdout=share)
    assert error.value.code == "churn.holdout_small"


def test_the_detectable_effect_is_found_with_the_power_promised():
    rng = np.random.default_rng(1)
    plan = winback.power(people=2000, holdout=0.2, base=0.2)
    hits = 0
    for _ in range(400):
        k1 = rng.binomial(plan.treated, plan.base + plan.detectable) / plan.treated
        k0 = rng.binomial(plan.held_out, plan.base) / plan.held_out
        pooled = (k1 * plan.treated + k0 * plan.held_out) / 2000
        z = (k1 - k0) / np.sqrt(pooled * (1 - pooled) * (1 / plan.treated + 1 / plan.held_out))
        hits += abs(z) > norm.ppf(0.975)
    assert hits / 400 == pytest.approx(0.8, abs=0.06)


def test_the_read_out_is_newcombes_interval_and_money_follows_it():
    group = ["contact"] * 800 + ["holdout"] * 200
    came = [1] * 160 + [0] * 640 + [1] * 24 + [0] * 176
    made = winback.read_out(pl.DataFrame({"group": group, "came": came}), margin_minor=10_000, cost_minor=200_000)
    low, high = confint_proportions_2indep(160, 800, 24, 200, method="newcomb", compare="diff")
    assert (made.effect, made.low, made.high) == (pytest.approx(0.08), pytest.approx(low), pytest.approx(high))
    assert made.extra == pytest.approx(64)
    assert made.net_minor == 64 * 10_000 - 200_000
    assert made.net_low_minor < made.net_minor < made.net_high_minor


def test_the_word_effect_is_refused_without_a_holdout():
    everybody = pl.DataFrame({"group": ["contact"] * 500, "came": [1] * 100 + [0] * 400})
    with pytest.raises(ModelError) as error:
        winback.read_out(everybody, margin_minor=100, cost_minor=0)
    assert error.value.code == "churn.no_holdout"
    with pytest.raises(ModelError) as error:
        uplift.fit(everybody.with_columns(customer_id=pl.int_range(500), lost=pl.lit(0)), rng=np.random.default_rng(1))
    assert error.value.code == "churn.no_holdout"


def test_the_outcome_counts_returns_after_sending_until_the_last_day():
    trips = pl.DataFrame(
        {"customer_id": ["c00000", "c00001", "c00002"], "day_n": [day_number(SENT) + k for k in (0, 1, 29)]}
    )
    made = winback.outcome(listed(3), trips, sent_on=SENT, until=winback.closes_on(SENT, days=28))
    assert made["came"].to_list() == [0, 1, 0]


def trial(n=12_000, seed=1):
    """Known truth: a call keeps those who were wavering (x near 0), annoys those with x > 1, else changes nothing."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    treated = rng.random(n) < 0.7
    alone = 1 / (1 + np.exp(-(0.3 + 0.8 * x)))
    effect = np.where(x < 0.0, 0.15, np.where(x > 1, -0.10, 0.0))
    lost = rng.random(n) < alone - treated * np.minimum(effect, alone)
    return pl.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "x": x,
            "group": np.where(treated, "contact", "holdout"),
            "lost": lost.astype(int),
            "truth": np.minimum(effect, alone),
        }
    )


def test_the_doubly_robust_effect_contains_the_truth_and_uplift_ranks_by_it():
    data = trial()
    fit = uplift.fit(data, rng=np.random.default_rng(1), names=("x",))
    assert fit.low < data["truth"].mean() < fit.high
    ranked = fit.table.join(data.select("customer_id", "truth"), on="customer_id").sort("uplift", descending=True)
    top, bottom = ranked.head(3000)["truth"].mean(), ranked.tail(3000)["truth"].mean()
    assert top > bottom + 0.1
    cells = uplift.cells(fit.table)
    assert cells["cell"].to_list() == list(uplift.CELLS)
    assert cells["customers"].sum() == data.height
    by_cell = dict(cells.select("cell", "effect").rows())
    assert by_cell["persuadable"] > by_cell["do_not_disturb"]


def test_ranking_by_uplift_earns_where_ranking_by_risk_loses():
    data = trial()
    fit = uplift.fit(data, rng=np.random.default_rng(1), names=("x",))
    table = fit.table.join(data.select("customer_id", "truth"), on="customer_id").with_columns(margin=pl.lit(10_000))
    ranked = uplift.rank(table, margin="margin", contact_minor=300, offer_minor=500, redeem=0.5)
    assert ranked["profit_minor"].is_sorted(descending=True)
    by_risk = table.sort("p_alone", descending=True).head(3000)
    earns = (ranked.head(3000)["truth"] * 10_000 - 550).sum()
    loses = (by_risk["truth"] * 10_000 - 550).sum()
    assert loses < 0 < earns


CUSTOMERS = pl.DataFrame(
    {
        "customer_id": ["a", "b", "c", "d", "e", "f"],
        "state": ["overdue", "silent", "overdue", "due", "overdue", "overdue"],
        "state_before": ["due", "on_rhythm", "overdue", "due", "due", "due"],
        "tier": ["A", "B", "A", "A", "D", "B"],
        "risk": [0.5, 0.9, 0.9, 0.9, 0.9, 0.4],
        "stake_minor": [10_000, 2_000, 90_000, 90_000, 90_000, 8_000],
        "owner": ["Li", "Li", "Li", "Li", "Li", "Wang"],
        "reason_1": ["rhythm", "promotion", None, None, None, "trend"],
        "store_idle": [0, 0, 0, 0, 0, 30],
    }
)


def test_the_list_holds_new_entries_of_the_tiers_by_value_at_risk():
    made = watchlist(CUSTOMERS, as_of=SENT, capacity=5)
    assert made["customer_id"].to_list() == ["a", "f", "b"]
    assert made["at_risk_minor"].to_list() == [5000, 3200, 1800]
    assert made["action"].to_list() == ["taste", "other_store", "offer"]
    assert made["due_on"].to_list() == [SENT + timedelta(days=d) for d in (2, 4, 4)]


def test_the_list_is_capped_per_owner():
    made = watchlist(CUSTOMERS, as_of=SENT, capacity=1)
    assert made["customer_id"].to_list() == ["a", "f"]
    alone = watchlist(CUSTOMERS.drop("owner"), as_of=SENT, capacity=1)
    assert alone["customer_id"].to_list() == ["a"]
    with pytest.raises(ModelError) as error:
        watchlist(CUSTOMERS, as_of=SENT, capacity=0)
    assert error.value.code == "churn.no_capacity"


def test_festival_buyers_are_never_listed_before_their_festival():
    made = watchlist(CUSTOMERS, as_of=SENT, capacity=5, festival_buyers=pl.DataFrame({"customer_id": ["a"]}))
    assert "a" not in made["customer_id"].to_list()


def test_p_alive_is_refused_as_the_risk_of_the_list():
    with pytest.raises(ModelError) as error:
        watchlist(CUSTOMERS.rename({"risk": "p_alive"}), as_of=SENT, capacity=5, risk="p_alive")
    assert error.value.code == "churn.p_alive"


def test_yesterdays_list_comes_back_with_what_became_of_it():
    trips = pl.DataFrame({"customer_id": ["a", "b"], "day_n": [day_number(SENT) + 1, day_number(SENT)]})
    made = outcomes(pl.DataFrame({"customer_id": ["a", "b"]}), trips, listed_on=SENT, as_of=SENT + timedelta(days=1))
    assert made["state_now"].to_list() == ["came", "not_yet"]
    assert made["came_on"][0] == SENT + timedelta(days=1)
    assert previous_day(SENT, rhythm="daily") == SENT - timedelta(days=1)


def test_a_margin_that_one_line_left_unknown_is_estimated_and_not_zero():
    table = pl.DataFrame({"customer_id": ["a", "b", "c"], "risk": [0.5] * 3})
    year = pl.DataFrame(
        {"customer_id": ["a", "b"], "net_minor": [1000, 3000], "margin_minor": pl.Series([300, None], dtype=pl.Int64)}
    )
    tiers = pl.DataFrame({"customer_id": ["a", "b"], "tier": ["A", "A"]})
    stake = {"tiers": tiers, "horizon": 73, "returns": 0.5}
    few, basis = night.with_value(table, year=pl.concat([year, year.head(1)]).unique(maintain_order=True), **stake)
    assert basis == "sales"  # the cost of three quarters of the sales is unknown
    known = pl.lit(4000).cast(pl.Int64).alias("net_minor"), pl.lit(1200).cast(pl.Int64).alias("margin_minor")
    more = pl.concat([year, year.head(1).with_columns(pl.lit("d").alias("customer_id"), *known)])
    made, basis = night.with_value(table, year=more, **stake)
    assert basis == "margin"
    assert dict(made.select("customer_id", "margin_minor").rows()) == {"a": 300, "b": 900, "c": 0}
    assert made.filter("estimated")["customer_id"].to_list() == ["b"]
    assert few["margin_minor"].to_list() == [1000, 3000, 0]
    # a fifth of the year, and half of those who stay away for so long come again later
    assert dict(made.select("customer_id", "stake_minor").rows()) == {"a": 30, "b": 90, "c": 0}


def test_who_stays_away_for_a_while_is_not_lost_and_the_share_that_came_again_is_counted():
    day = day_number(SENT)
    trips = {"back": [0, 130], "gone": [0], "regular": [0, 50, 100, 150], "late": [150]}
    rows = [(who, day - 200 + d) for who, days in trips.items() for d in days]
    lines = pl.DataFrame(rows, schema=["customer_id", "day_n"], orient="row").with_columns(
        quantity_milli=1000, net_minor=100
    )
    early = lines.head(1).with_columns(customer_id=pl.lit("first"), day_n=pl.lit(day - 230).cast(pl.Int64))
    seen = visits(pl.concat([lines, early]))
    # 90 days from day 20 on: back, gone and first stay away, and back came on day 130
    assert came_again(seen, t0=SENT, horizon=90) == pytest.approx(1 / 3)
    assert came_again(seen, t0=SENT, horizon=120) is None
