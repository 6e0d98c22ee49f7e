# ruff: noqa: DTZ001 (days and hours of the stores' wall clock)
from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib import panels
from crmlib.core.errors import ContractError, ModelError
from crmlib.promotion.books.budget import claims_checked, spending, split
from crmlib.promotion.books.states import (
    MOVES,
    Budget,
    Case,
    claim,
    commit,
    edit,
    judged_version,
    move,
    overspend,
    spend,
)
from crmlib.promotion.lift.calendar import event_cells, festival_weeks, frozen_versions
from crmlib.promotion.lift.flags import above_base, predicted_days, refuse_text
from crmlib.promotion.lift.placebo import PlaceboErrors, calibrate
from crmlib.promotion.watch.execution import compliance, label_compliance, lessons, notes_summary, order_times, sold_out

NOON = datetime(2026, 3, 1, 12)


def approved(minor=1000):
    case = move(Case("X"), "submitted", actor="li", at=NOON)
    return move(case, "approved", actor="wang", at=NOON + timedelta(hours=1), approved_minor=minor)


def test_approval_freezes_the_plan_and_reserves_the_budget():
    case = approved()
    assert case.frozen_version == 1
    assert case.budget == Budget(approved=1000, reserved=1000)
    assert [s.actor for s in case.steps] == ["li", "wang"]


@settings(max_examples=80)
@given(st.lists(st.tuples(st.sampled_from(["commit", "spend"]), st.integers(1, 600)), max_size=12), st.booleans())
def test_approved_is_always_reserved_committed_spent_and_released(steps, cancelled):
    case = approved()
    for kind, minor in steps:
        try:
            case = commit(case, minor) if kind == "commit" else spend(case, minor)
        except ModelError as refused:
            assert refused.code == "promotion.budget_short"
        assert case.budget.balanced
    if cancelled:
        case = move(case, "cancelled", actor="wang", at=NOON + timedelta(days=1))
        assert case.budget.balanced and case.budget.reserved == case.budget.committed == 0


@pytest.mark.parametrize("state", MOVES)
def test_only_the_moves_of_the_diagram_are_made(state):
    for target in MOVES:
        case = Case("X", state=state, version=1)
        if target in MOVES[state]:
            assert move(case, target, actor="li", at=NOON).state == target
        else:
            with pytest.raises(ModelError) as refused:
                move(case, target, actor="li", at=NOON)
            assert refused.value.code == "promotion.state_move"


def test_a_move_needs_a_name_and_goes_forward_in_time():
    with pytest.raises(ModelError) as refused:
        move(Case("X"), "submitted", actor=" ", at=NOON)
    assert refused.value.code == "promotion.state_actor"
    with pytest.raises(ModelError):
        move(approved(), "executing", actor="li", at=NOON - timedelta(days=1))


def test_an_edit_after_approval_is_a_new_version_and_the_frozen_one_is_judged():
    case = edit(approved())
    assert (case.version, case.frozen_version) == (2, 1)
    assert judged_version(case, 1) == 1
    with pytest.raises(ModelError) as refused:
        judged_version(case, 2)
    assert refused.value.code == "promotion.r10"


def test_claims_stay_within_the_cap_and_what_was_carried_out():
    case = claim(Case("X", cap=500), 300)
    for wrong in (lambda: claim(case, 201), lambda: claim(case, 100, unit_minor=10, executed_units=39)):
        with pytest.raises(ModelError) as refused:
            wrong()
        assert refused.value.code == "promotion.r14"
    assert claim(case, 200, unit_minor=10, executed_units=50).claimed == 500


def test_an_overspend_shows_before_it_happens():
    assert overspend(Budget(approved=100, reserved=30, committed=70), 50) == 20
    lines = pl.DataFrame(
        {"budget_line": ["a", "a", "b"], "amount_minor": [60, 50, 5], "state": ["spent", "committed", "spent"]}
    )
    got = spending(lines, pl.DataFrame({"budget_line": ["a", "b"], "budget_minor": [100, 10]}))
    assert got.select("budget_line", "left_minor", "over").rows() == [("a", -10, True), ("b", 5, False)]


@settings(max_examples=60)
@given(
    st.integers(0, 10**9),
    st.lists(st.tuples(st.sampled_from("NSE"), st.sampled_from("xy"), st.integers(0, 10**6)), min_size=1, max_size=30),
)
def test_a_budget_split_is_exact_at_every_level(total, rows):
    table = pl.DataFrame(
        {
            "region": [r for r, _, _ in rows],
            "activity": [a for _, a, _ in rows],
            "store_id": [f"s{i}" for i in range(len(rows))],
            "weight": [w + (i == 0) for i, (_, _, w) in enumerate(rows)],
        }
    )
    got = split(total, table)
    assert got["budget_minor"].sum() == total
    assert got["budget_minor"].min() >= 0
    weights = table.group_by("region").agg(pl.col("weight").sum())
    for region, weight in weights.iter_rows():
        part = got.filter(pl.col("region") == region)["budget_minor"].sum()
        assert abs(part - total * weight / table["weight"].sum()) < 1


def test_claims_over_their_limit_are_shown_with_the_excess():
    claims = pl.DataFrame({"claim_id": ["1", "2", "3"], "promotion_id": ["X", "X", "Y"], "amount_minor": [60, 60, 10]})
    limits = pl.DataFrame({"promotion_id": ["X"], "cap_minor": [100], "unit_minor": [2], "executed_milli": [45_000]})
    got = claims_checked(claims, limits)
    assert got["over_minor"].to_list() == [0, 30, 10]  # carried out 45 units × 2; Y was never agreed


def test_another_price_at_the_till_is_flagged_store_by_store():
    frame = pl.DataFrame(
        {
            "store_id": ["a", "a", "b", "c", "c"],
            "quantity_milli": [1000] * 5,
            "list_minor": [1000, 999, 1000, 1000, 1000],
            "net_minor": [800, 799, 1000, 800, 1000],
            "promotion_id": ["X", "X", None, "X", None],
        }
    )
    points = panels.price_points(frame)
    got = compliance(points, depth_bp=2000, stores=["a", "b", "c", "d"])
    assert got["status"].to_list() == ["done", "not_done", "partly", "silent"]
    by_label = label_compliance(points, promotion_id="X", stores=["a", "b", "d"])
    assert by_label["status"].to_list() == ["done", "not_done", "silent"]


def test_order_times_give_mean_tail_and_longest():
    minutes = [1, 2, 3, 4, 100]
    orders = pl.DataFrame(
        {
            "promotion_id": ["X"] * 6,
            "ordered_at": [NOON] * 6,
            "checked_out_at": [*(NOON + timedelta(minutes=m) for m in minutes), None],
        }
    )
    got = order_times(orders).row(0, named=True)
    assert (got["orders"], got["open"], got["mean_min"], got["max_min"], got["p95_min"]) == (6, 1, 22, 100, 100)


def test_the_hour_at_which_goods_sold_out_is_that_of_their_last_sale():
    days = [date(2026, 3, d) for d in (1, 2, 3, 4)]
    event = {"stores": ["a"], "products": ["p", "q"], "first_day": days[0], "last_day": days[3]}
    stock = pl.DataFrame(
        {
            "store_id": ["a"] * 6 + ["b"],
            "product_id": ["p", "p", "p", "p", "q", "q", "p"],
            "counted_on": [*days, days[2], days[3], days[1]],
            "on_hand_milli": [5000, 0, 0, 0, 1000, 0, 0],
        }
    )
    at = [datetime.combine(d, time(hour), tzinfo=UTC) for d, hour in ((days[0], 9), (days[1], 16), (days[3], 10))]
    lines = pl.DataFrame(
        {"store_id": ["a"] * 3, "product_id": ["p"] * 3, "day": [days[0], days[1], days[3]], "sold_at": at,
         "quantity_milli": [1000] * 3}
    )  # fmt: skip
    got = sold_out(
        lines, stock, event=event
    )  # q is empty on the last evening only: that is a good order, not a shortage
    assert got.rows() == [("a", "p", at[1], 2)]


def test_reviews_without_score_are_no_reviews():
    notes = pl.DataFrame(
        {
            "promotion_id": ["X"] * 5,
            "kind": ["incident", "feedback", "feedback", "feedback", "competitor"],
            "score": [None, 5, 2, None, None],
            "solved": [True, None, None, None, None],
        }
    )
    got = notes_summary(notes).row(0, named=True)
    assert (got["incidents"], got["solved"], got["reviews"], got["good_share"], got["competitor"]) == (1, 1, 2, 0.5, 1)


def test_the_last_three_like_events_teach_the_next():
    past = pl.DataFrame(
        {
            "promotion_id": list("abcde"),
            "first_day": [datetime(2025, m, 1).date() for m in (1, 2, 3, 4, 5)],
            "mechanic": ["rate", "rate", "gift", "gift", "rate"],
            "category": ["nuts", "nuts", "nuts", "tea", "tea"],
            "slot": [None] * 5,
        }
    )
    got = lessons(past, mechanic="rate", category="nuts", slot=None)
    assert got["promotion_id"].to_list() == ["b", "a", "c"]
    assert lessons(past, mechanic="bundle", category="cake", slot=None).is_empty()


def promotion_rows():
    return pl.DataFrame(
        {
            "promotion_id": ["X", "X", "Y"],
            "version": [1, 2, 1],
            "frozen": [True, False, False],
            "starts_at": [datetime(2026, 3, 2), datetime(2026, 3, 9), datetime(2026, 3, 4)],
            "ends_at": [datetime(2026, 3, 9), datetime(2026, 3, 16), datetime(2026, 3, 18)],
            "stores": [["a"], ["a"], []],
            "products": [["p"], ["p"], ["p"]],
        }
    )


def test_the_frozen_version_is_judged_and_a_later_edit_is_told():
    got = frozen_versions(promotion_rows())
    x = got.filter(pl.col("promotion_id") == "X").row(0, named=True)
    assert x["version"] == 1 and x["edited"] is True
    assert str(x["last_day"]) == "2026-03-08"  # the end is not included


def test_where_two_promotions_meet_the_earlier_keeps_the_week():
    grid = pl.DataFrame({"store_id": ["a", "b"], "product_id": ["p", "p"], "week_n": [2900, 2960]})
    got = event_cells(frozen_versions(promotion_rows()), panel=grid, last_day=datetime(2026, 6, 1).date())
    rows = {(r["event_id"], r["store_id"]): (r["first_week_n"], r["last_week_n"]) for r in got.to_dicts()}
    week = rows["X", "a"][0]
    assert rows["X", "a"] == (week, week)
    assert rows["Y", "a"] == (week + 1, week + 2)
    assert rows["Y", "b"] == (week, week + 2)


def test_prices_above_the_base_price_are_flagged():
    frame = pl.DataFrame(
        {"store_id": ["a", "b"], "product_id": ["p", "p"], "week_n": [1, 1], "price": [11, 9], "base_price": [10, 10]}
    )
    assert above_base(frame)["store_id"].to_list() == ["a"]


def test_days_whose_holidays_are_only_predicted_are_counted():
    year = datetime(2099, 1, 1).date()
    assert predicted_days(year, year + timedelta(days=9)) == 10


def test_decimal_commas_and_excel_days_are_refused():
    with pytest.raises(ContractError) as refused:
        refuse_text(pl.DataFrame({"price": ["1,50", "2.00"]}), numbers=("price",), name="prices")
    assert refused.value.code == "promotion.r13" and refused.value.values["count"] == 1
    with pytest.raises(ContractError) as refused:
        refuse_text(pl.DataFrame({"day": [45_000, 45_001]}), days=("day",), name="plan")
    assert refused.value.code == "promotion.r13" and refused.value.values["count"] == 2
    refuse_text(
        pl.DataFrame({"price": ["1.50"], "day": [date(2026, 1, 1)]}), numbers=("price",), days=("day",), name="ok"
    )
    serial = pl.DataFrame({"promotion_id": ["a"], "version": [1], "starts_at": [45_000], "ends_at": [45_010]})
    with pytest.raises(ContractError) as refused:
        frozen_versions(serial.with_columns(stores=pl.lit(None), products=pl.lit(None)))
    assert refused.value.code == "promotion.r13"


def test_weeks_of_buying_for_a_festival_are_told_from_quiet_ones():
    weeks = festival_weeks(date(2025, 1, 6), date(2025, 12, 28))
    monday = date(1969, 12, 29)
    assert (date(2025, 9, 22) - monday).days // 7 in weeks  # before Mid-Autumn of 6 October 2025
    assert (date(2025, 10, 6) - monday).days // 7 in weeks
    assert (date(2025, 10, 13) - monday).days // 7 not in weeks
    assert (date(2025, 7, 14) - monday).days // 7 not in weeks
    assert (date(2025, 12, 22) - monday).days // 7 in weeks  # New Year lies after the period, its run-up within


def test_the_printed_coverage_is_that_of_each_week_types_own_intervals():
    rng = np.random.default_rng(5)
    rows = 4000
    festival = rng.random(rows) < 0.3
    base = rng.uniform(500.0, 2000.0, rows)
    error = rng.normal(0, 0.02 * base) + np.where(festival, 0.4 * base, 0.0)
    zeros = np.zeros(rows, dtype=np.int64)
    scale = calibrate(PlaceboErrors(np.arange(rows) % 4, festival, zeros, base + error, base), coverage=0.9)
    assert scale.achieved == pytest.approx(0.9, abs=0.02)
    assert scale.low[1, 0] > scale.high[0, 0]  # a festival placebo is no quiet one
