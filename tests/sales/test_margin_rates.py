"""The margin rate taken apart: groups' own rates and the mix add up to its change; stores against the rate of all."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.core.errors import ModelError
from crmlib.sales import margins

CELL = st.tuples(st.sampled_from("abcd"), st.integers(1, 10**9), st.integers(0, 10**9))


def cells(rows: list[tuple[str, int, int]]) -> pl.DataFrame:
    table = pl.DataFrame(rows, schema={"group": pl.String, "net_minor": pl.Int64, "cost_minor": pl.Int64}, orient="row")
    return table.with_columns(uncosted_minor=pl.lit(0, dtype=pl.Int64))


@given(st.lists(CELL, min_size=1, max_size=12), st.lists(CELL, min_size=1, max_size=12))
def test_own_rates_and_mix_add_up_to_the_change_of_the_rate(now: list, before: list) -> None:
    found = margins.rate_split(cells(now), cells(before), by="group")
    rates = [1 - t["cost_minor"].sum() / t["net_minor"].sum() for t in (cells(now), cells(before))]
    assert (found["within"] + found["mix"]).sum() == pytest.approx(rates[0] - rates[1], rel=1e-6, abs=1e-6)


def test_the_same_rates_sold_in_other_shares_are_mix_only() -> None:
    before = cells([("a", 100, 50), ("b", 100, 90)])
    found = margins.rate_split(cells([("a", 50, 25), ("b", 150, 135)]), before, by="group")
    assert found["within"].abs().sum() == pytest.approx(0)
    assert found["mix"].sum() == pytest.approx(-0.1)


def test_sales_without_a_cost_are_in_no_rate() -> None:
    table = cells([("a", 100, 50), ("a", 900, 0)]).with_columns(uncosted_minor=pl.Series([0, 900]))
    found = margins.rate_split(table, table, by="group")
    assert found.select("net_minor", "margin_rate").row(0) == (100, 0.5)
    with pytest.raises(ModelError) as refused:
        margins.rate_split(table.with_columns(uncosted_minor="net_minor"), table, by="group")
    assert refused.value.code == "sales.no_cost"


def test_what_stores_earn_less_and_more_than_all_cancels() -> None:
    found = margins.below(cells([("a", 1_000, 900), ("b", 1_000, 500)]), by="group")
    assert found["group"].to_list() == ["a", "b"]
    assert found["short_minor"].to_list() == [200, -200]
