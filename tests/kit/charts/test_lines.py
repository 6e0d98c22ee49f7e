"""Months: all of the scale, the last value labelled, columns from zero."""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.kit.charts import lines


def test_lines_show_all_of_the_scale_and_label_the_last_month() -> None:
    frame = pl.DataFrame({"month": [date(2025, 1, 1), date(2025, 2, 1)], "s": [0.5, 0.6], "label": ["50%", "60%"]})
    spec = lines.share_line(frame, x="month", value="s", label="label", month_format="%b").to_dict()
    assert spec["layer"][0]["encoding"]["y"]["scale"]["domain"] == [0, 1]
    assert any("transform" in part for part in spec["layer"])
    columns = lines.columns(frame, x="month", value="s", label="label", month_format="%b").to_dict()
    assert columns["mark"]["type"] == "bar"
