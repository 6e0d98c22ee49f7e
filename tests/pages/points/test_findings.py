"""The points page says what the data say: flip them, and sentence, colour and figure flip together."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from crmlib.balances.ledgers import roll
from crmlib.balances.liability.points import Account
from crmlib.balances.liability.ultimate import Future
from crmlib.balances.rules import FINDING
from crmlib.pages.points.findings import account as cards
from crmlib.pages.shared import tied
from tests.pages.wording import says

AS_OF = date(2026, 10, 31)
NONE = pl.DataFrame(schema=FINDING)
BAD = pl.DataFrame([("balance_never_negative", "a", -120, 3, "7")], schema=FINDING, orient="row")
BELOW = pl.DataFrame({"customer_id": ["b"], "points": [-30]})
COHORTS = pl.DataFrame({"month": [date(2026, 9, 1)], "issued": [900], "used": [300], "expired": [100], "open": [500]})
ACCOUNT = Account(500, BELOW.clear(), Future(200.0, 150.0, 260.0, judged=True), 0.6, 1.0, COHORTS)
BOOK = roll(
    "points",
    pl.DataFrame(
        {
            "customer_id": ["a"] * 3,
            "at": [date(2026, 9, 1), date(2026, 10, 2), date(2026, 10, 3)],
            "kind": ["earn", "earn", "redeem"],
            "points": [300, 400, -200],
        }
    ),
    first=date(2026, 10, 1),
    last=AS_OF,
)


@pytest.mark.parametrize(
    ("kind", "account", "offences"),
    [
        ("break", ACCOUNT, BAD),
        ("judged", ACCOUNT, NONE),
        ("open", replace(ACCOUNT, future=Future(200.0, 0.0, 500.0, judged=False)), NONE),
        ("none", replace(ACCOUNT, outstanding=0, future=Future(None, 0.0, 0.0, judged=False)), NONE),
    ],
)
def test_the_answer_has_an_interval_only_where_past_errors_give_one(words, kind, account, offences):
    said = cards.answer(account, BOOK, offences, words=words)
    assert says(words, f"points.answer.{kind}", said.sentence)
    assert said.figures[2].value == "400"


def test_tills_that_say_otherwise_are_the_headline(words):
    lines = pl.DataFrame(
        {"store_id": [None], "day": [None], "left": [500], "right": [400], "unexplained": [100]},
        schema_overrides={"store_id": pl.String, "day": pl.Date},
    )
    said = cards.answer(ACCOUNT, BOOK, NONE, words=words, wrong=tied.apart(lines))
    assert says(words, "points.answer.tie", said.sentence)
    assert tied.apart(lines, whole=False) is None  # of one region nothing was compared


def test_below_zero_is_red_and_names_how_far(words):
    fine, wrong = (cards.book(BOOK, o, words=words) for o in (NONE, BAD))
    assert (fine.status, wrong.status) == ("ok", "fail")
    assert "-120" in wrong.headline
    amounts = dict(fine.table.iter_rows())
    assert sum(amounts.values()) == 2 * amounts["closing"]


@pytest.mark.parametrize(
    ("kind", "future"),
    [
        ("judged", Future(200.0, 150.0, 260.0, judged=True)),
        ("open", Future(200.0, 0.0, 500.0, judged=False)),
        ("unknown", Future(None, 0.0, 500.0, judged=False)),
    ],
)
def test_without_a_closed_cycle_there_is_no_verdict(words, kind, future):
    said = cards.liability(replace(ACCOUNT, future=future), words=words, life=12, aside=7)
    assert says(words, f"points.liability.headline.{kind}", said.headline)
    assert said.status == "none"


@pytest.mark.parametrize(("used", "kind"), [(100, "grows"), (900, "shrinks")])
def test_points_pile_up_or_shrink(words, used, kind):
    rows = pl.DataFrame({"month": [AS_OF], "issued": [500], "used": [used], "expired": [0]})
    assert says(words, f"points.months.headline.{kind}", cards.months(rows, words=words).headline)


@pytest.mark.parametrize(("book", "status", "gap"), [(500, "ok", 0), (400, "fail", 100)])
def test_tills_that_say_otherwise_are_red(words, book, status, gap):
    lines = pl.DataFrame(
        {"store_id": ["s"], "day": [AS_OF], "left": [500], "right": [book], "unexplained": [500 - book]}
    )
    said = tied.tied("points.tie", lines, words=words)
    assert (said.status, said.value_minor) == (status, gap)
    assert tied.tied("points.tie", lines.clear(), words=words).status == "none"


@pytest.mark.parametrize(
    ("book", "whole", "kind", "status"),
    [(500, True, "agrees_month", "ok"), (400, True, "break_month", "fail"), (400, False, "region", "none")],
)
def test_an_account_without_stores_is_compared_by_the_month_and_for_the_whole_company(words, book, whole, kind, status):
    lines = pl.DataFrame(
        {"store_id": [None], "day": [None], "left": [500], "right": [book], "unexplained": [500 - book]},
        schema_overrides={"store_id": pl.String, "day": pl.Date},
    )
    said = tied.tied("points.tie", lines, words=words, whole=whole)
    assert says(words, f"points.tie.headline.{kind}", said.headline) and said.status == status


def test_gifts_cost_what_was_given(words):
    rows = pl.DataFrame({"product_id": ["p"], "quantity_milli": [1000], "cost_minor": [700]})
    products = pl.DataFrame({"product_id": ["p"], "name": ["桃酥"], "pack": ["300克"]})
    some, none = (cards.gifts(r, products, words=words) for r in (rows, rows.clear()))
    assert (some.value_minor, none.value_minor) == (700, 0)
    assert "桃酥 300克" in some.headline != none.headline


def test_accounts_below_zero_come_first_and_every_row_has_an_owner(words):
    quiet = pl.DataFrame({"customer_id": ["q"], "points": [900], "last_on": [date(2026, 3, 1)]})
    owners = pl.DataFrame({"customer_id": ["q"], "owner": ["上海人民路店"]})
    account = replace(ACCOUNT, below=BELOW)
    names = {"b": "K1", "q": "K2"}
    said = cards.listed(account, quiet, owners, words=words, as_of=AS_OF, capacity=9, pseudonyms=names)
    assert said.table["customer"].to_list() == ["K1", "K2"]
    assert said.table["worth_minor"].to_list() == [30, 900]
    assert said.table["owner"].to_list() == [words("churn.no_owner"), "上海人民路店"]
    few = cards.listed(account, quiet, owners, words=words, as_of=AS_OF, capacity=1, pseudonyms=names)
    assert says(words, "points.actions.headline.capped", few.headline)
