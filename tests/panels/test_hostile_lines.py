"""Lines as analysts hand them in: no fraction is cut, no sum wraps around, no row counts twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from crmlib import panels
from crmlib.core.errors import CrmError
from crmlib.panels.traits import customer_traits

START, END = date(2024, 1, 1), date(2025, 1, 1)
MONDAY, SUNDAY = date(2024, 10, 7), date(2024, 10, 13)
LINES = {
    "customer_id": ["a", "a", "b"],
    "receipt_id": ["1", "1", "2"],
    "store_id": ["s"] * 3,
    "product_id": ["p", "q", "p"],
    "day_n": [20_003, 20_003, 20_004],
    "quantity_milli": [1_000, -1_000, 1_000],
    "net_minor": [500, -200, 100],
    "cost_minor": [300, None, 50],
    "list_minor": [600, None, None],
    "promotion_id": ["x", None, None],
}
WITHOUT_DAY = {name: values for name, values in LINES.items() if name != "day_n"}


def period(**changes: object) -> pl.DataFrame:
    return panels.customer_period(pd.DataFrame(LINES | changes), start=START, end=END)


def weeks(**changes: object) -> pl.DataFrame:
    given = {"stores": pl.DataFrame({"store_id": ["s"]}), "start": MONDAY, "end": SUNDAY} | changes
    return panels.store_product_week(pl.DataFrame(LINES), **given)


@pytest.mark.parametrize(
    ("code", "call"),
    [
        ("frame.not_whole", lambda: period(net_minor=[1.25, 2.5, 3.9])),
        ("frame.not_whole", lambda: period(net_minor=["1", "2", "3"])),
        (
            "frame.not_whole",
            lambda: panels.customer_period(
                pl.LazyFrame(LINES).with_columns(net_minor=pl.lit(1.5)), start=START, end=END
            ),
        ),
        ("frame.mixed_types", lambda: period(customer_id=["a", 1, None])),
        ("panels.missing_values", lambda: period(net_minor=[None, 2, 3])),
        (
            "panels.missing_values",
            lambda: panels.customer_summary(pl.DataFrame(LINES).with_columns(day_n=None), period_end=END),
        ),
        ("panels.value_range", lambda: period(net_minor=[2**62, 1, 1])),
        (
            "panels.day_type",
            lambda: panels.customer_summary(
                pl.DataFrame(WITHOUT_DAY).with_columns(day=pl.lit("2024-10-07")), period_end=END
            ),
        ),
        (
            "panels.day_type",
            lambda: panels.customer_summary(
                pd.DataFrame(WITHOUT_DAY).assign(day=pd.Timestamp("2024-10-07", tz="UTC")), period_end=END
            ),
        ),
        ("frame.no_day", lambda: panels.customer_summary(pl.DataFrame(LINES), period_end="2025-01-01")),
        ("frame.choice", lambda: panels.purchase_history(pl.DataFrame(LINES), period_end=END, unit="month")),
        ("frame.choice", lambda: panels.purchase_history(pl.DataFrame(LINES), period_end=END, currency="XYZ")),
        ("panels.classes", lambda: panels.rfm_cuts(pl.DataFrame(LINES), period_end=END, classes=0)),
        (
            "frame.repeated_key",
            lambda: panels.flows(
                pl.DataFrame(LINES),
                pl.DataFrame({"customer_id": ["a", "a"], "home_cell": ["x", "y"]}),
                start=START,
                end=END,
            ),
        ),
        ("frame.repeated_key", lambda: weeks(stores=pl.DataFrame({"store_id": ["s", "s"]}))),
        (
            "frame.repeated_key",
            lambda: customer_traits(
                pl.DataFrame(LINES),
                pl.DataFrame({"product_id": ["p", "p"], "is_gift": [True, False]}),
                start=START,
                end=END,
            ),
        ),
    ],
)
def test_what_would_be_cut_lost_or_counted_twice_is_refused(code: str, call: Callable[[], object]) -> None:
    with pytest.raises(CrmError) as refused:
        call()
    assert refused.value.code == code


def test_sums_of_narrow_integers_do_not_wrap_around() -> None:
    large = [2**31 - 1] * 3
    narrow = pa.table(LINES | {"customer_id": ["a"] * 3, "net_minor": pa.array(large, pa.int32())})
    assert panels.customer_period(narrow, start=START, end=END)["net_minor"].to_list() == [3 * (2**31 - 1)]
    lazy = pl.from_arrow(narrow).lazy()
    assert panels.customer_period(lazy, start=START, end=END)["net_minor"].to_list() == [3 * (2**31 - 1)]


def test_ids_that_pandas_made_floats_are_the_numbers_they_were() -> None:
    found = period(customer_id=[17_850, 17_850, np.nan])
    assert found["customer_id"].to_list() == ["17850"]


def test_stored_customer_days_need_no_quantities() -> None:
    days = panels.customer_day(pl.DataFrame(LINES)).drop("quantity_milli")
    expected = panels.customer_summary(pl.DataFrame(LINES), period_end=END)
    assert panels.customer_summary(days, period_end=END).equals(expected)
