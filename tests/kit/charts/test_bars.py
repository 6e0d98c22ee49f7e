"""Bars, lines and dots: bars from zero, the order of the rows, a label on every mark."""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.kit.charts import bars


def test_bars_keep_the_order_of_the_rows_start_at_zero_and_leave_room_for_labels() -> None:
    frame = pl.DataFrame({"name": ["b", "a"], "n": [5.0, 9.0], "label": ["5", "9"]})
    x = bars.bars(frame, category="name", value="n", label="label").to_dict()["layer"][0]["encoding"]
    assert x["y"]["sort"] == ["b", "a"]
    low, high = x["x"]["scale"]["domain"]
    assert low == 0.0
    assert high > 9.0


def test_lines_show_all_of_the_scale_and_label_the_last_month() -> None:
    frame = pl.DataFrame({"month": [date(2025, 1, 1), date(2025, 2, 1)], "s": [0.5, 0.6], "label": ["50%", "60%"]})
    spec = bars.share_line(frame, x="month", value="s", label="label", month_format="%b").to_dict()
    assert spec["layer"][0]["encoding"]["y"]["scale"]["domain"] == [0, 1]
    assert any("transform" in part for part in spec["layer"])
    columns = bars.columns(frame, x="month", value="s", label="label", month_format="%b").to_dict()
    assert columns["mark"]["type"] == "bar"


def test_ratios_stand_on_a_logarithmic_axis_around_one() -> None:
    frame = pl.DataFrame({"n": ["x"], "v": [2.0], "lo": [1.5], "hi": [2.5], "label": ["2"], "odd": [True]})
    spec = bars.dots(
        frame, category="n", value="v", low="lo", high="hi", label="label", unusual="odd", title="t"
    ).to_dict()
    scale = next(p for p in spec["layer"] if p["mark"]["type"] == "point")["encoding"]["x"]["scale"]
    assert scale["type"] == "log"
    assert scale["domain"][0] < 1.0
    assert scale["domain"][1] > 2.5
    assert "text" not in {part["mark"]["type"] for part in spec["layer"]}  # a phone has no room beside the dots


def test_intervals_are_drawn_over_bars_of_shares() -> None:
    frame = pl.DataFrame({"n": ["x"], "v": [0.5], "lo": [0.4], "hi": [0.6], "label": ["50%"]})
    spec = bars.interval_bars(frame, category="n", value="v", low="lo", high="hi", label="label").to_dict()
    assert [p["mark"]["type"] for p in spec["layer"]] == ["bar", "rule", "text"]
    assert spec["layer"][0]["encoding"]["x"]["scale"]["domain"] == [0, 1]
