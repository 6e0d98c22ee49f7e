"""Feature and display weeks of Breakfast at the Frat, judged as events: real prices, real gaps, nobody's simulator."""

from __future__ import annotations

import importlib.util

import polars as pl
import pytest

CATEGORY = "COLD CEREAL"


@pytest.fixture(scope="module")
def judged(real_data, root):
    spec = importlib.util.spec_from_file_location("bench_frat", root / "benchmarks" / "bench_promotion_frat.py")
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    return bench.judged(real_data / "breakfast_frat", CATEGORY)[2]


@pytest.mark.real_data
def test_feature_with_display_lifts_more_than_either_alone(judged):
    core = judged.parts.filter(pl.col("role") == "event").with_columns(
        kind=pl.col("event_id").str.split("|").list.get(1)
    )
    by = core.group_by("kind").agg(lift=pl.col("effect_milli").sum() / pl.col("base_milli").sum(), n=pl.len())
    found = dict(by.select("kind", "lift").iter_rows())
    assert by["n"].min() >= 20
    assert found["both"] > max(found["feature"], found["display"]) > 0.2
    assert found["both"] < 2  # the published elasticities put a shown and discounted product near +120 %


@pytest.mark.real_data
def test_on_real_weeks_the_intervals_hold_what_they_say(judged):
    assert judged.scale.placebos > 500
    assert 0.87 <= judged.achieved <= 0.93
    assert set(judged.events["status"]) == {"ok", "r7"}  # weeks in which every store shows a product have no control
