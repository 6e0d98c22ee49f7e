"""The page of cards and vouchers says what the data say: flip them, and sentence, colour and figure flip together."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from crmlib.balances.ledgers import roll
from crmlib.balances.liability.stored import Festival
from crmlib.balances.liability.ultimate import Future
from crmlib.balances.rules import FINDING
from crmlib.kit.words import Words
from crmlib.pages.cards.findings import coupon_use
from crmlib.pages.cards.findings import stored_value as cards
from crmlib.pages.shared import tied
from tests.pages.wording import says

AS_OF = date(2026, 10, 31)
NONE = pl.DataFrame(schema=FINDING)
BAD = pl.DataFrame([("balance_never_negative", "V1", -5_000, 1, "7")], schema=FINDING, orient="row")
TESTED = pl.DataFrame({"batch": ["mid_autumn-2026"], "open": [30], "forecast": [25.0], "drawn": [26]})
COMING = Festival(
    "spring_festival-2027", date(2027, 2, 6), 40, Future(30.0, 25.0, 36.0, judged=True), TESTED, pl.DataFrame()
)
NEEDED = pl.DataFrame(
    {
        "store_id": ["s", "t"],
        "product_id": ["p", "p"],
        "expected_milli": [4000, 1000],
        "upper_milli": [5000, 2000],
        "on_hand_milli": [1000, 2000],
        "needed_milli": [4000, 0],
    }
)
HELD = pl.DataFrame(
    {
        "customer_id": ["c", "d"],
        "order_id": ["H1", "H2"],
        "product_id": ["p", "p"],
        "store_id": ["s", "t"],
        "quantity_milli": [2000, 3000],
        "value_minor": [900, 700],
        "held_days": [70, 5],
        "promised_on": [AS_OF, AS_OF],
        "overdue_days": [40, -3],
        "expires_on": [None, None],
    }
)
STORES = pl.DataFrame({"store_id": ["s", "t"], "name": ["上海人民路店", None]})
PRODUCTS = pl.DataFrame({"product_id": ["p"], "name": ["坚果礼盒"], "pack": [None], "list_minor": [10_000]})


@pytest.mark.parametrize(
    ("kind", "bad", "coming"), [("break", BAD, COMING), ("festival", NONE, COMING), ("owed", NONE, None)]
)
def test_the_answer_is_what_is_owed_and_a_break_goes_before_it(words, kind, bad, coming):
    said = cards.answer({"cards": 500, "held": 300}, bad, coming, NEEDED, words=words)
    assert says(words, f"cards.answer.{kind}", said.sentence)
    assert [figure.amount for figure in said.figures] == [800, 500, 300]


def test_tills_that_say_otherwise_are_the_headline(words):
    lines = pl.DataFrame({"store_id": ["s"], "day": [AS_OF], "left": [500], "right": [400], "unexplained": [100]})
    said = cards.answer({"cards": 500}, NONE, COMING, NEEDED, words=words, wrong=tied.apart(lines))
    assert says(words, "cards.answer.tie", said.sentence)
    fine = cards.answer({"cards": 500}, NONE, COMING, NEEDED, words=words, wrong=tied.apart(lines.clear()))
    assert says(words, "cards.answer.festival", fine.sentence)
    card = tied.tied("cards.tie", lines, words=words, stores=STORES)
    assert (card.status, card.value_minor, card.table["store"].item()) == ("fail", 100, "上海人民路店")


def test_below_zero_is_red_and_the_lines_close(words):
    moves = pl.DataFrame(
        {
            "card_id": ["a"] * 2,
            "at": [date(2026, 10, 2), date(2026, 10, 3)],
            "kind": ["issue", "redeem"],
            "amount_minor": [500, -200],
        }
    )
    book = roll("cards", moves, first=date(2026, 10, 1), last=AS_OF)
    fine, wrong = (cards.book(book, o, words=words) for o in (NONE, BAD))
    assert (fine.status, wrong.status) == ("ok", "fail")
    amounts = dict(fine.table.iter_rows())
    assert sum(amounts.values()) == 2 * amounts["closing"] == 600


@pytest.mark.parametrize(("owed", "quiet", "kind"), [(900, 300, "quiet"), (900, 0, "some"), (0, 0, "none")])
def test_what_lies_untouched_is_told_apart(words, owed, quiet, kind):
    rows = pl.DataFrame(
        {
            "kind": ["named"],
            "cards": [3],
            "balance_minor": [owed],
            "expired_minor": [0],
            "owed_minor": [owed],
            "dormant_minor": [quiet],
        }
    )
    said = cards.owed(rows, 270, words=words, issuer="brand")
    assert says(words, f"cards.owed.headline.{kind}", said.headline)
    assert words.format.money(270) in said.note_seen


def test_without_past_festivals_there_is_no_interval(words):
    judged = cards.coming(COMING, words=words, as_of=AS_OF)
    open_ = cards.coming(replace(COMING, future=Future(None, 0.0, 40.0, judged=False)), words=words, as_of=AS_OF)
    none = cards.coming(None, words=words, as_of=AS_OF)
    for kind, said in (("judged", judged), ("open", open_), ("none", none)):
        assert says(words, f"cards.coming.headline.{kind}", said.headline)
    assert (judged.chart is not None, open_.chart, none.chart) == (True, None, None)
    assert "25" in judged.headline and "36" in judged.headline


def test_vouchers_open_are_sold_less_gone(words):
    lines = pl.DataFrame(
        {
            "line": ["sell", "redeem", "expire", "rest"],
            "vouchers": [10, -6, -1, 3],
            "amount_minor": [1000, -600, -100, 300],
        }
    )
    said = cards.vouchers(lines, words=words)
    assert said.value_minor == 300
    gone = pl.DataFrame({"line": ["sell", "redeem", "rest"], "vouchers": [6, -6, 0], "amount_minor": [600, -600, 0]})
    assert says(words, "cards.vouchers.headline.none", cards.vouchers(gone, words=words).headline)


def test_held_goods_past_their_day_are_a_warning(words):
    late, fine, none = (cards.held(rows, words=words) for rows in (HELD, HELD.tail(1), HELD.clear()))
    assert (late.status, late.value_minor, fine.status, none.status) == ("warn", 900, "ok", "ok")
    assert len({late.headline, fine.headline, none.headline}) == 3


def test_shops_that_lack_goods_come_first_then_late_orders(words):
    kwargs = {"words": words, "as_of": AS_OF, "pseudonyms": {"c": "K1", "d": "K2"}}
    said = cards.listed(NEEDED, HELD, STORES, PRODUCTS, capacity=9, **kwargs)
    assert said.table["stake_minor"].to_list() == [40_000, 900]
    assert said.table["customer"].to_list() == [None, "K1"]
    assert "上海人民路店" in said.table["owner"][0]
    few = cards.listed(NEEDED, HELD, STORES, PRODUCTS, capacity=1, **kwargs)
    assert says(words, "cards.actions.headline.capped", few.headline)
    none = cards.listed(None, None, None, None, capacity=1, **kwargs)
    assert says(words, "cards.actions.headline.none", none.headline)


def test_coupons_used_by_members_in_their_rhythm_are_most_of_it_or_not(words: Words) -> None:
    offers = pl.DataFrame({"promotion_id": ["C1"], "name": ["满减券"], "ends_on": [date(2026, 12, 31)]})
    for on_time, late, kind in ((60, 40, "most"), (40, 60, "some")):
        use = pl.DataFrame(
            {"coupon": ["C1", "C1", None], "group": ["on_time", "late", "nobody"], "receipts": [3, 2, 9],
             "members": [2, 2, 0], "net_minor": [on_time * 100, late * 100, 99_900]}
        )  # fmt: skip
        found = coupon_use.coupons(use, offers, words=words)
        assert says(words, f"cards.coupons.headline.{kind}", found.headline)
        assert found.table["ends_on"].to_list() == [date(2026, 12, 31)] * 2 + [None]
    assert says(words, "cards.coupons.headline.none", coupon_use.coupons(use.clear(), offers, words=words).headline)
