"""Section K: what the books of money refuse, each in both languages, with a mend that the reader can do."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

import polars as pl
import pytest

from crmlib.balances import pairing, rules
from crmlib.balances.receivables import open_items
from crmlib.core import refusals
from crmlib.core.contracts import CONTRACTS
from crmlib.core.errors import ContractError, CrmError
from crmlib.kit.words import Words
from crmlib.kit.words.rules import rule_in_words
from crmlib.sales import targets

DAY = date(2026, 3, 1)
MOVES = pl.DataFrame(
    [("a", date(2026, 1, 1), "open", 10, "1", date(2026, 1, 31)), ("a", date(2026, 2, 1), "redeem", -5, "2", None)],
    schema=["key", "at", "kind", "amount", "id", "expires"], orient="row",
)  # fmt: skip


def below_zero() -> pl.DataFrame:
    moves = MOVES.with_columns(amount=pl.Series([10, -130]))
    return rules.balance_never_negative(moves, key=["key"], amount="amount", entry="id")


def used_late() -> pl.DataFrame:
    made = pairing.pair(MOVES, key=["key"], amount="amount", expires="expires", entry="id")
    return rules.used_after_expiry(made, key=["key"], expires="expires", entry="id")


def two_openings() -> pl.DataFrame:
    moves = MOVES.with_columns(kind=pl.lit("open"))
    return rules.one_opening(moves, key=["key"], amount="amount", entry="id")


def not_arrived() -> pl.DataFrame:
    rows = pl.DataFrame({"t": ["T"], "amount": [-5], "id": ["1"], "kind": ["transfer_out"]})
    return rules.pairs_cancel(rows, ref="t", amount="amount", entry="id", kinds=["transfer_in", "transfer_out"])


def children() -> pl.DataFrame:
    rows = pl.DataFrame({"unit": ["all", "n"], "parent": [None, "all"], "amount": [100, 99]})
    return rules.children_sum_to_parent(rows, unit="unit", parent="parent", amount="amount")


def too_much_paid() -> pl.DataFrame:
    payments = pl.DataFrame({"payment_id": ["p"], "amount_minor": [900]})
    invoices = pl.DataFrame({"invoice_id": ["i"], "instalment": [1], "amount_minor": [100]})
    given = pl.DataFrame({"payment_id": ["p"], "invoice_id": ["i"], "instalment": [1], "amount_minor": [150]})
    return rules.allocated_within(payments, invoices, given)


def other_unit() -> pl.DataFrame:
    moves = pl.DataFrame({"move_id": ["1"], "product_id": ["p"], "unit": ["kg"], "quantity_milli": [5]})
    return rules.unit_is_the_products(moves, pl.DataFrame({"product_id": ["p"], "unit": ["piece"]}))


def card_as_sale() -> pl.DataFrame:
    cards = pl.DataFrame({"move_id": ["1"], "receipt_id": ["r"], "kind": ["issue"], "paid_minor": [50_000]})
    return rules.card_sale_is_no_sale(cards, pl.DataFrame({"receipt_id": ["r"], "net_minor": [50_000]}))


def tender_differs() -> pl.DataFrame:
    book = pl.DataFrame({"store_id": ["A"], "day": [1], "cost_minor": [480]})
    return rules.ledger_ties_to_tender(
        book, pl.DataFrame({"store_id": ["A"], "day": [1], "amount_minor": [500]}), amount="cost_minor"
    )


BOOKS: dict[str, Callable[[], pl.DataFrame]] = {
    "balances.negative": below_zero,
    "balances.used_after_expiry": used_late,
    "balances.two_openings": two_openings,
    "balances.in_transit": not_arrived,
    "balances.children": children,
    "balances.over_allocated": too_much_paid,
    "balances.unit": other_unit,
    "balances.card_sale": card_as_sale,
    "balances.tender": tender_differs,
}
MACHINE = re.compile(r"[a-z]+_[a-z_]+|\{|\bnull\b|\bNone\b")


def parts_of(error: CrmError, language: str) -> list[str]:
    domain, code = error.code.split(".")
    said = refusals.sentences(domain, language=language)[code]
    return [refusals.filled(said[part], error.values) for part in refusals.PARTS]


@pytest.mark.parametrize("code", BOOKS)
def test_a_book_that_breaks_a_rule_is_refused_with_what_to_do(code: str) -> None:
    with pytest.raises(ContractError) as refused:
        rules.refuse(BOOKS[code](), table="points")
    assert refused.value.code == code
    for language in ("zh", "en"):
        given, expected, mend = parts_of(refused.value, language)
        assert all((given, expected, mend)) and not MACHINE.search(given + expected + mend), (given, expected, mend)
        assert re.search(r"\d", given)  # says how many rows and how much
        assert bool(re.search(r"[\u4e00-\u9fff]", mend)) == (language == "zh")


def test_every_rule_of_the_books_stands_here() -> None:
    assert set(BOOKS) == set(rules.CODES.values())


def test_a_sound_book_is_not_refused() -> None:
    sound = pl.DataFrame({"move_id": ["1", "2"], "receipt_id": ["r", "s"], "kind": ["redeem", "issue"],
                          "paid_minor": [None, 50_000]}, schema_overrides={"paid_minor": pl.Int64})  # fmt: skip
    goods = pl.DataFrame({"receipt_id": ["r", "s"], "net_minor": [50_000, 900]})
    assert rules.card_sale_is_no_sale(sound, goods).is_empty()  # a card that pays, a card bought beside small goods


def test_two_versions_of_a_target_on_one_day_are_refused() -> None:
    row = {"level": "store", "unit_id": "S1", "year": 2026, "month": DAY, "measure": "net", "amount_minor": 5,
           "valid_from": date(2026, 1, 1), "valid_to": None}  # fmt: skip
    twice = pl.DataFrame([row | {"version": v} for v in (1, 2)], schema_overrides={"valid_to": pl.Date})
    with pytest.raises(CrmError) as refused:
        targets.in_force(twice, on=DAY)
    assert refused.value.code == "sales.target_versions"
    for language in ("zh", "en"):
        given, _, mend = parts_of(refused.value, language)
        assert "2026-03-01" in given and mend


def test_an_invoice_without_a_due_date_has_a_bucket_of_its_own_and_is_not_refused() -> None:
    invoices = pl.DataFrame(
        {"invoice_id": ["i"], "instalment": [1], "owner": ["D"], "issued_on": [DAY], "due_on": [None],
         "amount_minor": [100], "disputed": [False], "ref_id": [None]},
        schema_overrides={"due_on": pl.Date, "instalment": pl.Int32, "ref_id": pl.String},
    )  # fmt: skip
    payments = pl.DataFrame(
        schema={"payment_id": pl.String, "owner": pl.String, "at": pl.Date, "amount_minor": pl.Int64}
    )
    none = {"payment_id": pl.String, "invoice_id": pl.String, "instalment": pl.Int32, "amount_minor": pl.Int64}
    found = open_items.open_items(invoices, payments, pl.DataFrame(schema=none), None, as_of=DAY, owner="owner")
    buckets = dict(found.buckets.select("bucket", "amount_minor").iter_rows())
    assert buckets["no_due_date"] == 100 == sum(buckets.values())


ROWS = {
    "stock": "counted_on|nullability",
    "lots": "expires_after_production",
    "expenses": "month|nullability",
    "invoices": "due_after_issue",
    "card_moves": "sign_fits_kind",
    "targets": "month_is_a_first_day_of_its_year",
}


@pytest.mark.parametrize(("table", "rule"), ROWS.items())
def test_a_row_that_is_wrong_by_itself_is_set_apart_in_words(table: str, rule: str) -> None:
    assert rule in CONTRACTS[table].schema._validation_rules(with_cast=False)
    for language in ("zh", "en"):
        said = rule_in_words(rule, Words(language))
        assert not MACHINE.search(said), said
        assert bool(re.search(r"[\u4e00-\u9fff]", said)) == (language == "zh")


MONEY = (
    "accounts", "cash_moves", "tenders", "targets", "price_floors", "suppliers", "lots", "stock_moves", "stock",
    "held_moves", "purchases", "listings", "lot_sightings", "partners", "invoices", "payments", "allocations",
    "promises", "write_offs", "cards", "card_moves", "vouchers", "voucher_moves", "expenses", "points",
)  # fmt: skip


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_rule_of_a_money_table_is_told_by_its_machine_name(language: str) -> None:
    words = Words(language)
    names = {r for t in MONEY for r in CONTRACTS[t].schema._validation_rules(with_cast=False) if "|" not in r}
    assert {r for r in names if not words.has(f"ingest.rule.{r}")} == set()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_column_that_a_money_table_needs_is_told_by_its_label(language: str) -> None:
    words = Words(language)
    broken = {r for t in MONEY for r in CONTRACTS[t].schema._validation_rules(with_cast=False) if "|" in r}
    broken = {r for r in broken if not r.startswith("src_")}
    assert {r for r in broken if MACHINE.search(rule_in_words(r, words))} == set()
