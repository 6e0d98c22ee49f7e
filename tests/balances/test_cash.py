"""The cash book, and the ledgers of the lake under one statement."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from crmlib.balances import ledgers
from crmlib.balances.cash import book
from crmlib.core.contracts import CONTRACTS


def day(number: int) -> date:
    return date(2026, 3, number)


ROWS = [
    ("t", day(1), "open", 100, None), ("t", day(1), "sale", 500, None), ("t", day(2), "sale", 300, None),
    ("t", day(2), "banked_out", -500, "b1"), ("t", day(4), "banked_out", -300, "b2"), ("t", day(4), "sale", 50, None),
    ("bank", day(3), "banked_in", 500, "b1"),
]  # fmt: skip
MOVES = pl.DataFrame(ROWS, schema=["account_id", "at", "kind", "amount_minor", "ref_id"], orient="row")


def test_every_account_day_opens_as_the_last_one_closed():
    found = book.book(MOVES).filter(pl.col("account_id") == "t")
    assert found.select("day", "opening", "sale", "banked_out", "unexplained", "closing").rows() == [
        (day(1), 100, 500, 0, 0, 600), (day(2), 600, 300, -500, 0, 400), (day(4), 400, 50, -300, 0, 150),
    ]  # fmt: skip


def test_missing_cash_stays_on_the_day_of_its_count():
    counted = pl.DataFrame({"account_id": ["t", "t"], "day": [day(2), day(3)], "amount_minor": [380, 380]})
    found = book.book(MOVES, counted=counted).filter(pl.col("account_id") == "t")
    assert found.select("day", "opening", "unexplained", "closing").rows() == [
        (day(1), 100, 0, 600), (day(2), 600, -20, 380), (day(3), 380, 0, 380), (day(4), 380, 0, 130),
    ]  # fmt: skip
    sums = found.select(pl.sum_horizontal("opening", *book.KINDS, "unexplained") == pl.col("closing")).to_series()
    assert sums.all()


def test_cash_on_its_way_is_a_line_and_flagged_when_late():
    found = book.in_transit(MOVES, as_of=day(9))
    assert found.rows() == [("b2", "t", day(4), 300, 5, True)]
    assert book.in_transit(MOVES, as_of=day(2)).rows() == [("b1", "t", day(2), 500, 0, False)]


def test_takings_wait_in_the_till_until_they_are_banked():
    till = book.days_to_bank(MOVES).filter(pl.col("account_id") == "t").row(0, named=True)
    assert (till["taken_minor"], till["banked_minor"], till["left_minor"]) == (950, 800, 150)
    # 100 + 400 of day 1 after one day; 100 of day 1 after three, 200 of day 2 after two
    assert till["days"] == pytest.approx((500 * 1 + 100 * 3 + 200 * 2) / 800)


@pytest.mark.parametrize("name", ledgers.LEDGERS)
def test_a_ledger_of_the_lake_names_columns_that_its_contract_has(name):
    ledger = ledgers.LEDGERS[name]
    contract = CONTRACTS[ledger.table]
    assert {*ledger.key, ledger.amount, ledger.entry, "at", "kind"} <= set(contract.columns)


def test_points_that_fall_below_zero_are_an_offence_and_goods_are_not():
    points = pl.DataFrame({
        "customer_id": ["a", "a"], "at": [day(1), day(2)], "kind": ["earn", "redeem"], "points": [5, -9],
        "entry_id": ["1", "2"],
    })  # fmt: skip
    assert ledgers.offences("points", points).select("key", "amount").rows() == [("a", -4)]
    goods = pl.DataFrame({
        "store_id": ["s"], "product_id": ["p"], "lot_id": [None], "at": [day(1)], "kind": ["sale"],
        "quantity_milli": [-9], "move_id": ["1"],
    }, schema_overrides={"lot_id": pl.String})  # fmt: skip
    assert ledgers.offences("stock", goods).is_empty()
    rolled = ledgers.roll("stock", goods, first=day(1), last=day(2))
    assert (rolled.totals["sale"], rolled.totals["closing"]) == (-9, -9)


def test_gifts_are_the_stock_of_products_that_are_gifts():
    moves = pl.DataFrame({"product_id": ["g", "p"], "quantity_milli": [1, 2]})
    products = pl.DataFrame({"product_id": ["g", "p"], "is_gift": [True, False]})
    assert ledgers.gifts(moves, products)["product_id"].to_list() == ["g"]
