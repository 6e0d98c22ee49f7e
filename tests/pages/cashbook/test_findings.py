"""The cash book says what the books say: flip them, and sentence, colour and figure flip together."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from crmlib.balances.cash import takings
from crmlib.balances.roll_forward import Statement
from crmlib.pages.cashbook.findings import actions, books, ways
from tests.balances.test_takings import ACCOUNTS, PAID, RIGHT, day, moves
from tests.pages.wording import says

AS_OF = date(2026, 3, 31)
NAMES = {"A": "上海人民路店", "B": "杭州店"}
CALLED = {"TA": "甲店收银台", "TB": "乙店收银台", "WA": "甲店收款码", "BK": "基本户"}


def transit(days: int, *, late: bool) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "ref_id": ["x"],
            "account_id": ["TA"],
            "left_on": [day(5)],
            "amount_minor": [300],
            "days": [days],
            "late": [late],
        }
    )


def counts(*amounts: int) -> pl.DataFrame:
    rows = [("TA", "A", 1, amount) for amount in amounts]
    schema = {"account_id": pl.String, "store_id": pl.String, "counts": pl.Int64, "amount_minor": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def made(booked: pl.DataFrame) -> tuple[Statement, pl.DataFrame]:
    ties = takings.tills(booked, PAID, first=day(1), last=AS_OF)
    return takings.statement(booked, ties, first=day(1), last=AS_OF), ties


WRONG = moves(("TA", day(2), "sale", 400), *RIGHT[1:])


@pytest.mark.parametrize(
    ("booked", "on_way", "counted", "kind"),
    [
        (WRONG, transit(9, late=True), counts(-5), "break"),
        (moves(*RIGHT), transit(9, late=True), counts(-5), "late"),
        (moves(*RIGHT), transit(1, late=False), counts(-5), "counted"),
        (moves(*RIGHT), transit(1, late=False), counts(), "closes"),
        (moves(*RIGHT), None, counts(), "closes"),
    ],
)
def test_a_gap_comes_first_then_what_is_late_then_what_was_counted(words, booked, on_way, counted, kind):
    said = books.answer(*made(booked), on_way, counted, NAMES, words=words)
    assert says(words, f"cashbook.answer.{kind}", said.sentence)
    figures = {f.key: f for f in said.figures}
    assert figures["gap"].tone == ("bad" if kind == "break" else "good")
    assert figures["gap"].amount == (100 if kind == "break" else 0)
    assert ("way" in figures) == (on_way is not None)
    assert ("上海人民路店" in said.sentence) == (kind == "break")


@pytest.mark.parametrize(("booked", "kind", "status"), [(WRONG, "break", "fail"), (moves(*RIGHT), "agrees", "ok")])
def test_books_that_differ_are_red_with_the_store_and_the_day(words, booked, kind, status):
    statement, ties = made(booked)
    card, month = books.tie(ties, NAMES, words=words), books.book(statement, booked, words=words)
    assert says(words, f"cashbook.tie.headline.{kind}", card.headline) and card.status == status
    assert says(words, f"cashbook.book.headline.{'break' if kind == 'break' else 'closes'}", month.headline)
    assert month.status == status
    assert card.value_minor == (100 if kind == "break" else 0)
    assert (card.table["gap_minor"].to_list() == [100]) == (kind == "break")
    assert says(words, "cashbook.tie.headline.none", books.tie(ties.clear(), NAMES, words=words).headline)


def test_the_rows_behind_a_gap_are_all_in_the_table(words):
    _, ties = made(WRONG)
    found = takings.entries(WRONG, PAID, ties.filter(pl.col("gap_minor") != 0))
    said = books.rows(found, NAMES, words=words)
    assert says(words, "cashbook.rows.headline.some", said.headline) and said.table.height == 4
    assert says(words, "cashbook.rows.headline.none", books.rows(found.clear(), NAMES, words=words).headline)


@pytest.mark.parametrize(
    ("found", "kind", "status"),
    [(transit(9, late=True), "late", "fail"), (transit(1, late=False), "way", "ok"),
     (transit(1, late=False).clear(), "none", "ok"), (None, "region", "none")],
)  # fmt: skip
def test_money_that_should_have_arrived_is_red(words, found, kind, status):
    said = ways.transit(found, CALLED, words=words, days=3)
    assert says(words, f"cashbook.transit.headline.{kind}", said.headline) and said.status == status
    assert said.value_minor == (300 if kind == "late" else 0)


@pytest.mark.parametrize(("since", "kind", "status"), [(day(20), "over", "warn"), (day(30), "within", "ok")])
def test_cash_that_lies_too_long_is_named_with_its_till(words, since, kind, status):
    rows = pl.DataFrame(
        {"account_id": ["TA"], "taken_minor": [900], "banked_minor": [500], "left_minor": [400], "days": [1.5],
         "since": [since]}
    )  # fmt: skip
    said = ways.waiting(rows, CALLED, words=words, as_of=AS_OF, days=3)
    assert says(words, f"cashbook.waiting.headline.{kind}", said.headline) and said.status == status
    assert ("甲店收银台" in said.headline, said.value_minor) == ((True, 400) if kind == "over" else (False, 0))
    assert ways.waiting(rows.clear(), CALLED, words=words, as_of=AS_OF, days=3).status == "none"


@pytest.mark.parametrize(
    ("found", "kind", "status"), [(counts(-30, 5), "less", "warn"), (counts(5), "more", "ok"), (counts(), "none", "ok")]
)
def test_what_is_short_is_not_set_off_against_what_is_over(words, found, kind, status):
    said = ways.counts(found, CALLED, words=words)
    assert says(words, f"cashbook.counts.headline.{kind}", said.headline) and said.status == status
    assert said.value_minor == (30 if kind == "less" else 0)


def test_a_cycle_with_a_part_missing_says_no_days(words):
    parts = pl.DataFrame({"cycle_part": ["stock", "receivable"], "amount_minor": [5, 6], "cycle_days": [20.0, 30.0]})
    assert says(words, "cashbook.cycle.headline.some", ways.cycle(parts, None, words=words).headline)
    whole = pl.concat([parts, pl.DataFrame({"cycle_part": ["payable"], "amount_minor": [4], "cycle_days": [10.0]})])
    said = ways.cycle(whole, 40.0, words=words)
    assert says(words, "cashbook.cycle.headline.whole", said.headline) and "40" in said.headline
    assert says(words, "cashbook.cycle.headline.none", ways.cycle(parts.clear(), None, words=words).headline)


def test_the_list_has_an_owner_a_day_and_money_for_every_row(words):
    _, ties = made(WRONG)
    lying = pl.DataFrame({"account_id": ["TB"], "left_minor": [70], "since": [day(3)]})
    said = actions.listed(
        ties, transit(9, late=True), lying, ACCOUNTS, NAMES, words=words, as_of=AS_OF, days=3, capacity=9
    )
    assert said.table["stake_minor"].to_list() == [300, 100, 70]
    assert said.table["owner"].to_list() == [words("cashbook.owner", store=NAMES[s]) for s in ("A", "A", "B")]
    assert says(words, "cashbook.actions.headline.all", said.headline)
    none = actions.listed(
        ties.clear(), None, lying.clear(), ACCOUNTS, NAMES, words=words, as_of=AS_OF, days=3, capacity=9
    )
    assert says(words, "cashbook.actions.headline.none", none.headline)
