from __future__ import annotations

from datetime import date

import polars as pl

from crmlib import panels
from crmlib.panels import handle
from crmlib.promotion.lift.bulk import BULK_UNITS, bulk_receipts
from crmlib.promotion.review import out_weeks

LINES = pl.DataFrame(
    {
        "receipt_id": ["a", "a", "b", "c", "d", "e"],
        "customer_id": ["x", "x", None, "shop", "y", None],
        "quantity_milli": [1000, 2000, 1000 * BULK_UNITS, 1000, -1000 * BULK_UNITS, 1000 * BULK_UNITS - 1],
    }
)
CARDS = pl.DataFrame({"customer_id": ["x", "shop"], "tags": [["family"], ["wholesale", "family"]]})


def test_large_lines_and_marked_cards_are_bulk_orders_and_their_returns_too():
    assert bulk_receipts(LINES, customers=CARDS).to_list() == ["b", "c", "d"]
    assert bulk_receipts(LINES).to_list() == ["b", "d"]  # without the members' tags, by size alone


def test_the_other_receipts_stay_whole():
    kept = panels.part(LINES.to_pandas(), without=bulk_receipts(LINES.to_arrow(), customers=CARDS))
    assert handle.opened(kept).collect()["receipt_id"].to_list() == ["a", "a", "e"]


def test_a_week_is_out_of_stock_if_a_whole_day_of_it_was():
    days = [date(2026, 10, d) for d in (3, 4, 5, 9, 11)]  # Saturday to Monday; a Friday; a Sunday
    stock = pl.DataFrame(
        {
            "store_id": ["s"] * 5,
            "product_id": ["p"] * 5,
            "counted_on": days,
            "on_hand_milli": [0, 0, 0, 0, 0],
        }
    )
    weeks = [
        date(2026, 9, 28),
        date(2026, 10, 5),
    ]  # Sunday and Monday were empty all day; Friday and the last are alone
    first = [(day.toordinal() - date(1970, 1, 1).toordinal() + 3) // 7 for day in weeks]
    assert out_weeks(stock)["week_n"].to_list() == first
    assert out_weeks(stock.filter(pl.col("counted_on") == days[3])).is_empty()
