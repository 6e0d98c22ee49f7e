"""Trade of a period: receipts and their value split the gap exactly, margin closes with goods half costed."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.core.errors import ModelError
from crmlib.sales import places, trade
from crmlib.sales.causes import Traffic

FIRST, LAST = date(2026, 5, 1), date(2026, 5, 31)


def days(*, stores: int = 2, begins: date = date(2025, 1, 1), ends: date = LAST) -> pl.DataFrame:
    rng = np.random.default_rng(3)
    every = [begins + timedelta(days=n) for n in range((ends - begins).days + 1)]
    n = len(every) * stores
    receipts = rng.integers(5, 20, n)
    net = receipts * rng.integers(2_000, 4_000, n)
    return pl.DataFrame(
        {
            "store_id": np.repeat([f"S{i}" for i in range(stores)], len(every)), "day": every * stores,
            "receipts": receipts, "lines": receipts * 2, "net_minor": net, "cost_minor": net // 2,
            "uncosted_minor": np.zeros(n, dtype=np.int64), "member_net_minor": net // 4,
        }
    )  # fmt: skip


def test_the_trade_of_a_period_is_what_its_days_sum_to():
    table = days()
    now = trade.compared(table, first=FIRST, last=LAST).row(0, named=True)
    inside = table.filter(pl.col("day").is_between(FIRST, LAST))
    assert (now["net_minor"], now["receipts"]) == (inside["net_minor"].sum(), inside["receipts"].sum())
    assert (now["stores"], now["store_days"], now["lines_each"]) == (2, 62, 2.0)
    assert now["ticket_minor"] == round(inside["net_minor"].sum() / inside["receipts"].sum())
    assert now["margin_minor"] == inside["net_minor"].sum() - inside["cost_minor"].sum()


def test_periods_before_the_first_day_of_sales_are_left_out():
    found = trade.compared(days(begins=date(2026, 3, 1)), first=FIRST, last=LAST)
    assert found["comparison"].to_list() == ["now", "last_period"]


def test_no_cost_is_no_margin_and_not_a_margin_of_all():
    table = days().with_columns(uncosted_minor="net_minor", cost_minor=pl.lit(0, dtype=pl.Int64))
    now = trade.compared(table, first=FIRST, last=LAST).row(0, named=True)
    assert (now["margin_minor"], now["margin_rate"], now["uncosted_share"]) == (None, None, 1.0)


def test_a_till_that_reads_no_card_has_no_share_on_cards_which_is_not_none_of_it():
    table = days().with_columns(member_net_minor=pl.lit(0, dtype=pl.Int64))
    assert trade.compared(table, first=FIRST, last=LAST)["card_share"].null_count() == 4
    began = table.with_columns(member_net_minor=(pl.col("day") == LAST).cast(pl.Int64))  # cards from the last day on
    assert trade.compared(began, first=FIRST, last=LAST)["card_share"].to_list()[1:] == [0.0] * 3


@given(
    net=st.tuples(st.integers(1, 10**12), st.integers(1, 10**12)),
    receipts=st.tuples(st.integers(1, 10**6), st.integers(1, 10**6)),
)
def test_number_and_value_of_receipts_make_the_gap_exactly(net, receipts):
    assert sum(trade.by_ticket(net, receipts).values()) == net[1] - net[0]


def test_without_receipts_there_is_no_value_of_one():
    with pytest.raises(ModelError) as refused:
        trade.by_ticket((100, 100), (0, 3))
    assert refused.value.code == "sales.no_traffic"


def test_a_margin_gap_closes_though_some_goods_have_a_cost_on_some_lines_only():
    before = pl.DataFrame(
        {
            "product_id": ["A", "B"], "unit": ["piece", "piece"], "quantity_milli": [1000, 2000],
            "net_minor": [1000, 2000], "cost_minor": [600, 500], "uncosted_minor": [0, 1000],
        }
    )  # fmt: skip
    after = before.with_columns(net_minor=pl.Series([1200, 2600]), cost_minor=pl.Series([700, 800]))
    found = trade.margin_split(before, after)
    margin = [int((t["net_minor"] - t["uncosted_minor"] - t["cost_minor"]).sum()) for t in (before, after)]
    assert found["gap_minor"].sum() == margin[1] - margin[0]
    assert found.filter(pl.col("cause") == "partly")["gap_minor"].to_list() == [300]


def test_goods_without_any_cost_have_no_margin_split():
    table = pl.DataFrame(
        {"product_id": ["A", "B"], "unit": ["piece"] * 2, "quantity_milli": [1000, 1000], "net_minor": [1000, 0],
         "cost_minor": [0, 0], "uncosted_minor": [1000, 0]}
    )  # fmt: skip
    with pytest.raises(ModelError) as refused:
        trade.margin_split(table, table)
    assert refused.value.code == "sales.no_cost"


def test_a_day_that_is_a_partner_twice_counts_twice():
    table = days(stores=1)
    twice = trade.traffic(table, [FIRST, FIRST])
    once = trade.traffic(table, [FIRST])
    assert twice == Traffic(1, 2, 2 * once.receipts)


def test_weeks_end_with_the_day_of_the_page_and_the_first_incomplete_one_is_left_out():
    table = days(stores=1, begins=LAST - timedelta(days=16))
    found = trade.weeks(table, as_of=LAST)
    assert found["week"].to_list() == [LAST - timedelta(days=7), LAST]
    assert found["days"].to_list() == [7, 7]
    assert found["net_minor"].sum() == table.filter(pl.col("day") > LAST - timedelta(days=14))["net_minor"].sum()


def test_the_course_shows_last_year_only_where_its_days_are_whole():
    found = trade.course(days(), as_of=LAST, periods=80)
    assert found["then_minor"].null_count() > 0
    known = found.drop_nulls("then_minor")
    assert known["ends"].min() >= date(2026, 1, 1)  # type: ignore[operator]


def test_every_dimension_of_places_adds_up_to_the_same_gap():
    rng = np.random.default_rng(1)
    n = 400
    cube = pl.DataFrame(
        {
            "day": [FIRST + timedelta(days=int(d)) for d in rng.integers(0, 20, n)],
            "category": rng.choice(["x", "y"], n), "channel": rng.choice(["store", "online"], n),
            "region": [None] * n, "store_id": rng.choice(["a", "b", "c"], n), "net_minor": rng.integers(1, 900, n),
        },
        schema_overrides={"region": pl.String},
    )  # fmt: skip
    first, second = ([FIRST + timedelta(days=k) for k in r] for r in (range(10), range(10, 20)))
    sold = [
        pl.DataFrame({"product_id": ["p"], "net_minor": [trade.on_days(cube, part)["net_minor"].sum()]})
        for part in (first, second)
    ]
    found = places.gaps(cube, (sold[0], sold[1]), days=(first, second))
    assert found["dimension"].unique(maintain_order=True).to_list() == ["category", "channel", "store_id", "product_id"]
    assert found.group_by("dimension").agg(pl.col("gap_minor").sum())["gap_minor"].n_unique() == 1
