"""The points account: open points by month of issue, below zero, what is put aside; the sample is never below zero."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from crmlib.balances.liability import points
from crmlib.simulate.vocabulary import toml

AS_OF = date(2026, 10, 31)


def entries(*rows: tuple) -> pl.DataFrame:
    schema = {"customer_id": pl.String, "at": pl.Date, "kind": pl.String, "points": pl.Int64, "cost_minor": pl.Int64}
    return (
        pl.DataFrame(rows, schema=schema, orient="row")
        .with_row_index("n")
        .select(pl.col("n").cast(pl.String).alias("entry_id"), *schema)
    )


BOOK = entries(
    ("a", date(2026, 8, 5), "earn", 500, None),
    ("a", date(2026, 9, 5), "earn", 300, None),
    ("a", date(2026, 9, 9), "redeem", -600, 600),
    ("b", date(2026, 9, 9), "earn", 100, None),
    ("b", date(2026, 10, 1), "earn", -130, None),
    ("c", date(2026, 9, 1), "earn", 200, None),
    ("c", date(2026, 10, 9), "expire", -200, None),
)


def test_what_is_open_stands_by_month_of_issue_and_debts_apart():
    found = points.account(BOOK, as_of=AS_OF, life_months=12)
    assert found.outstanding == 500 + 300 - 600 + 100 - 130
    assert found.below.rows() == [("b", -30)]
    assert found.cohorts.rows() == [(date(2026, 8, 1), 500, 500, 0, 0), (date(2026, 9, 1), 600, 200, 200, 200)]
    assert found.cohorts["open"].sum() + found.below["points"].sum() == found.outstanding
    assert (found.worth, found.cost(250)) == (1.0, 250)
    assert not found.future.judged, "no cycle has closed"


def test_below_zero_at_any_entry_is_an_offence_even_if_later_filled_up():
    later = pl.concat([BOOK, entries(("b", date(2026, 10, 20), "earn", 900, None))])
    assert points.offences(later).select("key", "amount").rows() == [("b", -30)]
    opened = pl.concat([later, entries(("b", date(2026, 1, 1), "open", 30, None))])
    assert points.offences(opened).is_empty()


def test_a_month_counts_returns_against_what_was_issued():
    found = points.by_month(BOOK, as_of=AS_OF)
    assert found.rows()[-1] == (date(2026, 10, 1), -130, 0, 200)


def test_part_of_the_sales_is_put_aside_for_their_points():
    found = points.account(BOOK, as_of=AS_OF, life_months=12)
    assert points.put_aside(100_000, 10_000, found) == pytest.approx(
        100_000 * 10_000 * found.use_share / (100_000 + 10_000 * found.use_share), abs=1
    )
    assert points.put_aside(0, 10_000, found) is None


def test_who_came_lately_is_not_on_the_list_of_the_quiet():
    assert points.holders(BOOK, as_of=AS_OF, quiet_days=60)["customer_id"].to_list() == []
    assert points.holders(BOOK, as_of=AS_OF, quiet_days=40)["customer_id"].to_list() == ["a"]


def test_the_samples_accounts_never_fall_below_zero_and_did_without_their_openings(root: Path):
    h, words = toml("headers")["points"], toml("words")
    kinds = {v: k for group in ("points_kind", "points_open") for k, v in words[group].items()}
    parts = [
        pl.read_csv(root / "data_samples" / f"{n}.csv.gz", infer_schema=False) for n in ("points", "opening_points")
    ]
    rows = [
        p.rename({v: k for k, v in h.items()}).with_columns(
            pl.col("points").cast(pl.Int64), pl.col("kind").replace_strict(kinds), pl.col("at").str.to_datetime()
        )
        for p in parts
    ]
    assert points.offences(pl.concat(rows)).is_empty()
    assert points.offences(rows[0]).height == rows[1].height == 28
