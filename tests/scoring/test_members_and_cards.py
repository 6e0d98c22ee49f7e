"""Cards, doubles, rhythm, loyalty, referrals, lists, one customer: behaviour on worlds whose truth is known."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from crmlib.core.errors import ModelError
from crmlib.customers import view360
from crmlib.customers.groups.traits import clock_traits, in_group, member_traits
from crmlib.customers.loyalty import contact_list, loyalty, overdue, referrals, retention
from crmlib.customers.members import cards, identity, periods
from crmlib.data.lake import feeds as health

EPOCH = date(1970, 1, 1)


def visits(days: dict[str, list[int]]) -> pl.DataFrame:
    rows = [(c, d, True, 100) for c, seen in days.items() for d in seen]
    schema = {"customer_id": pl.String, "day_n": pl.Int32, "is_purchase": pl.Boolean, "net_minor": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_tills_staff_wholesale_and_business_cards_are_set_apart_with_their_reason_and_counted() -> None:
    use = pl.DataFrame(
        {
            "customer_id": ["till", "staff", "bulk", "firm", *(f"m{i}" for i in range(20))],
            "most_receipts_day": [40, 1, 1, 1] + [1] * 20,
            "most_receipt_minor": [900, 900, 900_000, 900] + [1_000] * 20,
            "net_minor": [5_000, 100, 900_000, 900] + [1_000] * 20,
        }
    )
    tags = pl.DataFrame({"customer_id": ["staff", "firm", "m1"], "tags": [["员工"], ["团购"], []]})
    found = cards.sort_cards(use, tags, tags={"staff": ("员工",), "business": ("团购",)})
    assert dict(found.flagged.select("customer_id", "reason").iter_rows()) == {
        "till": "cashier", "staff": "staff", "bulk": "wholesale", "firm": "business",
    }  # fmt: skip
    assert int(found.summary["cards"].sum()) == 4
    assert found.summary["share_net"].sum() == pytest.approx(906_000 / 926_000)
    assert cards.only_members(use, found).height == 20
    with pytest.raises(ModelError) as refused:
        cards.sort_cards(use, limits=cards.Limits(receipts_day=0))
    assert refused.value.code == "scoring.card_limits"


def test_placeholder_birthdays_and_leap_days_are_counted() -> None:
    people = pl.DataFrame({"birth_month": [1, 1, 2, None], "birth_day": [1, 1, 29, None]})
    assert cards.birthday_doubts(people)["customers"].to_list() == [2, 1, 1]


def people(rows: list[tuple[str, str | None, str | None, str | None]]) -> pl.DataFrame:
    return pl.DataFrame(
        [(c, n, p, None, b) for c, n, p, b in rows],
        schema={
            "customer_id": pl.String,
            "name": pl.String,
            "phone": pl.String,
            "email": pl.String,
            "birthday": pl.String,
        },
        orient="row",
    )


def test_one_person_with_two_cards_is_proposed_and_a_family_on_one_phone_is_not() -> None:
    crowd = [(f"x{i}", f"name {i}", f"1{i:09d}", f"19{i % 60 + 10}-01-01") for i in range(300)]
    table = people(
        [
            ("a1", "Li Na", "138 0013-8000", "1980-05-05"),
            ("a2", "Li Na", "13800138000", "1980-05-05"),
            ("mother", "Wu Mei", "13900139000", "1960-01-02"),
            ("son", "Wu Bo", "13900139000", "1990-03-04"),
            *crowd,
        ]
    )
    found = identity.propose(table)
    assert found.pairs.select("keep_id", "merge_id").rows() == [("a1", "a2")]
    assert found.pairs["reason"][0] == "phone+name+birthday"
    assert found.sure == 1
    assert not set(found.pairs.columns) & {"name", "phone", "email", "birthday"}


def test_a_phone_on_many_cards_proposes_nothing_and_is_counted() -> None:
    table = people([(f"c{i}", f"n{i}", "02100000000", f"19{i + 10}-02-02") for i in range(20)])
    found = identity.propose(table)
    assert found.pairs.is_empty()
    assert found.shared_values == 1


def test_merges_are_followed_through_counted_and_taken_back() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    pairs = pl.DataFrame(
        {"keep_id": ["a", "b"], "merge_id": ["b", "c"], "reason": ["phone", "phone"], "probability": [0.99, 0.98]}
    )
    decided = identity.decide(None, pairs, state="accepted", by="s1", at=at)
    sales = pl.DataFrame({"customer_id": ["a", "b", "c", "d"], "net_minor": [1, 2, 4, 8]})
    merged = identity.apply(sales, identity.mapping(decided))
    assert merged.group_by("customer_id").agg(pl.col("net_minor").sum()).sort("customer_id").rows() == [
        ("a", 7),
        ("d", 8),
    ]
    undone = identity.decide(decided, pairs.tail(1), state="undone", by="s1", at=at + timedelta(days=1))
    assert identity.apply(sales, identity.mapping(undone))["customer_id"].to_list() == ["a", "a", "c", "d"]
    assert undone.height == 3  # nothing is erased
    doubled = pl.DataFrame({"customer_id": ["a", "a"], "person_id": ["x", "y"]})
    with pytest.raises(ModelError) as refused:
        identity.apply(sales, doubled)
    assert refused.value.code == "scoring.mapping_not_unique"


def test_a_weekly_shopper_absent_for_a_month_is_overdue_and_a_rare_one_is_not() -> None:
    days = visits({"weekly": [0, 7, 14, 21, 28], "rare": [0, 60, 120, 180], "new": [50, 55]})
    found = overdue.rhythm(days, today=210)
    assert dict(found.select("customer_id", "band").iter_rows()) == {"weekly": "silent", "rare": "in_rhythm"}


def test_the_back_test_is_the_share_that_really_stayed_away_and_risk_is_margin_times_it(
    rng: np.random.Generator,
) -> None:
    today, days = 1_000, {}
    for i in range(300):
        leaves = rng.random() < 0.4
        start = int(rng.integers(0, 7))
        last = int(rng.integers(700, 900)) if leaves else today
        days[f"c{i:03d}"] = list(range(start, last, 10))
    table = visits(days)
    values = pl.DataFrame({"customer_id": list(days), "net_minor": [36_500] * 300, "margin_minor": [36_500] * 300})
    found = overdue.overdue(table, values, as_of=EPOCH + timedelta(days=today))
    calm = found.back_test.row(0, named=True)
    assert calm["rate"] == pytest.approx(0.0, abs=0.1)
    late = found.back_test.filter(pl.col("customers") > 0).tail(2)
    assert late["rate"].min() == 1.0  # who was silent here never came back
    risky = found.customers.filter(pl.col("band") == "silent")
    assert risky["at_risk_minor"].unique().to_list() == [9_000]  # 36,500 a year, 90 of 365 days, probability 1
    assert found.customers.filter(pl.col("times") > 3).height == sum(max(d) < today - 30 for d in days.values())


def test_a_member_with_a_missing_cost_is_judged_at_the_mean_margin_rate() -> None:
    days = visits({c: list(range(0, 300, 10)) for c in ("a", "b")})
    values = pl.DataFrame({"customer_id": ["a", "b"], "net_minor": [1_000, 500], "margin_minor": [400, None]})
    found = overdue.overdue(days, values, as_of=EPOCH + timedelta(days=305)).customers
    assert dict(found.select("customer_id", "margin_minor").iter_rows()) == {"a": 400, "b": 200}


def test_card_share_is_by_whole_month_and_unknown_where_nothing_was_sold() -> None:
    panel = pl.DataFrame(
        {
            "day_n": [0, 40],
            "receipts": [4, 0],
            "net_minor": [400, 0],
            "member_receipts": [3, 0],
            "member_net_minor": [100, 0],
        }
    )
    found = loyalty.card_share(panel, start=EPOCH, end=date(1970, 2, 28))
    assert found["share_net"].to_list() == [0.25, None]
    assert found["share_receipts"].to_list() == [0.75, None]


def test_only_newcomers_who_had_the_time_count_in_the_repeat_rate() -> None:
    days = visits({"back": [0, 10], "late": [0, 200], "once": [5], "young": [150]})
    found = loyalty.repeat_rate(days, as_of=EPOCH + timedelta(days=200))
    assert found.select("newcomers", "came_back").row(0) == (3, 1)


def test_cohorts_leave_out_the_month_that_has_not_ended_and_start_at_one() -> None:
    days = visits({"a": [0, 31, 62], "b": [5]})
    found = retention.cohorts(days, as_of=date(1970, 3, 15))
    assert found.select("after", "customers").rows() == [(0, 2), (1, 1)]


def test_referred_members_are_compared_within_their_quarter_so_that_age_is_no_worth(rng: np.random.Generator) -> None:
    n = 600
    old = np.arange(n) < 300
    referred = np.where(old, rng.random(n) < 0.1, rng.random(n) < 0.6)
    net = np.where(old, 10_000, 1_000) + rng.integers(-500, 500, n)  # long membership makes the spend, not referral
    customers = pl.DataFrame(
        {
            "customer_id": [str(i) for i in range(n)],
            "referred_by": [("0" if r else None) for r in referred],
            "joined_on": [date(2024, 1, 5) if o else date(2025, 7, 5) for o in old],
        }
    )
    values = pl.DataFrame({"customer_id": [str(i) for i in range(n)], "net_minor": net})
    found = referrals.referrals(customers, values, rng=rng)
    naive = net[referred].mean() - net[~referred].mean()
    assert naive < -3_000
    assert abs(found.difference_minor) < 300
    assert found.low_minor < 0 < found.high_minor
    nobody = referrals.referrals(customers.with_columns(referred_by=pl.lit(None, dtype=pl.String)), values, rng=rng)
    assert nobody.referred == 0
    assert np.isnan(nobody.difference_minor)


def test_the_list_is_capped_leaves_alone_whom_all_lists_leave_alone_and_is_judged_by_the_next_run() -> None:
    candidates = pl.DataFrame({"customer_id": [f"{i:03d}" for i in range(150)], "at_risk_minor": list(range(150))})
    candidates = candidates.with_columns(held=pl.col("at_risk_minor") % 10 == 0)
    listed = contact_list.choose(candidates, capacity=90)
    assert (listed.chosen.height, listed.held_back.height, listed.found) == (90, 10, 150)
    assert not set(listed.chosen["customer_id"]) & set(listed.held_back["customer_id"])
    state = contact_list.as_state(listed, as_of=EPOCH + timedelta(days=100))
    who = listed.chosen["customer_id"][0]
    days = visits({who: [101], listed.chosen["customer_id"][1]: [99], listed.held_back["customer_id"][0]: [120]})
    found = contact_list.result(state, days, until=EPOCH + timedelta(days=130))
    assert found is not None
    assert (found.listed, found.came, found.control, found.control_came) == (90, 1, 10, 1)
    assert contact_list.result(None, days, until=EPOCH) is None
    few = contact_list.choose(candidates[1:6], capacity=3)
    assert few.held_back.is_empty()


def test_a_lunar_year_holds_its_spring_festival_once_and_periods_never_overlap() -> None:
    for as_of in (date(2026, 1, 31), date(2025, 1, 31), date(2023, 2, 1)):
        span = periods.periods(as_of)
        assert span.end == as_of
        assert span.previous_end == span.start - timedelta(days=1)
        assert 340 <= (span.end - span.start).days + 1 <= 400
    half = periods.periods(date(2026, 8, 31), months=6, first_day=date(2026, 1, 1))
    assert (half.previous_end - half.previous_start) == (half.end - half.start)
    assert not half.previous_full
    assert periods.whole_months(date(2026, 2, 28), months=1) == (date(2026, 2, 1), date(2026, 2, 28))


def test_traits_need_enough_receipts_and_a_group_that_does_not_occur_is_refused() -> None:
    now = pl.DataFrame({"customer_id": ["a", "b"], "net_minor": [1, 1]})
    clock = pl.DataFrame({"customer_id": ["a", "b"], "hour": [9, 19], "weekday": [1, 7], "receipts": [6, 2]})
    found = member_traits(now, clock_traits(clock))
    assert found.select("day_part", "weekend").rows() == [("morning", "weekday"), (None, None)]
    assert in_group(found, column="day_part", values="morning+noon").to_list() == [True, False]
    for column, value in (("day_part", "night"), ("no_such", "x")):
        with pytest.raises(ModelError) as refused:
            in_group(found, column=column, values=value)
        assert refused.value.code == "scoring.no_such_group"


def test_one_customer_is_found_by_pseudonym_and_nobody_elses_id_is_told() -> None:
    ids, names = pl.Series(["13800138000", "c2"]), pl.Series(["AAAA2222", "BBBB3333"])
    assert view360.find(ids, names, " bbbb3333 ") == "c2"
    with pytest.raises(ModelError) as refused:
        view360.find(ids, names, "13800138000")
    assert refused.value.examples == ()
    months = view360.months_of(visits({"c2": [0, 1, 40]}), customer="c2", as_of=date(1970, 3, 15), months=3)
    assert months.select("visits", "net_minor").rows() == [(2, 200), (1, 100), (0, 0)]


_RULES = (
    '[{"kind": "duplicate", "rule": "known", "rows": 9, "net_minor": 1},'
    ' {"kind": "quarantined", "rule": "late", "rows": 1, "net_minor": 0}]'
)  # as an ingest records it


def test_feeds_ingest_sums_rules_and_gaps_tell_what_is_missing() -> None:
    feed = pl.DataFrame({"source": ["a"] * 3 + ["b"] * 3, "day": [date(2026, 1, d) for d in (1, 2, 3, 1, 8, 15)]})
    fresh = health.freshness(feed, as_of=date(2026, 1, 16))
    assert dict(fresh.select("source", "late").iter_rows()) == {"a": True, "b": False}
    ingests = pl.DataFrame(
        {
            "source": ["a", "a", "b"], "table": ["t"] * 3, "read": [10, 5, 8], "kept": [8, 5, 7], "replaced": [0] * 3,
            "duplicate": [1, 0, 0], "conflict": [0] * 3,
            "quarantined": [1, 0, 0], "excluded": [0] * 3, "rules": [_RULES, None, "[]"],
        }
    )  # fmt: skip
    sums = health.ingest_sum(ingests)
    assert dict(sums.select("source", "difference").iter_rows()) == {"a": 0, "b": 1}
    assert health.broken_rules(ingests).rows() == [("a", "late", 1)]
    gaps = health.gaps([health.missing(pl.LazyFrame({"x": [1, None], "y": [1, 1]}), ("x", "y", "absent"), name="t")])
    assert gaps.select("field", "share").rows() == [("x", 0.5), ("y", 0.0)]
