"""Contracts of the ledgers: signs, dates and owners that a row alone can break."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from crmlib.core.contracts import CONTRACTS

NOON = datetime(2024, 1, 3, 4, 0, tzinfo=UTC)
DAY, BEFORE = date(2024, 1, 3), date(2024, 1, 2)
GOOD: dict[str, dict[str, object]] = {
    "points": {"entry_id": "1", "customer_id": "A", "at": NOON, "points": 5, "kind": "earn"},
    "stock": {"store_id": "S", "product_id": "P", "lot_id": "", "counted_on": DAY, "on_hand_milli": 0},
    "lots": {"lot_id": "L", "product_id": "P", "produced_on": DAY, "expires_on": DAY},
    "stock_moves": {
        "move_id": "1", "at": NOON, "store_id": "S", "product_id": "P", "unit": "kg", "kind": "sale",
        "quantity_milli": -1000,
    },
    "partner_stock": {"partner_id": "D", "product_id": "P", "on_day": DAY},
    "held_moves": {
        "move_id": "1", "customer_id": "A", "order_id": "O", "product_id": "P", "store_id": "S", "at": NOON,
        "kind": "paid", "quantity_milli": 1000, "value_minor": 900,
    },
    "partners": {"partner_id": "D", "kind": "distributor"},
    "invoices": {
        "invoice_id": "I", "instalment": 1, "partner_id": "D", "side": "receivable", "issued_on": DAY,
        "amount_minor": 100, "disputed": False,
    },
    "payments": {"payment_id": "1", "partner_id": "D", "at": NOON, "amount_minor": 100, "tender": "transfer"},
    "allocations": {"payment_id": "1", "invoice_id": "I", "instalment": 1, "amount_minor": 100},
    "promises": {
        "promise_id": "1", "invoice_id": "I", "instalment": 1, "made_at": NOON, "promised_on": DAY, "amount_minor": 1,
    },
    "write_offs": {"write_off_id": "1", "invoice_id": "I", "instalment": 1, "at": NOON, "amount_minor": 1},
    "cards": {"card_id": "C", "kind": "named", "customer_id": "A", "issued_on": DAY},
    "card_moves": {"move_id": "1", "card_id": "C", "at": NOON, "kind": "redeem", "amount_minor": -100},
    "vouchers": {"voucher_id": "V", "batch_id": "B", "product_id": "P", "quantity_milli": 1000, "face_minor": 100},
    "voucher_moves": {"move_id": "1", "voucher_id": "V", "at": NOON, "kind": "sell"},
    "accounts": {"account_id": "T", "kind": "till"},
    "cash_moves": {
        "move_id": "1", "account_id": "T", "at": NOON, "value_on": DAY, "kind": "sale", "amount_minor": 100,
    },
}  # fmt: skip


def rows(name: str, **changes: object) -> pl.DataFrame:
    schema = CONTRACTS[name].schema
    row = {**dict.fromkeys(schema.column_names()), "src_name": "t", "src_file": "a", "src_line": 1, "known_at": NOON}
    types = {column: field.dtype for column, field in schema.columns().items()}
    utc = {c: pl.Datetime("us", "UTC") if isinstance(d, pl.Datetime) else d for c, d in types.items()}
    return pl.DataFrame([{**row, **GOOD[name], **changes}], schema=utc).cast(pl.Schema(types))


@pytest.mark.parametrize("name", GOOD)
def test_a_good_row_is_good(name):
    assert CONTRACTS[name].schema.is_valid(rows(name))


@pytest.mark.parametrize(
    ("name", "changes", "rule"),
    [
        ("points", {"kind": "redeem"}, "sign_fits_kind"),
        ("points", {"kind": "expire"}, "sign_fits_kind"),
        ("points", {"kind": "open", "points": -5}, "sign_fits_kind"),
        ("stock", {"on_hand_milli": -1}, "on_hand_milli|min"),
        ("lots", {"expires_on": BEFORE}, "expires_after_production"),
        ("stock_moves", {"quantity_milli": 1000}, "sign_fits_kind"),
        ("stock_moves", {"kind": "purchase"}, "sign_fits_kind"),
        ("stock_moves", {"kind": "transfer_out"}, "transfers_are_named"),
        ("held_moves", {"kind": "collected"}, "sign_fits_kind"),
        ("invoices", {"due_on": BEFORE}, "due_after_issue"),
        ("invoices", {"partner_id": None}, "owed_by_somebody"),
        ("invoices", {"amount_minor": -100}, "credit_note_names_its_invoice"),
        ("payments", {"partner_id": None}, "paid_by_somebody"),
        ("allocations", {"amount_minor": 0}, "amount_minor|min"),
        ("cards", {"customer_id": None}, "named_never_expires"),
        ("cards", {"expires_on": DAY}, "named_never_expires"),
        ("cards", {"kind": "bearer", "expires_on": BEFORE}, "expires_after_issue"),
        ("card_moves", {"amount_minor": 100}, "sign_fits_kind"),
        ("vouchers", {"product_id": None}, "stands_for_goods"),
        ("cash_moves", {"value_on": None}, "value_on|nullability"),
    ],
)
def test_a_bad_row_breaks_its_rule(name, changes, rule):
    _, failure = CONTRACTS[name].schema.filter(rows(name, **changes))
    assert failure.counts() == {rule: 1}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("points", {"points": -5, "ref_id": "0"}),  # a return takes its earn back
        ("stock_moves", {"kind": "open"}),  # a negative opening is carried, not refused
        ("lots", {"produced_on": None}),
        ("cards", {"kind": "bearer", "customer_id": None}),
        ("invoices", {"amount_minor": -100, "ref_id": "I0"}),
    ],
)
def test_what_looks_odd_and_is_allowed(name, changes):
    assert CONTRACTS[name].schema.is_valid(rows(name, **changes))
