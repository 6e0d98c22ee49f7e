"""The festival's goods: which they are, what is still asked of each shelf, what moves, what partners hold."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.core.errors import ModelError
from crmlib.outreach import festival, festival_goods
from crmlib.outreach.festival import FROM, TO, Forecast
from crmlib.outreach.festival_goods import Feast

MOON = Feast("mid_autumn", 2026, date(2026, 9, 25))
LAST = date(2025, 10, 6)
DAY = timedelta(days=1)


def sold(rows: list[tuple[str, str, date, int]]) -> pl.DataFrame:
    """store, product, day, pieces."""
    frame = pl.DataFrame(rows, schema=["store_id", "product_id", "day", "pieces"], orient="row")
    return frame.with_columns(quantity_milli=pl.col("pieces") * 1000, net_minor=pl.col("pieces") * 900)


@pytest.mark.parametrize(
    ("day", "running", "over", "ahead"),
    [
        (date(2026, 8, 10), None, "dragon_boat", "mid_autumn"),
        (date(2026, 8, 11), "mid_autumn", "dragon_boat", "spring_festival"),
        (date(2026, 10, 9), "mid_autumn", "dragon_boat", "spring_festival"),
        (date(2026, 10, 10), None, "mid_autumn", "spring_festival"),
    ],
)
def test_a_festival_runs_from_45_days_before_to_14_after(day, running, over, ahead):
    now, past, coming = festival_goods.around(day)
    assert (now and now.slot, past.slot, coming.slot) == (running, over, ahead)


def test_a_past_season_counts_only_if_its_whole_slot_is_known():
    assert festival_goods.before(MOON, begins=LAST + FROM * DAY) == [LAST]
    assert festival_goods.before(MOON, begins=LAST + (FROM + 1) * DAY) == []


def test_goods_of_a_festival_are_told_from_when_they_sell_not_from_their_names():
    start = date(2025, 1, 1)
    every = [start + n * DAY for n in range(620)]
    slot = [d for d in every if any(FROM <= (d - on).days <= TO for on in (LAST, MOON.on))]
    rows = [("S", "bread", d, 5) for d in every] + [("S", "cake", d, 5) for d in slot]
    rows += [("S", "late", d, 2) for d in slot if d > date(2026, 1, 1)]  # a new flavour of the same category
    goods = pl.DataFrame({"product_id": ["bread", "cake", "late"], "category_2": ["daily", "moon", "moon"]})
    found = festival_goods.own_goods(sold(rows), goods, as_of=every[-1])
    assert found.rows() == [("cake", "mid_autumn"), ("late", "mid_autumn")]
    alone = goods.with_columns(category_2=None)
    assert festival_goods.own_goods(sold(rows), alone, as_of=every[-1])["product_id"].to_list() == ["cake"]


def season(on: date, pieces: int, *, store: str = "S1", product: str = "A") -> list[tuple[str, str, date, int]]:
    return [(store, product, on + n * DAY, pieces) for n in range(-20, 3)]


@given(
    now=st.lists(st.integers(0, 9), min_size=4, max_size=4), then=st.lists(st.integers(0, 9), min_size=4, max_size=4),
    total=st.integers(0, 400), have=st.lists(st.integers(0, 60), min_size=4, max_size=4),
)  # fmt: skip
def test_what_is_still_to_sell_adds_up_and_every_shelf_closes(now, then, total, have):
    places = [(s, p) for s in ("S1", "S2") for p in ("A", "B")]
    rows = [(s, p, MOON.on - 15 * DAY, n) for (s, p), n in zip(places, now, strict=True)]
    rows += [(s, p, LAST - 3 * DAY, n) for (s, p), n in zip(places, then, strict=True)]
    done = sum(now) * 1000
    made = Forecast(-14, done, done + total * 1000, 0, 0, 1, probable=False)
    stock = pl.DataFrame([(*p, h * 1000) for p, h in zip(places, have, strict=True)],
                         schema=["store_id", "product_id", "on_hand_milli"], orient="row")  # fmt: skip
    found = festival_goods.shelves(sold(rows), made, feast=MOON, past=[LAST], on_hand=stock)
    assert found["to_sell_milli"].sum() == (total * 1000 if sum(now) + sum(then) else 0)
    asked = found["to_sell_milli"] + found["drawn_milli"] + found["left_milli"] - found["short_milli"]
    assert (asked == found["on_hand_milli"]).all()
    assert ((found["left_milli"] == 0) | (found["short_milli"] == 0)).all()
    assert found["sold_milli"].sum() == done


def test_vouchers_come_on_top_and_an_uncounted_shelf_says_nothing():
    rows = season(LAST, 4) + season(LAST, 4, store="S2")
    made = Forecast(-30, 0, 100_000, 0, 0, 1, probable=False)
    stock = pl.DataFrame({"store_id": ["S1"], "product_id": ["A"], "on_hand_milli": [60_000]})
    drawn = pl.DataFrame({"store_id": ["S1"], "product_id": ["A"], "expected_milli": [7_000]})
    with_, without = (
        festival_goods.shelves(sold(rows), made, feast=MOON, past=[LAST], on_hand=stock, drawn=d) for d in (drawn, None)
    )
    assert without["left_milli"].to_list() == [10_000, None]
    assert with_["left_milli"].to_list() == [3_000, None]
    assert with_["short_milli"].to_list() == [0, None]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(-9, 9)), min_size=1, max_size=8))
def test_transfers_give_no_more_than_is_left_and_serve_no_more_than_is_short(shelves):
    frame = pl.DataFrame({
        "region": [r for r, _ in shelves], "store_id": [f"S{n}" for n in range(len(shelves))], "product_id": "A",
        "left_milli": [max(n, 0) * 1000 for _, n in shelves], "short_milli": [max(-n, 0) * 1000 for _, n in shelves],
    })  # fmt: skip
    moved = festival_goods.transfers(frame)
    for side, column in (("from_store", "left_milli"), ("store_id", "short_milli")):
        sums = moved.group_by(side).agg(pl.col("quantity_milli").sum()).rename({side: "store_id"})
        both = frame.join(sums, on="store_id")
        assert (both["quantity_milli"] <= both[column]).all()
    region = dict(frame.select("store_id", "region").iter_rows())
    assert all(region[a] == region[b] for a, b in moved.select("from_store", "store_id").iter_rows())
    for part in frame.partition_by("region"):
        best = min(part["left_milli"].sum(), part["short_milli"].sum())
        mine = moved.filter(pl.col("store_id").is_in(part["store_id"].implode()))
        assert mine["quantity_milli"].sum() == best


def test_a_festival_that_is_over_needs_no_forecast_and_a_running_one_needs_a_past():
    rows = sold(season(MOON.on, 3))
    over = festival_goods.expected(rows, feast=MOON, past=[], as_of=MOON.on + TO * DAY)
    assert over.total_milli == over.sold_milli == 23 * 3_000
    with pytest.raises(ModelError) as error:
        festival_goods.expected(rows, feast=MOON, past=[], as_of=MOON.on)
    assert error.value.code == "festival.no_past"


def test_returns_never_make_the_total_smaller_than_what_is_sold():
    rows = sold([*season(LAST, 3), ("S1", "A", LAST + 10 * DAY, -5), *season(MOON.on, 3)])
    made = festival.forecast(rows, festival_on=MOON.on, past=[LAST], as_of=MOON.on + 4 * DAY)
    assert made.total_milli >= made.sold_milli


def test_by_lunar_day_like_seasons_forecast_each_other_and_by_date_they_do_not():
    rows = sold(season(LAST, 7) + season(MOON.on, 9))
    found = festival_goods.tested(rows, days=[LAST, MOON.on], offset=-14, as_of=MOON.on + TO * DAY)
    assert found["lunar_milli"].to_list() == found["total_milli"].to_list()
    assert found["solar_milli"][1] is None or found["solar_milli"][1] > 1.5 * found["total_milli"][1]
    assert festival_goods.tested(rows, days=[LAST, MOON.on], offset=-14, as_of=MOON.on).is_empty()


def test_what_sells_after_the_day_is_counted_with_its_price():
    rows = sold(season(LAST, 2))
    goods = pl.DataFrame({"product_id": ["A"], "list_minor": [1_000]})
    found = festival_goods.afterwards(rows, goods, days=[LAST, MOON.on], as_of=MOON.on)
    assert found.height == 1
    on, after, share, price = found.row(0)
    assert (on, after) == (LAST, 4_000)
    assert share == pytest.approx(2 / 23)
    assert price == pytest.approx(0.9)


def test_partners_hold_what_they_took_less_what_they_passed_on():
    moves = pl.DataFrame(
        [("P", MOON.on - 80 * DAY, "sell_in", 90), ("P", MOON.on - 9 * DAY, "return_up", 10),
         ("P", MOON.on - 5 * DAY, "sell_out", 50), ("P", MOON.on - 4 * DAY, "return_down", 2),
         ("P", LAST - 60 * DAY, "sell_in", 40), ("P", LAST + 5 * DAY, "sell_in", 5),
         ("Q", MOON.on - 200 * DAY, "sell_in", 7)],
        schema=["partner_id", "day", "kind", "quantity_milli"], orient="row",
    )  # fmt: skip
    found = festival_goods.sell_in(moves, feast=MOON, as_of=MOON.on)
    assert found.rows() == [("P", 80, 48, 32, 40)]


def test_the_curves_end_where_the_page_stands():
    found = festival_goods.curves(sold(season(LAST, 1) + season(MOON.on, 1)), feast=MOON, past=[LAST], as_of=MOON.on)
    ends = found.group_by("year").agg(pl.col("offset").max(), pl.col("units").max()).sort("year")
    assert ends.rows() == [(2025, TO, 23.0), (2026, 0, 21.0)]
    assert np.all(np.diff(found.filter(year=2026)["units"].to_numpy()) >= 0)
