"""The stock page says what the data say: flip them, and sentence, colour and figure flip together."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from crmlib.balances.roll_forward import statement
from crmlib.balances.stock.books import Books
from crmlib.pages.stock.findings import actions, books, shelves
from tests.pages.wording import says

AS_OF = date(2026, 10, 31)
STORES = pl.DataFrame({"store_id": ["s1", "s2"], "name": ["上海人民路店", None]})
PRODUCTS = pl.DataFrame(
    {"product_id": ["p", "q"], "name": ["桃酥", "曲奇"], "pack": ["300克", None], "cost_minor": [700, 300]}
)
ROW = {
    "store_id": "s1", "product_id": "p", "category": "糕点", "on_hand_milli": 9000, "stock_minor": 6300,
    "sold_milli": 4000,
    "cover_days": 60.0, "p_out": 0.0, "lost_milli": 0, "lost_minor": 0, "short_minor": 0, "order_milli": 0,
    "excess_milli": 0, "excess_minor": 0, "idle_days": 3,
}  # fmt: skip
LOT = {
    "store_id": "s2", "product_id": "q", "lot_id": "L9", "category": "饼干", "expires_on": date(2026, 11, 6), "days": 6,
    "on_hand_milli": 9000, "p_sold": 0.1, "left_milli": 5000, "loss_minor": 1500, "to_store": "s1", "room_milli": 4000,
    "transfer_minor": 900, "markdown_minor": 300, "markdown_bp": 2000, "gift_minor": 0, "write_off_minor": 0,
    "advice": "transfer",
}  # fmt: skip


def position(**changes):
    rows = [ROW | changes, ROW | {"store_id": "s2", "product_id": "q", "category": "饼干"}]
    return pl.DataFrame(rows, schema_overrides={"idle_days": pl.Int64, "cover_days": pl.Float64})


def ends(**changes):
    return pl.DataFrame([LOT | changes])


def answered(words, rows, *, lots=None, breaks=None):
    return books.answer(rows, words=words, breaks=breaks, ends=lots, within=30, days=28)


@pytest.mark.parametrize(
    ("kind", "rows", "lots"),
    [
        ("quiet", position(), ends(loss_minor=0)),
        ("expiry", position(excess_minor=700, lost_minor=900), ends()),
        ("lost", position(excess_minor=700, lost_minor=1900), ends()),
        ("excess", position(excess_minor=7000, excess_milli=10_000, lost_minor=1900), ends()),
    ],
)
def test_the_answer_is_the_dearest_trouble(words, kind, rows, lots):
    found = answered(words, rows, lots=lots)
    assert says(words, f"stock.answer.{kind}", found.sentence)
    tones = {figure.key: figure.tone for figure in found.figures}
    assert (tones["lost"] == "bad") == (rows["lost_minor"].sum() > 0)
    assert (tones["expiry"] == "bad") == (lots["loss_minor"].sum() > 0)


def test_a_break_goes_before_every_other_trouble(words):
    breaks = pl.DataFrame({"unexplained_minor": [300, -100], "unexplained_milli": [1000, -1000]})
    found = answered(words, position(excess_minor=9_999_999), lots=ends(), breaks=breaks)
    assert says(words, "stock.answer.break", found.sentence)
    assert words.format.money(400) in found.sentence
    assert words.format.money(200) in found.sentence
    assert not says(words, "stock.answer.break", answered(words, position(), breaks=breaks.clear()).sentence)


def test_without_lots_the_page_does_not_say_that_nothing_expires(words):
    assert {figure.key for figure in answered(words, position()).figures} == {"stock", "lost", "excess"}


def month(found):
    moves = pl.DataFrame(
        {"store_id": ["s1"] * 2, "product_id": ["p"] * 2, "at": [date(2026, 10, 1), date(2026, 10, 9)],
         "kind": ["open", "sale"], "quantity_milli": [9000, -4000], "cost_minor": [6300, -2800]}
    )  # fmt: skip
    made = []
    for amount, value in (("quantity_milli", found), ("cost_minor", found * 7 // 10)):
        counted = pl.DataFrame({"store_id": ["s1"], "product_id": ["p"], amount: [value]})
        made.append(
            statement(
                moves,
                key=["store_id", "product_id"],
                amount=amount,
                first=date(2026, 10, 1),
                last=AS_OF,
                counted=counted,
            )
        )
    return Books(*made)


def test_a_count_that_differs_is_red_a_line_and_the_headline(words):
    fine = books.statement(month(5000), STORES, PRODUCTS, words=words, counted=True)
    wrong = books.statement(month(4000), STORES, PRODUCTS, words=words, counted=True)
    blind = books.statement(month(5000), STORES, PRODUCTS, words=words, counted=False)
    assert (fine.status, wrong.status, blind.status) == ("ok", "fail", "none")
    for kind, found in (("closes", fine), ("break", wrong), ("uncounted", blind)):
        assert says(words, f"stock.book.headline.{kind}", found.headline)
    assert "上海人民路店 桃酥 300克" in wrong.headline
    amounts = dict(wrong.table.iter_rows())
    assert amounts["unexplained"] == -700
    assert sum(amounts.values()) == 2 * amounts["closing"]


@pytest.mark.parametrize(
    ("make", "bad", "good"),
    [
        (
            lambda r, w: shelves.cover(r, words=w, lead=7),
            {"order_milli": 3000, "short_minor": 50, "cover_days": 2.0},
            {},
        ),
        (lambda r, w: shelves.empty(r, words=w, booked=True), {"lost_minor": 900}, {}),
        (lambda r, w: shelves.slow(r, words=w, days=28), {"excess_minor": 700, "excess_milli": 1000}, {}),
    ],
)
def test_a_trouble_is_a_warning_and_none_is_fine(words, make, bad, good):
    wrong, fine = make(position(**bad), words), make(position(**good), words)
    assert (wrong.status, fine.status) == ("warn", "ok")
    assert wrong.headline != fine.headline
    assert wrong.note_do != fine.note_do
    assert wrong.value_minor > 0 == fine.value_minor


def test_most_is_said_of_more_than_half_only(words):
    one = shelves.slow(position(excess_minor=700, excess_milli=1000), words=words, days=28)
    assert says(words, "stock.slow.headline.most", one.headline)
    two = position(excess_minor=700, excess_milli=1000).with_columns(excess_minor=pl.lit(350))
    assert says(words, "stock.slow.headline.spread", shelves.slow(two, words=words, days=28).headline)


def test_lots_that_sell_are_fine_and_others_a_warning(words):
    wrong = shelves.expiry(ends(), words=words, within=30, learnt=True)
    fine = shelves.expiry(ends().clear(), words=words, within=30, learnt=False)
    assert (wrong.status, wrong.value_minor, fine.status, fine.value_minor) == ("warn", 1500, "ok", 0)
    assert wrong.note_sure != fine.note_sure
    assert fine.chart is None


@pytest.mark.parametrize(("sent", "whole", "kind"), [(30, True, "going"), (2, True, "late"), (2, False, "region")])
def test_a_transfer_is_late_after_three_days_and_part_of_the_company_cannot_tell(words, sent, whole, kind):
    rows = pl.DataFrame(
        {"transfer_id": ["T1"], "product_id": ["p"], "store_id": ["s1"], "sent_on": [date(2026, 10, sent)],
         "quantity_milli": [1000], "cost_minor": [700]}
    )  # fmt: skip
    found = books.transit(rows, STORES, PRODUCTS, words=words, as_of=AS_OF, whole=whole)
    assert says(words, f"stock.transit.headline.{kind}", found.headline)
    assert found.status == ("warn" if kind == "late" else "none")
    assert found.table.height == int(whole)


def test_the_list_has_each_shelf_once_its_own_reason_and_an_owner_by_name(words):
    rows = position(order_milli=3000, short_minor=2000, on_hand_milli=1000)
    rows = rows.with_columns(excess_minor=pl.lit(9000), excess_milli=pl.lit(4000))
    found = actions.listed(rows, ends(), STORES, PRODUCTS, words=words, as_of=AS_OF, lead=7, capacity=5)
    assert found.table["goods"].to_list() == ["桃酥 300克", "曲奇"], (
        "the lot stands for s2's biscuits, not the excess too"
    )
    assert found.table["stake_minor"].to_list() == [2000, 1500]
    assert "上海人民路店" in found.table["owner"][0]
    assert "上海人民路店" in found.table["suggestion"][1], "where to move it"
    assert found.table["due_on"].max() <= date(2026, 11, 6)
    few = actions.listed(rows, ends(), STORES, PRODUCTS, words=words, as_of=AS_OF, lead=7, capacity=1)
    assert says(words, "stock.actions.headline.capped", few.headline)
    none = actions.listed(position(), None, STORES, PRODUCTS, words=words, as_of=AS_OF, lead=7, capacity=5)
    assert says(words, "stock.actions.headline.none", none.headline)


def test_the_check_is_green_only_while_it_holds(words):
    states = {v: shelves.check(v, words=words).status for v in (0.95, 0.5, None)}
    assert states == {0.95: "ok", 0.5: "warn", None: "none"}
