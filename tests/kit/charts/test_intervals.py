"""Points with intervals: zero or one marked, doubt drawn hollow, figures that stay inside on a telephone."""

from __future__ import annotations

import polars as pl
import pytest

from crmlib.kit.charts import intervals, theme
from crmlib.kit.words import Words
from tests.kit.charts import drawing

ZH = Words("zh")
FRAME = pl.DataFrame(
    {
        "name": ["7 月坚果满减", "8 月礼盒"],
        "value": [0.4, -0.1],
        "low": [0.1, None],
        "high": [0.7, None],
        "label": ["多卖 40%，1,234 件", "-10%"],
        "doubt": [False, True],
    }
)
RATIOS = pl.DataFrame(
    {"name": ["x", "y"], "value": [2.0, 0.7], "low": [1.5, 0.5], "high": [2.5, 1.2], "label": ["2.0", "0.7"]}
)


def drawn(frame, **changes):
    return intervals.intervals(frame, words=ZH, **({"title": "t"} | changes))


@pytest.mark.parametrize(("log", "at"), [(False, 0.0), (True, 1.0)])
def test_a_line_stands_where_nothing_differs(log, at):
    spec = drawn(RATIOS, log=log).to_dict()
    line = spec["layer"][0]
    assert line["mark"]["strokeDash"]
    assert spec["datasets"][line["data"]["name"]] == [{"mark": at}]


def test_ratios_stand_on_a_logarithmic_axis_around_one():
    at = drawing.texts(drawn(RATIOS, log=True), width=drawing.DESK)
    half, one, two = (sum(at[tick]) / 2 for tick in ("0.5", "1", "2"))
    assert one - half == pytest.approx(two - one, abs=3)


def test_doubt_is_drawn_hollow():
    points = [
        p for p in drawing.svg(drawn(FRAME), width=drawing.DESK).split("<path") if "A" in p and "stroke-width" in p
    ]
    assert sum(f'fill="{theme.PAPER}"' in p for p in points) == 1


@pytest.mark.parametrize(("frame", "log"), [(FRAME, False), (RATIOS, True)], ids=["differences", "ratios"])
def test_figures_stay_inside_on_a_telephone_and_on_a_wide_page(frame, log):
    assert drawing.inside(drawn(frame, log=log, percent=not log), frame["label"].to_list())
    assert "NaN" not in drawing.svg(drawn(frame, log=log), width=drawing.PHONE)
