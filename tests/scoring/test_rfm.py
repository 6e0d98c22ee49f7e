"""RFM: strict ranks on the published sample, twins alike, frozen cuts, refusals."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.core.errors import ModelError
from crmlib.panels import rfm_cuts
from crmlib.scoring.rfm import rfm, strict_scores

EPOCH = date(1970, 1, 1)
DAY_454 = date(1997, 1, 1) + timedelta(days=454)


def test_cdnow_frequency_classes_are_the_reference_ones(cdnow_customers: pl.DataFrame) -> None:
    found = rfm(cdnow_customers, as_of=DAY_454)
    f = found.classes.filter(pl.col("measure") == "frequency").sort("score")
    assert f["customers"].to_list() == [12_426, 0, 4_215, 2_239, 4_690]
    assert f["at_least"].to_list()[1] is None  # the empty class is shown, not relabelled
    once = found.customers.filter(pl.col("frequency") == 1)
    assert once["f"].unique().to_list() == [1]


def test_the_classes_agree_with_the_panel_that_cuts_them_on_the_lines(cdnow: pl.DataFrame) -> None:
    lines = cdnow.with_columns(
        quantity_milli=pl.lit(1000, dtype=pl.Int64), receipt_id=pl.lit("r"), cost_minor=pl.lit(None, dtype=pl.Int64)
    )
    panel = rfm_cuts(lines, period_end=DAY_454)
    customers = (
        cdnow.filter(pl.col("day_n") <= (DAY_454 - EPOCH).days)
        .group_by("customer_id")
        .agg(
            last_day_n=pl.col("day_n").max(),
            purchase_days=pl.col("day_n").n_unique().cast(pl.Int64),
            net_minor=pl.col("net_minor").sum(),
        )
    )
    ours = rfm(customers, as_of=DAY_454).classes
    key = ["measure", "score"]
    assert ours.sort(key).select("at_least", "customers").equals(panel.sort(key).select("at_least", "customers"))


@settings(max_examples=150, deadline=None)
@given(values=st.lists(st.integers(-5, 9), min_size=1, max_size=60), classes=st.integers(2, 9))
def test_scores_are_the_strict_rank_formula(values: list[int], classes: int) -> None:
    x = np.array(values)
    expected = [1 + classes * int((x < v).sum()) // x.size for v in x]
    assert strict_scores(x, classes=classes).tolist() == expected


def test_all_one_time_buyers_have_frequency_one_and_are_refused_unless_empty_classes_are_allowed() -> None:
    bought = pl.DataFrame(
        {
            "customer_id": list("abcdef"),
            "last_day_n": [10, 11, 12, 13, 14, 15],
            "purchase_days": [1] * 6,
            "net_minor": [1, 2, 3, 4, 5, 6],
        }
    )
    with pytest.raises(ModelError) as refused:
        rfm(bought, as_of=date(1970, 2, 1))
    assert refused.value.code == "scoring.too_many_classes"
    found = rfm(bought, as_of=date(1970, 2, 1), allow_empty=True)
    assert found.customers["f"].to_list() == [1] * 6
    assert found.classes.filter(pl.col("measure") == "frequency")["customers"].to_list() == [6, 0, 0, 0, 0]


def test_a_purchase_after_the_reporting_day_is_refused_with_count_and_example() -> None:
    bought = pl.DataFrame(
        {"customer_id": ["13800138000"], "last_day_n": [99_999], "purchase_days": [1], "net_minor": [1]}
    )
    with pytest.raises(ModelError) as refused:
        rfm(bought, as_of=date(2026, 1, 1), allow_empty=True)
    assert refused.value.code == "scoring.future"
    assert refused.value.examples == ("138…00",)


def test_frozen_cuts_score_a_shrunken_month_lower_and_another_definition_is_refused(
    cdnow_customers: pl.DataFrame,
) -> None:
    first = rfm(cdnow_customers, as_of=DAY_454, definition="all")
    halved = cdnow_customers.with_columns(net_minor=pl.col("net_minor") // 2)
    moved = rfm(halved, as_of=DAY_454, definition="all", frozen=first.cuts)
    assert moved.customers["m"].mean() < first.customers["m"].mean()  # type: ignore[operator]
    fresh = rfm(halved, as_of=DAY_454, definition="all")
    assert fresh.customers["m"].mean() == pytest.approx(first.customers["m"].mean(), abs=0.01)  # hides the fall
    with pytest.raises(ModelError) as refused:
        rfm(halved, as_of=DAY_454, definition="region", frozen=first.cuts)
    assert refused.value.code == "scoring.frozen_other"
    with pytest.raises(ModelError):
        rfm(halved, as_of=DAY_454, classes=4, definition="all", frozen=first.cuts)


def test_one_customer_and_customers_without_a_purchase_day() -> None:
    bought = pl.DataFrame(
        {"customer_id": ["a", "returned"], "last_day_n": [5, None], "purchase_days": [1, 0], "net_minor": [9, -9]},
        schema_overrides={"last_day_n": pl.Int32},
    )
    found = rfm(bought, as_of=date(1970, 1, 9), allow_empty=True)
    assert found.customers.select("recency_days", "rfm").row(0) == (3, "111")
