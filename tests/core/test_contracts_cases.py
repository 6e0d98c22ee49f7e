"""Contracts of people, channel and service: the rules that send a row to quarantine."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from crmlib.core.contracts import CONTRACTS

NOON, BEFORE = datetime(2024, 1, 3, 4, 0, tzinfo=UTC), datetime(2024, 1, 2, 4, 0, tzinfo=UTC)
DAY, EVE = date(2024, 1, 3), date(2024, 1, 2)
GOOD: dict[str, dict[str, object]] = {
    "partners": {"partner_id": "D", "kind": "distributor"},
    "staff": {"staff_id": "1", "role": "agent"},
    "partner_moves": {
        "move_id": "1", "partner_id": "D", "product_id": "P", "day": DAY, "kind": "sell_in", "quantity_milli": 1000,
    },
    "sale_orders": {"order_id": "1", "partner_id": "D", "entered_at": NOON, "state": "entered"},
    "calls": {"call_id": "1", "at": NOON, "direction": "in", "wait_s": 5, "outcome": "answered"},
    "solutions": {"solution_id": "1", "version": 1, "title": "t", "published_on": DAY},
    "rosters": {"staff_id": "1", "day": DAY, "from_minute": 540, "to_minute": 1080, "activity": "calls"},
    "service_calendar": {"team": "a", "weekday": 1, "from_minute": 540, "to_minute": 1080, "holidays": "closed"},
    "care_tasks": {
        "task_id": "1", "person_id": "1", "customer_id": "1", "kind": "birthday", "made_on": DAY, "due_on": DAY,
        "window_days": 0, "reason": "r", "state": "open", "rule_version": "1",
    },
    "special_days": {"customer_id": "1", "kind": "birthday", "month": 12, "day": 30, "lunar": True},
    "leads": {"lead_id": "1", "customer_id": "A", "at": NOON, "source": "fair"},
    "deals": {"deal_id": "1", "opened_on": DAY},
    "touches": {"touch_id": "1", "lead_id": "1", "at": NOON, "medium": "radio"},
    "media_costs": {"medium": "radio", "period_start": DAY, "period_end": DAY, "cost_minor": 1},
    "meeting_guests": {"meeting_id": "1", "customer_id": "1", "held_out": False, "is_new": True, "walk_in": False},
    "pool_moves": {"move_id": "1", "customer_id": "1", "pool_id": "p", "at": NOON, "kind": "recycled"},
    "score_corrections": {
        "correction_id": "1", "staff_id": "1", "period_start": DAY, "figure_id": "calls", "change": 1, "reason": "r",
        "by_staff": "2", "at": NOON,
    },
    "person_targets": {
        "staff_id": "1", "period_start": DAY, "figure_id": "calls", "version": 1, "period_end": DAY, "target": 1,
        "set_by": "2", "set_at": NOON,
    },
    "figure_differences": {"figure_id": "f", "scope": "s", "period": "2024-01", "reason": "timing", "amount": 1},
}  # fmt: skip


def rows(name: str, **changes: object) -> pl.DataFrame:
    schema = CONTRACTS[name].schema
    provenance = {"src_name": "test", "src_file": "a.csv", "src_line": 2, "known_at": NOON}
    row = {**dict.fromkeys(schema.column_names()), **provenance, **GOOD[name], **changes}
    types = {column: field.dtype for column, field in schema.columns().items()}
    utc = {c: pl.Datetime("us", "UTC") if isinstance(d, pl.Datetime) else d for c, d in types.items()}
    return pl.DataFrame([row], schema=utc).cast(pl.Schema(types))


@pytest.mark.parametrize("name", GOOD)
def test_a_good_row_is_good(name):
    assert CONTRACTS[name].schema.is_valid(rows(name))


@pytest.mark.parametrize(
    ("name", "changes", "rule"),
    [
        ("partners", {"parent_id": "D"}, "nobody_is_its_own_parent"),
        ("staff", {"joined_on": DAY, "left_on": EVE}, "left_after_joined"),
        ("partner_moves", {"quantity_milli": -1}, "only_adjustments_are_signed"),
        ("partner_moves", {"day": date(2024, 1, 4)}, "day_not_in_the_future"),
        ("sale_orders", {"customer_id": "A"}, "one_buyer"),
        ("sale_orders", {"partner_id": None}, "one_buyer"),
        ("sale_orders", {"cancelled_at": BEFORE}, "cancelled_after_entered"),
        ("calls", {"outcome": "abandoned", "talk_s": 3}, "talk_only_where_answered"),
        ("calls", {"wait_s": -1}, "wait_s|min"),
        ("solutions", {"retired_on": EVE}, "retired_after_published"),
        ("rosters", {"to_minute": 500}, "ends_after_start"),
        ("service_calendar", {"to_minute": 500}, "ends_after_start"),
        ("care_tasks", {"done_at": BEFORE}, "done_after_made"),
        ("special_days", {"day": 31}, "day_exists"),
        ("special_days", {"lunar": False, "month": 2}, "day_exists"),
        ("leads", {"referred_by": "A"}, "nobody_refers_themselves"),
        ("deals", {"closed_on": EVE, "outcome": "won"}, "closed_after_opened"),
        ("deals", {"closed_on": DAY}, "outcome_with_its_day"),
        ("touches", {"lead_id": None}, "somebody_is_touched"),
        ("media_costs", {"period_end": EVE}, "ends_after_start"),
        ("meeting_guests", {"held_out": True, "invited_at": NOON}, "held_out_are_not_invited"),
        ("meeting_guests", {"walk_in": True, "invited_at": NOON, "came_at": NOON}, "walk_ins_have_no_invitation"),
        ("pool_moves", {"kind": "claimed"}, "owners_are_named"),
        ("score_corrections", {"by_staff": "1"}, "nobody_corrects_themselves"),
        ("person_targets", {"period_end": EVE}, "ends_after_start"),
        ("figure_differences", {"amount": 0}, "a_reason_has_an_amount"),
    ],
)
def test_a_bad_row_breaks_its_rule(name, changes, rule):
    _, failure = CONTRACTS[name].schema.filter(rows(name, **changes))
    assert failure.counts() == {rule: 1}
