"""Tables of sales, targets, purchases and expenses: the rules that refuse a row."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from crmlib.core.contracts import CONTRACTS

NOON = datetime(2026, 1, 3, 4, 0, tzinfo=UTC)
DAY = date(2026, 1, 1)
GOOD: dict[str, dict[str, object]] = {
    "tenders": {
        "receipt_id": "R", "line_no": 1, "store_id": "S", "at": NOON, "tender": "voucher", "amount_minor": -5,
    },
    "line_credits": {"line_id": "L", "staff_id": "P", "share_bp": 6000},
    "targets": {
        "target_id": "T", "version": 2, "year": 2026, "level": "store", "unit_id": "S", "month": DAY, "measure": "net",
        "amount_minor": 100, "step_minor": 1, "rule": "given", "valid_from": DAY,
    },
    "price_floors": {"region": "N", "product_id": "p", "valid_from": DAY, "floor_minor": 100},
    "suppliers": {"supplier_id": "V"},
    "purchases": {
        "purchase_line_id": "1", "order_id": "O", "supplier_id": "V", "store_id": "S", "product_id": "p",
        "ordered_on": DAY, "quantity_milli": 1000, "unit": "kg", "price_minor": 500,
    },
    "listings": {"store_id": "S", "product_id": "p", "valid_from": DAY},
    "lot_sightings": {"sighting_id": "1", "at": NOON, "lot_id": "L", "store_id": "S", "region": "N"},
    "expenses": {
        "expense_id": "1", "kind": "selling", "line": "rent", "store_id": "S", "month": DAY, "amount_minor": 5,
        "state": "spent", "variable": False,
    },
    "budgets": {
        "year": 2026, "region": "N", "activity": "daily", "store_id": "S", "month": 0, "version": 1, "budget_minor": 5,
    },
}  # fmt: skip


def rows(name: str, **changes: object) -> pl.DataFrame:
    schema = CONTRACTS[name].schema
    provenance = {"src_name": "test", "src_file": "a.csv", "src_line": 2, "known_at": NOON}
    types = {column: field.dtype for column, field in schema.columns().items()}
    utc = {c: pl.Datetime("us", "UTC") if isinstance(d, pl.Datetime) else d for c, d in types.items()}
    row = {**dict.fromkeys(schema.column_names()), **provenance, **GOOD[name], **changes}
    return pl.DataFrame([row], schema=utc).cast(pl.Schema(types))


@pytest.mark.parametrize("name", GOOD)
def test_a_good_row_is_good(name):
    assert CONTRACTS[name].schema.is_valid(rows(name))


@pytest.mark.parametrize(
    ("name", "changes", "rule"),
    [
        ("tenders", {"known_at": datetime(2026, 1, 2, tzinfo=UTC)}, "known_not_before_paid"),
        ("tenders", {"tender": None}, "tender|nullability"),
        ("line_credits", {"share_bp": 10_001}, "share_bp|max"),
        ("line_credits", {"share_bp": 0}, "share_bp|min"),
        ("targets", {"month": date(2026, 1, 2)}, "month_is_a_first_day_of_its_year"),
        ("targets", {"month": date(2025, 1, 1)}, "month_is_a_first_day_of_its_year"),
        ("targets", {"valid_to": date(2025, 12, 31)}, "valid_to_after_valid_from"),
        ("targets", {"level": "company"}, "only_the_company_has_no_unit"),
        ("targets", {"unit_id": None}, "only_the_company_has_no_unit"),
        ("targets", {"amount_minor": -1}, "amount_minor|min"),
        ("price_floors", {"valid_to": date(2025, 12, 31)}, "valid_to_after_valid_from"),
        ("purchases", {"received_on": date(2025, 12, 31)}, "received_after_ordering"),
        ("listings", {"valid_to": date(2025, 12, 31)}, "valid_to_after_valid_from"),
        ("lot_sightings", {"partner_id": "P"}, "seen_at_one_place"),
        ("lot_sightings", {"store_id": None}, "seen_at_one_place"),
        ("expenses", {"month": date(2026, 1, 2)}, "month_is_a_first_day"),
        ("expenses", {"month": None}, "month|nullability"),
        ("expenses", {"store_id": None}, "shared_costs_have_a_key"),
        ("budgets", {"month": 13}, "month|max"),
    ],
)
def test_a_bad_row_breaks_its_rule(name, changes, rule):
    _, failure = CONTRACTS[name].schema.filter(rows(name, **changes))
    assert failure.counts() == {rule: 1}
