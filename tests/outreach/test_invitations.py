"""Cells of earlier lists and what the next one may bring; goods held against simple lists; time and store of each."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.outreach import cells, invite, members, repeat
from tests.outreach.test_choosing import world

START = date(2026, 7, 3)
DAY = timedelta(days=1)


def days(*rows: tuple[str, date, int]) -> pl.DataFrame:
    """customer, day, fen; below zero is a return."""
    frame = pl.DataFrame(rows, schema=["customer_id", "day", "net_minor"], orient="row")
    return frame.select(
        "customer_id", "net_minor", day_n=pl.col("day").cast(pl.Int32), is_purchase=pl.col("net_minor") > 0
    )


def test_where_somebody_stands_is_told_from_the_days_before_the_list_only():
    bought = days(
        ("a", START - 10 * DAY, 900), ("a", START, 5_000), ("b", START - 60 * DAY, 400), ("c", START - 100 * DAY, 10),
        ("d", START - 400 * DAY, 9_000), ("e", START - 5 * DAY, -50),
    )  # fmt: skip
    found = cells.placed(pl.Series(list("abcdef")), bought, on=START, cuts=[800, 300])
    assert found.rows() == [
        ("a", "A", "month", 900), ("b", "B", "quarter", 400), ("c", "C", "longer", 10), ("d", "C", "longer", 0),
        ("e", "C", "never", -50), ("f", "C", "never", 0),
    ]  # fmt: skip


def test_no_class_that_nobody_reaches():
    found = cells.placed(pl.Series(["a"]), days(("a", START - DAY, 900)), on=START, cuts=[None, 300])
    assert found["tier"].to_list() == ["A"]


def drawn(rng: np.random.Generator, *, effect: int, n: int = 600) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """A closed list of `n`, a third held: those contacted spend `effect` fen more; all came in the month before."""
    ids = [f"M{i}" for i in range(n)]
    held = rng.random(n) < 1 / 3
    spent = np.maximum(rng.normal(3_000, 900, n).round() + np.where(held, 0, effect), 1).astype(int)
    rows = [(i, START + 5 * DAY, int(s)) for i, s in zip(ids, spent, strict=True)]
    rows += [(i, START - 9 * DAY, 2_000) for i in ids]
    lists = pl.DataFrame(
        {"list_id": ["L"], "objective": ["repeat"], "starts_on": [START], "ends_on": [START + 28 * DAY]}
    )
    group = pl.DataFrame({
        "list_id": "L", "recipient_id": ids, "group": np.where(held, "control", "contact").tolist(),
    })  # fmt: skip
    return lists, group, days(*rows)


@pytest.mark.parametrize("effect", [0, 800])
def test_the_effect_of_a_cell_is_the_one_planted(effect):
    lists, rows, bought = drawn(np.random.default_rng(8), effect=effect)
    found = cells.read_cells(lists, rows, bought, cuts=[])
    assert found.select("objective", "tier", "recency").rows() == [("repeat", "A", "month")]
    assert found["contact"][0] + found["control"][0] == 600
    assert found["effect_minor"][0] == pytest.approx(effect, abs=3 * found["se_minor"][0])


def test_what_a_list_may_bring_counts_all_errors_together_and_no_list_means_unknown():
    effects = pl.DataFrame({
        "objective": "repeat", "tier": ["A", "B"], "recency": "month", "lists": [1, 0], "effect_minor": [500.0, 100.0],
        "se_minor": [50.0, 200.0],
    })  # fmt: skip
    people = pl.DataFrame({"tier": ["A"] * 10 + ["B"] * 20, "recency": "month"})
    found = cells.expected(people, effects, objective="repeat", margin=0.5, cost_minor=10)
    assert (found.people, found.known) == (30, 10)
    assert found.net_minor == 10 * 240 + 20 * 40
    half = 1.959963984540054 * 0.5 * (10 * 50 + 20 * 200)
    assert found.high_minor - found.net_minor == pytest.approx(half, abs=1)
    other = cells.expected(people, effects, objective="launch", margin=0.5, cost_minor=10)
    assert (other.net_minor, other.known) == (None, 0)


def test_a_cell_without_a_result_gets_the_mean_with_a_wider_error():
    read = pl.DataFrame({
        "objective": "repeat", "tier": ["A", "B", "C"], "recency": "month", "effect_minor": [900.0, 100, 120],
        "se_minor": [50.0, 50, 50],
    })  # fmt: skip
    asked = pl.DataFrame({"tier": ["A", "Z"], "recency": "month"})
    found = members.everywhere(read, asked)
    z, a = (found.filter(tier=t).row(0, named=True) for t in ("Z", "A"))
    assert found.height == 4
    assert 300 < z["effect_minor"] < 450
    assert z["se_minor"] > 5 * a["se_minor"]
    assert (z["lists"], a["lists"]) == (0, 1)
    assert members.everywhere(read.clear(), asked).is_empty()


@pytest.mark.parametrize("taste", [0.0, 0.3])
def test_the_judgement_holds_the_list_against_the_better_of_both(taste):
    history = world(np.random.default_rng(3), taste=taste)
    found = invite.judge(history, top=5)
    before, last = repeat.split_last(history)
    fitted = repeat.fit(before, decay=found.decay)
    assert found.own == pytest.approx(repeat.recall(repeat.recommend(fitted, top=5), last))
    assert found.popular == pytest.approx(repeat.recall(repeat.popular(fitted, top=5), last))
    assert found.personal == pytest.approx(repeat.recall(repeat.personal(fitted, top=5), last))
    better = max(found.popular, found.personal)
    assert found.low <= found.own - better <= found.high
    assert found.wins == (found.own >= 0.98 * better)
    assert found.beats == (found.low > 0)


def test_a_good_that_lies_in_no_shop_of_the_member_gives_its_place_to_the_next():
    ranked = pl.DataFrame({
        "customer_id": ["a"] * 3 + ["b"] * 3, "rank": [1, 2, 3] * 2, "product_id": ["x", "y", "z"] * 2,
        "p": [0.3, 0.2, 0.1] * 2, "score": [3.0, 2.0, 1.0] * 2,
    })  # fmt: skip
    homes = pl.DataFrame({"customer_id": ["a", "b"], "store_id": ["S1", "S2"]})
    stock = pl.DataFrame({"store_id": ["S1", "S2"], "product_id": ["x", "x"], "on_hand_milli": [0, 5_000]})
    found = invite.in_reach(ranked, homes, stock, top=2)
    assert found.select("customer_id", "rank", "product_id").rows() == [
        ("a", 1, "y"), ("a", 2, "z"), ("b", 1, "x"), ("b", 2, "y"),
    ]  # fmt: skip
    assert invite.in_reach(ranked, homes, None, top=1)["product_id"].to_list() == ["x", "x"]
    one = invite.wide(found)
    assert one.select("customer_id", "store_id", "product_1", "product_2", "product_3").rows() == [
        ("a", "S1", "y", "z", None), ("b", "S2", "x", "y", None),
    ]  # fmt: skip


def test_margins_are_of_one_purchase_and_only_where_the_cost_is_known():
    prices = pl.DataFrame({
        "product_id": ["x", "y"], "receipts": [10, 5], "quantity_milli": [20_000, 5_000], "net_minor": [4_000, 900],
        "costed_milli": [10_000, 0], "cost_minor": [1_000, 0],
    })  # fmt: skip
    assert invite.margins(prices).rows() == [("x", 200)]


@given(st.lists(st.tuples(st.integers(0, 23), st.integers(1, 7), st.integers(1, 5)), min_size=1, max_size=8))
def test_everybody_has_one_day_and_one_part_of_the_day_in_which_they_really_came(rows):
    clock = pl.DataFrame(
        [("a", h, w, n) for h, w, n in rows], schema=["customer_id", "hour", "weekday", "receipts"], orient="row"
    )
    found = invite.own_time(clock)
    assert found.height == 1
    counts = (
        clock.group_by("weekday").agg(pl.col("receipts").sum()).sort("receipts", "weekday", descending=[True, False])
    )
    assert found["weekday"][0] == counts["weekday"][0]
    ends = dict((name, (0 if i == 0 else invite.SLOTS[i - 1][0], end)) for i, (end, name) in enumerate(invite.SLOTS))
    low, high = ends[found["send_slot"][0]]
    assert any(low <= h < high for h, _, _ in rows)
