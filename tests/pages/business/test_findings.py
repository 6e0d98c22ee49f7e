"""The page of business customers says what the data say: flip them, and sentence, colour and figure flip together."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from crmlib.customers.business import Outlook
from crmlib.pages.business.findings import file, money, visits
from tests.pages.wording import says

AS_OF = date(2026, 10, 31)
CUSTOMERS = pl.DataFrame(
    {
        "partner_id": ["D1", "D2", "G1"], "name": ["A", "B", "C"],
        "kind": ["distributor", "distributor", "group_buyer"],
        "region": ["E"] * 3, "industry": [None, None, "医院"], "size": ["unknown", "unknown", "large"],
        "people_count": [None, None, 500], "owner_staff": ["M"] * 3, "customer_id": [None, None, "K1"],
        "orders": [10, 0, 2], "value_minor": [900_000_00, 0, 50_000_00],
        "before_minor": [1_000_000_00, 5_000_00, 20_000_00], "last_on": [AS_OF, None, AS_OF],
    },
    schema_overrides={"people_count": pl.Int32, "industry": pl.String},
)  # fmt: skip
SAID = Outlook(20, 2, 40_000_00, 0.5, 20_000_00, 5_000_00, 35_000_00)
SEASONS = pl.DataFrame(
    {
        "season": ["spring_festival", "mid_autumn"], "season_year": [2027, 2026], "needs": [2, 5], "open": [2, 0],
        "won": [0, 3], "said_minor": [40_000_00, 90_000_00], "ordered_minor": [0, 45_000_00], "kept": [None, 0.5],
    },
    schema_overrides={"kept": pl.Float64},
)  # fmt: skip
DEBTS = pl.DataFrame(
    {"partner_id": ["D1", "G1"], "owed_minor": [100_00, 500_00], "late_minor": [0, 400_00], "days_late": [None, 70]},
    schema_overrides={"days_late": pl.Int64},
)  # fmt: skip
RHYTHM = pl.DataFrame(
    {"partner_id": ["D1", "D2"], "state": ["on_time", "late"], "p_30": [0.9, 0.5], "net_minor": [80_000_00, 7_000_00],
     "last_on": [AS_OF, date(2026, 8, 1)], "usual_gap": [10.0, 30.0]}
)  # fmt: skip
TODO = pl.DataFrame(
    {
        "partner_id": ["G1", "D2"], "order_minor": [None, 7_000_00], "last_on": [None, date(2026, 8, 1)],
        "usual_gap": [None, 30.0], "need_minor": [20_000_00, None], "season": ["spring_festival", None],
        "season_year": [2027, None], "decided_by": [date(2027, 1, 17), None], "late_minor": [400_00, None],
        "days_late": [70, None], "talked_on": [date(2026, 5, 1), None], "quiet": [True, False],
        "stake_minor": [20_400_00, 7_000_00], "buyer": ["C", "B"], "region": ["E", "E"], "owner": ["Li", None],
        "gone": [True, False],
    }
)  # fmt: skip


@pytest.mark.parametrize(
    ("factor", "kind", "status"),
    [(2.0, "more", "ok"), (1.0, "like", "ok"), (0.5, "fewer", "warn"), (0.0, "new", "none")],
)
def test_grew_or_fell_is_said_from_five_percent_on(words, factor, kind, status):
    now = 1_000_000_00
    before = round(now / factor) if factor else 0
    frame = CUSTOMERS.with_columns(
        value_minor=pl.Series([now, 0, 0]), before_minor=pl.Series([before, 0, 0]), orders=pl.Series([1, 0, 0])
    )
    found = file.kinds(frame, words=words)
    assert says(words, f"business.kinds.headline.{kind}", found.headline)
    assert found.status == status
    assert found.table["ordered_minor"].sum() == now


def test_every_customer_stands_in_one_kind_and_the_kinds_sum_to_all(words):
    table = file.kinds(CUSTOMERS, words=words).table
    assert (table["buyers"].sum(), table["buyers_active"].sum()) == (3, 2)
    assert table["ordered_minor"].sum() == CUSTOMERS["value_minor"].sum()


def test_open_needs_come_with_what_they_will_bring_or_without_where_too_few_closed(words):
    found = money.seasons(SEASONS, SAID, words=words)
    assert says(words, "business.seasons.headline.open", found.headline)
    assert (found.status, found.value_minor) == ("warn", 20_000_00)
    short = money.seasons(SEASONS, Outlook(3, 2, 40_000_00, None, None, None, None), words=words)
    assert says(words, "business.seasons.headline.short", short.headline)
    closed = money.seasons(SEASONS.filter(pl.col("open") == 0), SAID, words=words)
    assert says(words, "business.seasons.headline.closed", closed.headline)
    assert closed.status == "none"


def test_late_orders_are_amber_and_the_dearest_is_named(words):
    late = RHYTHM.filter(pl.col("state") == "late")
    found, fine = (money.due(RHYTHM, rows, CUSTOMERS, words=words) for rows in (late, late.clear()))
    assert (found.status, fine.status) == ("warn", "ok")
    assert "B" in found.headline
    assert says(words, "business.due.headline.fine", fine.headline)
    assert found.value_minor == 7_000_00


def test_debts_are_amber_where_late(words):
    late, fine = (money.owed(rows, CUSTOMERS, words=words) for rows in (DEBTS, DEBTS.head(1)))
    assert (late.status, fine.status) == ("warn", "ok")
    assert late.table["debtor"][0] == "C"
    assert says(words, "business.owed.headline.fine", fine.headline)


def test_cards_without_a_file_are_amber_and_those_with_one_are_not(words):
    flagged = pl.DataFrame({"reason": ["business", "wholesale", "staff"], "net_minor": [10_00, 20_00, 5_00],
                            "buyer": ["C", None, None]})  # fmt: skip
    loose, linked = (
        file.cards(rows, words=words) for rows in (flagged, flagged.filter(pl.col("reason") != "wholesale"))
    )
    assert (loose.status, linked.status) == ("warn", "ok")
    assert loose.table["cards"].sum() == 3
    assert loose.value_minor is None, "a file to be filled in is no money that can be lost"


def test_a_line_names_every_reason_and_an_old_debt_goes_first(words):
    found = visits.listed(TODO, words=words, as_of=AS_OF, capacity=1, face="html")
    assert says(words, "business.actions.headline.capped", found.headline)
    row = found.table.row(0, named=True)
    assert row["reason"].count(words("business.and")) == 2
    assert row["suggestion"] == words("business.advice.debt")
    assert row["owner"] == words("page.has_left", name="Li")
    both = visits.listed(TODO, words=words, as_of=AS_OF, capacity=9, face="html")
    assert both.table["owner"][1] == words("business.nobody")
    assert visits.left(both, TODO)["rows"][0] | {"reason": ""} == {
        "id": "G1", "way": "call", "kind": "partner", "code": "C", "region": "E", "reason": "",
        "suggestion": words("business.advice.debt"), "stake_minor": 20_400_00,
        "owner": words("page.has_left", name="Li"), "due_on": "2026-11-03",
    }  # fmt: skip


def test_the_answer_names_the_first_and_its_figures_are_the_cards(words):
    said = visits.answer(CUSTOMERS, TODO, DEBTS, SAID, RHYTHM, words=words, as_of=AS_OF)
    assert says(words, "business.answer.act", said.sentence)
    assert [f.amount for f in said.figures] == [950_000_00, 400_00, 40_000_00, 75_500_00]
    assert [f.tone for f in said.figures[:2]] == ["bad", "bad"]
    calm = visits.answer(CUSTOMERS, TODO.clear(), DEBTS.head(1), None, RHYTHM.clear(), words=words, as_of=AS_OF)
    assert says(words, "business.answer.calm", calm.sentence)
    assert len(calm.figures) == 2


def test_a_paper_without_a_customer_breaks_the_check(words):
    bought = pl.DataFrame({"partner_id": ["D1", "X"], "amount_minor": [5, 7], "paper": ["order", "order"]})
    lost, closes = (file.check(rows, CUSTOMERS, words=words) for rows in (bought, bought.head(1)))
    assert (lost.status, closes.status) == ("fail", "ok")
    assert says(words, "business.check.headline.lost", lost.headline)
