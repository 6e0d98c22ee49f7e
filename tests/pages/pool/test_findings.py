"""The pool page says what the data say: flip them, and sentence, colour and figure flip together."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from crmlib.cases.engine import Identity
from crmlib.cases.pool import Brought
from crmlib.pages.pool.findings import inside, lists, owned
from tests.pages.wording import says

TODAY = date(2026, 10, 31)
MONTH = date(2026, 10, 1)
BACK = pl.DataFrame(
    {
        "customer_id": list("abcd"), "owner_staff": ["G", "G", "H", "H"], "value_minor": [900_00, 100_00, 0, 50_00],
        "returns_on": [TODAY, TODAY + timedelta(days=3), TODAY + timedelta(days=20), None],
        "reason": ["contact", "order", "contact", None], "soon": [True, True, False, False],
        "contact_on": [TODAY - timedelta(days=180), None, None, None],
        "order_on": [None, TODAY - timedelta(days=90), None, None],
    },
    schema_overrides={"contact_on": pl.Date, "order_on": pl.Date},
)  # fmt: skip
STOOD = pl.DataFrame({"customer_id": list("pqr"), "inside": [True, True, False], "locked": [False, True, False]})
HOLD = pl.DataFrame(
    {"staff_id": ["G", "H"], "owned": [12, 4], "max_owned": [10, 10], "over": [2, 0], "returning": [2, 0],
     "returning_minor": [1000_00, 0]}
)  # fmt: skip
IN, OUT = {"recycled": 5, "released": 0, "new": 0}, {"claimed": 2, "assigned": 1, "removed": 0}
BOOK = [(MONTH, Identity(10, IN, OUT, 12))]
ROW = {"customer_id": "a", "staff_id": "G", "refused": None}


def claims(*refused: str | None) -> pl.DataFrame:
    return pl.DataFrame([ROW | {"refused": r} for r in refused], schema=dict.fromkeys(ROW, pl.String))


def test_the_answer_says_who_returns_with_yuan_and_who_holds_too_many(words):
    soon, fits = BACK.filter("soon"), HOLD.with_columns(over=pl.lit(0))
    some = owned.answer(soon, STOOD, HOLD, BOOK, {"G": "Li"}, words=words, ahead=7)
    none = owned.answer(soon.clear(), STOOD, fits, [], {}, words=words, ahead=7)
    assert says(words, "pool.answer.some", some.sentence) and "Li" in some.sentence
    assert words.format.money(1_000_00) in some.sentence
    assert says(words, "pool.answer.none", none.sentence)
    assert [f.amount for f in some.figures] == [2.0, 2.0, 2.0, 1.0]
    assert [f.tone for f in some.figures] == ["bad", "neutral", "neutral", "bad"]
    assert [f.tone for f in none.figures] == ["good", "neutral", "neutral", "good"]


def test_whoever_is_due_by_now_is_amber_and_every_span_counts_once(words):
    due = owned.returns(BACK, words=words, as_of=TODAY)
    ahead = owned.returns(BACK.filter(pl.col("returns_on") > TODAY), words=words, as_of=TODAY)
    none = owned.returns(BACK.filter(pl.col("returns_on").is_null()), words=words, as_of=TODAY)
    assert [f.status for f in (due, ahead, none)] == ["warn", "ok", "none"]
    assert due.table["returning"].to_list() == [1, 1, 0, 1, 0]
    assert due.table["returning_order"].sum() == 1 and due.value_minor == 1_000_00
    assert says(words, "pool.returns.headline.none", none.headline) and none.chart is None


def test_more_than_the_limit_is_amber(words):
    over = owned.holding(HOLD, {"G": "Li"}, words=words, ahead=7)
    fits = owned.holding(HOLD.with_columns(over=pl.lit(0)), {}, words=words, ahead=7)
    free = owned.holding(
        HOLD.with_columns(over=pl.lit(None, dtype=pl.Int64), max_owned=pl.lit(None, dtype=pl.Int64)), {}, words=words,
        ahead=7,
    )  # fmt: skip
    assert [f.status for f in (over, fits, free)] == ["warn", "ok", "none"]
    assert says(words, "pool.holding.headline.over", over.headline) and "Li" in over.headline
    assert says(words, "pool.holding.headline.unlimited", free.headline)


@pytest.mark.parametrize(
    ("end", "kind", "status"), [(12, "grows", "ok"), (11, "break", "fail"), (13, "break", "fail")]
)  # fmt: skip
def test_a_book_that_does_not_close_is_red(words, end, kind, status):
    found = inside.flow([(MONTH, Identity(10, IN, OUT, end))], words=words)
    assert (found.status, says(words, f"pool.flow.headline.{kind}", found.headline)) == (status, True)


def test_a_pool_that_shrinks_stands_still_or_is_empty_is_said(words):
    for start, kind in ((20, "shrinks"), (12, "same")):
        out = OUT | {"removed": start - 10}
        found = inside.flow([(MONTH, Identity(start, IN, out, 12))], words=words)
        assert says(words, f"pool.flow.headline.{kind}", found.headline)
    assert inside.flow([], words=words).status == "none"


def test_old_ones_are_said_with_their_yuan(words):
    rows = pl.DataFrame(
        {"age": ["d30", "d90", "d180", "older"], "customers": [3, 2, 1, 1], "free": [2, 2, 1, 1],
         "value_minor": [1, 2, 30_00, 40_00]}
    )  # fmt: skip
    old = inside.ages(rows, words=words)
    fresh = inside.ages(rows.with_columns(customers=pl.Series([3, 2, 0, 0])), words=words)
    none = inside.ages(rows.with_columns(customers=pl.lit(0), free=pl.lit(0)), words=words)
    for found, kind in ((old, "old"), (fresh, "fresh"), (none, "none")):
        assert says(words, f"pool.ages.headline.{kind}", found.headline)
    assert words.format.money(70_00) in old.headline


def test_claims_against_a_rule_are_amber_with_the_rule_that_is_broken_most(words):
    broken = inside.claims(claims(None, "locked", "day_limit", "day_limit"), {"G": "Li"}, words=words, days=28)
    fine = inside.claims(claims(None, None), {}, words=words, days=28)
    none = inside.claims(claims(), {}, words=words, days=28)
    assert [f.status for f in (broken, fine, none)] == ["warn", "ok", "none"]
    assert words("pool.refused.day_limit") in broken.headline and "Li" in broken.headline
    assert broken.table.row(0)[1:] == (4, 0, 1, 0, 2, 0)


@pytest.mark.parametrize(("early", "se", "kind"), [(0.3, 0.02, "more"), (0.1, 0.02, "less"), (0.22, 0.02, "unclear")])
def test_what_claiming_brought_is_said_only_beyond_chance(words, early, se, kind):
    found = inside.brought(Brought(500, 200, early, 0.2, early - 0.2, se, early / 0.2), words=words)
    assert says(words, f"pool.brought.headline.{kind}", found.headline)
    assert found.table["ordered_90"].to_list() == [early, 0.2]


def test_owners_that_differ_from_the_log_are_red(words):
    said = [
        inside.agree({"checked": n, "owned_inside": a, "unowned_outside": b}, words=words)
        for n, a, b in ((9, 1, 2), (9, 0, 0), (0, 0, 0))
    ]
    assert [f.status for f in said] == ["fail", "ok", "none"]
    assert says(words, "pool.agree.headline.apart", said[0].headline) and "3" in said[0].headline


def test_the_list_says_why_by_when_and_what(words):
    rows = BACK.filter("soon")
    made = lists.returning(
        rows, 2, {"G": "Li"}, words=words, pseudonyms=["A", "B"], forms=["", ""], as_of=TODAY
    )  # fmt: skip
    assert made.table["reason"].to_list() == [
        words("pool.reason.contact", days="180"), words("pool.reason.order", days="90"),
    ]  # fmt: skip
    assert made.table["due_on"].to_list() == [TODAY + timedelta(days=1), TODAY + timedelta(days=3)]
    assert says(words, "pool.actions.headline.all", made.headline)
    idle = rows.with_columns(contact_on=pl.lit(None, dtype=pl.Date), value_minor=pl.lit(0)).head(1)
    one = lists.returning(idle, 2, {}, words=words, pseudonyms=["A"], forms=[""], as_of=TODAY)
    assert says(words, "pool.actions.headline.capped", one.headline)
    assert one.table.row(0)[1] == words("pool.reason.never")
    assert one.table["suggestion"].to_list() == [words("pool.advice.let_go")]


def test_who_may_be_claimed_is_listed_with_days_in_the_pool(words):
    rows = pl.DataFrame(
        {"moved_on": [TODAY - timedelta(days=40)], "order_on": [None], "value_minor": [5_00]},
        schema_overrides={"order_on": pl.Date},
    )
    made = lists.free(rows, 3, words=words, pseudonyms=["A"], forms=[""], as_of=TODAY)
    assert made.key == "claimable" and says(words, "pool.free.headline.capped", made.headline)
    assert made.table["reason"].to_list() == [words("pool.reason.free", days="40", last=words("pool.never"))]
