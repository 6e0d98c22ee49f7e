"""Next orders: who is late, who has stopped, and why last + mean gap is never printed."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from crmlib.cases import cycle
from crmlib.core.calendar import lunar_aligned
from crmlib.core.dates import day_number

TODAY = date(2026, 3, 31)


def orders(n=400, *, seed=1):
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        rate, p = rng.gamma(6, 1 / 150), rng.beta(1, 8)
        day = day_number(TODAY) - 700 + rng.uniform(0, 200)
        while day <= day_number(TODAY) + 90:
            rows.append((f"c{i:04d}", int(day)))
            if rng.random() < p:
                break
            day += max(rng.gamma(2, 1 / rate), 1)
    return pl.DataFrame(rows, schema=["customer_id", "day_n"], orient="row")


@pytest.fixture(scope="module")
def world():
    return orders()


def test_everybody_with_a_rhythm_gets_dates_and_the_others_are_counted(world):
    said = cycle.next_order(world, as_of=TODAY)
    known = world.filter(pl.col("day_n") <= day_number(TODAY)).group_by("customer_id").len()
    assert said.buyers.height == (known["len"] >= 4).sum()
    assert said.buyers.height + said.short == known.height
    assert said.buyers.filter(pl.col("not_before") < TODAY).is_empty(), "a date that is past is no forecast"
    assert said.buyers.filter(pl.col("not_after") < pl.col("not_before")).is_empty()
    never = said.buyers.filter(pl.col("not_after").is_null())
    assert never["stopped"].min() > 0.1, "only who may have stopped has no last date"
    assert said.buyers.filter((pl.col("state") == "stopped") != (pl.col("stopped") > 0.5)).is_empty()
    assert (said.buyers["p_30"] <= said.buyers["p_90"]).all()


def test_expected_orders_of_the_last_closed_days_are_right(world):
    test = cycle.back_test(world, as_of=date(2026, 3, 31))
    assert test.expected == pytest.approx(test.ordered, rel=0.1)
    assert test.ok
    base = test.ordered / test.buyers
    assert test.brier < base * (1 - base)


def test_agreed_rhythm_and_last_years_slot_stand_beside_it(world):
    agreed = pl.DataFrame({"customer_id": ["c0001"], "cycle_days": [30]})
    said = cycle.next_order(world, as_of=TODAY, agreed=agreed).buyers
    row = said.row(by_predicate=pl.col("customer_id") == "c0001", named=True)
    assert (row["agreed_on"] - row["last_on"]).days == 30
    assert row["agreed_late"] == max((TODAY - row["agreed_on"]).days, 0)
    first, last = date(2026, 2, 1), date(2026, 3, 2)
    low, high = (day_number(lunar_aligned(d)) for d in (first, last))
    assert low != day_number(date(2025, 2, 1)), "before the Spring Festival the same date is another slot"
    known = world.unique().filter(pl.col("day_n") < low).group_by("customer_id").len().filter(pl.col("len") >= 4)
    slot = world.filter(
        pl.col("day_n").is_between(low, high), pl.col("customer_id").is_in(known["customer_id"].implode())
    )
    assert cycle.last_year_slot(world, first=first, last=last) == slot["customer_id"].n_unique()


def test_spans_sum_to_the_orderers_of_the_longest(world):
    said = cycle.next_order(world, as_of=TODAY, ahead=(7, 14, 30))
    spans = cycle.by_span(said, as_of=TODAY, ahead=(7, 14, 30))
    assert spans["expected"].sum() == pytest.approx(said.buyers["p_30"].sum())
    assert spans.select("first_on", "last_on").row(1) == (date(2026, 4, 8), date(2026, 4, 14))


def test_groups_of_the_test_hold_everybody_once_and_what_came_lies_near_what_was_said(world):
    test = cycle.back_test(world, as_of=TODAY)
    bins = test.bins()
    assert bins["buyers"].sum() == test.buyers
    assert (bins["expected"] * bins["buyers"]).sum() == pytest.approx(test.expected)
    assert bins["expected"].is_sorted()
    assert ((bins["low"] <= bins["expected"]) & (bins["expected"] <= bins["high"])).mean() >= 0.6


def test_the_call_list_holds_the_late_and_alive_by_margin(world):
    said = cycle.next_order(world, as_of=TODAY)
    values = pl.DataFrame({"customer_id": said.buyers["customer_id"], "margin_minor": range(said.buyers.height)})
    calls = cycle.to_call(said, values)
    assert calls["margin_minor"].is_sorted(descending=True)
    assert (calls["state"] == "late").all()


@pytest.mark.real_data
def test_wholesalers_in_rolling_origins(real_data):
    raw = pl.scan_parquet(real_data / "online_retail" / "online_retail_II_combined.parquet")
    known = pl.col("CustomerID").is_not_null() & (pl.col("Quantity") > 0) & (pl.col("Price") > 0)
    day = pl.col("InvoiceDate").dt.date().cast(pl.Int32)
    trips = raw.filter(known).select(customer_id="CustomerID", day_n=day).unique().collect()
    test = cycle.back_test(trips, as_of=date(2011, 9, 28))
    assert (test.buyers, test.ok) == (1967, True)
    assert test.brier == pytest.approx(0.1873, abs=2e-3)
    said = cycle.next_order(trips, as_of=date(2011, 6, 30)).buyers
    past = trips.filter(pl.col("day_n") <= day_number(date(2011, 6, 30))).sort("customer_id", "day_n")
    last = past.group_by("customer_id", maintain_order=True).agg(
        next=pl.col("day_n").last() + pl.col("day_n").diff().mean(), n=pl.len()
    )
    naive = last.filter(pl.col("n") >= 4)
    assert (naive["next"] < day_number(date(2011, 6, 30))).mean() == pytest.approx(0.44, abs=0.01)
    assert said["not_before"].min() >= date(2011, 6, 30)
