"""The sentences of the margin page follow the data: sentence, colour and figure flip together."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from crmlib.kit.words import Words
from crmlib.pages.margin.findings import detail, prices, shelf
from crmlib.sales import margins
from tests.pages.wording import says

DAY = date(2026, 6, 30)


def same(ids: pl.Series) -> pl.Series:
    return ids


def cells(rows: list[tuple[str, int, int]], by: str = "category") -> pl.DataFrame:
    table = pl.DataFrame(rows, schema={by: pl.String, "net_minor": pl.Int64, "cost_minor": pl.Int64}, orient="row")
    return table.with_columns(uncosted_minor=pl.lit(0, dtype=pl.Int64))


BEFORE = [("cake", 100_000, 60_000), ("nuts", 100_000, 60_000)]
MOVES = [
    ([("cake", 100_000, 80_000), ("nuts", 100_000, 60_000)], "fell", "warn", "own", "bad"),
    ([("cake", 100_000, 50_000), ("nuts", 100_000, 60_000)], "rose", "ok", "held", "good"),
    ([("cake", 100_000, 60_500), ("nuts", 100_000, 60_000)], "held", "ok", "held", "neutral"),
]


@pytest.mark.parametrize("move", MOVES, ids=lambda m: m[1])
def test_the_rate_moves_only_beyond_a_point_and_the_category_is_named(words: Words, move: tuple) -> None:
    now, kind, status, do, tone = move
    split = margins.rate_split(cells(now), cells(BEFORE), by="category")
    card = detail.rate(split, words=words, ground="same_slot", name=same)
    assert says(words, f"margin.rate.headline.{kind}", card.headline)
    assert (card.status, card.note_do) == (status, words(f"margin.rate.do.{do}"))
    assert ("cake" in card.headline) is (kind != "held")
    stores = margins.below(cells([("S1", 1, 1), *now], "store_id").filter(pl.col("store_id") != "S1"), by="store_id")
    answer = detail.answer(
        split, stores, None, words=words, period="June", ground="same_slot", sales=200_000, name=same
    )
    assert says(words, f"margin.answer.{kind}", answer.sentence)
    assert next(f.tone for f in answer.figures if f.key == "rate") == tone


def test_without_costs_the_page_says_so_and_shows_sales(words: Words) -> None:
    answer = detail.answer(None, None, None, words=words, period="June", ground="same_slot", sales=5_000, name=same)
    assert says(words, "margin.answer.no_cost", answer.sentence)
    assert [f.key for f in answer.figures] == ["net"]


@pytest.mark.parametrize(
    ("rows", "kind", "status"),
    [
        ([("S1", 100, 90), ("S2", 100, 50)], "short", "warn"), ([("S1", 100, 50), ("S2", 100, 50)], "even", "none"),
        ([("S1", 100, 50)], "one", "none"),
    ],
)  # fmt: skip
def test_the_store_that_earns_most_less_is_named(
    words: Words, rows: list[tuple[str, int, int]], kind: str, status: str
) -> None:
    card = detail.stores(margins.below(cells(rows, "store_id"), by="store_id"), words=words, name=same)
    assert says(words, f"margin.stores.headline.{kind}", card.headline)
    assert card.status == status
    assert ("S1" in card.headline) is (kind == "short")


@pytest.mark.parametrize("lost", [True, False])
def test_goods_under_cost_are_on_the_card_and_first_on_the_list(words: Words, lost: bool) -> None:
    below = pl.DataFrame(
        {"store_id": ["S1", "S2"], "product_id": ["P", "Q"], "net_minor": [900, 500], "cost_minor": [1_400, 600],
         "quantity_milli": [1, 1], "margin_minor": [-500, -100]}
    ).head(2 if lost else 0)  # fmt: skip
    card = detail.under(below, words=words, stores=same, products=same)
    assert says(words, f"margin.under.headline.{'some' if lost else 'none'}", card.headline)
    assert (card.status, card.value_minor) == (("warn", 600) if lost else ("ok", 0))
    listed = prices.actions(below, words=words, as_of=DAY, capacity=1, stores=same, products=same, shops=None)
    assert says(words, f"margin.actions.headline.{'some' if lost else 'none'}", listed.headline)
    assert listed.table["stake_minor"].to_list() == ([500] if lost else [])


@pytest.mark.parametrize(("weighted", "kind", "status"), [(0.4, "narrow", "warn"), (0.95, "wide", "ok")])
def test_a_best_seller_that_misses_stores_is_named(words: Words, weighted: float, kind: str, status: str) -> None:
    found = pl.DataFrame(
        {"product_id": ["P", "Q"], "category": ["c", "c"], "carrying": [2, 5], "able": [5, 5], "numeric": [0.4, 1.0],
         "weighted": [weighted, 1.0], "net_minor": [900, 100]}
    )  # fmt: skip
    card = shelf.carried(found, words=words, span=(DAY, DAY), name=same)
    assert says(words, f"margin.carried.headline.{kind}", card.headline)
    assert card.status == status


@pytest.mark.parametrize(
    ("index", "kind", "status"),
    [(1.1, "dearer", "warn"), (0.9, "cheaper", "ok"), (1.0, "same", "ok"), (None, "unknown", "none")],
)
def test_purchases_are_dearer_only_on_the_same_goods(words: Words, index: float | None, kind: str, status: str) -> None:
    found = pl.DataFrame(
        {
            "supplier_id": ["S"], "category": ["c"], "unit": ["kg"], "lines": [1], "quantity_milli": [1],
            "price_minor": [10_000], "before_minor": [9_000], "price_index": [index],
        },
        schema_overrides={"price_index": pl.Float64},
    )  # fmt: skip
    card = shelf.purchases(found, words=words, suppliers={"S": "五谷食品"})
    assert ("五谷食品" in card.note_seen) == (kind == "dearer")
    assert says(words, f"margin.purchases.headline.{kind}", card.headline)
    assert card.status == status


@pytest.mark.parametrize("index", [1.1, 1.01])
def test_dearer_purchases_are_in_the_answer_and_on_the_list_with_the_same_money(words: Words, index: float) -> None:
    bought = pl.DataFrame(
        {"supplier_id": ["S", "S", "T"], "category": ["c", "d", "c"], "unit": ["kg"] * 3,
         "price_minor": [11_000, 22_000, 9_000], "price_index": [index, index, 1.0]}
    )  # fmt: skip
    dear = shelf.dearer(bought)
    below = pl.DataFrame(
        {"store_id": ["S1"], "product_id": ["P"], "net_minor": [900], "cost_minor": [2_400], "quantity_milli": [1],
         "margin_minor": [-1_500]}
    )  # fmt: skip
    listed = prices.actions(
        below, words=words, as_of=DAY, capacity=9, stores=same, products=same, shops=None, dear=dear,
        suppliers={"S": "五谷食品"},
    )  # fmt: skip
    assert listed.table["stake_minor"].to_list() == ([2_000, 1_500, 1_000] if index > 1.02 else [1_500])
    assert listed.table["name"].str.contains("五谷食品").sum() == (2 if index > 1.02 else 0)
    stores = margins.below(cells([("S1", 100, 50)], "store_id"), by="store_id")
    answer = detail.answer(
        None, stores, None, words=words, period="June", ground="same_slot", sales=100, name=same, dear=dear
    )
    said = words("margin.answer.dearer", more=words.format.money(3_000))
    assert (said in answer.sentence) == (index > 1.02)


@pytest.mark.parametrize("seen", [0, 2])
def test_a_lot_outside_its_region_is_red(words: Words, seen: int) -> None:
    strays = pl.DataFrame(
        {"at": [datetime(2026, 6, 1, tzinfo=UTC)] * 2, "lot_id": ["L1", "L2"], "product_id": ["P", "P"],
         "home": ["East", "East"], "region": ["West", "West"]}
    ).head(seen)  # fmt: skip
    card = shelf.diversion(strays, words=words, name=same)
    assert says(words, f"margin.diversion.headline.{'some' if seen else 'none'}", card.headline)
    assert card.status == ("fail" if seen else "ok")


@pytest.mark.parametrize("accused", [True, False])
def test_partners_are_named_by_the_test_and_not_by_the_share(words: Words, accused: bool) -> None:
    found = pl.DataFrame(
        {"partner_id": ["D1", "D2"], "partner": ["甲", "乙"], "scans": [90, 2], "elsewhere": [20, 1],
         "share": [0.22, 0.5], "named": [accused, False], "main_region": ["华东", "华南"]}
    )  # fmt: skip
    card = shelf.scanned(found, words=words)
    assert says(words, f"margin.scanned.headline.{'named' if accused else 'free'}", card.headline)
    assert (card.status, card.key) == ("fail" if accused else "ok", "margin.diversion")
    assert ("甲" in card.headline) == accused and "乙" not in card.headline


@pytest.mark.parametrize("given", [300, None])
def test_what_is_sold_under_the_floor_is_money_given_away(words: Words, given: int | None) -> None:
    found = pl.DataFrame(
        {"store_id": ["A"], "product_id": ["P"], "quantity_milli": [3000], "price_minor": [900], "floor_minor": [1000],
         "given_minor": [300]}
    ).head(1 if given else 0)  # fmt: skip
    card = shelf.floor(found, words=words, stores=same, products=same)
    assert says(words, f"margin.floor.headline.{'under' if given else 'none'}", card.headline)
    assert (card.status, card.value_minor) == (("warn", 300) if given else ("ok", 0))


def test_the_best_and_the_last_store_are_compared_by_the_day(words: Words) -> None:
    found = pl.DataFrame(
        {"store_id": ["A", "B"], "net_minor": [1_000, 9_000], "store_days": [10, 10], "per_day_minor": [100, 900],
         "per_m2_minor": [None, None]}, schema_overrides={"per_m2_minor": pl.Int64}
    )  # fmt: skip
    card = shelf.output(found, words=words, name=same)
    assert says(words, "margin.output.headline.some", card.headline)
    assert card.headline.index("B") < card.headline.rindex("A")
