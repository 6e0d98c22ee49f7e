"""Lifetime charts: bars from zero, labels beside them, nothing computed."""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.kit.words import Words
from crmlib.pages.customer_lifetime import charts

WORDS = Words("en")


def test_expected_stands_beside_actual_in_two_colours():
    frame = pl.DataFrame(
        {"name": ["0", "0"], "series": ["Actual", "Expected"], "value": [3.0, 2.0], "label": ["3", "2"]}
    )
    spec = charts.expected_beside_actual(frame, words=WORDS, x_title="x", y_title="y").to_dict()
    colours = spec["layer"][0]["encoding"]["color"]["scale"]
    assert colours["domain"] == ["Actual", "Expected"]
    assert len(set(colours["range"])) == 2


def test_tracking_marks_where_the_model_stops_knowing():
    frame = pl.DataFrame(
        {
            "day": [date(2025, 1, 7)] * 2,
            "series": ["Actual", "Expected"],
            "weekly": [1.0, 2.0],
            "cumulative": [1.0, 2.0],
            "cut": [date(2025, 1, 7)] * 2,
        }
    )
    spec = charts.tracking(frame, words=WORDS).to_dict()
    assert len(spec["vconcat"]) == 2
    assert WORDS("customer_lifetime.chart.holdout") in str(spec)


def test_where_outcomes_fell_has_its_level():
    tenths = pl.DataFrame({"name": ["1"], "share": [0.1], "label": ["10%"]})
    assert charts.pit(tenths, words=WORDS).to_dict()["layer"][1]["mark"]["type"] == "rule"


def test_the_curve_shows_its_band():
    frame = pl.DataFrame({"months": [1], "value": [1.0], "low": [0.5], "high": [1.5], "label": ["1"]})
    assert charts.newcomer_curve(frame, words=WORDS, title="t").to_dict()["layer"][0]["mark"]["type"] == "area"
