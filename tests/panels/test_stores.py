"""Store days and flows: sums survive, cards are told apart."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings

from crmlib import panels
from tests.panels.lines import ENGINES, line_frames

START, END = date(1970, 1, 1) + timedelta(18_000), date(1970, 1, 1) + timedelta(18_020)


@settings(max_examples=40)
@given(lines=line_frames())
def test_store_days_add_up_to_the_lines(lines: pl.DataFrame) -> None:
    days = panels.store_day(lines)
    assert days["net_minor"].sum() == lines["net_minor"].sum()
    assert days["lines"].sum() == lines.height
    carded = lines.filter(pl.col("customer_id").is_not_null())
    assert days["member_net_minor"].sum() == carded["net_minor"].sum()
    assert days["receipts"].sum() == lines.select("store_id", "day_n", "receipt_id").n_unique()


@settings(max_examples=40)
@given(lines=line_frames())
def test_open_days_are_those_on_which_visits_say_a_store_sold(lines: pl.DataFrame) -> None:
    days = panels.open_days(lines)
    assert days.equals(panels.visit_days(lines).store_days.select("store_id", "day_n").unique().sort(pl.all()))
    assert panels.open_days(lines.drop("store_id")).is_empty()


@settings(max_examples=8)
@given(lines=line_frames())
@pytest.mark.parametrize("name", list(ENGINES))
def test_flows_agree_between_engines_and_add_up(name: str, lines: pl.DataFrame) -> None:
    homes = pl.DataFrame({"customer_id": ["a", "b", "c"], "home_cell": ["x", "y", None]})
    found = panels.flows(lines, homes, start=START, end=END)
    assert panels.flows(ENGINES[name](lines), homes.to_pandas(), start=START, end=END).equals(found)
    assert found["net_minor"].sum() == (
        lines.filter(pl.col("customer_id").is_in(["a", "b"]), pl.col("store_id").is_not_null())["net_minor"].sum()
    )
