"""Contracts: what every table must be, and the rules that refuse a row."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from crmlib.core.contracts import CONTRACTS, TIME_ZONE

NOON = datetime(2024, 1, 3, 4, 0, tzinfo=UTC)
EVERY = pytest.mark.parametrize("contract", CONTRACTS.values(), ids=lambda c: c.name)


def rows(name: str, **changes: object) -> pl.DataFrame:
    """One good row of a table, with some values changed."""
    good: dict[str, dict[str, object]] = {
        "receipt_lines": {
            "line_id": "s/R1/1", "receipt_id": "R1", "sold_at": NOON, "day": date(2024, 1, 3), "day_n": 19_725,
            "quantity_milli": 1000, "unit": "piece", "net_minor": 1250,
        },
        "customers": {"customer_id": "1", "tags": [], "may_sms": False, "may_email": False, "may_call": True},
        "stores": {"store_id": "S1", "kind": "own"},
        "promotions": {
            "promotion_id": "A", "version": 1, "starts_at": NOON, "ends_at": NOON, "stores": [], "products": [],
            "grades": [], "frozen": False,
        },
        "closures": {"store_id": "S1", "starts_on": date(2024, 1, 3)},
        "contacts": {"contact_id": "C1", "customer_id": "1", "at": NOON, "purpose": "care"},
    }  # fmt: skip
    schema = CONTRACTS[name].schema
    provenance = {"src_name": "test", "src_file": "a.csv", "src_line": 2, "known_at": NOON}
    row = {**dict.fromkeys(schema.column_names()), **provenance, **good[name], **changes}
    types = {column: field.dtype for column, field in schema.columns().items()}
    utc = {c: pl.Datetime("us", "UTC") if isinstance(d, pl.Datetime) else d for c, d in types.items()}
    return pl.DataFrame([row], schema=utc).cast(pl.Schema(types))


@EVERY
def test_the_key_is_the_primary_key_and_rows_carry_their_origin(contract):
    assert set(contract.schema.primary_key()) == set(contract.key)
    assert {"src_name", "src_file", "src_line", "known_at"} <= set(contract.columns)


@EVERY
def test_money_and_quantities_are_whole_and_instants_have_the_zone(contract):
    for name, column in contract.schema.columns().items():
        if "_minor" in name or name.endswith("_milli"):
            assert column.dtype == pl.Int64, name
        if isinstance(column.dtype, pl.Datetime):
            assert column.dtype == pl.Datetime("us", TIME_ZONE), name


@EVERY
def test_defaults_stand_in_for_required_columns_only(contract):
    assert set(dict(contract.defaults)) <= set(contract.required)
    if contract.event is not None:
        assert contract.schema.columns()[contract.event].dtype.is_temporal()


@pytest.mark.parametrize("name", ["receipt_lines", "customers", "stores", "promotions", "closures", "contacts"])
def test_a_good_row_is_good(name):
    assert CONTRACTS[name].schema.is_valid(rows(name))


@pytest.mark.parametrize(
    ("name", "changes", "rule"),
    [
        ("receipt_lines", {"day_n": 19_726}, "day_matches_day_n"),
        ("receipt_lines", {"known_at": datetime(2024, 1, 3, 3, 59, tzinfo=UTC)}, "known_not_before_sold"),
        ("receipt_lines", {"net_minor": None}, "net_minor|nullability"),
        ("receipt_lines", {"src_line": 0}, "src_line|min"),
        ("customers", {"birth_month": 13}, "birth_month|max"),
        ("customers", {"may_sms": None}, "may_sms|nullability"),
        ("stores", {"opened_on": date(2024, 2, 1), "closed_on": date(2024, 1, 1)}, "closed_after_opened"),
        ("stores", {"lon": 121.5}, "position_has_a_system"),
        ("stores", {"lon": 121.5, "lat": 31.2}, "position_has_a_system"),
        ("promotions", {"ends_at": datetime(2024, 1, 2, tzinfo=UTC)}, "ends_after_start"),
        ("promotions", {"depth_bp": 10_001}, "depth_bp|max"),
        ("closures", {"ends_on": date(2024, 1, 2)}, "ends_after_start"),
        ("contacts", {"solved_at": datetime(2024, 1, 2, tzinfo=UTC)}, "solved_after_contact"),
    ],
)
def test_a_bad_row_breaks_its_rule(name, changes, rule):
    _, failure = CONTRACTS[name].schema.filter(rows(name, **changes))
    assert failure.counts() == {rule: 1}
