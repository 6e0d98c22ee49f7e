"""Path, entry goods, traits, revenue tree."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.core.errors import ModelError
from crmlib.kit.words import Words
from crmlib.movement.path import NOT_BACK, entry_goods, path
from crmlib.movement.revenue_tree import Totals, by_members, goods, revenue_tree
from crmlib.movement.traits import traits

SHELF = {"brand": [0.5, 0.3, 0.2], "flavour": [0.4, 0.3, 0.2, 0.1], "pack": [0.6, 0.4]}


def shelf(rng: np.random.Generator, *, members: int, kappa: dict[str, float], activity: float = 6) -> pl.DataFrame:
    """Members with a favourite level per trait, bought with chance √κ, else any level by its share."""
    trips = np.maximum(2, rng.poisson(rng.gamma(1.0, activity, members)))
    who = np.repeat(np.arange(members), trips)
    columns = {"customer_id": who, "day": np.concatenate([np.arange(t) for t in trips])}
    for trait, shares in SHELF.items():
        own = rng.choice(len(shares), p=shares, size=members)[who]
        free = rng.choice(len(shares), p=shares, size=who.size)
        columns[trait] = np.where(rng.random(who.size) < kappa[trait] ** 0.5, own, free)
    return pl.DataFrame(columns)


def test_the_strength_of_each_trait_is_found() -> None:
    rng = np.random.default_rng(7)
    truth = {"brand": 0.09, "flavour": 0.64, "pack": 0.36}
    found = traits(shelf(rng, members=3_000, kappa=truth), names=list(SHELF), rng=rng, draws=40)
    assert found.table["trait"].to_list() == ["flavour", "pack", "brand"]
    for trait, kappa in found.table.select("trait", "kappa").iter_rows():
        assert kappa == pytest.approx(truth[trait], abs=0.04)
    assert found.decides
    assert found.table["within"].to_list() == [None, "flavour", "flavour"]


def test_without_preference_nothing_decides_however_active_members_are() -> None:
    rng = np.random.default_rng(8)
    none = dict.fromkeys(SHELF, 0.0)
    for activity in (2, 20):
        found = traits(shelf(rng, members=1_000, kappa=none, activity=activity), names=list(SHELF), rng=rng, draws=40)
        assert found.table["kappa"].abs().max() < 0.04
        assert not found.decides


def test_few_members_are_refused_and_close_traits_do_not_decide() -> None:
    rng = np.random.default_rng(9)
    with pytest.raises(ModelError, match="38 members"):
        traits(shelf(rng, members=38, kappa=dict.fromkeys(SHELF, 0.3)), names=list(SHELF), rng=rng)
    alike = dict.fromkeys(SHELF, 0.3)
    found = [
        traits(shelf(rng, members=100, kappa=alike, activity=2), names=list(SHELF), rng=rng, draws=40) for _ in range(6)
    ]
    assert sum(f.decides for f in found) <= 3


def test_a_path_counts_only_whom_could_be_followed_and_keeps_not_back() -> None:
    start = date(2024, 1, 1)
    rows = [("a", 0, "tea"), ("a", 5, "cake"), ("a", 9, "tea"), ("b", 0, "tea"), ("b", 90, "cake"), ("c", 170, "tea")]
    trips = pl.DataFrame(
        [(c, start + timedelta(days=d), k) for c, d, k in rows], schema=["customer_id", "day", "category"], orient="row"
    )
    found = path(trips, as_of=start + timedelta(days=180), horizon_days=30)
    first = found.filter(pl.col("step") == 1)
    assert dict(first.select("next", "members").iter_rows()) == {"cake": 1, NOT_BACK: 1}
    assert found.filter(pl.col("step") == 2).select("before", "next").rows() == [("cake", "tea")]


def test_a_planted_step_stands_out_and_independent_ones_do_not() -> None:
    rng = np.random.default_rng(3)
    n = 4_000
    first = rng.choice(["tea", "cake", "gift"], n)
    second = rng.choice(["tea", "cake", "gift"], n)
    second = np.where((first == "gift") & (rng.random(n) < 0.3), "tea", second)
    day = date(2024, 1, 1)
    trips = pl.concat([
        pl.DataFrame({"customer_id": np.arange(n), "day": day, "category": first}),
        pl.DataFrame({"customer_id": np.arange(n), "day": day + timedelta(days=7), "category": second}),
    ])  # fmt: skip
    found = path(trips, as_of=date(2024, 6, 1), horizon_days=28).filter(pl.col("step") == 1)
    planted = found.filter(pl.col("before") == "gift", pl.col("next") == "tea")
    assert planted["known"].item()
    assert planted["index"].item() > 1.2
    even = trips.with_columns(category=pl.Series(rng.choice(["tea", "cake", "gift"], 2 * n)))
    assert not path(even, as_of=date(2024, 6, 1), horizon_days=28)["known"].any()


def test_entry_goods_that_are_all_alike_shrink_to_one_value() -> None:
    rng = np.random.default_rng(1)
    entries = rng.integers(0, 150, 3_000)
    same = pl.DataFrame({"customer_id": np.arange(3_000), "entry": entries, "value_minor": rng.lognormal(9, 1, 3_000)})
    found = entry_goods(same)
    spread = found["mean_minor"].max() - found["mean_minor"].min()
    assert found["shrunk_minor"].max() - found["shrunk_minor"].min() < 0.35 * spread
    real = same.with_columns(value_minor=pl.col("value_minor") + 20_000.0 * (pl.col("entry") < 10))
    best = entry_goods(real).head(10)
    assert (best["entry"] < 10).sum() >= 9
    assert found["se_minor"].is_finite().all()


@pytest.mark.real_data
def test_online_retail_revenue_tree_is_the_reference(retail: pl.DataFrame) -> None:
    years = [retail.filter(pl.col("day").is_between(date(y, 1, 1), date(y, 11, 30))) for y in (2010, 2011)]
    totals = [
        Totals(
            int(t["net_minor"].sum()), t["customer_id"].n_unique(), t["receipt_id"].n_unique(), int(t["units"].sum())
        )
        for t in years
    ]
    assert [t.net_minor for t in totals] == [768_365_166, 768_034_550]
    assert revenue_tree(*totals) == {
        "members": 7_594_081, "trips": -29_567_471, "units": -45_095_462, "price": 66_738_236,
    }  # fmt: skip
    sold = [
        t.group_by("product_id").agg(
            pl.col("net_minor").sum().alias(f"net_{i}_minor"), pl.col("units").sum().alias(f"units_{i}")
        )
        for i, t in enumerate(years, start=1)
    ]
    parts = goods(sold[0].join(sold[1], on="product_id", how="full", coalesce=True))
    assert sum(parts.values()) == 768_034_550 - 768_365_166
    assert parts["price"] < 10_000_000  # most of the tree's "price" was other goods


SOLD = st.tuples(*[st.integers(1, 10**9)] * 4)


@given(before=SOLD, after=SOLD)
def test_parts_add_up_and_change_sign_when_periods_are_swapped(before, after) -> None:  # type: ignore[no-untyped-def]
    parts = revenue_tree(Totals(*before), Totals(*after))
    back = revenue_tree(Totals(*after), Totals(*before))
    assert sum(parts.values()) == after[0] - before[0]
    assert all(abs(parts[f] + back[f]) <= 1 + 1e-9 * abs(parts[f]) for f in parts)


@given(st.lists(st.tuples(*[st.integers(0, 500)] * 6), min_size=1, max_size=8))
def test_members_who_come_and_go_stand_apart_and_all_adds_up(rows) -> None:  # type: ignore[no-untyped-def]
    fixed = [
        (str(i), a + 1 if t1 else 0, t1, u1 + 1 if t1 else 0, b + 1 if t2 else 0, t2, u2 + 1 if t2 else 0)
        for i, (a, t1, u1, b, t2, u2) in enumerate(rows)
    ]
    names = ["customer_id", "net_1_minor", "trips_1", "units_1", "net_2_minor", "trips_2", "units_2"]
    table = pl.DataFrame(fixed, schema=names, orient="row")
    assert sum(by_members(table).values()) == table["net_2_minor"].sum() - table["net_1_minor"].sum()


def test_a_period_without_sales_is_refused() -> None:
    with pytest.raises(ModelError) as error:
        revenue_tree(Totals(0, 0, 0, 0), Totals(1, 1, 1, 1))
    assert error.value.code == "movement.no_sales"


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("code", ["periods", "groups", "sets", "trait_thin", "no_sales"])
def test_every_refusal_has_words_in_both_languages(code: str, language: str) -> None:
    assert all(Words(language).has(f"movement.error.{code}.{part}") for part in ("given", "expected", "mend"))  # type: ignore[arg-type]
