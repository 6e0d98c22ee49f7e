"""The receivables page says what the data say: flip them, and sentence, colour and figure flip together."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from crmlib.balances.receivables.open_items import BUCKETS, OpenItems
from crmlib.balances.receivables.settle import Coming
from crmlib.balances.roll_forward import statement
from crmlib.pages.receivables.findings import calls, owed, time
from tests.pages.wording import says

AS_OF = date(2026, 10, 31)
NAMES = pl.DataFrame(
    {"owner": ["p", "q"], "name": ["宏达", "永盛"], "keeper": ["M11", None], "limit_minor": [100_000, 900_000]}
)
ITEM = {
    "invoice_id": "F1", "instalment": 1, "owner": "p", "issued_on": date(2026, 8, 1), "due_on": date(2026, 9, 1),
    "disputed": False, "amount_minor": 50_000, "open_minor": 50_000, "days_late": 60, "bucket": "late_31_60",
    "p_late": 1.0, "saved": 9.0, "loss_minor": 4_000, "promised_on": None, "state": None,
}  # fmt: skip


def items(*changes):
    types = {"promised_on": pl.Date, "state": pl.String, "days_late": pl.Int64}
    return pl.DataFrame([ITEM | one for one in changes], schema_overrides=types)


def found(**buckets):
    amounts = [buckets.get(b, 0) for b in BUCKETS]
    table = pl.DataFrame({"bucket": BUCKETS, "amount_minor": amounts, "items": [int(a > 0) for a in amounts]})
    none = pl.DataFrame(schema={"owner": pl.String, "amount_minor": pl.Int64})
    return OpenItems(items(), none, table, sum(amounts))


def ledger(closing):
    moves = pl.DataFrame({"owner": ["p"], "at": [date(2026, 10, 9)], "kind": ["invoiced"], "amount_minor": [50_000]})
    counted = pl.DataFrame({"owner": ["p"], "amount_minor": [closing]})
    return statement(
        moves, key=["owner"], amount="amount_minor", first=date(2026, 10, 1), last=AS_OF, counted=counted,
        kinds=("invoiced", "credit_note", "paid", "written_off"),
    )  # fmt: skip


def cash(band=(70_000, 90_000), held=0.8, dates=8):
    days = [AS_OF - timedelta(30 * k) for k in range(dates, 0, -1)]
    tested = pl.DataFrame({"day": days, "forecast_minor": [80_000] * dates, "true_minor": [85_000] * dates})
    return Coming(80_000, band[0], band[1], tested, held)


NOTHING = pl.DataFrame(schema={"owner": pl.String, "amount_minor": pl.Int64})
ABOVE = pl.DataFrame({"owner": ["q", "p"], "amount_minor": [300, 5_000]})


@pytest.mark.parametrize(
    ("kind", "owes", "book"),
    [
        ("late", {"not_due": 50_000, "late_1_30": 9_000}, ledger(50_000)),
        ("fine", {"not_due": 50_000, "disputed": 9_000}, ledger(50_000)),
        ("break", {"not_due": 50_000, "late_1_30": 9_000}, ledger(49_000)),
        ("over", {"not_due": 50_000, "late_1_30": 9_000}, ledger(50_000)),
    ],
)
def test_the_answer_is_what_is_late_and_a_break_goes_before_it(words, kind, owes, book):
    above = ABOVE if kind == "over" else NOTHING
    said = owed.answer(found(**owes), book, cash(), items({}), above, words=words)
    assert says(words, f"receivables.answer.{kind}", said.sentence)
    tones = {figure.key: figure.tone for figure in said.figures}
    assert tones["late"] == ("bad" if "late_1_30" in owes else "good")


def test_without_past_dates_there_is_no_interval_and_the_page_says_so(words):
    none = cash(band=(None, None), held=None, dates=3)
    said = owed.answer(found(not_due=1), ledger(50_000), none, items({}), NOTHING, words=words)
    assert words("receivables.no_band") in said.sentence
    assert says(words, "receivables.coming.headline.no_band", time.coming(none, words=words).headline)
    assert time.check(none, words=words).status == "none"


@pytest.mark.parametrize(
    ("kind", "status", "owes"),
    [
        ("none", "ok", {"not_due": 5}), ("young", "warn", {"late_1_30": 5, "late_over_180": 4}),
        ("old", "fail", {"late_1_30": 4, "late_91_180": 5}),
    ],
)  # fmt: skip
def test_old_debts_are_red_and_young_ones_a_warning(words, kind, status, owes):
    month = pl.DataFrame({"day": [AS_OF], "bucket": ["not_due"], "amount_minor": [5]})
    said = owed.buckets(found(**owes), month, words=words)
    assert says(words, f"receivables.buckets.headline.{kind}", said.headline)
    assert said.status == status
    assert said.table["amount_minor"].sum() == sum(owes.values())


def test_a_ledger_that_differs_is_red_and_names_who(words):
    fine, wrong = (owed.book(ledger(c), NAMES, NOTHING, words=words) for c in (50_000, 49_000))
    assert (fine.status, wrong.status) == ("ok", "fail")
    assert "宏达" in wrong.headline
    amounts = dict(wrong.table.iter_rows())
    assert (amounts["unexplained"], sum(amounts.values())) == (-1_000, 2 * amounts["closing"])


def test_what_is_applied_too_much_is_red_and_names_who_and_how_much(words):
    card = owed.book(ledger(50_000), NAMES, ABOVE, words=words)
    assert says(words, "receivables.book.headline.over", card.headline)
    assert (card.status, card.value_minor) == ("fail", 5_300) and "宏达" in card.headline
    assert words.format.money(5_300) in card.headline


def test_above_the_limit_is_a_warning_until_cash_takes_it_below(words):
    none = pl.DataFrame(schema={"owner": pl.String, "amount_minor": pl.Int64})
    rows = items({"open_minor": 120_000})
    over = owed.owners(rows, none, NAMES, words=words)
    spare = pl.DataFrame({"owner": ["p"], "amount_minor": [-30_000]})
    within = owed.owners(rows, spare, NAMES, words=words)
    unknown = owed.owners(rows, none, NAMES.with_columns(limit_minor=pl.lit(None, dtype=pl.Int64)), words=words)
    assert [x.status for x in (over, within, unknown)] == ["warn", "ok", "none"]
    assert (over.value_minor, within.value_minor) == (20_000, 0)


@pytest.mark.parametrize(
    ("now", "kind", "status"), [(71.0, "slower", "warn"), (40.0, "faster", "ok"), (60.0, "usual", "ok")]
)
def test_slower_is_said_only_outside_the_range_of_the_months_before(words, now, kind, status):
    days = [AS_OF - timedelta(30 * k) for k in range(12, -1, -1)]
    months = pl.DataFrame({"day": days, "owed_minor": [1] * 13, "days": [50.0, 70.0] * 6 + [now]})
    said = time.days(months, words=words)
    assert says(words, f"receivables.days.headline.{kind}", said.headline)
    assert said.status == status
    few = time.days(months.tail(4), words=words)
    assert (few.status, says(words, "receivables.days.headline.unknown", few.headline)) == ("none", True)


@pytest.mark.parametrize(
    ("kept", "kind", "status"), [(19, "mostly", "ok"), (10, "mixed", "none"), (1, "rarely", "warn")]
)
def test_most_promises_are_kept_only_if_the_interval_says_so(words, kept, kind, status):
    states = ["kept"] * kept + ["broken"] * (20 - kept)
    rows = pl.DataFrame({"state": states, "amount_minor": [5] * 20, "paid_on": pl.Series([None] * 20, dtype=pl.Date)})
    said = time.promises(rows, words=words)
    assert says(words, f"receivables.promises.headline.{kind}", said.headline)
    assert (said.status, said.value_minor) == (status, 5 * (20 - kept))


def test_what_never_comes_is_a_warning_and_nothing_lost_is_fine(words):
    some, none = (owed.losses(items({"loss_minor": lost}), words=words) for lost in (4_000, 0))
    assert (some.status, some.value_minor, none.status, none.value_minor) == ("warn", 4_000, "ok", 0)


def test_the_list_has_a_reason_and_an_owner_for_each_and_disputes_come_last(words):
    rows = items(
        {"invoice_id": "F1", "disputed": True}, {"invoice_id": "F2", "days_late": -3, "saved": 3.0},
        {"invoice_id": "F3", "days_late": 20, "saved": 8.0, "state": "broken", "promised_on": date(2026, 10, 20)},
        {"invoice_id": "F4", "days_late": -40, "saved": 9.0}, {"invoice_id": "F5", "days_late": None, "owner": "q"},
        {"invoice_id": "F6", "days_late": 200, "saved": 2.0},
    )  # fmt: skip
    made = calls.listed(rows, NAMES, words=words, as_of=AS_OF, capacity=9)
    assert made.table["invoice_id"].to_list() == ["F3", "F2", "F6", "F1", "F5"], "F4 is not due for long"
    assert made.table["suggestion"].n_unique() == 5
    assert made.table["owner"].to_list() == ["M11"] * 4 + [words("receivables.no_owner")]
    assert "2026-10-20" in made.table["reason"][0]
    few = calls.listed(rows, NAMES, words=words, as_of=AS_OF, capacity=2)
    assert says(words, "receivables.actions.headline.capped", few.headline)
    assert says(
        words,
        "receivables.actions.headline.none",
        calls.listed(rows.clear(), NAMES, words=words, as_of=AS_OF, capacity=2).headline,
    )


@pytest.mark.parametrize(("held", "status"), [(0.8, "ok"), (0.4, "warn")])
def test_the_check_is_green_only_while_it_holds(words, held, status):
    assert time.check(cash(held=held), words=words).status == status
