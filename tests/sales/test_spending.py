"""Expenses beside a year ago: volume and spending add up to the change, stores add up to the house, truth is found."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from crmlib.sales import spending
from crmlib.simulate.vocabulary import toml

AS_OF = date(2026, 10, 31)
WEIGHTS = pl.DataFrame(
    {
        "store_id": ["a", "b"] * 2,
        "region": ["x", "y"] * 2,
        "month": [date(2025, 10, 1)] * 2 + [date(2026, 10, 1)] * 2,
        "net_sales": [600_000, 400_000, 500_000, 400_000],
        "area": [1, 1] * 2,
        "staff": [2, 1] * 2,
        "net_minor": [600_000, 400_000, 500_000, 400_000],
        "margin_minor": [300_000, 200_000, 250_000, 200_000],
    }
)


def vouchers(*rows: tuple) -> pl.DataFrame:
    schema = {
        "kind": pl.String,
        "line": pl.String,
        "store_id": pl.String,
        "region": pl.String,
        "month": pl.Date,
        "amount_minor": pl.Int64,
        "variable": pl.Boolean,
        "allocation_key": pl.String,
        "state": pl.String,
    }
    return (
        pl.DataFrame(rows, schema=schema, orient="row")
        .with_row_index("n")
        .with_columns(expense_id=pl.col("n").cast(pl.String))
    )


THEN, NOW = date(2025, 10, 1), date(2026, 10, 1)
BOOK = vouchers(
    ("selling", "freight", None, None, THEN, 80_000, True, "net_sales", "spent"),
    ("selling", "rent", "a", "x", THEN, 50_000, False, None, "spent"),
    ("selling", "freight", None, None, NOW, 78_000, True, "net_sales", "spent"),
    ("selling", "rent", "a", "x", NOW, 50_000, False, None, "spent"),
    ("finance", "interest", None, None, NOW, 9_999, False, "none", "spent"),
    ("selling", "rent", "b", "y", NOW, 70_001, False, None, "committed"),
)


def test_volume_and_spending_add_up_to_the_change_and_sales_explain_what_varies():
    found = spending.against_last_year(BOOK, WEIGHTS, as_of=AS_OF)
    rows = {r["line"]: r for r in found.iter_rows(named=True)}
    assert [rows["freight"][c] for c in ("plan_minor", "volume_minor", "spending_minor")] == [80_000, -8_000, 6_000]
    assert [rows["rent"][c] for c in ("plan_minor", "volume_minor", "spending_minor")] == [50_000, 0, 0]
    assert (rows["interest"]["plan_minor"], rows["interest"]["spending_minor"]) == (0, 9_999)
    left = pl.col("plan_minor") + pl.col("volume_minor") + pl.col("spending_minor") - pl.col("spent_minor")
    assert found.select(left.abs().sum()).item() == 0


def test_stores_add_up_to_what_was_spent_and_keeps_out_what_is_not_shared():
    found = spending.by_store(BOOK, WEIGHTS, as_of=AS_OF)
    own, shared = found["own_minor"].sum(), found["shared_minor"].sum()
    assert (own, shared) == (50_000, 78_000)
    assert found.filter(pl.col("store_id") == "a")["left_minor"].item() == 250_000 - 50_000 - 43_333


def test_a_store_that_is_new_has_no_plan():
    found = spending.against_last_year(
        BOOK.with_columns(state=pl.lit("spent")).filter(pl.col("store_id").is_not_null()),
        WEIGHTS,
        as_of=AS_OF,
        by=("store_id", "line"),
    )
    rows = {r["store_id"]: (r["months_now"], r["months_then"]) for r in found.iter_rows(named=True)}
    assert rows == {"a": (1, 1), "b": (1, 0)}


@pytest.mark.parametrize("planted", ["media", "energy"])
def test_the_sample_shows_what_was_planted(root: Path, planted: str):
    folder, words = root / "data_samples", toml("words")["expense"]
    h = {v: k for k, v in toml("headers")["expenses"].items()}
    raw = pl.read_csv(folder / "expenses.csv.gz", infer_schema=False).rename(h)
    rows = raw.with_columns(
        pl.col("month").str.to_date(),
        pl.col("variable") == "是",
        state=pl.lit("spent"),
        amount_minor=(pl.col("amount").cast(pl.Float64) * 100).round().cast(pl.Int64),
    )
    truth = pl.read_parquet(folder / "truth" / "expenses.parquet").filter(pl.col("line") == planted)
    said, store = words["lines"][planted]["name"], truth["store_id"].item()
    weights = WEIGHTS.clear()
    if store is None:
        found = spending.against_last_year(rows, weights, as_of=AS_OF)
        assert found["line"][0] == said
    else:
        own = rows.filter(pl.col("line") == said)
        found = spending.against_last_year(own, weights, as_of=AS_OF, by=("store_id", "line"))
        found = found.filter(pl.col("months_now") == pl.col("months_then")).with_columns(
            ratio=pl.col("spending_minor") / pl.col("plan_minor")
        )
        assert found.sort("ratio")["store_id"][-1] == store
