"""Money on an axis: 万 and K from where the language counts so, and never twice."""

from __future__ import annotations

import polars as pl
import pytest
import vl_convert

from crmlib.kit.charts import intervals, labelled, money, steps
from crmlib.kit.words import LANGUAGES, Words


def svg(most: float, *, language: str, title: str, draw: str = "bars") -> str:
    words = Words(language)
    frame = pl.DataFrame({"name": ["a", "b"], "value": [float(most), -most / 2], "label": ["x", "y"]})
    if draw == "steps":
        chart = steps.steps(frame, words=words, title=title, total="t", label="l")
    elif draw == "intervals":
        chart = intervals.intervals(frame.with_columns(low=pl.col("value") - 1, high="value"), words=words, title=title)
    else:
        chart = labelled.bars(frame, words=words, title=title)
    return str(vl_convert.vegalite_to_svg(chart.to_json()))


@pytest.mark.parametrize("draw", ["bars", "steps", "intervals"])
@pytest.mark.parametrize(("language", "sign"), [("zh", "万"), ("en", "K")])
def test_ticks_of_large_amounts_are_in_the_languages_own_size(language: str, sign: str, draw: str) -> None:
    large = svg(400_000, language=language, title="x", draw=draw)
    assert f">{'20万' if sign == '万' else '200K'}<" in large and ",000<" not in large
    assert f"{sign}<" not in svg(900, language=language, title="x", draw=draw)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_axis_whose_title_says_the_scale_does_not_say_it_again(language: str) -> None:
    divisor, title = money.axis(900_000_000_00, words=Words(language))
    drawn = svg(900_000_000_00 / divisor, language=language, title=title)
    assert "万<" not in drawn.replace(title, "") and "K<" not in drawn
