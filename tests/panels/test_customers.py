"""Customer panels against a plain-Python reading of the definitions, on every engine."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings

from crmlib import panels
from crmlib.core.errors import ContractError, ParameterError
from tests.panels.lines import ENGINES, line_frames

EPOCH = date(1970, 1, 1)
END = EPOCH + timedelta(18_015)
START = EPOCH + timedelta(18_004)


def plain_days(lines: pl.DataFrame, *, end: date = END) -> dict[str, dict[int, tuple[bool, int]]]:
    """customer -> day -> (bought something, net), by the book."""
    days: dict[str, dict[int, tuple[bool, int]]] = defaultdict(dict)
    for row in lines.iter_rows(named=True):
        if row["customer_id"] is None or row["day_n"] > (end - EPOCH).days:
            continue
        bought, net = days[row["customer_id"]].get(row["day_n"], (False, 0))
        days[row["customer_id"]][row["day_n"]] = (bought or row["quantity_milli"] > 0, net + row["net_minor"])
    return days


@settings(max_examples=60)
@given(lines=line_frames())
def test_the_summary_equals_the_definition(lines: pl.DataFrame) -> None:
    expected = []
    for customer, days in sorted(plain_days(lines).items()):
        trips = {day: net for day, (bought, net) in days.items() if bought}
        expected.append(
            (
                customer,
                min(trips, default=None),
                max(trips, default=None),
                len(trips),
                sum(net for _, net in days.values()),
                sum(trips.values()),
                trips[min(trips)] if trips else None,
            )
        )
    assert panels.customer_summary(lines, period_end=END).rows() == expected


@settings(max_examples=60)
@given(lines=line_frames())
def test_the_period_equals_the_definition(lines: pl.DataFrame) -> None:
    first, last = (START - EPOCH).days, (END - EPOCH).days
    kept = [r for r in lines.iter_rows(named=True) if r["customer_id"] is not None and first <= r["day_n"] <= last]
    found = panels.customer_period(lines, start=START, end=END)
    assert found["customer_id"].to_list() == sorted({r["customer_id"] for r in kept})
    for row in found.iter_rows(named=True):
        mine = [r for r in kept if r["customer_id"] == row["customer_id"]]
        trips = {r["day_n"] for r in mine if r["quantity_milli"] > 0}
        net_of = {d: sum(r["net_minor"] for r in mine if r["day_n"] == d) for d in trips}
        costs = [r["cost_minor"] for r in mine]
        net = sum(r["net_minor"] for r in mine)
        assert row["purchase_days"] == len(trips)
        assert row["paid_days"] == sum(value > 0 for value in net_of.values())
        assert row["receipts"] == len({(r["day_n"], r["receipt_id"]) for r in mine})
        assert row["lines"] == len(mine)
        assert row["net_minor"] == net
        assert row["cost_minor"] == sum(c for c in costs if c is not None)
        assert row["uncosted_lines"] == costs.count(None)
        assert row["margin_minor"] == (None if None in costs else net - sum(c for c in costs if c is not None))
        assert row["returned_minor"] == sum(r["net_minor"] for r in mine if r["quantity_milli"] < 0)
        assert (row["first_day_n"], row["last_day_n"]) == (min(trips, default=None), max(trips, default=None))


@settings(max_examples=8)
@given(lines=line_frames())
@pytest.mark.parametrize("name", list(ENGINES))
def test_every_engine_gives_the_same_bytes(name: str, lines: pl.DataFrame) -> None:
    native = ENGINES[name](lines)
    for panel in (
        lambda f: panels.customer_day(f, period_end=END),
        lambda f: panels.customer_summary(f, period_end=END),
        lambda f: panels.customer_period(f, start=START, end=END),
        lambda f: panels.customer_span(f, period_end=END),
        panels.store_day,
    ):
        assert panel(native).equals(panel(lines), null_equal=True)
        assert panel(native).schema == panel(lines).schema


@given(lines=line_frames())
@settings(max_examples=30)
def test_the_order_of_lines_does_not_matter(lines: pl.DataFrame) -> None:
    assert panels.customer_summary(lines.reverse(), period_end=END).equals(
        panels.customer_summary(lines, period_end=END)
    )


@given(lines=line_frames())
@settings(max_examples=30)
def test_a_stored_customer_day_gives_the_same_summary(lines: pl.DataFrame) -> None:
    stored = panels.customer_day(lines)
    assert panels.customer_summary(stored, period_end=END).equals(panels.customer_summary(lines, period_end=END))


def test_a_day_of_returns_only_is_no_purchase_but_counts_in_the_net_total() -> None:
    lines = pl.DataFrame(
        {"customer_id": ["a", "a"], "day_n": [1, 5], "quantity_milli": [1000, -1000], "net_minor": [900, -900]}
    )
    row = panels.customer_summary(lines, period_end=END).row(0, named=True)
    assert (row["purchase_days"], row["net_minor"], row["spend_minor"], row["last_day_n"]) == (1, 0, 900, 1)


@pytest.mark.parametrize("name", list(ENGINES))
def test_a_missing_column_is_named(name: str) -> None:
    lines = pl.DataFrame({"customer_id": ["a"], "day_n": [1], "net_minor": [1]})
    with pytest.raises(ContractError, match="quantity_milli") as caught:
        panels.customer_summary(ENGINES[name](lines), period_end=END)
    assert caught.value.code == "frame.missing_column"


def test_something_that_is_no_frame_is_refused() -> None:
    with pytest.raises(ContractError, match="type list"):
        panels.customer_summary([1, 2], period_end=END)


def test_a_period_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ParameterError, match="swap"):
        panels.customer_period(pl.DataFrame(), start=END, end=START)
