"""Cut tables: strict ranks against the definition, CDNOW's classes, empty classes."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib import panels
from crmlib.core.errors import ModelError

END = date(1970, 3, 1)


def lines_of(trips: list[int]) -> pl.DataFrame:
    """One customer per entry, with that many purchase days."""
    rows = [(f"c{i}", day, 1000, 100) for i, n in enumerate(trips) for day in range(n)]
    schema = {"customer_id": pl.String, "day_n": pl.Int32, "quantity_milli": pl.Int64, "net_minor": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


@settings(max_examples=60)
@given(trips=st.lists(st.integers(1, 6), min_size=1, max_size=30), classes=st.integers(2, 6))
def test_scores_are_strict_ranks(trips: list[int], classes: int) -> None:
    cuts = panels.rfm_cuts(lines_of(trips), period_end=END, classes=classes).filter(pl.col("measure") == "frequency")
    scores = [1 + classes * sum(y < x for y in trips) // len(trips) for x in trips]
    assert cuts["customers"].to_list() == [scores.count(k) for k in range(1, classes + 1)]
    lowest = [min((x for x, s in zip(trips, scores, strict=True) if s == k), default=None) for k in cuts["score"]]
    assert cuts["at_least"].to_list() == lowest


def test_a_one_time_buyer_always_has_the_lowest_frequency() -> None:
    cuts = panels.rfm_cuts(lines_of([1] * 8 + [5, 9]), period_end=END).filter(pl.col("measure") == "frequency")
    assert cuts["customers"].to_list() == [8, 0, 0, 0, 2]


def test_nobody_bought_is_refused() -> None:
    with pytest.raises(ModelError, match="nobody bought by"):
        panels.rfm_cuts(lines_of([]), period_end=END)
