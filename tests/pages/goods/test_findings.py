"""The sentences of the goods page follow the data."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from crmlib.kit.words import Words
from crmlib.pages.goods.findings import earn, grow
from crmlib.pages.goods.findings.ladder import prices
from crmlib.sales.price_bands import ladder
from crmlib.sales.standing import Standing, advice
from tests.pages.wording import says

DAY = date(2026, 6, 30)


def stand(rows: list[dict[str, object]], *, basis: str = "margin", usual: float | None = 1.0) -> Standing:
    """Goods with defaults for what a test does not name."""
    plain = {
        "v0": 10_000, "v1": 10_000, "n0": 50, "n1": 50, "quantity_milli": 1000, "margin_minor": 4_000,
        "margin_rate": 0.4, "days_since_sale": 1, "stock_minor": None, "status": "listed", "raw": 1.0,
        "growth": 1.0, "lower": 0.9, "upper": 1.1, "gain_minor": 0, "share": 0.1, "reached": 0.5, "abc": "B",
        "error": 0.3, "xyz": "X", "delisted_on": None,
    }  # fmt: skip
    whole = {"stock_minor": pl.Int64, "v0": pl.Int64, "gain_minor": pl.Int64, "xyz": pl.String}
    filled = [{"product_id": f"P{i}"} | plain | row for i, row in enumerate(rows)]
    return Standing(pl.DataFrame(filled, schema_overrides=whole, infer_schema_length=None), basis, usual)


def same(ids: pl.Series) -> pl.Series:
    return ids


UP = {"product_id": "UP", "gain_minor": 5_000, "growth": 1.5, "lower": 1.3, "upper": 1.7}
DOWN = {"product_id": "DOWN", "gain_minor": -6_000, "growth": 0.4, "lower": 0.3, "upper": 0.6}


@pytest.mark.parametrize(("moved", "kind"), [([UP, DOWN], "both"), ([UP], "up"), ([DOWN], "down"), ([], "flat")])
def test_only_movers_beyond_chance_are_named(words: Words, moved: list[dict[str, object]], kind: str) -> None:
    found = stand([{}, *moved])
    card = grow.growth(found, words=words, ground="same_slot", name=same)
    assert says(words, f"goods.growth.headline.{kind}", card.headline)
    answer = earn.answer(found, words=words, period="June", ground="same_slot", name=same)
    assert says(words, f"goods.answer.{kind}", answer.sentence)
    for one in (UP, DOWN):
        assert (str(one["product_id"]) in card.headline) is (one in moved)


@pytest.mark.parametrize(("stock", "said"), [(70_000, True), (None, False)])
def test_money_that_lies_in_silent_goods_is_in_the_answer_as_on_the_card(
    words: Words, stock: int | None, said: bool
) -> None:
    found = stand([{}, {"days_since_sale": 40, "stock_minor": stock}])
    answer = earn.answer(found, words=words, period="June", ground="same_slot", name=same)
    assert says(words, "goods.answer.lies", answer.sentence) is said
    card = grow.slow(found, words=words, counted=stock is not None, name=same)
    assert (words.format.money(card.value_minor) in answer.sentence) is said


def test_a_rise_that_all_goods_share_names_no_good(words: Words) -> None:
    found = stand([{"growth": 1.1, "lower": 1.05, "upper": 1.15, "gain_minor": 1_000}] * 3, usual=1.1)
    card = grow.growth(found, words=words, ground="same_slot", name=same)
    assert says(words, "goods.growth.headline.flat", card.headline)
    assert words.format.change(0.1) in card.headline


@pytest.mark.parametrize(
    ("margin", "rate", "kind", "status", "said"),
    [
        (-3_000, -0.3, "some", "fail", True), (-100, -0.01, "some", "warn", True), (-1, -0.001, "some", "ok", False),
        (500, 0.05, "thin", "ok", False), (4_000, 0.4, "none", "ok", False),
    ],
)  # fmt: skip
def test_goods_under_cost_are_told_by_their_money(
    words: Words, *, margin: int, rate: float, kind: str, status: str, said: bool
) -> None:
    found = stand([{}, {}, {"margin_minor": margin, "margin_rate": rate}])
    card = earn.losers(found, words=words, name=same)
    assert says(words, f"goods.losers.headline.{kind}", card.headline)
    assert (card.status, card.value_minor) == (status, max(-margin, 0))
    answer = earn.answer(found, words=words, period="June", ground="same_slot", name=same)
    assert says(words, "goods.answer.losers", answer.sentence) is said


def test_without_costs_nothing_is_said_about_margin(words: Words) -> None:
    found = stand([{"abc": "A"}, {"abc": "C"}], basis="net")
    assert says(words, "goods.earners.headline.many_net", earn.earners(found, words=words, name=same).headline)
    assert earn.losers(found, words=words, name=same).note_do == words("goods.losers.unavailable.data.do")
    answer = earn.answer(found, words=words, period="June", ground="same_slot", name=same)
    assert {f.key for f in answer.figures} == {"goods", "net", "gain"}


@pytest.mark.parametrize(("top", "kind"), [(1, "few"), (3, "many")])
def test_few_or_many_goods_make_the_margin(words: Words, top: int, kind: str) -> None:
    found = stand([{"abc": "A" if i < top else "C"} for i in range(5)])
    card = earn.earners(found, words=words, name=same)
    assert says(words, f"goods.earners.headline.{kind}_margin", card.headline)


@pytest.mark.parametrize(
    ("days", "stock", "counted", "kind", "status"),
    [(40, 9_000, True, "money", "warn"), (40, None, False, "silent", "warn"), (2, 9_000, True, "none", "ok")],
)
def test_what_does_not_move_is_told_with_its_money_where_it_was_counted(
    words: Words, *, days: int, stock: int | None, counted: bool, kind: str, status: str
) -> None:
    found = stand([{}, {"days_since_sale": days, "stock_minor": stock}])
    card = grow.slow(found, words=words, counted=counted, name=same)
    assert says(words, f"goods.slow.headline.{kind}", card.headline)
    assert card.status == status


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([{"status": "new", "v0": None, "v1": 900}, {"status": "gone", "v1": None, "v0": 100}, {}], "more"),
        ([{"status": "new", "v0": None, "v1": 100}, {"status": "gone", "v1": None, "v0": 900}, {}], "less"),
        ([{}, {}], "none"),
    ],
)
def test_new_goods_are_weighed_against_those_gone(words: Words, rows: list[dict[str, object]], kind: str) -> None:
    card = grow.fresh(stand(rows), words=words, ground="last_period", name=same)
    assert says(words, f"goods.fresh.headline.{kind}", card.headline)


@pytest.mark.parametrize(("xyz", "kind"), [("X", "rule"), ("Z", "look")])
def test_class_a_is_ordered_by_rule_only_if_most_of_it_is_steady(words: Words, xyz: str, kind: str) -> None:
    card = grow.steady(stand([{"abc": "A", "xyz": xyz}, {"abc": "C", "xyz": "Y"}]), words=words)
    assert says(words, f"goods.steady.headline.{kind}", card.headline)
    assert card.table["products"].sum() == 2


def test_the_list_gives_each_good_its_reason_and_owner(words: Words) -> None:
    found = stand([{"product_id": "LOSS", "margin_minor": -3_000, "margin_rate": -0.3}, UP, {"product_id": "P"}])
    listed = earn.actions(advice(found), found, words=words, as_of=DAY, capacity=5, name=same)
    assert listed.table["name"].to_list() == ["UP", "LOSS"]
    assert listed.table["stake_minor"].to_list() == [5_000, 3_000]
    assert listed.table["owner"].to_list() == [words("goods.actions.owner.push"), words("goods.actions.owner.reprice")]
    nothing = stand([{}])
    empty = earn.actions(advice(nothing), nothing, words=words, as_of=DAY, capacity=5, name=same)
    assert says(words, "goods.actions.headline.none", empty.headline)


@pytest.mark.parametrize(("tilt", "kind"), [((1, 9), "both"), ((1, 1), "flat")])
def test_price_bands_are_named_only_where_their_goods_outsell_the_others(
    words: Words, tilt: tuple[int, int], kind: str
) -> None:
    rows = [(f"P{i}", 1_500 if i % 2 else 15_000, (100 + 7 * (i // 2)) * tilt[i % 2]) for i in range(24)]
    table = pl.DataFrame(rows, schema=["product_id", "price", "sold"], orient="row").select(
        "product_id", category=pl.lit("tea"), unit=pl.lit("piece"), net_minor=pl.col("sold") * 1_000,
        quantity_milli=pl.col("sold") * 1_000_000 // pl.col("price"),
    )  # fmt: skip
    card = prices(ladder(table), words=words)
    assert says(words, f"goods.prices.headline.{kind}", card.headline)
    assert card.table is not None
    assert card.table["net_minor"].sum() == table["net_minor"].sum()
    assert words("goods.prices.ask.gaps").strip() in card.note_do  # nothing between 20 and 100
    assert prices(None, words=words).status == "none"
