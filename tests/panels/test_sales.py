"""The cube and the products' periods: sums survive on every engine, units are never added."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib import panels
from crmlib.panels import engine
from tests.panels.lines import ENGINES, SCHEMA, line_frames

START, END = date(1970, 1, 1) + timedelta(18_000), date(1970, 1, 1) + timedelta(18_020)
GOODS = pl.DataFrame({"product_id": ["p", "q"], "is_service": [False, False], "category_1": ["nuts", None]})


def full(lines: pl.DataFrame) -> pl.DataFrame:
    weighed = pl.when(pl.col("product_id") == "q").then(pl.lit("kg")).otherwise(pl.lit("piece"))
    return lines.with_columns(unit=weighed, channel=pl.lit("store"), staff_id=pl.lit(None, dtype=pl.String))


@settings(max_examples=8)
@given(lines=line_frames())
@pytest.mark.parametrize("name", list(ENGINES))
def test_cube_and_periods_agree_between_engines_and_add_up(name: str, lines: pl.DataFrame) -> None:
    lines, make = full(lines), ENGINES[name]
    cube = panels.store_day_cube(lines, GOODS, start=START, end=END)
    if name == "duckdb":  # a relation joins only relations of its own connection
        assert panels.store_day_cube(make(lines), start=START, end=END)["net_minor"].sum() == cube["net_minor"].sum()
    else:
        assert panels.store_day_cube(make(lines), GOODS, start=START, end=END).equals(cube)
    period = panels.product_period(lines, start=START, end=END, by=["store_id"])
    assert panels.product_period(make(lines), start=START, end=END, by=["store_id"]).equals(period)
    for panel in (cube, period):
        assert panel["net_minor"].sum() == lines["net_minor"].sum()
        assert panel["lines"].sum() == lines.height
        costed = lines.filter(pl.col("cost_minor").is_not_null())
        assert panel["cost_minor"].sum() == costed["cost_minor"].sum()
        assert panel["uncosted_minor"].sum() == lines["net_minor"].sum() - costed["net_minor"].sum()
    by_unit = dict(lines.group_by("unit").agg(pl.col("quantity_milli").sum()).iter_rows())
    assert (cube["kg_milli"].sum(), cube["piece_milli"].sum()) == (by_unit.get("kg", 0), by_unit.get("piece", 0))
    odd = lines.filter(pl.col("day_n") % 2 == 1)
    assert period.filter(pl.col("half") == 1)["net_minor"].sum() == odd["net_minor"].sum()


def test_services_are_no_sales_and_days_outside_are_left_out() -> None:
    row = {"receipt_id": "r", "store_id": "s", "customer_id": "c", "quantity_milli": 1000, "cost_minor": None}
    lines = full(
        pl.DataFrame(
            [
                {**row, "product_id": "p", "day_n": 18_000, "net_minor": 500},
                {**row, "product_id": "card", "day_n": 18_000, "net_minor": 100_000},
                {**row, "product_id": "p", "day_n": 17_999, "net_minor": 7},
            ],
            schema_overrides={"cost_minor": pl.Int64},
        )
    )
    goods = pl.DataFrame({"product_id": ["p", "card"], "is_service": [False, True], "category_1": ["nuts", None]})
    cube = panels.store_day_cube(lines, goods, start=START, end=END).row(0, named=True)
    assert (cube["net_minor"], cube["card_net_minor"], cube["category"]) == (500, 500, "nuts")
    naive = panels.store_day_cube(lines, start=START, end=END)
    assert naive["net_minor"].sum() == 100_500  # a card that was sold, counted as goods


def test_a_product_that_stands_twice_is_refused() -> None:
    twice = pl.concat([GOODS, GOODS])
    with pytest.raises(Exception, match="repeat a product_id"):
        panels.store_day_cube(full(pl.DataFrame(schema=SCHEMA)), twice, start=START, end=END)


@given(seed=st.integers(0, 99))
def test_rows_sorted_by_numbers_stand_as_if_sorted_by_texts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = ["b", "a", "aa", "\u00e9", "", "Z", "\u4e2d", None]
    frame = pl.DataFrame(
        {
            "t": pl.Series([names[i] for i in rng.integers(0, 8, 60)], dtype=pl.String),
            "n": pl.Series([None if x > 3 else int(x) - 5 for x in rng.integers(0, 6, 60)], dtype=pl.Int32),
            "u": pl.Series([names[i] for i in rng.integers(0, 7, 60)], dtype=pl.String),
        }
    ).unique(maintain_order=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "MANY_ROWS", 0)
        assert engine.ordered(frame, ["t", "n", "u"]).equals(frame.sort("t", "n", "u", nulls_last=True))
