"""Frames as analysts really hand them in: taken as meant, or refused before they give a wrong number."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest

from crmlib.core import members
from crmlib.core.errors import CrmError
from crmlib.customers import grades, view360
from crmlib.customers.groups import drivers, needs, profile, segments, traits
from crmlib.customers.loyalty import contact_list, loyalty, overdue, referrals, retention
from crmlib.customers.members import cards, identity, periods
from crmlib.data.lake import feeds as health
from crmlib.scoring import bulk_scores as dense
from crmlib.scoring import migration, pyramid, rfm, smoothing
from crmlib.scoring.matrix import matrix

TODAY = date(2026, 1, 31)
DAYS = pl.DataFrame(
    {"customer_id": ["a"] * 4 + ["b"] * 4, "day_n": [20_000, 20_010, 20_020, 20_030] * 2, "is_purchase": True}
)
VALUES = pl.DataFrame({"customer_id": ["a", "b"], "net_minor": [100, 200]})
TWICE = pl.concat([VALUES, VALUES])
YEAR = pl.DataFrame({"customer_id": ["a", "b", "c"], "net_minor": [900, 100, 50], "margin_minor": [300, None, 10]})
BOUGHT = pl.DataFrame(
    {"customer_id": ["a", "b", "c"], "last_day_n": [100, 100, 90], "purchase_days": [1, 2, 3], "net_minor": [1, 2, 3]}
)
PEOPLE = pl.DataFrame(
    {"customer_id": ["1", "2"], "name": ["Li", "Li"], "phone": [None] * 2, "email": [None] * 2, "birthday": ["a", "a"]}
)
USE = pl.DataFrame({"customer_id": ["a"], "most_receipts_day": [1], "most_receipt_minor": [5], "net_minor": [5]})
RNG = np.random.default_rng(1)
whole = np.arange(3)


def grade(**changes: list[object]) -> grades.Grades:
    frame = {"customer_id": ["a", "b"], "value_minor": [900, 1], "risk": [0.1, 0.9], "engagement": [5, 0]}
    return grades.grade_members(pl.DataFrame(frame | changes))


@pytest.mark.parametrize(
    ("code", "call"),
    [
        ("frame.not_whole", lambda: pyramid.pyramid(YEAR.with_columns(margin_minor=pl.lit(1.5)))),
        ("frame.not_whole", lambda: pyramid.pyramid(VALUES.with_columns(net_minor=pl.lit(2**63 + 5, pl.UInt64)))),
        ("scoring.too_large", lambda: pyramid.pyramid(VALUES.with_columns(net_minor=pl.lit(2**62)))),
        ("frame.choice", lambda: pyramid.pyramid(YEAR, ties="sideways")),
        ("scoring.shares", lambda: pyramid.pyramid(YEAR, shares=(0.01, 0.05))),
        ("scoring.frozen_definition", lambda: pyramid.pyramid(YEAR, frozen=(1, 5, 10))),
        ("scoring.frozen_definition", lambda: pyramid.pyramid(YEAR, frozen=(5, 5, 0))),
        ("scoring.classes", lambda: rfm.rfm(BOUGHT, as_of=TODAY, classes=12)),
        ("scoring.classes", lambda: rfm.rfm(BOUGHT, as_of=TODAY, classes=0)),
        ("frame.no_day", lambda: rfm.rfm(BOUGHT, as_of="2026-01-31", classes=2)),
        ("scoring.not_a_number", lambda: rfm.rfm(BOUGHT.with_columns(purchase_days=pl.lit("1")), as_of=TODAY)),
        ("scoring.missing_value", lambda: rfm.rfm(BOUGHT.with_columns(purchase_days=None), as_of=TODAY)),
        ("scoring.missing_value", lambda: rfm.rfm(BOUGHT.with_columns(last_day_n=None), as_of=TODAY)),
        ("frame.choice", lambda: matrix(YEAR, margin="profit")),
        ("frame.choice", lambda: matrix(YEAR, margin="rate", cut="mode")),
        ("scoring.fixed_cut", lambda: matrix(YEAR, margin="rate", cut="fixed", fixed=(float("nan"), 1.0))),
        ("scoring.months", lambda: periods.periods(TODAY, months=0)),
        ("scoring.months", lambda: periods.whole_months(TODAY, months=-3)),
        ("frame.repeated_key", lambda: overdue.overdue(DAYS, TWICE, as_of=TODAY)),
        (
            "frame.repeated_key",
            lambda: contact_list.choose(
                TWICE.rename({"net_minor": "at_risk_minor"}).with_columns(held=pl.lit(value=False)), capacity=5
            ),
        ),
        (
            "frame.repeated_key",
            lambda: profile.profile(TWICE.with_columns(g=True, t=pl.lit("x")), group="g", traits=["t"]),
        ),
        (
            "frame.repeated_key",
            lambda: grades.grade_members(
                pl.DataFrame({"customer_id": ["a"], "value_minor": [1], "risk": [0.1], "engagement": [1]}),
                realised=TWICE,
            ),
        ),
        ("frame.repeated_key", lambda: identity.propose(pl.concat([PEOPLE, PEOPLE]))),
        (
            "frame.repeated_key",
            lambda: smoothing.smooth(
                pyramid.pyramid(VALUES), last=pl.DataFrame({"customer_id": ["b", "b"], "tier_smoothed": ["A", "B"]})
            ),
        ),
        ("frame.repeated_key", lambda: traits.member_traits(VALUES, customers=TWICE.with_columns(region=pl.lit("N")))),
        (
            "frame.repeated_key",
            lambda: segments.with_traits(
                VALUES.with_columns(purchase_days=1),
                TWICE.with_columns(tier=pl.lit("A")),
                VALUES.with_columns(first_day_n=1),
            ),
        ),
        (
            "scoring.not_a_flag",
            lambda: profile.profile(VALUES.with_columns(g=pl.lit("yes"), t=pl.lit("x")), group="g", traits=["t"]),
        ),
        (
            "scoring.not_a_flag",
            lambda: drivers.experiment(pl.DataFrame({"o": [1.0, 2.0], "t": ["y", "n"]}), outcome="o", treated="t"),
        ),
        (
            "frame.no_time",
            lambda: referrals.referrals(
                VALUES.with_columns(referred_by=None, joined_on=pl.lit("2025-01-01")), VALUES, rng=RNG
            ),
        ),
        (
            "scoring.segment_counts",
            lambda: needs.need_segments(VALUES.with_columns(part=pl.lit("x")), rng=RNG, least=3, most=2),
        ),
        (
            "scoring.too_few_to_group",
            lambda: needs.need_segments(
                pl.DataFrame(
                    {"customer_id": [str(i // 2) for i in range(80)], "part": ["x", "y"] * 40, "net_minor": 5}
                ),
                rng=RNG,
            ),
        ),
        ("scoring.missing_value", lambda: grade(risk=[float("nan"), 0.1])),
        ("scoring.risk", lambda: grade(risk=[5.0, 90.0])),
        ("scoring.dense_arrays", lambda: dense.score_lines(whole, whole, whole + 0.5, whole, customers=3)),
        ("scoring.dense_arrays", lambda: dense.score_lines(whole, whole[:2], whole, whole, customers=3)),
        ("scoring.empty", lambda: view360.first_choice(pl.DataFrame(schema={"times": pl.Float64}), VALUES.clear())),
        ("scoring.missing_value", lambda: view360.ranked(VALUES.with_columns(net_minor=pl.lit(None, pl.Int64)))),
    ],
)
def test_what_would_give_a_wrong_number_or_a_stack_trace_is_refused_in_words(
    code: str, call: Callable[[], object]
) -> None:
    with pytest.raises(CrmError) as refused:
        call()
    assert refused.value.code == code


def test_pandas_gaps_make_floats_and_nothing_is_lost_by_them() -> None:
    assert matrix(YEAR.to_pandas(), margin="amount").customers.equals(matrix(YEAR, margin="amount").customers)
    unknown = pl.DataFrame({"customer_id": ["a", "b"], "net_minor": [5, 6], "margin_minor": [None, None]})
    assert matrix(unknown, margin="rate").quadrants["customers"].to_list() == [0, 0, 0, 0, 2]


def test_the_thresholds_of_one_month_can_be_frozen_whatever_they_are() -> None:
    equal = pyramid.pyramid(pl.DataFrame({"customer_id": list("abc"), "net_minor": [5] * 3}))
    assert equal.cuts == (None, None, None)
    assert pyramid.pyramid(YEAR, frozen=equal.cuts).tiers["customers"].to_list() == [0, 0, 0, 3]


def test_numbers_texts_and_categories_are_one_customer() -> None:
    before = pyramid.pyramid(pl.DataFrame({"customer_id": [17_850, 7], "net_minor": [9, 1]}))
    now = pyramid.pyramid(
        pd.DataFrame({"customer_id": [17_850.0, 8.0], "net_minor": [9, 1]}).astype({"net_minor": "Int64"})
    )
    moved = migration.migrate(before, now, known_before=pl.DataFrame({"customer_id": ["8"]}))
    assert (moved.lost, moved.won_back, moved.new) == (1, 1, 0)
    found = overdue.overdue(
        DAYS.with_columns(customer_id=pl.lit(7)).unique(),
        VALUES.with_columns(customer_id=pl.Series([7, 8])),
        as_of=TODAY,
    )
    assert found.customers["margin_minor"].to_list() == [100]


def test_a_day_that_stands_twice_is_one_visit_in_any_order() -> None:
    doubled = pl.concat([DAYS, DAYS]).sample(fraction=1, shuffle=True, seed=1)
    once, twice = (overdue.overdue(days, VALUES, as_of=TODAY) for days in (DAYS, doubled))
    assert twice.customers.equals(once.customers)
    assert twice.back_test.equals(once.back_test)
    alone = pl.DataFrame({"customer_id": ["a", "a"], "day_n": [5, 5], "is_purchase": [True, True]})
    assert loyalty.repeat_rate(alone, as_of=TODAY)["came_back"].to_list() == [0]
    assert retention.cohorts(doubled, as_of=TODAY).equals(retention.cohorts(DAYS, as_of=TODAY))


def test_purchases_of_nobody_are_nobodys_rhythm() -> None:
    days = DAYS.with_columns(customer_id=pl.when(pl.col("customer_id") == "a").then("customer_id"))
    assert overdue.overdue(days, VALUES, as_of=TODAY).customers["customer_id"].to_list() == ["a"]


def test_a_timestamp_is_its_day() -> None:
    expected = rfm.rfm(BOUGHT, as_of=TODAY, classes=2).customers
    for as_of in (datetime(2026, 1, 31, 18), pd.Timestamp("2026-01-31")):  # noqa: DTZ001
        assert rfm.rfm(BOUGHT, as_of=as_of, classes=2).customers.equals(expected)


def test_zero_and_one_are_a_flag_and_an_unknown_outcome_is_no_outcome() -> None:
    table = pl.DataFrame({"o": [1.0] * 20 + [3.0] * 20 + [None, float("nan")], "t": [0] * 20 + [1] * 22})
    effect = drivers.experiment(table, outcome="o", treated="t")
    assert (effect.treated, effect.held_back, effect.difference) == (20, 20, 2.0)


def test_empty_tables_give_empty_answers() -> None:
    assert cards.sort_cards(pl.DataFrame(schema=dict.fromkeys(USE.columns, pl.Null))).flagged.is_empty()
    assert overdue.overdue(DAYS.clear(), VALUES, as_of=TODAY).customers.is_empty()
    assert loyalty.repeat_rate(DAYS.clear(), as_of=TODAY).is_empty()
    assert health.freshness(pl.DataFrame({"source": [], "day": []}), as_of=TODAY).is_empty()
    assert grades.grade_prospects(pl.DataFrame({"customer_id": [], "at": [], "outcome": []}), as_of=TODAY).is_empty()
    assert profile.profile(VALUES.with_columns(g=True), group="g", traits=[]).is_empty()
    nothing = np.array([], dtype=np.int64)
    assert dense.score_lines(nothing, nothing, nothing, nothing, customers=0).tier.size == 0


def test_tags_may_be_lists_single_words_or_missing() -> None:
    for tags, count in ((["staff"], 1), ("staff", 1), (None, 0)):
        people = pl.DataFrame({"customer_id": ["a"], "tags": [tags]})
        assert cards.sort_cards(USE, people).flagged.height == count


def test_a_phone_that_pandas_made_a_float_is_the_same_phone() -> None:
    people = pd.DataFrame(PEOPLE.to_dict(as_series=False)).assign(phone=[13_800_138_000.0] * 2)
    rest = pd.DataFrame(
        {
            "customer_id": [str(i) for i in range(3, 40)],
            "name": [str(i) for i in range(37)],
            "phone": [1.39e10 + i for i in range(36)] + [np.nan],
        }
    )
    found = identity.propose(pd.concat([people, rest]))
    assert found.pairs.select("keep_id", "merge_id", "reason").rows() == [("1", "2", "phone+name+birthday")]


def test_members_takes_whole_floats_and_keeps_the_rest_of_the_frame() -> None:
    table = members.members(pd.DataFrame({"customer_id": [1, 2], "net_minor": [5.0, 6.0], "note": ["x", None]}))
    assert table.schema["net_minor"] == pl.Int64
    assert table["note"].to_list() == ["x", None]
