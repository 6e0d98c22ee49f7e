"""Pictures of the sales pulse and the waterfall hold what they are given."""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.kit.charts.steps import steps
from crmlib.kit.words import Words
from crmlib.pages.sales_pulse import charts


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
