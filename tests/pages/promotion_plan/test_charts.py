"""Pictures of a plan: every choice a control, numbers that fit a telephone."""

from __future__ import annotations

import polars as pl
import vl_convert

from crmlib.kit.words import Words
from crmlib.pages.promotion_plan import charts

WORDS = Words("zh")


def response_frame():
    return pl.DataFrame(
        {
            "mechanic": ["打折", "打折"],
            "depth": ["9折", "8折"],
            "lift": [0.2, 0.5],
            "label": ["+20%", "+50%"],
            "few": [False, True],
        }
    )


GRID = pl.DataFrame(
    {
        "x": [5.0, 10.0, 5.0, 10.0],
        "y": [1.0, 2.0, -1.0, 0.0],
        "low": [0.0, 1.0, -2.0, -1.0],
        "high": [2.0, 3.0, 0.0, 1.0],
        "label": ["甲", "乙", "丙", "丁"],
        "depth": ["9.5折", "9折", "9.5折", "9折"],
        "days": ["7 天", "7 天", "14 天", "14 天"],
        "products": ["3 种商品"] * 4,
        "stores": ["2 家店"] * 4,
    }
)
PICKS = {"depth": "9折", "days": "14 天", "products": "3 种商品", "stores": "2 家店"}


def what_if():
    return charts.what_if(GRID, picks=PICKS, words=WORDS, titles=("力度", "元"))


def test_every_choice_of_the_what_if_is_a_control_and_the_picture_without_script_shows_the_asked_one():
    spec = what_if().to_dict()
    controls = {p["name"]: p for p in spec["params"] if "bind" in p}
    assert set(controls) == {f"{k}_shown" for k in PICKS}
    assert controls["days_shown"]["bind"]["options"] == ["7 天", "14 天"]
    assert all(p["bind"]["input"] == "select" and p["bind"]["name"].strip() for p in controls.values())
    picture = vl_convert.vegalite_to_svg(spec)
    assert "丁" in picture and "乙" not in picture


def test_the_heat_map_is_drawn():
    assert "+20%" in vl_convert.vegalite_to_svg(charts.response(response_frame(), words=WORDS).to_json())


def test_the_heat_map_runs_down_where_there_are_many_depths_so_numbers_fit_a_telephone():
    spec = charts.response(response_frame(), words=WORDS).to_dict()
    encoding = spec["layer"][0]["encoding"]
    assert encoding["x"]["field"] == "mechanic"
    assert encoding["y"]["field"] == "depth"
