"""Contracts of lists, permissions and bundles: good rows pass, each rule refuses what it names."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from crmlib.core.contracts import CONTRACTS

NOON = datetime(2026, 9, 1, 4, 0, tzinfo=UTC)
GOOD: dict[str, dict[str, object]] = {
    "campaigns": {
        "list_id": "L", "version": 1, "name": "autumn", "objective": "win_back", "recipient": "member",
        "channel": "sms", "eligible_rule": "{}", "strata": ["tier"], "control_bp": 1000, "draw": "hmac", "key_id": "k1",
        "planned_at": NOON, "send_to": NOON + timedelta(days=3), "window_days": 28, "outcome": "came",
        "cost_fixed_minor": 0, "state": "approved", "frozen_at": NOON, "owner": "ann", "approved_by": "bob",
    },
    "outreach": {
        "list_id": "L", "version": 1, "recipient_id": "C1", "recipient": "member", "group": "control", "stratum": "A",
        "draw_u": "13dcae23920d4a4d", "reason_code": "value", "status": "not_sent", "cost_minor": 0,
    },
    "draws": {"list_id": "L", "version": 1, "step": "consent", "recipients": 9, "left_out": 1, "example_keys": ["C…"]},
    "read_outs": {
        "list_id": "L", "version": 1, "as_of": date(2026, 10, 1), "outcome": "came", "closed": True, "n_contact": 90,
        "n_control": 10, "came_contact": 9, "came_control": 1, "method": "newcombe", "raw_contact_minor": 1,
        "raw_control_minor": 1, "cost_minor": 0, "srm_p": 0.5, "overlap": 0, "verdict": "not_shown",
    },
    "seasons": {
        "season_id": "2026", "starts_on": date(2026, 1, 1), "ends_on": date(2026, 12, 31), "holdout_bp": 300,
        "key_id": "k1",
    },
    "suppressions": {"address_hash": "a" * 64, "channel": "sms", "since": NOON, "reason": "opted_out"},
    "messages": {
        "message_id": "M", "version": 1, "channel": "sms", "language": "zh", "body": "x", "placeholders": [],
        "signature": "s", "opt_out_text": "TD",
    },
    "bundles": {
        "bundle_id": "B", "version": 1, "name": "box", "price_minor": 100, "floor_margin_bp": 0, "gift_units": 1,
        "starts_at": NOON, "ends_at": NOON + timedelta(days=1), "stores": [], "channels": [], "state": "draft",
    },
}  # fmt: skip


def rows(name: str, **changes: object) -> pl.DataFrame:
    schema = CONTRACTS[name].schema
    provenance = {"src_name": "test", "src_file": "a.csv", "src_line": 2, "known_at": NOON}
    types = {column: field.dtype for column, field in schema.columns().items()}
    row = {**dict.fromkeys(types), **provenance, **GOOD[name], **changes}
    utc = {c: pl.Datetime("us", "UTC") if isinstance(d, pl.Datetime) else d for c, d in types.items()}
    return pl.DataFrame([row], schema=utc).cast(pl.Schema(types))


@pytest.mark.parametrize("name", GOOD)
def test_a_good_row_is_good(name: str) -> None:
    assert CONTRACTS[name].schema.is_valid(rows(name))


@pytest.mark.parametrize(
    ("name", "changes", "rule"),
    [
        ("campaigns", {"control_bp": 500}, "control_unless_service"),
        ("campaigns", {"send_to": NOON + timedelta(days=15)}, "sent_within_two_weeks"),
        ("campaigns", {"frozen_at": None}, "drawn_is_frozen"),
        ("campaigns", {"approved_by": "ann"}, "owner_does_not_approve"),
        ("outreach", {"cost_minor": 5}, "left_alone_is_left_alone"),
        ("outreach", {"status": "sent"}, "left_alone_is_left_alone"),
        ("outreach", {"draw_u": "XYZ"}, "draw_u|regex"),
        ("draws", {"example_keys": list("abcdef")}, "few_examples"),
        ("read_outs", {"verdict": "broken", "effect": 0.1}, "broken_has_no_effect"),
        ("read_outs", {"came_control": 11}, "came_are_among_the_drawn"),
        ("seasons", {"ends_on": date(2025, 1, 1)}, "ends_after_start"),
        ("suppressions", {"until": NOON}, "until_after_since"),
        ("suppressions", {"address_hash": "13800138000"}, "address_hash|regex"),
        ("messages", {"channel": "email"}, "email_has_a_subject"),
        ("bundles", {"rate_bp": 9000}, "price_or_rate"),
        ("bundles", {"ends_at": NOON}, "ends_after_start"),
    ],
)
def test_a_bad_row_breaks_its_rule(name: str, changes: dict[str, object], rule: str) -> None:
    _, failure = CONTRACTS[name].schema.filter(rows(name, **changes))
    assert failure.counts() == {rule: 1}


def test_a_service_list_may_leave_nobody_alone() -> None:
    assert CONTRACTS["campaigns"].schema.is_valid(rows("campaigns", objective="service", control_bp=0))
