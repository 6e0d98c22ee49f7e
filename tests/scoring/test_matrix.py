"""The value matrix: quadrants, the unrated, movement that adds up."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.core.errors import ModelError
from crmlib.scoring.matrix import CAME, GONE, KEEP, UNRATED, Matrix, matrix, movers, moves

ROWS = st.dictionaries(
    st.integers(0, 30),
    st.tuples(st.integers(-50, 900), st.one_of(st.none(), st.integers(-50, 400))),
    min_size=1,
    max_size=25,
)


def table(rows: dict[int, tuple[int, int | None]]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "customer_id": [str(k) for k in rows],
            "net_minor": [net for net, _ in rows.values()],
            "margin_minor": pl.Series([margin for _, margin in rows.values()], dtype=pl.Int64),
        }
    )


def boards(before: dict, now: dict) -> tuple[Matrix, Matrix]:
    return matrix(table(before), margin="amount"), matrix(table(now), margin="amount")


def test_sales_of_zero_or_below_and_missing_costs_are_unrated_and_never_in_a_quadrant() -> None:
    found = matrix(table({1: (100, None), 2: (0, 0), 3: (-5, -1), 4: (100, 50), 5: (10, 5)}), margin="amount")
    assert found.customers["quadrant"].to_list() == [UNRATED, UNRATED, UNRATED, KEEP, "cheap"]


def test_with_no_cost_at_all_everybody_is_unrated() -> None:
    found = matrix(table({1: (100, None), 2: (50, None)}), margin="rate")
    assert found.quadrants.filter(pl.col("quadrant") == UNRATED)["customers"][0] == 2


def test_amount_and_rate_answer_different_questions() -> None:
    rows = {1: (1000, 100), 2: (100, 90), 3: (900, 300), 4: (50, 1)}
    amount = matrix(table(rows), margin="amount").customers["quadrant"].to_list()
    rate = matrix(table(rows), margin="rate").customers["quadrant"].to_list()
    assert amount == ["keep", "cheap", "keep", "cheap"]
    assert rate == ["reprice", "grow", "keep", "cheap"]


def test_at_most_half_are_high_by_the_median_and_a_fifth_by_top20_however_many_are_tied() -> None:
    rows = {k: (10, 5) for k in range(20)} | {99: (11, 6)}
    assert (matrix(table(rows), margin="amount").customers["quadrant"] == KEEP).sum() == 1
    assert (matrix(table(rows), margin="amount", cut="top20").customers["quadrant"] == KEEP).sum() == 1
    assert (matrix(table(rows), margin="rate", cut="top20").customers["quadrant"] == KEEP).sum() <= 5


@settings(max_examples=80, deadline=None)
@given(before=ROWS, now=ROWS)
def test_movement_adds_up_to_both_periods_in_customers_and_money(before: dict, now: dict) -> None:
    was, board = boards(before, now)
    cells = moves(was, board)
    assert int(cells["customers"].sum()) == len(set(before) | set(now))
    for name, side, missing in (("before", was, CAME), ("now", board, GONE)):
        sums = dict(cells.group_by(f"quadrant_{name}").agg(pl.col("customers").sum()).iter_rows())
        for quadrant, size in side.quadrants.select("quadrant", "customers").iter_rows():
            assert sums.get(quadrant, 0) == size
        other = now if name == "before" else before
        own = before if name == "before" else now
        assert sums.get(missing, 0) == len(set(other) - set(own))
    assert int(cells["net_now_minor"].sum()) == sum(net for net, _ in now.values())
    assert int(board.quadrants["customers"].sum()) == len(now)


def test_those_who_left_the_good_corner_are_listed_by_lost_margin_without_those_of_unknown_cost() -> None:
    was = matrix(table({1: (900, 300), 2: (800, 250), 3: (700, 200), 4: (5, 1), 5: (6, 1), 6: (7, 1)}), margin="amount")
    now = matrix(
        table({1: (10, 1), 3: (900, None), 4: (5, 1)}),
        margin="amount",
        cut="fixed",
        fixed=(was.net_cut, was.margin_cut),
    )
    found = movers(was, now)
    assert found["customer_id"].to_list() == ["1", "2"]
    assert found["margin_change_minor"].to_list() == [-299, -250]
    assert found["quadrant_now"].to_list() == ["cheap", GONE]


def test_fixed_cuts_are_given_exactly_when_asked_for() -> None:
    with pytest.raises(ModelError) as refused:
        matrix(table({1: (1, 1)}), margin="amount", cut="fixed")
    assert refused.value.code == "scoring.fixed_cut"
    with pytest.raises(ModelError):
        matrix(table({1: (1, 1)}), margin="amount", fixed=(1, 1))


def test_one_customer_has_a_place() -> None:
    assert int(matrix(table({1: (1, 1)}), margin="amount").quadrants["customers"].sum()) == 1


@pytest.mark.parametrize("cut", ["median", "mean", "top20"])
@pytest.mark.parametrize("margin", ["amount", "rate"])
def test_where_everybody_earns_the_same_no_big_buyer_is_asked_for_a_better_price(cut, margin):
    """Equal margins made the cut infinite, nobody high, and every big buyer one to reprice."""
    net = [1000, 2000, 3000, 4000, 5000] * 4
    earned = [300] * 20 if margin == "amount" else [3 * n // 10 for n in net]
    year = pl.DataFrame({"customer_id": [f"{i}" for i in range(20)], "net_minor": net, "margin_minor": earned})
    found = matrix(year, margin=margin, cut=cut)
    assert found.margin_cut == (300 if margin == "amount" else 0.3)
    assert set(found.customers["quadrant"].to_list()) <= {"keep", "grow"}


def test_more_than_half_at_the_top_are_high_and_not_low():
    year = pl.DataFrame({"customer_id": ["a", "b", "c"], "net_minor": [100, 200, 200], "margin_minor": [5, 50, 50]})
    assert matrix(year, margin="amount").customers["quadrant"].to_list() == ["cheap", "keep", "keep"]
