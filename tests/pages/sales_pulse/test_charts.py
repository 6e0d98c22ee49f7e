"""Pictures of the sales pulse and the waterfall hold what they are given."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from crmlib.kit.charts.steps import steps
from crmlib.kit.words import Words
from crmlib.pages.sales_pulse import charts
from tests.kit.charts import drawing


def test_steps_begin_where_the_one_before_ended_and_the_last_bar_is_their_sum(words: Words) -> None:
    frame = pl.DataFrame({"name": ["a", "b"], "value": [5.0, -2.0], "label": ["5", "-2"]})
    drawn = steps(frame, words=words, title="x", total="sum", label="3").to_dict()
    rows = next(rows for rows in drawn["datasets"].values() if len(rows) == 3)
    assert [(r["start"], r["stop"]) for r in rows] == [(0, 5), (5, 3), (0, 3)]
    assert [r["tone"] for r in rows] == ["plain", "loss", "total"]


def test_the_course_draws_both_years_from_zero_and_names_the_festivals() -> None:
    frame = pl.DataFrame(
        {"ends": [date(2026, 2, 1)] * 2, "series": ["now", "then"], "value": [1.0, 2.0], "label": ["1", "2"]}
    )
    marks = pl.DataFrame({"day": [date(2026, 2, 17)], "name": ["Spring Festival"]})
    drawn = charts.course(frame, marks, title="x", order=["now", "then"], day_format="%m").to_dict()
    assert drawn["layer"][1]["encoding"]["y"]["scale"]["domainMin"] == 0
    assert "Spring Festival" in str(drawn["datasets"])
    assert len(charts.course(frame, marks.clear(), title="x", order=["now"], day_format="%m").to_dict()["layer"]) == 1


@pytest.mark.parametrize("width", [drawing.PHONE, drawing.DESK])
def test_names_of_festivals_do_not_run_into_each_other_or_off_the_chart(width: int) -> None:
    days = [date(2025, 11, 2) + timedelta(7 * n) for n in range(52)]
    frame = pl.DataFrame({"ends": days, "series": "now", "value": 1.0, "label": "1"})
    names = ["Spring Festival", "Dragon Boat Festival", "Mid-Autumn Festival"]
    marks = pl.DataFrame({"day": [date(2026, 2, 17), date(2026, 6, 19), date(2026, 9, 25)], "name": names})
    chart = charts.course(frame, marks, title="x", order=["now"], day_format="%m")
    at = drawing.boxes(chart, width=width)
    boxes = [at[name] for name in names]
    assert all(left >= 0 and right <= width for left, right, _, _ in boxes)
    for n, (left, right, top, below) in enumerate(boxes):
        for other in boxes[n + 1 :]:
            assert right <= other[0] or other[1] <= left or below <= other[2] or other[3] <= top
