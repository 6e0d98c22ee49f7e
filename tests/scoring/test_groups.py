"""Segments, needs, drivers and grades: partitions, known truths, other implementations."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_ind
from sklearn.metrics import adjusted_rand_score

from crmlib.core.errors import ModelError
from crmlib.customers.grades import grade_members, grade_prospects
from crmlib.customers.groups import drivers
from crmlib.customers.groups.drivers import beyond_chance, decompose, importance, lmg
from crmlib.customers.groups.needs import need_segments
from crmlib.customers.groups.segments import by_rule, value_rules, with_traits
from crmlib.customers.groups.traits import price_level
from crmlib.panels.traits import customer_prices

ROUNDING = 1e-9


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(-50, 900), st.integers(0, 12), st.sampled_from(["A", "B", "C", "D"])),
        min_size=1,
        max_size=40,
    )
)
def test_segments_are_a_partition_whatever_the_members(rows: list[tuple[int, int, str]]) -> None:
    table = pl.DataFrame(
        {
            "customer_id": [str(i) for i in range(len(rows))],
            "net_minor": [r[0] for r in rows],
            "purchase_days": [r[1] for r in rows],
            "tier": [r[2] for r in rows],
            "first_day_n": [10 * r[1] for r in rows],
        }
    )
    found = by_rule(table, value_rules(as_of=date(1970, 4, 30)))
    assert found.customers.height == len(rows)
    assert found.customers["segment"].null_count() == 0
    assert int(found.sizes["customers"].sum()) == len(rows)
    assert int(found.sizes["net_minor"].sum()) == sum(r[0] for r in rows)


def test_rules_without_their_columns_are_left_out_and_the_first_that_fits_decides() -> None:
    table = pl.DataFrame({"customer_id": ["a", "b"], "net_minor": [9, 1], "purchase_days": [1, 1]})
    rules = {"gift": pl.col("gift_share") > 0.5, "once": pl.col("purchase_days") == 1, "rest": pl.lit(value=True)}
    assert by_rule(table, rules).sizes["segment"].to_list() == ["once", "rest"]
    assert by_rule(table, rules).customers["segment"].to_list() == ["once", "once"]
    with pytest.raises(ModelError) as refused:
        by_rule(table, {"gift": pl.col("gift_share") > 0.5})
    assert refused.value.code == "scoring.no_rule"


def test_traits_join_the_first_purchase_ever_and_the_shares_of_money() -> None:
    now = pl.DataFrame({"customer_id": ["a"], "net_minor": [100], "purchase_days": [2], "first_day_n": [90]})
    summary = pl.DataFrame({"customer_id": ["a"], "first_day_n": [5]})
    traits = pl.DataFrame({"customer_id": ["a"], "sale_minor": [200], "gift_minor": [50], "offer_minor": [0]})
    tiers = pl.DataFrame({"customer_id": ["a"], "tier": ["A"]})
    row = with_traits(now, tiers, summary, traits).row(0, named=True)
    assert (row["first_day_n"], row["gift_share"], row["offer_share"], row["tier"]) == (5, 0.25, 0.0, "A")


def world_of_needs(rng: np.random.Generator, per_group: int = 120) -> tuple[pl.DataFrame, list[int]]:
    centres = np.array([[8, 1, 1, 1], [1, 8, 1, 1], [1, 1, 8, 1], [1, 1, 1, 8]], dtype=float)
    shares = np.vstack([rng.dirichlet(3 * c, per_group) for c in centres])
    truth = np.repeat(range(4), per_group).tolist()
    spend = (shares * rng.integers(1_000, 90_000, (len(shares), 1))).astype(int)
    names = ["pastry", "nuts", "meat", "tea"]
    rows = [(f"{i:04d}", n, int(v)) for i, row in enumerate(spend) for n, v in zip(names, row, strict=True) if v]
    return pl.DataFrame(rows, schema=["customer_id", "part", "net_minor"], orient="row"), truth


def test_need_segments_find_the_number_and_the_members_of_the_true_groups(rng: np.random.Generator) -> None:
    parts, truth = world_of_needs(rng)
    found = need_segments(parts, rng=rng, samples=8)
    assert found.k == 4
    assert found.stable
    assert adjusted_rand_score(truth, found.customers.sort("customer_id")["segment"].to_list()) > 0.9
    assert int(found.sizes["customers"].sum()) == len(truth)
    again = need_segments(parts, rng=np.random.default_rng(5), samples=4)
    same = need_segments(parts, rng=np.random.default_rng(5), samples=4)
    assert again.customers.equals(same.customers)


def test_members_without_needs_are_not_called_stable_groups(rng: np.random.Generator) -> None:
    shares = rng.dirichlet([4] * 5, 300)
    rows = [(f"{i:04d}", str(j), int(v * 1e5)) for i, row in enumerate(shares) for j, v in enumerate(row)]
    parts = pl.DataFrame(rows, schema=["customer_id", "part", "net_minor"], orient="row")
    assert not need_segments(parts, rng=rng, samples=8).stable


def test_too_few_members_to_group_are_refused(rng: np.random.Generator) -> None:
    parts = pl.DataFrame({"customer_id": ["a", "b"], "part": ["x", "y"], "net_minor": [1, 1]})
    with pytest.raises(ModelError) as refused:
        need_segments(parts, rng=rng)
    assert refused.value.code == "scoring.too_few_to_group"


def test_the_parts_of_the_difference_in_spend_multiply_and_add_up_exactly(rng: np.random.Generator) -> None:
    n = 200
    table = pl.DataFrame(
        {
            "customer_id": [str(i) for i in range(n)],
            "purchase_days": rng.integers(1, 20, n),
            "quantity_milli": rng.integers(1, 50, n) * 1000,
            "net_minor": rng.integers(100, 90_000, n),
            "g": [i < 60 for i in range(n)],
        }
    )
    found = decompose(table, group="g")
    ratios = dict(found.select("part", "ratio").iter_rows())
    assert ratios["trips"] * ratios["units_per_trip"] * ratios["price"] == pytest.approx(ratios["spend"], rel=ROUNDING)
    parts = found.filter(pl.col("part") != "spend")["share_of_difference"]
    assert parts.sum() == pytest.approx(1.0, rel=ROUNDING)


def test_a_group_that_is_everybody_cannot_be_decomposed() -> None:
    table = pl.DataFrame(
        {"customer_id": ["a"], "net_minor": [1], "purchase_days": [1], "quantity_milli": [1000], "g": [True]}
    )
    with pytest.raises(ModelError) as refused:
        decompose(table, group="g")
    assert refused.value.code == "scoring.cannot_decompose"


def test_traits_of_pure_noise_explain_nothing_however_many_classes_they_have() -> None:
    totals, plain = [], []
    for seed in range(30):
        draw = np.random.default_rng(seed)
        noise = {f"t{k}": draw.choice([f"{k}{c}" for c in range(10)], 200) for k in range(3)}
        table = pl.DataFrame(
            {"customer_id": [str(i) for i in range(200)], "net_minor": draw.lognormal(8, 1, 200).astype(int), **noise}
        )
        totals.append(importance(table, outcome="net_minor", traits=list(noise))["explained"].sum())
        blocks = [pl.DataFrame(noise).select(t).to_dummies(drop_first=True).to_numpy().astype(float) for t in noise]
        plain.append(lmg(np.log(table["net_minor"].to_numpy()), blocks).sum())
    assert np.mean(plain) > 0.1  # 27 columns of noise among 200 members
    assert np.mean(totals) < 0.03


def test_parts_beyond_chance_add_up_to_the_adjusted_r_squared(rng: np.random.Generator) -> None:
    x, n = rng.normal(size=(300, 5)), 300
    y = x @ np.array([1.0, 0.5, 0.8, 0.0, 0.6]) + rng.normal(size=n)
    blocks = [x[:, :2], x[:, 2:]]
    fit = np.column_stack([np.ones(n), x])
    rest = y - fit @ np.linalg.lstsq(fit, y, rcond=None)[0]
    adjusted = 1 - (rest @ rest / (n - 6)) / (np.var(y) * n / (n - 1))
    assert beyond_chance(lmg(y, blocks), [2, 3], members=n).sum() == pytest.approx(adjusted, abs=1e-12)


def test_lmg_is_the_average_over_all_orders_of_entry_and_adds_up_to_r_squared(rng: np.random.Generator) -> None:
    n = 300
    x = rng.normal(size=(n, 3)) @ np.array([[1, 0.6, 0], [0, 1, 0.3], [0, 0, 1]])
    y = x @ np.array([1.0, 0.5, 0.2]) + rng.normal(size=n)

    def r_squared(columns: tuple[int, ...]) -> float:
        if not columns:
            return 0.0
        design = np.column_stack([np.ones(n), x[:, list(columns)]])
        residual = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
        return 1 - float((residual**2).sum() / ((y - y.mean()) ** 2).sum())

    by_hand = np.zeros(3)
    for order in permutations(range(3)):
        for place, j in enumerate(order):
            by_hand[j] += (r_squared(order[: place + 1]) - r_squared(order[:place])) / 6
    found = lmg(y, [x[:, [j]] for j in range(3)])
    assert found == pytest.approx(by_hand, abs=ROUNDING)
    assert found.sum() == pytest.approx(r_squared((0, 1, 2)), abs=ROUNDING)


def test_the_trait_that_makes_the_spend_comes_first(rng: np.random.Generator) -> None:
    n = 800
    region = rng.choice(["east", "west"], n)
    spend = np.exp(rng.normal(5, 1, n) + 1.2 * (region == "east")).astype(int) + 1
    table = pl.DataFrame(
        {
            "customer_id": [str(i) for i in range(n)],
            "net_minor": spend,
            "region": region,
            "gender": rng.choice(["f", "m"], n),
        }
    )
    found = importance(table, outcome="net_minor", traits=["gender", "region"])
    assert found["trait"].to_list() == ["region", "gender"]
    assert found["best"][0] == "east"
    with pytest.raises(ModelError):
        importance(table, outcome="net_minor", traits=[])


def test_a_tested_driver_is_welchs_interval_and_small_experiments_are_refused(rng: np.random.Generator) -> None:
    a, b = rng.normal(10, 3, 80), rng.normal(8, 1, 50)
    table = pl.DataFrame({"y": np.concatenate([a, b]), "t": [True] * 80 + [False] * 50})
    found = drivers.experiment(table, outcome="y", treated="t")
    expected = ttest_ind(a, b, equal_var=False).confidence_interval()
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    with pytest.raises(ModelError) as refused:
        drivers.experiment(table.head(90), outcome="y", treated="t")
    assert refused.value.code == "scoring.small_experiment"


def test_grades_follow_value_safety_and_engagement_and_equal_members_get_equal_grades(rng: np.random.Generator) -> None:
    n = 200
    table = pl.DataFrame(
        {
            "customer_id": [str(i) for i in range(n)],
            "value_minor": rng.integers(0, 1_000, n),
            "risk": rng.random(n),
            "engagement": rng.integers(0, 5, n),
        }
    )
    found = grade_members(table)
    assert int(found.by_grade["customers"].sum()) == n
    assert (
        found.by_grade["value_minor"][0] / found.by_grade["customers"][0]
        > found.by_grade["value_minor"][4] / (found.by_grade["customers"][4])
    )
    better = table.with_columns(value_minor=pl.when(pl.col("customer_id") == "7").then(9_999).otherwise("value_minor"))
    before, after = (
        g.customers.filter(pl.col("customer_id") == "7")["score"][0] for g in (found, grade_members(better))
    )
    assert after >= before
    alike = table.with_columns(value_minor=pl.lit(5), risk=pl.lit(0.5), engagement=pl.lit(1))
    assert grade_members(alike).customers["grade"].n_unique() == 1
    with pytest.raises(ModelError) as refused:
        grade_members(table, weights=(50, 50, 50))
    assert refused.value.code == "scoring.weights"


def test_what_a_grade_brought_afterwards_stands_beside_it() -> None:
    table = pl.DataFrame({"customer_id": ["a", "b"], "value_minor": [900, 1], "risk": [0.1, 0.9], "engagement": [5, 0]})
    after = pl.DataFrame({"customer_id": ["a"], "margin_minor": [70]})
    found = grade_members(table, realised=after).by_grade
    assert int(found["realised_minor"].sum()) == 70


def test_prospects_are_graded_by_warm_and_keen_contacts_and_members_are_no_prospects() -> None:
    at = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=d) for d in (0, 20, 25, 25)]
    contacts = pl.DataFrame(
        {"customer_id": ["cold", "keen", "keen", "member"], "at": at, "outcome": [None, "interested", "agreed", None]}
    )
    found = grade_prospects(contacts, as_of=date(2026, 2, 1), customers=pl.DataFrame({"customer_id": ["member"]}))
    assert found["customer_id"].to_list() == ["cold", "keen"]
    assert found["score"][1] > found["score"][0]
    assert grade_prospects(contacts.clear(), as_of=date(2026, 2, 1)).is_empty()


def test_the_accepted_price_is_against_the_same_kind_of_goods_not_against_dear_kinds() -> None:
    """Whoever buys the cheapest gift box pays little for a gift box, however dear beside a bag of nuts."""
    rows = [
        ("thrifty", "plain_box", 10, 800), ("lavish", "fine_box", 10, 1600),
        ("thrifty", "nuts", 10, 100), ("lavish", "nuts", 10, 100), ("few", "nuts", 1, 10),
    ]  # fmt: skip
    lines = pl.DataFrame(
        [(who, 20_000 + i, what, 1000 * units // 5, money // 5) for who, what, units, money in rows for i in range(5)],
        schema=["customer_id", "day_n", "product_id", "quantity_milli", "net_minor"], orient="row",
    )  # fmt: skip
    goods = pl.DataFrame(
        {"product_id": ["plain_box", "fine_box", "nuts"], "category_1": ["gift", "gift", "nuts"], "unit": ["piece"] * 3}
    )
    made = customer_prices(lines, goods, by="category_1", start=date(2020, 1, 1), end=date(2030, 1, 1))
    assert made.filter(pl.col("customer_id") == "thrifty").row(0) == ("thrifty", 10, 900, 1300)
    assert made["paid_minor"].sum() == made["usual_minor"].sum()
    levels = dict(
        price_level(made.with_columns(lines=pl.when(customer_id="few").then(1).otherwise("lines"))).iter_rows()
    )
    assert levels == {"thrifty": "below", "lavish": "above", "few": None}
