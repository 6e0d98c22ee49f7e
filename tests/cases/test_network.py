"""The channel's levels: nothing unknown is made zero, goods between levels are no consumption, silence hides stock."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from crmlib.cases import channel, fulfilment, network, orders
from crmlib.core.errors import ModelError

AS_OF = date(2026, 3, 31)
TREE = pl.DataFrame({"partner_id": ["d", "t", "k"], "parent_id": [None, "d", None]})


def moves(*rows):
    names = ["partner_id", "product_id", "day", "kind", "quantity_milli", "to_partner"]
    return pl.DataFrame(rows, schema=names, orient="row", schema_overrides={"to_partner": pl.String})


def counts(*rows):
    return pl.DataFrame(rows, schema=["partner_id", "product_id", "on_day", "on_hand_milli"], orient="row")


MOVES = moves(
    ("d", "x", date(2026, 3, 5), "sell_in", 100, None), ("d", "x", date(2026, 3, 31), "sell_out", 30, "t"),
    ("d", "x", date(2026, 3, 31), "sell_out", 50, None), ("t", "x", date(2026, 3, 31), "sell_out", 20, None),
    ("d", "x", date(2026, 3, 9), "return_up", 4, None), ("d", "x", date(2026, 3, 9), "adjust", -1, None),
)  # fmt: skip
COUNTS = counts(
    ("d", "x", date(2026, 2, 28), 40), ("d", "x", date(2026, 3, 31), 55), ("t", "x", date(2026, 2, 28), 5),
    ("t", "x", date(2026, 3, 30), 15),
)  # fmt: skip


@pytest.fixture(scope="module")
def rolled():
    return channel.roll(network.months(MOVES, COUNTS, TREE, as_of=AS_OF))


def at(rolled, partner, month=date(2026, 3, 1)):
    return rolled.filter(pl.col("partner_id") == partner, pl.col("month") == month).row(0, named=True)


def test_a_month_opens_with_the_last_count_and_closes_with_its_own(rolled):
    row = at(rolled, "d")
    assert (row["opening_milli"], row["closing_milli"], row["residual_milli"]) == (40, 55, 0)
    assert (row["sell_in_milli"], row["sell_out_milli"], row["returned_milli"], row["counted_milli"]) == (
        100,
        80,
        4,
        -1,
    )


def test_what_a_terminal_gets_is_what_its_distributor_sent(rolled):
    row = at(rolled, "t")
    assert (row["sell_in_milli"], row["residual_milli"]) == (30, 0)


def test_goods_between_levels_are_no_consumption(rolled):
    row = network.outer(rolled, TREE).filter(pl.col("month") == date(2026, 3, 1)).row(0, named=True)
    assert (row["sell_in_milli"], row["sell_out_milli"], row["closing_milli"]) == (100, 70, 70)


def test_a_silent_distributor_makes_its_network_unknown_and_its_terminal_derived():
    quiet = MOVES.filter((pl.col("partner_id") != "d") | (pl.col("kind") == "sell_in"))
    table = channel.roll(network.months(quiet, COUNTS.filter(pl.col("on_hand_milli") != 55), TREE, as_of=AS_OF))
    assert at(table, "d")["unknown"]
    assert (at(table, "t")["derived"], at(table, "t")["sell_in_milli"]) == ("sell_in_milli", 30)
    made = network.outer(table, TREE).filter(pl.col("month") == date(2026, 3, 1))
    assert made["unknown"].to_list() == [True]
    silent = network.silent(table, COUNTS, TREE, as_of=AS_OF)
    assert silent["partner_id"].to_list() == ["d"]


def test_growth_compares_months_known_in_both_years():
    rows = [
        (p, "x", date(2024 + m // 12, m % 12 + 1, 1), 100, sold, 0, False)
        for p, sold in (("a", 100), ("b", 50)) for m in range(24)
    ]  # fmt: skip
    names = ["partner_id", "product_id", "month", "sell_in_milli", "sell_out_milli", "closing_milli", "unknown"]
    table = pl.DataFrame(rows, schema=names, orient="row").with_columns(
        unknown=(pl.col("partner_id") == "b") & (pl.col("month") >= date(2025, 8, 1))
    )
    spans = (date(2024, 1, 1), date(2024, 12, 1)), (date(2025, 1, 1), date(2025, 12, 1))
    made = network.growth(table, before=spans[0], after=spans[1])
    assert made.consumption_growth == 0.0, "who falls silent takes nothing away"
    naive = channel.growth(table, before=spans[0], after=spans[1])
    assert naive.consumption_growth < -0.1


@pytest.mark.parametrize(
    ("as_of", "first", "expected"),
    [
        (date(2026, 10, 31), date(2024, 11, 1), (date(2025, 11, 1), date(2026, 10, 1))),
        (date(2026, 10, 30), date(2024, 11, 1), (date(2025, 11, 1), date(2026, 9, 1))),
        (date(2026, 10, 31), date(2025, 8, 1), (date(2026, 8, 1), date(2026, 10, 1))),
        (date(2026, 10, 31), date(2025, 12, 1), None),
    ],
)
def test_the_longest_span_that_both_years_know_ends_with_the_last_whole_month(as_of, first, expected):
    found = network.spans(pl.DataFrame({"month": [first]}), as_of=as_of)
    assert (None if found is None else found[1]) == expected
    if found is not None:
        assert [d.replace(year=d.year + 1) for d in found[0]] == list(found[1])


def test_stock_above_the_limit_is_priced_and_unsold_goods_count_whole():
    cover = pl.DataFrame(
        {"partner_id": ["a", "a", "b"], "product_id": ["x", "y", "x"], "on_hand_milli": [100_000, 5_000, 1_000],
         "a_day_milli": [1_000.0, None, 1_000.0]}
    )  # fmt: skip
    prices = pl.DataFrame({"product_id": ["x", "y"], "price_minor": [200, 1000]})
    made = network.overstocked(cover, prices, days=60)
    assert made.select("partner_id", "excess_minor", "cover_days").rows() == [("a", 13_000, 105.0), ("b", 0, 1.0)]


def test_books_that_do_not_close_are_named_with_their_share(rolled):
    off = rolled.with_columns(residual_milli=pl.when(pl.col("partner_id") == "d").then(-7).otherwise(0))
    row = network.breaks(off, since=date(2026, 3, 1)).row(0, named=True)
    assert (row["partner_id"], row["missing_milli"], row["share"]) == ("d", 7, 0.07)


SALE = pl.DataFrame(
    {"order_id": ["o1", "o2", "o3"], "partner_id": ["d", "d", "k"], "staff_id": ["m"] * 3,
     "entered_at": [date(2026, 3, 1)] * 3, "promised_on": [date(2026, 3, 6)] * 3,
     "cancelled_at": [None, None, date(2026, 3, 2)]}
).with_columns(pl.col("entered_at", "cancelled_at").cast(pl.Datetime))  # fmt: skip
LINES = pl.DataFrame(
    {"order_id": ["o1", "o1", "o2", "o3"], "line_no": [1, 2, 1, 1], "product_id": ["x", "y", "x", "x"],
     "ordered_milli": [1000, 2000, 1000, 1000], "price_minor": [500, 100, 500, 500]}
)  # fmt: skip
CAME = pl.DataFrame(
    {"order_id": ["o1", "o1", "o1"], "line_no": [1, 2, 2], "delivered_milli": [1000, 500, 1500],
     "delivered_on": [date(2026, 3, 5), date(2026, 3, 5), date(2026, 3, 8)]}
)  # fmt: skip
REGIONS = pl.DataFrame({"partner_id": ["d", "k"], "region": ["north", "south"]})


@pytest.fixture(scope="module")
def whole():
    return fulfilment.whole(SALE, LINES, CAME)


def test_an_order_is_delivered_when_its_last_line_is_whole(whole):
    done = {r["order_id"]: r for r in whole.iter_rows(named=True)}
    assert done["o1"]["delivered_on"] == date(2026, 3, 8)
    assert (done["o1"]["ordered_minor"], done["o1"]["open_minor"]) == (700, 0)
    assert (done["o2"]["delivered_on"], done["o2"]["open_minor"]) == (None, 500)
    book = orders.book(whole, start=date(2026, 3, 1), end=date(2026, 4, 1))
    assert book.residual == 0
    assert (book.went["delivered"], book.went["cancelled"], book.end) == (1, 1, 1)


def test_cancelled_orders_are_not_due_and_late_and_open_lines_are_missed(whole):
    made = fulfilment.by_region(whole, LINES, CAME, REGIONS, as_of=AS_OF, days=91)
    row = made.row(0, named=True)
    assert made.height == 1
    assert (row["due"], row["in_full"], row["late"], row["open"]) == (3, 1, 1, 1)


def test_late_orders_are_those_past_their_day_with_something_to_come(whole):
    made = fulfilment.late(whole, as_of=AS_OF)
    assert made.select("order_id", "open_minor", "late_days").rows() == [("o2", 500, 25)]


def test_prices_are_weighed_by_quantity():
    lines = pl.DataFrame({"product_id": ["x", "x"], "ordered_milli": [1000, 3000], "price_minor": [100, 200]})
    assert fulfilment.prices(lines)["price_minor"].to_list() == [175]


def test_stock_counted_long_ago_is_no_cover():
    told = COUNTS.with_columns(oldest_made_on=pl.lit(None, dtype=pl.Date))
    with pytest.raises(ModelError) as error:
        channel.cover(told, MOVES, as_of=date(2026, 9, 1))
    assert error.value.code == "cases.no_count"


def test_an_empty_network_has_no_months():
    made = network.months(MOVES.clear(), COUNTS.clear(), TREE, as_of=AS_OF)
    assert made.is_empty()
    assert network.spans(made, as_of=AS_OF) is None
