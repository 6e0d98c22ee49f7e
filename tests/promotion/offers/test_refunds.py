# ruff: noqa: DTZ001 (offers hold by the wall clock of the stores)
from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl
import pytest

from crmlib.core.errors import ModelError
from crmlib.promotion.offers.offer import Offer
from crmlib.promotion.offers.pricing import price
from crmlib.promotion.offers.refunds import refund
from crmlib.promotion.offers.settle import settle

SPAN = {"starts_at": datetime(2026, 3, 2), "ends_at": datetime(2026, 3, 9)}


@pytest.fixture(scope="module")
def sold(baskets):
    rng = np.random.default_rng(5)
    lines, offers = baskets.random_lines(5000, rng=rng), baskets.random_offers(rng=rng)
    tables = {"products": baskets.product_table(), "stores": baskets.store_table()}
    return price(lines, offers=offers, **tables), offers, tables


def test_returning_any_subset_of_lines_pays_back_exactly_their_shares(sold):
    priced, offers, tables = sold
    rows = priced.lines.with_row_index("line_n").sample(fraction=0.4, seed=3)
    back = rows.select("line_n", returned_milli="quantity_milli")
    got = refund(priced, back, offers=offers, **tables)
    assert got.lines["refund_minor"].to_list() == rows["net_minor"].to_list()
    booked = priced.bookings.join(rows.select("line_n"), on="line_n", how="semi").sort("line_n", "offer_id")
    assert got.bookings.sort("line_n", "offer_id")["discount_minor"].to_list() == booked["discount_minor"].to_list()
    assert got.bookings["gift_cost_minor"].sum() == booked["gift_cost_minor"].sum()


def test_pieces_returned_one_by_one_add_up_to_the_whole(sold):
    priced, offers, tables = sold
    rows = priced.lines.with_row_index("line_n").filter(pl.col("quantity_milli") == 3000, pl.col("unit") == "piece")
    paid = given = 0
    for piece in range(3):
        back = rows.select("line_n", returned_milli=pl.lit(1000), earlier_milli=pl.lit(1000 * piece))
        part = refund(priced, back, offers=offers, **tables)
        lines = part.lines.sort("line_n")
        reversed_ = part.bookings.group_by("line_n").agg(pl.col("discount_minor").sum())
        check = lines.join(reversed_, on="line_n", how="left").with_columns(pl.col("discount_minor").fill_null(0))
        assert (check["list_minor"] == check["refund_minor"] + check["discount_minor"]).all()
        assert lines["refund_minor"].min() >= 0
        paid, given = paid + lines["refund_minor"].sum(), given + part.bookings["discount_minor"].sum()
    assert paid == rows["net_minor"].sum()
    assert given == rows["discount_minor"].sum()


def test_a_broken_threshold_is_priced_anew_where_the_offer_says_so(baskets):
    lines = pl.DataFrame(
        {
            "receipt_id": ["R", "R"], "store_id": ["S0", "S0"], "product_id": ["P00", "P01"],
            "sold_at": [datetime(2026, 3, 3)] * 2, "quantity_milli": [1000, 1000], "list_minor": [6000, 5000],
        }
    )  # fmt: skip
    tables = {"products": baskets.product_table(), "stores": baskets.store_table()}
    back = pl.DataFrame({"line_n": [1], "returned_milli": [1000]})
    for policy, owed in (("shares", []), ("reprice", [(("R"), 4000)])):
        offer = Offer("x", "threshold_off", **SPAN, threshold_minor=10000, off_minor=1000, on_return=policy)
        got = refund(price(lines, offers=[offer], **tables), back, offers=[offer], **tables)
        assert got.lines["refund_minor"].to_list() == [4545]
        assert got.repriced.rows() == owed  # paid 100.00, the kept goods cost 60.00 without the discount


def test_more_than_was_sold_cannot_come_back(sold):
    priced, offers, tables = sold
    back = pl.DataFrame({"line_n": [0], "returned_milli": [10**9]})
    with pytest.raises(ModelError) as refused:
        refund(priced, back, offers=offers, **tables)
    assert refused.value.code == "promotion.return_over"


def test_points_and_stored_value_pay_but_do_not_discount():
    owed = pl.DataFrame({"net_minor": [999, 10], "points": [10**6, 0], "stored_minor": [0, 50]})
    got = settle(owed, point_minor=10, points_cap_bp=3000)
    assert got.select("points_minor", "stored_used_minor", "cash_minor").rows() == [(290, 0, 709), (0, 10, 0)]
