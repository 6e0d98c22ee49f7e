"""The festival page says what the data say: flip them, and sentence, colour and figure flip together."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest

from crmlib.balances.liability.stored import Festival
from crmlib.balances.liability.ultimate import Future
from crmlib.balances.roll_forward import statement
from crmlib.balances.stock.books import Books
from crmlib.kit.words import Words
from crmlib.outreach import festival_goods
from crmlib.outreach.festival import Forecast
from crmlib.outreach.festival_goods import Feast
from crmlib.pages.festival.findings import actions, days, kept, outlook
from crmlib.pages.festival.findings.outlook import Facts
from tests.pages.wording import says

MOON = Feast("mid_autumn", 2026, date(2026, 9, 25))
FACTS = Facts(
    feast=MOON, phase="running", as_of=date(2026, 9, 11), last_order=date(2026, 9, 16), markdown_on=date(2026, 9, 26),
    counted=True,
)  # fmt: skip
OVER = replace(FACTS, phase="over", as_of=date(2026, 10, 31))
MADE = Forecast(-14, 40_000, 160_000, 150_000, 170_000, 4, probable=True)
DONE = Forecast(14, 160_000, 160_000, 160_000, 160_000, 4, probable=False)
STORES = pl.DataFrame({"store_id": ["S1", "S2"], "name": ["东店", "西店"]})
PRODUCTS = pl.DataFrame({"product_id": ["A"], "name": ["月饼"], "pack": ["盒"]})
NOTHING = pl.DataFrame(
    schema={"product_id": pl.String, "from_store": pl.String, "store_id": pl.String, "quantity_milli": pl.Int64}
)


def shelves(*rows: tuple[str, int, int | None]) -> pl.DataFrame:
    """store, still asked, on hand [pieces]; a piece costs 50 and sells for 80."""
    asked = pl.DataFrame(rows, schema=["store_id", "asked", "have"], orient="row", infer_schema_length=None)
    spare = pl.col("have").cast(pl.Int64) - pl.col("asked")
    return asked.select(
        "store_id", product_id=pl.lit("A"), sold_milli=pl.lit(20_000), to_sell_milli=pl.col("asked") * 1000,
        drawn_milli=pl.lit(0), on_hand_milli=pl.col("have").cast(pl.Int64) * 1000,
        left_milli=spare.clip(lower_bound=0) * 1000, short_milli=(-spare).clip(lower_bound=0) * 1000,
        region=pl.lit("R"), is_gift=pl.lit(value=True), category=pl.lit("礼盒"),
        left_minor=spare.clip(lower_bound=0) * 5_000, short_minor=(-spare).clip(lower_bound=0) * 3_000,
    )  # fmt: skip


SHORT, LEFT, EVEN = shelves(("S1", 60, 20), ("S2", 60, 60)), shelves(("S1", 60, 100)), shelves(("S1", 60, 61))


@pytest.mark.parametrize(
    ("kind", "facts", "made", "rows"),
    [
        ("short", FACTS, MADE, SHORT),
        ("late", replace(FACTS, as_of=date(2026, 9, 17)), MADE, SHORT),
        ("left", FACTS, MADE, LEFT),
        ("even", FACTS, MADE, EVEN),
        ("uncounted", replace(FACTS, counted=False), MADE, shelves(("S1", 60, None))),
        ("after_left", replace(FACTS, phase="after", as_of=date(2026, 9, 28)), DONE, shelves(("S1", 0, 9))),
        ("over_left", OVER, DONE, shelves(("S1", 0, 9))),
        ("over_clear", OVER, DONE, shelves(("S1", 0, 0))),
    ],
)
def test_the_first_sentence_says_short_or_left_with_units_and_yuan(words, kind, facts, made, rows):
    said = outlook.answer(facts, made, rows, NOTHING, words=words, out=3, bought=0)
    assert says(words, f"festival.answer.{kind}", said.sentence)
    by = {figure.key: figure for figure in said.figures}
    total = outlook.sums(rows)
    if kind in {"short", "late", "left"}:
        bad = "left" if kind == "left" else "short"
        assert by[bad].tone == "bad"
        assert by[bad].amount == total[bad] / 1000
        assert by[bad].comparison == words.format.money(total[f"{bad}_minor"])
        assert by[bad].comparison in said.sentence
    if kind == "even":
        assert {by["short"].tone, by["left"].tone} == {"neutral"}


def test_one_past_season_has_no_range_and_four_have_one(words):
    alone = replace(MADE, low_milli=160_000, high_milli=160_000, festivals=1)
    for made, key in ((MADE, "range"), (alone, "one")):
        figure = outlook.answer(FACTS, made, SHORT, NOTHING, words=words, out=None, bought=0).figures[1]
        assert says(words, f"festival.{key}", figure.comparison)


def test_goods_that_still_come_in_after_the_festival_are_in_the_first_sentence(words):
    rows = shelves(("S1", 0, 9))
    quiet, loud = (outlook.answer(OVER, DONE, rows, NOTHING, words=words, out=0, bought=b) for b in (0, 7_000))
    assert words("festival.bought", units="7") in loud.sentence
    assert loud.sentence != quiet.sentence


def curves(now: float, last: float) -> pl.DataFrame:
    return pl.DataFrame({"year": [2025, 2025, 2026], "offset": [-14, 14, -14], "units": [last / 4, last, now]})


@pytest.mark.parametrize(
    ("plan", "kind", "status"),
    [
        (160, "plan_behind", "ok"),
        (120, "plan_ahead", "warn"),
        (300, "plan_behind", "warn"),
        (None, "last_ahead", "warn"),
    ],
)
def test_progress_is_held_against_the_plan_else_last_year(words, plan, kind, status):
    table = None if plan is None else pl.DataFrame({"units_plan": [plan]})
    found = outlook.progress(FACTS, MADE, curves(40.0, 100.0), table, words=words)
    assert says(words, f"festival.progress.headline.{kind}", found.headline)
    assert found.status == status
    assert found.chart is not None


def test_a_closed_season_speaks_of_what_was_sold(words):
    found = outlook.progress(OVER, DONE, curves(160.0, 100.0), None, words=words)
    assert words("festival.progress.did") in found.headline
    assert found.note_do == words("festival.progress.do.over")


def test_shops_are_amber_where_more_than_a_tenth_is_short_or_left(words):
    short, left, even = (outlook.shops(FACTS, rows, STORES, words=words) for rows in (SHORT, LEFT, EVEN))
    assert (short.status, left.status, even.status) == ("warn", "warn", "ok")
    assert says(words, "festival.shops.headline.short", short.headline)
    assert says(words, "festival.shops.headline.left", left.headline)
    unknown = outlook.shops(FACTS, shelves(("S1", 60, None)), STORES, words=words)
    assert (unknown.status, unknown.table.height) == ("none", 0)


def test_a_good_without_a_count_is_not_called_sold_out(words):
    found = outlook.goods(FACTS, shelves(("S1", 60, None)), None, PRODUCTS, words=words)
    assert says(words, "festival.goods.headline.uncounted", found.headline)
    assert found.table["on_hand_milli"].to_list() == [None]


def month(*moves: tuple[str, int], first: date = date(2026, 10, 1)) -> Books:
    frame = pl.DataFrame({
        "store_id": ["S1"] * len(moves), "product_id": ["A"] * len(moves), "kind": [k for k, _ in moves],
        "at": [date(2026, 10, 2)] * len(moves), "quantity_milli": [q * 1000 for _, q in moves],
        "cost_minor": [q * 5_000 for _, q in moves],
    })  # fmt: skip
    made = [
        statement(frame, key=["store_id", "product_id"], amount=a, first=first, last=date(2026, 10, 31),
                  kinds=["purchase", "sale"])
        for a in ("quantity_milli", "cost_minor")
    ]  # fmt: skip
    return Books(*made)


def test_purchases_after_the_day_are_amber_and_before_it_they_are_not(words):
    bought = month(("open", 9), ("purchase", 7), ("sale", -1))
    found = kept.book(bought, words=words, feast=MOON)
    assert (found.status, found.value_minor) == ("warn", 35_000)
    amounts = dict(found.table.select("stock_line", "quantity_milli").iter_rows())
    assert amounts["opening"] + amounts["purchase"] + amounts["sale"] == amounts["closing"]
    ahead = kept.book(bought, words=words, feast=Feast("spring_festival", 2027, date(2027, 2, 6)))
    assert ahead.status == "ok"
    assert kept.book(month(("open", 9)), words=words, feast=MOON).status == "ok"


def test_vouchers_add_up_and_are_forecast_only_where_they_are_of_this_festival(words):
    lines = pl.DataFrame(
        [("sell", 90, 900), ("redeem", -60, -600), ("rest", 30, 300)],
        schema=["line", "vouchers", "amount_minor"], orient="row",
    )  # fmt: skip
    coming = Festival("mid_autumn-2026", MOON.on, 30, Future(25.0, 20.0, 28.0, judged=True), lines, lines)
    for given, kind in ((coming, "coming"), (None, "over")):
        found = kept.vouchers(lines, given, words=words, feast=MOON)
        assert says(words, f"festival.vouchers.headline.{kind}", found.headline)
        counts = found.table["vouchers"].to_list()
        assert sum(counts[:-1]) == counts[-1] == 30


def test_partners_with_goods_left_after_the_day_are_amber(words):
    rows = pl.DataFrame({"partner_id": ["P"], "sell_in_milli": [80_000], "sell_out_milli": [50_000],
                         "held_milli": [30_000], "before_milli": [40_000]})  # fmt: skip
    plan = pl.DataFrame({"sell_in_plan": [100]})
    found = {
        "held": kept.sell_in(rows, None, None, words=words, phase="over"),
        "plan": kept.sell_in(rows, None, plan, words=words, phase="running"),
        "last": kept.sell_in(rows, None, None, words=words, phase="running"),
        "none": kept.sell_in(rows.clear(), None, None, words=words, phase="running"),
    }
    assert {k: f.status for k, f in found.items()} == {"held": "warn", "plan": "warn", "last": "none", "none": "none"}
    assert all(says(words, f"festival.sell_in.headline.{k}", f.headline) for k, f in found.items())


@pytest.mark.parametrize(
    ("day", "kind"), [(date(2026, 9, 11), "next"), (date(2026, 9, 16), "today"), (date(2026, 10, 31), "over")]
)
def test_the_next_day_is_named_and_past_ones_are_over(words, day, kind):
    found = days.days(replace(FACTS, as_of=day), words=words)
    assert says(words, f"festival.days.headline.{kind}", found.headline)
    assert found.table["due_on"].is_sorted()


def test_what_sells_after_the_day_is_little_or_some(words):
    rows = pl.DataFrame({"festival_on": [MOON.on], "after_milli": [9_000], "after_share": [0.03], "price_share": [0.9]})
    little = days.after(rows, words=words, phase="running", markdown_on=date(2026, 9, 26))
    some = days.after(rows.with_columns(after_share=0.2), words=words, phase="running", markdown_on=date(2026, 9, 26))
    none = days.after(rows.clear(), words=words, phase="over", markdown_on=date(2026, 9, 26))
    for found, kind in ((little, "little"), (some, "some"), (none, "none")):
        assert says(words, f"festival.after.headline.{kind}", found.headline)


def test_the_check_is_green_within_a_tenth_only(words):
    rows = pl.DataFrame({"festival_on": [MOON.on], "total_milli": [100], "lunar_milli": [92], "solar_milli": [200]})
    close, wide = (days.check(rows.with_columns(lunar_milli=n), words=words) for n in (92, 80))
    assert (close.status, wide.status, close.role) == ("ok", "warn", "check")
    assert days.check(rows.clear(), words=words).status == "none"


def test_a_mid_autumn_beside_national_day_is_said_to_differ():
    assert days.joint(MOON, [date(2025, 10, 6)])
    assert not days.joint(MOON, [date(2024, 9, 17)])


def listed(words: Words, facts: Facts, rows: pl.DataFrame, waiting: pl.DataFrame | None = None) -> pl.DataFrame:
    moved = festival_goods.transfers(rows)
    return actions.listed(
        facts, rows, moved, waiting, stores=STORES, products=PRODUCTS, words=words, capacity=40
    ).table  # fmt: skip


def test_a_shelf_is_moved_first_then_ordered_or_marked_down_and_never_twice(words):
    both = shelves(("S1", 60, 20), ("S2", 60, 90))
    table = listed(words, FACTS, both)
    moves, orders = table.row(0, named=True), table.row(1, named=True)
    assert table.height == 2
    assert says(words, "festival.advice.order", orders["suggestion"])
    assert orders["due_on"] == FACTS.last_order
    assert says(words, "festival.advice.move", moves["suggestion"])
    assert moves["stake_minor"] + orders["stake_minor"] == 40 * 3_000
    late = listed(words, replace(FACTS, as_of=date(2026, 9, 17)), both)
    assert says(words, "festival.advice.late", late.row(1, named=True)["suggestion"])


def test_after_the_day_nothing_moves_and_long_after_each_shop_has_one_row(words):
    rows = shelves(("S1", 0, 9), ("S1", 0, 4), ("S2", 5, 0))
    after = listed(words, replace(FACTS, phase="after", as_of=date(2026, 9, 28)), rows)
    assert all(says(words, "festival.advice.left.after", s) for s in after["suggestion"])
    over = listed(words, OVER, rows)
    assert over.height == 1
    assert over["stake_minor"][0] == 13 * 5_000
    assert over["due_on"][0] == OVER.as_of + timedelta(days=2)


def test_holders_of_vouchers_are_reminded_a_week_before_or_before_they_expire(words):
    waiting = pl.DataFrame(
        {"store_id": ["S1", "S1"], "gone_on": [None, date(2026, 9, 1)], "sold_minor": [700, 700],
         "expires_on": [date(2026, 11, 24)] * 2},
        schema_overrides={"gone_on": pl.Date},
    )  # fmt: skip
    before, after = (listed(words, facts, EVEN.clear(), waiting) for facts in (FACTS, OVER))
    assert before.select("stake_minor", "due_on").row(0) == (700, date(2026, 9, 18))
    assert says(words, "festival.advice.vouchers.after", after["suggestion"][0])


def test_a_festival_ahead_says_when_it_begins_and_one_without_a_past_says_so(words):
    ahead = replace(FACTS, phase="ahead", as_of=date(2026, 8, 1))
    plan = pl.DataFrame({"units_plan": [300]})
    known = outlook.unforecast(ahead, curves(0.0, 100.0), plan, words=words, out=4)
    assert says(words, "festival.answer.ahead", known.sentence)
    assert "300" in known.sentence
    alone = curves(0.0, 100.0).filter(pl.col("year") == 2026)
    new = outlook.unforecast(FACTS, alone, None, words=words, out=None)
    assert says(words, "festival.answer.unforecast", new.sentence)
