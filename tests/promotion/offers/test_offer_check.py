# ruff: noqa: DTZ001 (offers hold by the wall clock of the stores)
from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import polars as pl
import pytest

from crmlib.core.errors import ContractError
from crmlib.promotion.offers.clashes import clashes
from crmlib.promotion.offers.offer import Offer, offers_from_frame
from crmlib.promotion.offers.offer_check import check_offers

SPAN = {"starts_at": datetime(2026, 3, 2), "ends_at": datetime(2026, 3, 9)}
RATE = Offer("r", "rate", **SPAN, rate_bp=8800)
GIFT = Offer("g", "gift", **SPAN, threshold_minor=100, gift_product="P00", gift_cost_minor=5)

BAD = {
    "window": [replace(RATE, ends_at=SPAN["starts_at"])],
    "rate": [replace(RATE, rate_bp=0)],
    "fields": [replace(RATE, rate_bp=None)],
    "whole": [Offer("t", "threshold_off", **SPAN, threshold_minor=100, off_minor=100)],
    "gift": [replace(GIFT, gift_cost_minor=None)],
    "limit": [replace(RATE, limit_total=5, stack_group="g")],
    "repeat": [RATE, RATE],
    "unknown": [replace(RATE, products=("nothing",))],
    "order": [replace(RATE, exclusive=True), replace(RATE, offer_id="s", exclusive=True)],
}


@pytest.mark.parametrize("reason", BAD)
def test_a_bad_offer_is_refused_with_its_reason(reason, baskets):
    with pytest.raises(ContractError) as refused:
        check_offers(BAD[reason], products=baskets.product_table(), stores=baskets.STORES)
    assert refused.value.code == f"promotion.offer_{reason}"


@pytest.mark.parametrize("rate_bp", [10_000, 12_000, -1])
def test_a_rate_outside_zero_to_ten_is_refused(rate_bp, baskets):
    with pytest.raises(ContractError):
        check_offers([replace(RATE, rate_bp=rate_bp)], products=baskets.product_table(), stores=baskets.STORES)


def test_an_unknown_store_or_category_is_refused(baskets):
    for wrong in (replace(RATE, stores=("moon",)), replace(RATE, categories=("moon",))):
        with pytest.raises(ContractError) as refused:
            check_offers([wrong], products=baskets.product_table(), stores=baskets.STORES)
        assert refused.value.code == "promotion.offer_unknown"


def test_exclusive_offers_with_an_order_are_accepted(baskets):
    pair = [replace(RATE, exclusive=True), replace(RATE, offer_id="s", exclusive=True, priority=5)]
    check_offers(pair, products=baskets.product_table(), stores=baskets.STORES)
    grouped = [replace(o, priority=1, stack_group="g") for o in pair]
    check_offers(grouped, products=baskets.product_table(), stores=baskets.STORES)


def test_the_calendar_lists_where_offers_meet_and_what_happens(baskets):
    tables = {"products": baskets.product_table(), "stores": baskets.store_table()}
    later = replace(RATE, offer_id="s", starts_at=datetime(2026, 3, 8), ends_at=datetime(2026, 4, 1), exclusive=True)
    apart = replace(RATE, offer_id="t", products=("P01",), stores=("S1",), starts_at=datetime(2026, 5, 1),
                    ends_at=datetime(2026, 5, 2))  # fmt: skip
    got = clashes([later, RATE, apart], **tables)
    assert got.select("one", "other", "starts_at", "products", "stores", "outcome").rows() == [
        ("r", "s", datetime(2026, 3, 8), 23, 4, "first")
    ]
    assert clashes([], **tables).is_empty()


def test_offers_are_read_from_a_table_with_lists_and_nulls():
    frame = pl.DataFrame(
        {
            "offer_id": ["a"],
            "mechanic": ["rate"],
            "starts_at": [SPAN["starts_at"]],
            "ends_at": [SPAN["ends_at"]],
            "rate_bp": [8800],
            "stores": [["S1", "S2"]],
            "grades": [None],
        }
    )
    assert offers_from_frame(frame) == [Offer("a", "rate", **SPAN, rate_bp=8800, stores=("S1", "S2"))]
