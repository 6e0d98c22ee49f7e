"""The cash book beside the books it must agree with, and the cash cycle."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.balances.cash import book, cycle, takings

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)


def day(number: int) -> date:
    return date(2026, 3, number)


ACCOUNTS = pl.DataFrame(
    [("TA", "till", "A"), ("TB", "till", "B"), ("WA", "wallet", "A"), ("BK", "bank", None)],
    schema=["account_id", "kind", "store_id"], orient="row",
)  # fmt: skip
PAID = pl.DataFrame(
    [("r1", "A", day(2), "cash", 500), ("r2", "A", day(2), "cash", -40), ("r3", "A", day(2), "wallet", 900),
     ("r4", "B", day(3), "cash", 70), ("r5", "A", day(2), "points", 33), ("r6", "A", day(2), "card", 100)],
    schema=["receipt_id", "store_id", "day", "tender", "amount_minor"], orient="row",
)  # fmt: skip


def moves(*rows: tuple[str, date, str, int]) -> pl.DataFrame:
    made = pl.DataFrame(list(rows), schema=["account_id", "at", "kind", "amount_minor"], orient="row")
    named = made.with_row_index("n").select("account_id", "at", "kind", "amount_minor", move_id=pl.format("m{}", "n"))
    return takings.dated(named.with_columns(ref_id=pl.lit(None, dtype=pl.String)), ACCOUNTS)


RIGHT = (
    ("TA", day(2), "sale", 500), ("TA", day(2), "sale_return", -40), ("WA", day(2), "sale", 1000),
    ("TB", day(3), "sale", 70), ("BK", day(1), "open", 9_000),
)  # fmt: skip


def test_books_that_agree_have_rows_and_no_gap():
    found = takings.tills(moves(*RIGHT), PAID, first=FIRST, last=LAST)
    assert found.select("tie", "store_id", "other_minor", "book_minor", "gap_minor").rows() == [
        ("cash", "A", 460, 460, 0), ("cash", "B", 70, 70, 0), ("code", "A", 1000, 1000, 0),
    ]  # fmt: skip
    assert takings.statement(moves(*RIGHT), found, first=FIRST, last=LAST).ok


def test_a_gap_is_a_line_of_its_account_and_never_spread():
    booked = moves(*RIGHT[:3], RIGHT[4])  # the other shop's day was not booked
    found = takings.tills(booked, PAID, first=FIRST, last=LAST)
    assert found.filter(pl.col("gap_minor") != 0).row(0) == ("cash", "B", day(3), 70, 0, 70)
    less = takings.tills(moves(("TA", day(2), "sale", 400), *RIGHT[1:]), PAID, first=FIRST, last=LAST)
    made = takings.statement(moves(("TA", day(2), "sale", 400), *RIGHT[1:]), less, first=FIRST, last=LAST)
    lines = {row["account_id"]: row for row in made.lines.iter_rows(named=True)}
    assert {a: row["unexplained"] for a, row in lines.items()} == {"BK": 0, "TA": 100, "TB": 0, "WA": 0}
    assert lines["TA"]["closing"] == 460  # what the tills say must be there
    table = takings.by_class(made, moves(*RIGHT))
    assert dict(table.select("cash_line", "amount_minor").iter_rows())["unexplained"] == 100


def test_the_entries_behind_a_gap_sum_to_it():
    booked = moves(("TA", day(2), "sale", 400), *RIGHT[1:])
    wrong = takings.tills(booked, PAID, first=FIRST, last=LAST).filter(pl.col("gap_minor") != 0)
    rows = takings.entries(booked, PAID, wrong)
    sides = dict(rows.group_by("side").agg(pl.col("amount_minor").sum()).iter_rows())
    assert sides["till"] - sides["book"] == wrong["gap_minor"].sum() == 100
    assert set(rows["slip_id"]) == {"r1", "r2", "m0", "m1"}


def test_means_without_accounts_are_not_compared_and_points_bring_no_money():
    found = takings.tills(moves(RIGHT[0], RIGHT[1], RIGHT[3]), PAID, first=FIRST, last=LAST)
    assert set(found["tie"]) == {"cash"}


def test_code_money_of_a_company_without_stores_is_compared_by_day():
    accounts = pl.DataFrame(
        {"account_id": ["W"], "kind": ["wallet"], "store_id": [None]}, schema_overrides={"store_id": pl.String}
    )
    columns = ["move_id", "account_id", "at", "kind", "amount_minor", "ref_id"]
    rows = pl.DataFrame([("m", "W", day(2), "sale", 1000, None)], schema=columns, orient="row")
    found = takings.tills(takings.dated(rows, accounts), PAID, first=FIRST, last=LAST)
    assert found.rows() == [("code", None, day(2), 1000, 1000, 0)]


def test_another_book_is_held_against_moves_of_its_kind():
    booked = moves(("WA", day(4), "card_sale", 200), ("BK", day(5), "collection", 900))
    sold = pl.DataFrame({"store_id": ["A", "B"], "day": [day(4), day(4)], "amount_minor": [200, 50]})
    found = takings.other(booked, "card_sale", sold, by_store=True, first=FIRST, last=LAST)
    assert found["gap_minor"].to_list() == [0, 50]
    paid = pl.DataFrame({"day": [day(5)], "amount_minor": [1000]})
    assert takings.other(booked, "collection", paid, by_store=False, first=FIRST, last=LAST)["gap_minor"].to_list() == [
        100
    ]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("AB"), st.integers(1, 28), st.integers(-500, 900)), min_size=1, max_size=12))
def test_gaps_and_the_statement_say_the_same_to_the_unit(rows):
    booked = moves(*[(f"T{s}", day(d), "sale" if m >= 0 else "sale_return", m) for s, d, m in rows])
    found = takings.tills(booked, PAID, first=FIRST, last=LAST)
    made = takings.statement(booked, found, first=FIRST, last=LAST)
    known = found.filter(pl.col("store_id").is_in(list({s for s, _, _ in rows})))
    assert made.totals["unexplained"] == known["gap_minor"].sum()
    assert made.totals["closing"] == sum(m for _, _, m in rows) + known["gap_minor"].sum()


def test_cash_of_a_till_is_as_old_as_its_oldest_that_was_not_banked():
    rows = pl.DataFrame(
        [("t", day(1), "sale", 500), ("t", day(2), "sale", 300), ("t", day(3), "banked_out", -500)],
        schema=["account_id", "at", "kind", "amount_minor"], orient="row",
    )  # fmt: skip
    assert book.days_to_bank(rows).row(0, named=True)["since"] == day(2)


def test_the_cycle_counts_each_part_back_through_its_own_flow():
    flow = pl.DataFrame({"day": [day(n) for n in range(1, 31)], "amount_minor": [100] * 30})
    stock = cycle.part("stock", 1_000, flow, as_of=day(30))
    assert stock == ("stock", 1_000, 10.0)
    owed = cycle.part("receivable", 500, flow, as_of=day(30))
    ours = cycle.part("payable", 300, flow, as_of=day(30))
    table, days = cycle.cycle([stock, owed, ours])
    assert days == 12.0 and table["cycle_days"].to_list() == [10.0, 5.0, 3.0]
    # a part that its flow cannot reach back to, or that is not connected, is unknown, not nothing
    assert cycle.cycle([stock, owed])[1] is None
    assert cycle.part("stock", 99_999, flow, as_of=day(30))[2] is None


def test_what_is_owed_is_deliveries_within_the_suppliers_terms():
    bought = pl.DataFrame(
        {"supplier_id": ["s", "s", "n"], "received_on": [day(1), day(20), day(29)], "price_minor": [5, 7, 9]}
    )
    terms = pl.DataFrame({"supplier_id": ["s"], "terms_days": [20]})
    assert cycle.owed_by_terms(bought, terms, as_of=day(30)) == 7
    assert cycle.received(bought)["amount_minor"].sum() == pytest.approx(21)
