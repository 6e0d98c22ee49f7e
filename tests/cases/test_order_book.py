"""Order days and what an order earns; on the sample's shops the law finds who stopped and who comes."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from crmlib.cases import cycle, order_book
from crmlib.core.dates import day_number

LAST = date(2026, 10, 31)


def orders(**columns):
    rows = {
        "order_id": ["a", "b", "c", "d"],
        "partner_id": ["p", "p", None, "p"],
        "customer_id": [None, None, "k", None],
        "entered_at": [pl.date(2026, 10, d) for d in (1, 1, 3, 4)],
        "state": ["closed", "closed", "entered", "cancelled"],
    }
    frame = pl.DataFrame({k: v for k, v in rows.items() if k != "entered_at"})
    return frame.with_columns(
        entered_at=pl.Series([date(2026, 10, d) for d in (1, 1, 3, 4)]).cast(pl.Datetime)
    ).with_columns(**columns)


def test_two_orders_of_a_day_are_one_and_cancelled_ones_none():
    made = order_book.order_days(orders())
    assert made.rows() == [("k", day_number(date(2026, 10, 3))), ("p", day_number(date(2026, 10, 1)))]


def test_an_order_taken_at_a_meeting_is_no_rhythm():
    made = order_book.order_days(orders(meeting_id=pl.Series([None, None, "m1", None], dtype=pl.String)))
    assert made["customer_id"].to_list() == ["p"]


def test_an_order_earns_its_lines_less_their_cost_and_unknown_costs_earn_nothing():
    lines = pl.DataFrame(
        {"order_id": ["a", "b", "c", "d"], "product_id": ["x", "y", "y", "x"], "ordered_milli": [2000] * 4,
         "price_minor": [500, 300, 300, 500]}
    )  # fmt: skip
    goods = pl.DataFrame({"product_id": ["x", "y"], "cost_minor": [400, None]})
    made = order_book.worth(orders(), lines, goods, as_of=LAST).sort("customer_id")
    assert made.rows() == [("k", 1, 600, None), ("p", 2, 800, 100)]
    assert order_book.worth(orders(), lines, None, as_of=LAST)["margin_minor"].is_null().all()
    assert order_book.amounts(orders(), lines)["amount_minor"].to_list() == [1000, 600, 600, 1000]


@pytest.fixture(scope="module")
def shops(root: Path):
    book = pl.read_csv(root / "data_samples" / "trade_orders.csv.gz", try_parse_dates=True)
    kept = book.filter(pl.col("状态") != "已取消")
    days = kept.select(customer_id="客户编码", day_n=pl.col("下单时间").dt.date().cast(pl.Int32)).unique()
    truth = pl.read_parquet(root / "data_samples" / "truth" / "trade.parquet").rename({"partner_id": "customer_id"})
    return days, truth


def test_who_is_said_to_have_stopped_has_and_who_is_said_to_come_comes(shops):
    days, truth = shops
    said = cycle.next_order(days, as_of=LAST).buyers.join(truth, on="customer_id")
    gone = said.filter(pl.col("state") == "stopped")
    assert gone.height >= 25
    assert gone["stopped_on"].is_not_null().mean() >= 0.95
    came = said["next_on"].is_between(LAST, LAST + timedelta(days=30)).fill_null(value=False)
    assert said["p_30"].sum() == pytest.approx(came.sum(), rel=0.15)
    naive = days.filter(pl.col("day_n") <= day_number(LAST)).sort("customer_id", "day_n").group_by("customer_id").agg(
        next=pl.col("day_n").last() + pl.col("day_n").diff().mean(), n=pl.len()
    )  # fmt: skip
    past = naive.filter(pl.col("n") > 3)["next"] < day_number(LAST)
    assert past.mean() > 0.4, "last order and mean gap is in the past for every second shop"
