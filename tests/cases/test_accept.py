"""Old figures against new: every fen of the difference has a reason, or there is no go."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.cases import accept
from crmlib.core.errors import ModelError

MONTHS = ("2026-01", "2026-02")
ROW = st.fixed_dictionaries(
    {
        "scope": st.sampled_from(["north", "south"]),
        "period": st.sampled_from(MONTHS),
        "old_period": st.sampled_from(MONTHS),
        "amount": st.integers(-(10**6), 10**6),
        "old_amount": st.none() | st.integers(-(10**6), 10**6),
        "in_old": st.booleans(),
        "in_new": st.booleans(),
        "copies": st.integers(1, 3),
        "rounded": st.none() | st.integers(-(10**6), 10**6),
    }
)
SCHEMA = {"old_amount": pl.Int64, "rounded": pl.Int64}


def systems(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What the two systems print for these rows."""
    told = pl.coalesce("rounded", "old_amount", "amount") * pl.col("copies")
    old = rows.filter("in_old").group_by("scope", period="old_period").agg(value=told.sum())
    new = rows.filter("in_new").group_by("scope", "period").agg(value=pl.col("amount").sum())
    named = [frame.with_columns(figure_id=pl.lit("net")) for frame in (old, new)]
    return named[0].with_columns(definition=pl.lit("net sales by day of the till")), named[1]


@given(st.lists(ROW, min_size=1, max_size=40))
def test_reasons_measured_on_rows_explain_every_unit(rows):
    table = pl.DataFrame(rows, schema_overrides=SCHEMA)
    old, new = systems(table)
    result = accept.compare(old, new, accept.measured(table, figure_id="net"))
    assert result.unexplained == 0
    assert result.table.select((pl.col("difference") == pl.sum_horizontal(accept.REASONS)).all()).item()


def test_planted_differences_are_found_by_reason():
    rng = np.random.default_rng(1)
    n = 1000
    amount = rng.integers(100, 100_000, n)
    plain = pl.DataFrame(
        {
            "scope": ["north"] * n, "period": ["2026-01"] * n, "old_period": ["2026-01"] * n, "amount": amount,
            "old_amount": [None] * n, "in_old": [True] * n, "in_new": [True] * n,
            "copies": [1] * n, "rounded": [None] * n,
        },
        schema_overrides=SCHEMA,
    )  # fmt: skip
    at = pl.int_range(pl.len())
    table = plain.with_columns(
        copies=pl.when(at < 10).then(2).otherwise(1),
        in_old=~at.is_between(10, 19),
        old_amount=pl.when(at.is_between(20, 29)).then(pl.col("amount") + 50),
        old_period=pl.when(at.is_between(30, 39)).then(pl.lit("2025-12")).otherwise("old_period"),
        rounded=pl.when(at.is_between(40, 49)).then((pl.col("amount") + 50) // 100 * 100),
    )
    old, new = systems(table)
    result = accept.compare(old, new, accept.measured(table, figure_id="net"))
    row = result.table.filter(pl.col("period") == "2026-01").row(0, named=True)
    assert row["duplicate"] == -amount[:10].sum()
    assert row["excluded"] == amount[10:20].sum()
    assert row["definition"] == -500
    assert row["timing"] == amount[30:40].sum()
    assert row["rounding"] == (amount[40:50] - (amount[40:50] + 50) // 100 * 100).sum()
    assert result.unexplained == 0
    assert not result.go, "December stands on the old side only"
    assert result.blocking()["only"].to_list() == ["old"]


def test_one_unexplained_fen_stops_the_go():
    key = {"figure_id": ["net"], "scope": ["north"], "period": ["2026-01"]}
    old = pl.DataFrame({**key, "value": [100], "definition": ["net sales"]})
    new = pl.DataFrame({**key, "value": [103]})
    why = pl.DataFrame({**key, "reason": ["timing"], "amount": [2]})
    result = accept.compare(old, new, why)
    assert (result.go, result.unexplained) == (False, 1)
    assert accept.compare(old, new, why.with_columns(amount=3)).go
    with pytest.raises(ModelError) as error:
        accept.compare(old, new, why.with_columns(reason=pl.lit("mood")))
    assert error.value.code == "cases.reason"
    with pytest.raises(ModelError) as error:
        accept.compare(old.with_columns(definition=pl.lit(" ")), new, why)
    assert error.value.code == "cases.no_definition"
