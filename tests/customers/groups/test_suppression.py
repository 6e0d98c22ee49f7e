"""Hidden cells of a profile cannot be worked out from the totals: every possible table is tried."""

from __future__ import annotations

from itertools import product

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.customers.groups.profile import profile
from crmlib.customers.groups.suppression import LEAST, hidden

SMALL = st.integers(LEAST, 12)


@st.composite
def traits(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    totals = draw(st.lists(SMALL, min_size=2, max_size=4))
    return np.array([draw(st.integers(0, u)) for u in totals]), np.array(totals)


def possible(in_group: np.ndarray, in_all: np.ndarray, mask: np.ndarray) -> list[tuple[int, int]]:
    """Least and largest count that any table with the shown cells and both totals has, for each hidden cell."""
    left = int(in_group.sum() - in_group[~mask].sum())
    tables = [t for t in product(*(range(int(u) + 1) for u in in_all[mask])) if sum(t) == left]
    return [(min(column), max(column)) for column in zip(*tables, strict=True)]


@settings(max_examples=150, deadline=None)
@given(traits())
def test_no_hidden_count_can_be_narrowed_to_less_than_the_threshold(trait: tuple[np.ndarray, np.ndarray]) -> None:
    in_group, in_all = trait
    mask = hidden(in_group, in_all)
    rest = in_all - in_group
    assert mask[(in_group < LEAST) | ((rest > 0) & (rest < LEAST))].all()
    # nobody can be hidden in a crowd smaller than the threshold: the group's own size, or the rest's, is the bound
    wide = min(LEAST, int(in_group.sum()), int(rest.sum()))
    if mask.any():
        assert min(high - low for low, high in possible(in_group, in_all, mask)) >= wide


@settings(max_examples=100, deadline=None)
@given(traits())
def test_nothing_is_hidden_without_a_small_cell(trait: tuple[np.ndarray, np.ndarray]) -> None:
    in_group, in_all = trait
    rest = in_all - in_group
    if ((in_group >= LEAST) & ((rest == 0) | (rest >= LEAST))).all():
        assert not hidden(in_group, in_all).any()


def test_one_small_cell_takes_the_next_smallest_with_it() -> None:
    in_group, in_all = np.array([3, 20, 60, 90]), np.array([30, 80, 200, 300])
    assert hidden(in_group, in_all).tolist() == [True, True, False, False]
    alone = np.array([True, False, False, False])
    assert possible(in_group, in_all, alone) == [(3, 3)]  # the column total gives it away


def test_a_profile_shows_neither_the_small_cell_nor_its_partner_nor_values_of_very_few() -> None:
    values = ["rare"] * 8 + ["some"] * 40 + ["many"] * 150 + ["odd"] * 2
    table = pl.DataFrame(
        {"customer_id": [str(i) for i in range(200)], "t": values, "g": [i % 4 == 0 for i in range(200)]}
    )
    found = profile(table, group="g", traits=["t"])
    assert sorted(found["value"]) == ["many", "rare", "some"]  # two persons are no class
    shown = dict(found.select("value", "suppressed").iter_rows())
    assert shown == {"rare": True, "some": True, "many": False}
    numbers = found.filter("suppressed").select("in_group", "share_group", "index", "low", "high", "p_value", "q_value")
    assert all(column.null_count() == column.len() for column in numbers)


def test_the_interval_keeps_its_promise_where_the_rest_has_hardly_anybody() -> None:
    rng = np.random.default_rng(5)
    n_g, n_r, p_g, p_r, inside, tried = 20, 60, 0.6, 0.12, 0, 0
    truth = p_g / (0.25 * p_g + 0.75 * p_r)
    for _ in range(300):
        group, rest = rng.random(n_g) < p_g, rng.random(n_r) < p_r
        table = pl.DataFrame(
            {
                "customer_id": [str(i) for i in range(n_g + n_r)],
                "g": [True] * n_g + [False] * n_r,
                "t": np.where(np.concatenate([group, rest]), "yes", "no"),
            }
        )
        row = profile(table, group="g", traits=["t"]).filter(pl.col("value") == "yes").row(0, named=True)
        if row["low"] is not None:
            tried, inside = tried + 1, inside + (row["low"] <= truth <= row["high"])
    assert inside / tried == pytest.approx(0.95, abs=0.04)  # three standard errors of 300 samples
