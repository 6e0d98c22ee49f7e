"""The store-product-week grid: sums, and the five reasons for a missing row."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings

from crmlib import panels
from crmlib.core.errors import ContractError, ParameterError
from tests.panels.lines import ENGINES, SCHEMA, line_frames

MONDAY = date(2019, 4, 8)
SUNDAY = MONDAY + timedelta(27)
STORES = pl.DataFrame({"store_id": ["s1", "s2"]})


def sale(store: str, day: date, *, product: str = "p", quantity: int = 1000, net: int = 100) -> tuple[object, ...]:
    return ("r", store, None, product, (day - date(1970, 1, 1)).days, quantity, net, 120, 50, None)


def grid(rows: list[tuple[object, ...]], **options: object) -> pl.DataFrame:
    lines = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    return panels.store_product_week(lines, stores=options.pop("stores", STORES), start=MONDAY, end=SUNDAY, **options)  # type: ignore[arg-type]


def states(frame: pl.DataFrame, store: str, product: str = "p") -> list[str]:
    return frame.filter(pl.col("store_id") == store, pl.col("product_id") == product)["state"].to_list()


@settings(max_examples=8)
@given(lines=line_frames(max_lines=40))
@pytest.mark.parametrize("name", ["pandas", "pyarrow", "duckdb"])
def test_engines_agree_and_sums_survive(name: str, lines: pl.DataFrame) -> None:
    start, end = date(2019, 4, 8), date(2019, 5, 5)
    found = panels.store_product_week(lines, stores=STORES, start=start, end=end)
    other = panels.store_product_week(ENGINES[name](lines), stores=STORES, start=start, end=end)
    assert found.equals(other)
    inside = lines.filter(pl.col("day_n").is_between((start - date(1970, 1, 1)).days, (end - date(1970, 1, 1)).days))
    assert found["net_minor"].sum() == inside["net_minor"].sum()
    assert found["quantity_milli"].sum() == inside["quantity_milli"].sum()


def test_a_week_without_sale_of_a_carried_product_is_a_zero() -> None:
    rows = [sale("s1", MONDAY), sale("s1", MONDAY + timedelta(14)), sale("s1", MONDAY + timedelta(8), product="q")]
    assert states(grid(rows), "s1")[:3] == ["sold", "zero", "sold"]


def test_an_open_store_that_sent_nothing_is_unknown_not_zero() -> None:
    rows = [sale("s1", MONDAY), sale("s1", MONDAY + timedelta(14))]
    found = grid(rows)
    assert states(found, "s1")[1] == "unknown"
    assert found["net_minor"].to_list()[1] is None


def test_before_the_first_sale_and_long_after_the_last_a_product_is_not_carried() -> None:
    rows = [sale("s1", MONDAY + timedelta(7 * w), product="q") for w in range(4)]
    rows.append(sale("s1", MONDAY + timedelta(7)))
    assert states(grid(rows, carry_weeks=1), "s1") == ["not_carried", "sold", "zero", "not_carried"]


def test_a_closed_store_is_closed_and_open_days_are_counted() -> None:
    shops = STORES.with_columns(opened_on=pl.lit(None, pl.Date), closed_on=pl.lit(MONDAY + timedelta(8), pl.Date))
    closures = pl.DataFrame(
        {"store_id": ["s2"], "starts_on": [MONDAY + timedelta(14)], "ends_on": [None]},
        schema_overrides={"ends_on": pl.Date},
    )
    rows = [sale("s1", MONDAY), sale("s2", MONDAY)]
    assert grid(rows, stores=shops).filter(store_id="s1")["open_days"].to_list() == [7, 2, 0, 0]
    assert states(grid(rows, stores=shops), "s1")[2:] == ["closed", "closed"]
    assert states(grid(rows, closures=closures), "s2")[2:] == ["closed", "closed"]


def test_price_comes_from_sales_not_from_returns() -> None:
    rows = [sale("s1", MONDAY, quantity=2000, net=150), sale("s1", MONDAY, quantity=-1000, net=-75)]
    row = grid(rows).row(0, named=True)
    assert (row["price"], row["base_price"], row["quantity_milli"], row["net_minor"]) == (75.0, 60.0, 1000, 75)


def test_a_week_of_returns_only_is_a_zero_with_negative_sales() -> None:
    rows = [sale("s1", MONDAY), sale("s1", MONDAY + timedelta(7), quantity=-1000, net=-100)]
    row = grid(rows).row(1, named=True)
    assert (row["state"], row["net_minor"], row["price"]) == ("zero", -100, None)


def test_cut_weeks_are_refused() -> None:
    with pytest.raises(ParameterError, match="Monday"):
        panels.store_product_week(pl.DataFrame(), stores=STORES, start=MONDAY + timedelta(1), end=SUNDAY)


def test_lines_of_an_unlisted_store_are_refused() -> None:
    with pytest.raises(ContractError, match="1 store "):
        grid([sale("s9", MONDAY)])
