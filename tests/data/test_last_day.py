"""Which day the sales reach, whatever a till's clock or a typist says."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.data.lake.last_day import last_ordinary_day

FIRST = date(2025, 3, 3)  # a Monday


def days(lines: list[int]) -> pl.DataFrame:
    """Lines of every day from FIRST on; a day of zero has no row."""
    rows = [(FIRST + timedelta(days=n), count) for n, count in enumerate(lines) if count]
    return pl.DataFrame(rows, schema={"day": pl.Date, "lines": pl.Int64}, orient="row")


def last(lines: list[int]) -> int:
    """The number of the last ordinary day."""
    return (last_ordinary_day(days(lines)).day - FIRST).days


def test_a_line_150_days_ahead_moves_nothing_and_is_named():
    found = last_ordinary_day(days([15] * 180 + [0] * 149 + [1]))
    assert (found.day - FIRST).days == 179
    assert found.stray.rows() == [(FIRST + timedelta(days=329), 1)]


def test_a_shop_of_one_or_two_lines_a_day_is_not_moved_either():
    assert last([1, 2, 0, 2, 0, 1, 3] * 40 + [0] * 150 + [1]) == 279


def test_several_stray_lines_on_several_days_are_all_named():
    found = last_ordinary_day(days([15] * 180 + [0] * 60 + [1] + [0] * 80 + [2, 1]))
    assert (found.day - FIRST).days == 179
    assert found.stray["lines"].to_list() == [1, 2, 1]


@pytest.mark.parametrize("ahead", [1, 3, 6, 20])
def test_a_stray_line_a_few_days_ahead_moves_nothing(ahead):
    assert last([40] * 100 + [0] * ahead + [1]) == 99


def test_a_quiet_weekday_is_judged_by_its_own_weekday():
    week = [100, 100, 100, 100, 100, 100, 6]  # hardly anybody comes on Sundays
    assert last(week * 10) == 69


def test_a_half_day_that_is_not_over_yet_counts():
    assert last([100] * 80 + [45]) == 80


def test_a_shop_that_opens_again_after_a_long_closure_counts():
    assert last([20] * 100 + [0] * 60 + [22, 18]) == 161


@given(count=st.integers(1, 4), n=st.integers(1, 40))
def test_a_small_shop_with_a_few_lines_a_day_keeps_its_last_day(count, n):
    assert last([count] * n) == n - 1


@given(st.lists(st.integers(0, 50), min_size=1, max_size=120).filter(any))
def test_the_last_day_and_the_stray_ones_are_all_days_behind(lines):
    table = days(lines)
    found = last_ordinary_day(table)
    assert table.filter(pl.col("day") > found.day).equals(found.stray)
