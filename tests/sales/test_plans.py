"""A year's plan: exact paths and splits, versions on their day, months that lie ahead stay empty."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.core.errors import ModelError
from crmlib.sales import plans, targets
from tests.sales.worlds import chain


@pytest.fixture(scope="module")
def days() -> pl.DataFrame:
    table = chain(np.random.default_rng(2), stores=4, first=date(2024, 10, 1), days=761)
    region = pl.when(pl.col("store_id").is_in(["S000", "S001"])).then(pl.lit("N")).otherwise(pl.lit("S"))
    return table.with_columns(region=region)


def versions() -> pl.DataFrame:
    rows = [("v1", m, 1, 100_000 * m, date(2026, 1, 1), date(2026, 6, 30) if m > 6 else None) for m in range(1, 13)]
    rows += [("v2", m, 2, 50_000 * m, date(2026, 7, 1), None) for m in range(7, 13)]
    return pl.DataFrame(
        [
            {"level": "company", "unit_id": None, "month": date(2026, m, 1), "measure": "net", "year": 2026,
             "version": v, "amount_minor": a, "valid_from": f, "valid_to": t, "reason": "why" if v == 2 else None}
            for _, m, v, a, f, t in rows
        ],
        schema_overrides={"unit_id": pl.String, "valid_to": pl.Date, "reason": pl.String},
    )  # fmt: skip


def test_a_month_counts_against_the_version_in_force_on_its_last_day(days: pl.DataFrame) -> None:
    found = plans.by_month(versions(), days, year=2026, as_of=date(2026, 9, 15))
    by = dict(found.select("month", "target_minor").iter_rows())
    assert (by[date(2026, 6, 1)], by[date(2026, 7, 1)], by[date(2026, 12, 1)]) == (600_000, 350_000, 600_000)
    assert found.filter(pl.col("month") > date(2026, 9, 1))["actual_minor"].null_count() == 3
    may = days.filter(pl.col("day").dt.truncate("1mo") == date(2026, 5, 1))["net_minor"].sum()
    assert found.filter(pl.col("month") == date(2026, 5, 1))["actual_minor"].item() == may


def test_changes_name_what_was_and_what_is(days: pl.DataFrame) -> None:
    found = plans.changes(versions(), year=2026)
    assert found.height == 6
    assert (found["after_minor"] - found["before_minor"]).to_list() == found["gap_minor"].to_list()
    assert found["reason"].unique().to_list() == ["why"]


def test_a_month_without_a_target_in_force_is_refused_with_a_mend() -> None:
    with pytest.raises(ModelError) as refused:
        targets.of_month(versions(), month=date(2027, 1, 1), on=date(2026, 9, 1))
    assert refused.value.code == "sales.no_target"


@given(amount=st.integers(0, 10**10))
def test_a_path_adds_up_to_its_target(days: pl.DataFrame, amount: int) -> None:
    path = plans.path(days, first=date(2026, 2, 1), last=date(2026, 2, 28), amount_minor=amount)
    assert path["target_minor"].sum() == amount


def test_a_path_carries_the_days_before_the_festival(days: pl.DataFrame) -> None:
    """Spring Festival 2026 is 17 February: the ten days before it carry more than the ten after."""
    path = plans.path(days, first=date(2026, 2, 1), last=date(2026, 2, 28), amount_minor=1_000_000)
    before, after = (
        path.filter(pl.col("day").is_between(date(2026, 2, a), date(2026, 2, b)))["target_minor"].sum()
        for a, b in ((7, 16), (18, 27))
    )
    assert before > 1.5 * after


def test_next_years_split_is_exact_in_steps_and_moves_with_the_festival(days: pl.DataFrame) -> None:
    """Spring Festival 2027 is 6 February: January sells before it, which it does not in 2026 with 17 February."""
    found = plans.proposal(days, year=2027, total_minor=120_000_000, step_minor=10_000)
    assert found["amount_minor"].sum() == 120_000_000
    assert (found["amount_minor"] % 10_000).sum() == 0
    assert found["month"].n_unique() == 12
    by = dict(found.group_by("month").agg(pl.col("amount_minor").sum()).iter_rows())
    assert by[date(2027, 1, 1)] > by[date(2027, 3, 1)] * 1.5


def test_a_store_that_has_not_sold_for_ninety_days_gets_no_target(days: pl.DataFrame) -> None:
    gone = days.filter((pl.col("store_id") != "S003") | (pl.col("day") < date(2026, 7, 1)))
    assert "S003" not in plans.proposal(gone, year=2027, total_minor=10_000_000, step_minor=100)["store_id"].to_list()
