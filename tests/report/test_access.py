"""Rows of other regions and of later days never reach a notebook, whatever the table."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.core.errors import ContractError
from crmlib.report.access import visible

STORES = pl.LazyFrame({"store_id": ["N", "S"], "region": ["north", "south"]})
MEMBERS = pl.LazyFrame({"customer_id": ["n", "s", "x"], "region": ["north", "south", None]})
NORTH = ["north"]


def seen(
    frame: dict[str, list[object]], *, as_of: date | None = None, regions: list[str] | None = None
) -> pl.DataFrame:
    return visible(pl.LazyFrame(frame), as_of=as_of, stores=STORES, regions=regions, customers=MEMBERS).collect()


@given(
    st.lists(st.tuples(st.sampled_from(["N", "S", None]), st.integers(1, 28)), max_size=30),
    st.integers(1, 28),
    st.sampled_from([None, ["north"], ["south"], ["north", "south"], []]),
)
def test_exactly_the_rows_of_the_regions_up_to_the_day_are_seen(
    rows: list[tuple[str | None, int]], last: int, regions: list[str] | None
) -> None:
    frame = pl.LazyFrame(
        {"store_id": [s for s, _ in rows], "day": [date(2026, 1, d) for _, d in rows]},
        schema={"store_id": pl.String, "day": pl.Date},
    )
    found = visible(frame, as_of=date(2026, 1, last), stores=STORES, regions=regions).collect()
    of_store = {"N": "north", "S": "south", None: None}
    expected = [(s, d) for s, d in rows if d <= last and (regions is None or of_store[s] in regions)]
    assert [(s, d.day) for s, d in found.rows()] == expected


def test_tables_of_members_follow_the_members_region() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    contacts: dict[str, list[object]] = {"customer_id": ["n", "s", "x", "unknown"], "at": [noon] * 4}
    assert seen(contacts, regions=NORTH)["customer_id"].to_list() == ["n"]
    assert seen(contacts, as_of=date(2025, 12, 31)).height == 0
    without = visible(pl.LazyFrame(contacts), as_of=None, stores=STORES, regions=NORTH).collect()
    assert without.height == 0


def test_what_belongs_to_no_region_is_kept() -> None:
    assert seen({"product_id": ["p"]}, regions=NORTH).height == 1


def test_a_region_without_shops_to_tell_it_by_is_an_error() -> None:
    with pytest.raises(ContractError) as caught:
        visible(pl.LazyFrame({"store_id": ["N"]}), as_of=None, stores=None, regions=NORTH)
    assert caught.value.code == "report.no_regions"
