"""Meetings say what guests, orders and the lot say: flip them, and sentence, colour and figure flip together."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from crmlib.cases import meetings
from crmlib.cases.meetings import Effect
from crmlib.pages.meetings.findings import brought, event
from tests.pages.wording import says

AS_OF = date(2026, 10, 31)
NOW = datetime(2026, 9, 20, 14, tzinfo=UTC)
EVENT = {"meeting_id": "HY05", "kind": "品鉴会", "at": NOW, "place": "会员中心", "capacity": 80}


def guests(came: int = 3) -> pl.DataFrame:
    """Four invited, one held out, one walk-in; the first `came` of the invited came."""
    return pl.DataFrame(
        {
            "customer_id": ["a", "b", "c", "d", "h", "w"],
            "invited_at": [NOW] * 4 + [None, None],
            "held_out": [False] * 4 + [True, False],
            "is_new": [True, False, False, False, True, True],
            "accepted": [True] * 4 + [None, None],
            "came_at": [NOW if i < came else None for i in range(4)] + [None, NOW],
            "walk_in": [False] * 5 + [True],
        },
        schema_overrides={"invited_at": pl.Datetime("us", "UTC"), "came_at": pl.Datetime("us", "UTC")},
    )


ORDERS = pl.DataFrame(
    {"order_id": ["1", "2"], "customer_id": ["a", "w"], "sold_minor": [500_00, 90_00],
     "collected_minor": [300_00, 90_00], "refunded_minor": [50_00, 0]}
)  # fmt: skip
CHAIN = meetings.chain(guests(), ORDERS, big_minor=200_00)
COSTS = pl.DataFrame({"kind": ["room", "gift"], "amount_minor": [100_00, 50_01]})


def cost(minor: int) -> meetings.CostPerOrder:
    return meetings.cost_per_order(minor, 2)


@pytest.mark.parametrize(
    ("minor", "kind", "tone"), [(150_01, "pays", "good"), (900_00, "loses", "bad"), (0, "no_cost", "neutral")]
)
def test_the_first_sentence_has_orders_and_cost_per_order(words, minor, kind, tone):
    said = event.answer(EVENT, CHAIN, cost(minor), words=words, closed=True)
    assert says(words, f"meetings.answer.{kind}", said.sentence)
    assert (said.figures[0].amount, said.figures[2].tone) == (2, tone)
    assert words("meetings.still_open") not in said.sentence
    assert words("meetings.still_open") in event.answer(EVENT, CHAIN, cost(minor), words=words, closed=False).sentence


def test_without_an_order_there_is_no_cost_per_order(words):
    nothing = meetings.chain(guests(), ORDERS.clear(), big_minor=200_00)
    said = event.answer(EVENT, nothing, meetings.cost_per_order(99, 0), words=words, closed=True)
    assert says(words, "meetings.answer.none", said.sentence)
    assert said.figures[1].amount is None


@pytest.mark.parametrize(
    ("minor", "kind", "status"), [(150_01, "pays", "ok"), (900_00, "loses", "fail"), (0, "no_cost", "none")]
)
def test_green_is_more_collected_than_it_cost(words, minor, kind, status):
    costs = COSTS if minor else COSTS.clear()
    said = event.money(CHAIN, costs, cost(minor), words=words, closed=True)
    assert says(words, f"meetings.money.headline.{kind}", said.headline)
    assert said.status == status
    lines = dict(said.table.iter_rows())
    sold, owed, back, net = (lines[words(f"meetings.line.{k}")] for k in ("sold", "owed", "refunded", "collected"))
    assert sold + owed + back == net


@pytest.mark.parametrize(("came", "kind"), [(1, "door"), (4, "table")])
def test_where_most_are_lost_is_named(words, came, kind):
    table = meetings.chain(guests(came), ORDERS.head(1), big_minor=1)
    said = event.chain(table, EVENT, words=words)
    assert says(words, f"meetings.chain.headline.{kind}", said.headline)
    assert said.table.filter(pl.col("guest_kind") == "all")["guests_came"][0] == came + 1


def test_each_ratio_stands_with_what_is_divided_by_what(words):
    said = event.ratios(meetings.ratios(CHAIN, staff=2, cost_minor=150_01), words=words)
    rows = {r["meeting_ratio"]: r for r in said.table.iter_rows(named=True)}
    assert len(rows) == 8
    came = rows[words("meetings.ratio.come_rate")]
    assert (came["divided"], came["divided_by"], came["ratio_value"]) == ("3", "4", words.format.share(0.75))
    assert came["share_low"] < 0.75 < came["share_high"]
    assert rows[words("meetings.ratio.refund_rate")]["share_low"] is None


def test_the_book_counts_both_sides_and_names_orders_of_those_who_did_not_come(words):
    outside = ORDERS.head(1).with_columns(customer_id=pl.lit("h"))
    fine = event.book(CHAIN, guests(), ORDERS, outside, words=words)
    assert (fine.status, fine.table["unexplained_rest"].to_list()) == ("ok", [0, 0, 0, 0])
    assert words.format.money(500_00) in fine.note_seen
    uninvited = guests().with_columns(invited_at=pl.lit(None, dtype=pl.Datetime("us", "UTC")))
    wrong = event.book(CHAIN, uninvited, ORDERS, outside, words=words)
    assert says(words, "meetings.book.headline.break", wrong.headline)
    assert wrong.status == "fail"


def lot(per_comer: float | None, se: float | None) -> list[tuple[str, Effect]]:
    one = Effect(400, 100, 0.05, 0.02, 0.4 if per_comer is not None else 0.0, per_comer, se)
    return [("HY05", one), ("", one)]


@pytest.mark.parametrize(
    ("per_comer", "se", "kind", "status"),
    [
        (0.15, 0.04, "brings", "ok"),
        (-0.15, 0.04, "harms", "fail"),
        (0.07, 0.05, "unsure", "none"),
        (None, None, "nobody", "none"),
    ],
)
def test_an_effect_is_said_only_where_the_lots_range_leaves_zero_out(words, per_comer, se, kind, status):
    said = brought.effect(lot(per_comer, se), 0.28, 120, words=words, wanted=10, events=5)
    assert says(words, f"meetings.effect.headline.{kind}", said.headline)
    assert said.status == status
    assert ("120" in said.note_do) == (kind == "unsure")


@pytest.mark.parametrize(("kept", "kind", "status"), [((900, 400), "all", "ok"), ((900, 10), "some", "warn")])
def test_meetings_that_do_not_collect_their_cost_are_named(words, kept, kind, status):
    rows = pl.DataFrame(
        {"meeting": ["HY04", "HY05"], "day": [AS_OF, AS_OF], "kind": ["讲座"] * 2, "came": [9, 9], "orders": [3, 3],
         "cost_minor": [100, 100], "collected_minor": list(kept)}
    )  # fmt: skip
    said = brought.compared(rows, words=words)
    assert says(words, f"meetings.compared.headline.{kind}", said.headline)
    assert (said.status, "HY05" in said.headline) == (status, kind == "some")


def test_contract_shares_stand_to_the_fen(words):
    rows = pl.DataFrame(
        {
            "medium": ["广播"],
            "guests": [9],
            "orders": [10_000],
            "collected": [9_000],
            "share_bp": [500],
            "due_minor": [450],
        }
    )
    some, none = (brought.shares(r, words=words) for r in (rows, rows.with_columns(due_minor=pl.lit(0))))
    assert (some.value_minor, none.value_minor) == (450, 0)
    assert words.format.money_exact(450) in some.note_seen
    assert says(words, "meetings.shares.headline.none", none.headline)


def waiting(next_on: date | None) -> pl.DataFrame:
    return pl.DataFrame(
        {"customer_id": ["a"], "is_new": [True], "walk_in": [False], "intent": ["hot"], "not_bought_reason": ["嫌贵"],
         "next_on": [next_on], "by_staff": ["X1"]},
        schema_overrides={"next_on": pl.Date},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("next_on", "kind", "status", "advice"),
    [
        (None, "undated", "warn", "none"),
        (AS_OF - timedelta(days=9), "late", "warn", "late"),
        (AS_OF + timedelta(days=9), "dated", "ok", "ahead"),
    ],
)
def test_intent_without_a_date_or_with_one_that_passed_is_the_hole(words, next_on, kind, status, advice):
    said = brought.waiting(waiting(next_on), words=words, as_of=AS_OF)
    assert says(words, f"meetings.waiting.headline.{kind}", said.headline)
    assert said.status == status
    todo = brought.listed(
        waiting(next_on), {"X1": "沈立新"}, words=words, as_of=AS_OF, capacity=5, pseudonyms={"a": "QWERTYUI"}
    )
    assert todo.table["guest"].to_list() == ["QWERTYUI"]
    assert says(words, f"meetings.advice.{advice}", todo.table["suggestion"][0])
    assert todo.table["due_on"][0] >= AS_OF


def test_nobody_waiting_is_said(words):
    said = brought.waiting(waiting(None).clear(), words=words, as_of=AS_OF)
    assert says(words, "meetings.waiting.headline.none", said.headline)
    todo = brought.listed(waiting(None).clear(), {}, words=words, as_of=AS_OF, capacity=5, pseudonyms={})
    assert says(words, "meetings.actions.headline.none", todo.headline)
