"""The pool: clocks that never run from creation, claims within rules, the book, and effect by lot only."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import polars as pl
import pytest

from crmlib.cases import pool
from crmlib.core.errors import ModelError


def local(*parts: int) -> datetime:
    """A moment on the clock of the place, as an export writes it."""
    return datetime(*parts)  # noqa: DTZ001


TODAY = date(2026, 3, 10)
RULE = pl.DataFrame(
    {"level": ["A"], "contact_days": [30], "order_days": [90], "contract_days": [None], "protect_days": [14]}
)


def owned(**changes):
    row = {
        "customer_id": "x", "level": "A", "owner_staff": "s", "locked": False, "value_minor": 100,
        "claimed_on": None, "contact_on": None, "order_on": None, "contract_ends_on": None, **changes,
    }  # fmt: skip
    dates = dict.fromkeys(pool.CLOCKS, pl.Date)
    return pl.DataFrame([row], schema_overrides={**dates, "owner_staff": pl.String})


@pytest.mark.parametrize(
    ("changes", "returns_on", "reason"),
    [
        ({"claimed_on": date(2026, 3, 9), "order_on": date(2020, 1, 1)}, date(2026, 4, 8), "contact"),
        ({"claimed_on": date(2026, 1, 1), "contact_on": date(2026, 3, 1)}, date(2026, 3, 31), "contact"),
        (
            {"claimed_on": date(2025, 1, 1), "contact_on": date(2026, 3, 1), "order_on": date(2025, 12, 15)},
            date(2026, 3, 15),
            "order",
        ),
        ({"claimed_on": date(2026, 3, 9), "contract_ends_on": date(2027, 1, 1)}, date(2027, 1, 31), "contact"),
        ({"claimed_on": date(2026, 3, 9), "locked": True}, None, None),
    ],
)  # fmt: skip
def test_the_clock_is_the_latest_of_what_happened(changes, returns_on, reason):
    row = pool.returns(owned(**changes), RULE, as_of=TODAY).row(0, named=True)
    assert (row["returns_on"], row["reason"]) == (returns_on, reason)


@pytest.mark.parametrize(("ends", "returns_on"), [(date(2026, 6, 1), date(2026, 7, 1)), (None, date(2026, 4, 1))])
def test_a_contract_that_ends_later_than_the_claim_starts_its_own_clock(ends, returns_on):
    law = RULE.with_columns(contact_days=pl.lit(None, dtype=pl.Int64), order_days=None, contract_days=pl.lit(30))
    row = pool.returns(owned(claimed_on=date(2026, 3, 2), contract_ends_on=ends), law, as_of=TODAY).row(0, named=True)
    assert (row["returns_on"], row["reason"]) == (returns_on, "contract")


@pytest.mark.parametrize(("ahead", "soon"), [(28, False), (29, True), (30, True)])
def test_soon_is_up_to_the_last_day_asked_for(ahead, soon):
    row = pool.returns(owned(claimed_on=date(2026, 3, 9)), RULE, as_of=TODAY, ahead=ahead).row(0, named=True)
    assert (row["returns_on"], row["soon"]) == (date(2026, 4, 8), soon)


def test_the_first_to_claim_wins_however_the_log_is_sorted():
    log = pl.DataFrame(
        {"customer_id": ["a", "a"], "staff_id": ["late", "soon"], "at": [local(2026, 3, 10, h) for h in (11, 9)]}
    )
    free = pl.DataFrame(
        {"customer_id": ["a"], "owner_staff": [None], "locked": [False]}, schema_overrides={"owner_staff": pl.String}
    )
    limits = pl.DataFrame(
        {"staff_id": ["late", "soon"], "owned_now": [0, 0], "max_owned": [None, None], "max_claims_day": [9, 9]}
    )
    nobody = pl.DataFrame(schema={"customer_id": pl.String, "staff_id": pl.String})
    judged = pool.check_claims(log, owned=free, limits=limits, former=nobody)
    assert dict(judged.select("staff_id", "refused").iter_rows()) == {"soon": None, "late": "owned"}


def test_a_move_at_the_last_moment_belongs_to_the_next_book():
    moves = pl.DataFrame(
        {"customer_id": ["a", "b"], "kind": ["new", "new"], "at": [local(2026, 1, 5), local(2026, 2, 1)]}
    )
    book = pool.book(moves, start=local(2026, 1, 1), end=local(2026, 2, 1))
    assert (book.start, book.came["new"], book.end, book.residual) == (0, 1, 1, 0)


def test_an_old_customer_claimed_yesterday_does_not_go_back_tonight():
    row = pool.returns(owned(claimed_on=date(2026, 3, 9), order_on=date(2020, 1, 1)), RULE, as_of=TODAY).row(
        0, named=True
    )
    assert not row["soon"]


def test_a_claim_is_protected_for_its_days():
    short = RULE.with_columns(contact_days=pl.lit(5))
    row = pool.returns(owned(claimed_on=date(2026, 3, 9)), short, as_of=TODAY).row(0, named=True)
    assert row["returns_on"] == date(2026, 3, 23)


def test_claims_are_judged_in_order_of_time():
    at = [local(2026, 3, 10, 9, m) for m in range(8)]
    claims = pl.DataFrame({"customer_id": list("aabcdefg"), "staff_id": list("stssstuu"), "at": at})
    state = pl.DataFrame(
        {
            "customer_id": list("abcdefg"),
            "owner_staff": [None, "z", None, None, None, None, None],
            "locked": [False, False, True, False, False, False, False],
        }
    )
    limits = pl.DataFrame(
        {
            "staff_id": ["s", "t", "u"],
            "owned_now": [0, 0, 9],
            "max_owned": [None, None, 10],
            "max_claims_day": [1, 5, None],
        }
    )
    former = pl.DataFrame({"customer_id": ["e"], "staff_id": ["t"]})
    checked = pool.check_claims(claims, owned=state, limits=limits, former=former)
    assert checked["refused"].to_list() == [
        None,
        "owned",
        "owned",
        "locked",
        "day_limit",
        "former_owner",
        None,
        "owned_limit",
    ]
    with pytest.raises(ModelError) as error:
        pool.refuse_over_limit(checked)
    assert error.value.code == "cases.claims"


def test_the_book_closes_and_a_double_entry_is_seen():
    kinds = ["new", "claimed", "recycled", "new", "assigned", "new", "removed", "released", "claimed"]
    who = ["a", "a", "a", "b", "b", "c", "c", "d", "d"]
    moves = pl.DataFrame({"customer_id": who, "kind": kinds, "at": [local(2026, 1, 1 + i) for i in range(9)]})
    book = pool.book(moves, start=local(2026, 1, 2), end=local(2026, 2, 1))
    assert (book.start, book.end, book.residual) == (1, 1, 0)
    twice = pl.concat([moves, moves.filter(pl.col("kind") == "recycled").with_columns(at=local(2026, 1, 20))])
    broken = pool.book(twice, start=local(2026, 1, 2), end=local(2026, 2, 1))
    assert broken.residual == -1
    with pytest.raises(ModelError) as error:
        broken.checked(name="pool")
    assert error.value.code == "cases.identity"


def lottery(n, rng, *, effect):
    """Own chance to order; the promising are claimed; claiming multiplies the chance; half are released late."""
    own = rng.beta(2, 8, n)
    early = rng.random(n) < 0.5
    claimed = early & (rng.random(n) < np.minimum(own * 3, 1))
    ordered = rng.random(n) < np.minimum(own * np.where(claimed, effect, 1), 1)
    return pl.DataFrame(
        {"customer_id": np.arange(n), "lot": np.where(early, "early", "late"), "claimed": claimed, "ordered": ordered}
    )


def test_claimed_against_not_claimed_sees_an_effect_where_there_is_none():
    rng = np.random.default_rng(4)
    table = lottery(20_000, rng, effect=1.0)
    early = (
        table.filter(pl.col("lot") == "early")
        .group_by("claimed")
        .agg(pl.col("ordered").mean())
        .sort("claimed")["ordered"]
    )
    assert early[1] / early[0] > 1.4
    said = pool.brought(table)
    assert said.ratio == pytest.approx(1.0, abs=0.08)
    assert abs(said.difference) < 2 * said.se
    real = pool.brought(lottery(20_000, rng, effect=1.6))
    assert real.difference > 4 * real.se


def test_without_a_lot_nothing_was_brought():
    table = lottery(100, np.random.default_rng(5), effect=1.0).with_columns(lot=pl.lit(None, dtype=pl.String))
    with pytest.raises(ModelError) as error:
        pool.brought(table)
    assert error.value.code == "cases.no_pool_lot"


def test_ever_against_never_claimed_counts_the_time_that_claiming_needs():
    """Immortal time: who orders early cannot be claimed any more. No effect, and a ratio far below 1."""
    rng = np.random.default_rng(6)
    order, claim = rng.exponential(100, 50_000), rng.exponential(100, 50_000)
    ever = claim < np.minimum(order, 90)
    ordered = order < 90
    assert ordered[ever].mean() / ordered[~ever].mean() < 0.6


def test_person_time_and_weekly_landmarks_flatter_where_the_promising_are_picked():
    """No effect of claiming; claims go to who orders often. Person-time and landmarks say 1.5 and more, the lot 1."""
    rng = np.random.default_rng(7)
    n, weeks = 20_000, 26
    rate = rng.gamma(0.6, 0.05, n)
    early = rng.random(n) < 0.5
    claimed = np.zeros(n, dtype=bool)
    time, orders, landmarks, lot = np.zeros(2), np.zeros(2), [], np.zeros(n, dtype=bool)
    for week in range(weeks):
        ordered = rng.random(n) < -np.expm1(-rate)
        lot |= ordered & (week < 13)
        for arm in (0, 1):
            who = claimed == bool(arm)
            time[arm] += who.sum()
            orders[arm] += (ordered & who).sum()
        if claimed.any():
            landmarks.append(ordered[claimed].mean() / max(ordered[~claimed].mean(), 1e-9))
        claimed |= (early | (week >= 13)) & (rng.random(n) < np.minimum(rate * 1.2, 1))
    person_time = (orders[1] / time[1]) / (orders[0] / time[0])
    assert person_time > 1.5 and np.median(landmarks) > 1.5
    drawn = pl.DataFrame({"customer_id": np.arange(n), "lot": np.where(early, "early", "late"), "ordered": lot})
    said = pool.brought(drawn)
    assert said.interval[0] < 0 < said.interval[1] and said.ratio == pytest.approx(1.0, abs=0.06)
