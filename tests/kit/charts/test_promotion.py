from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
import vl_convert

from crmlib.kit.charts import intervals, signed
from crmlib.kit.words import Words
from crmlib.pages.promotion_plan import charts as promotion_plan
from crmlib.pages.promotion_watch import charts as promotion_watch

WORDS = Words("zh")


def bars():
    return pl.DataFrame(
        {
            "name": ["多卖", "回落", "净增"],
            "value": [100.0, -30.0, 70.0],
            "low": [60.0, -50.0, None],
            "high": [140.0, -10.0, None],
            "label": ["100 件", "-30 件", "70 件"],
            "total": [False, False, True],
        }
    )


def domain(spec, layer=0):
    return spec["layer"][layer]["encoding"]["x"]["scale"]["domain"]


def test_signed_bars_hold_zero_every_interval_and_keep_the_order_of_the_rows():
    spec = signed.signed_bars(bars(), words=WORDS, title="件").to_dict()
    low, high = domain(spec)
    assert low < -50 and high > 140
    assert spec["layer"][0]["encoding"]["y"]["sort"] == ["多卖", "回落", "净增"]
    assert sum(layer["mark"]["type"] == "rule" for layer in spec["layer"]) == 1


def test_bars_of_gains_alone_start_at_zero():
    spec = signed.signed_bars(bars().filter(pl.col("value") > 0).drop("low", "high"), words=WORDS, title="件").to_dict()
    assert domain(spec)[0] == 0


def test_intervals_mark_zero():
    frame = bars().with_columns(doubt=pl.lit(value=True))
    spec = intervals.intervals(frame, words=WORDS, title="件").to_dict()
    assert spec["layer"][0]["mark"]["type"] == "rule"
    assert domain(spec, layer=1)[0] < 0


def band_frame():
    days = [date(2026, 1, 1) + timedelta(days=i) for i in range(4)]
    rows = [
        {"day": d, "series": s, "kind": k, "value": 10.0 * i, "low": 5.0 * i, "high": 15.0 * i}
        for s, k in (("计划", "plan"), ("实际", "actual"), ("预测", "projected"))
        for i, d in enumerate(days)
    ]
    return pl.DataFrame(rows)


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
    return promotion_plan.what_if(GRID, picks=PICKS, words=WORDS, titles=("力度", "元"))


def test_every_choice_of_the_what_if_is_a_control_and_the_picture_without_script_shows_the_asked_one():
    spec = what_if().to_dict()
    controls = {p["name"]: p for p in spec["params"] if "bind" in p}
    assert set(controls) == {f"{k}_shown" for k in PICKS}
    assert controls["days_shown"]["bind"]["options"] == ["7 天", "14 天"]
    assert all(p["bind"]["input"] == "select" and p["bind"]["name"].strip() for p in controls.values())
    picture = vl_convert.vegalite_to_svg(spec)
    assert "丁" in picture and "乙" not in picture


@pytest.mark.parametrize(
    "chart",
    [
        lambda: signed.signed_bars(bars(), words=WORDS, title="件"),
        lambda: intervals.intervals(bars().with_columns(doubt=pl.lit(value=False)), words=WORDS, title="件"),
        lambda: promotion_watch.band(band_frame(), words=WORDS),
        what_if,
        lambda: promotion_plan.response(response_frame(), words=WORDS),
    ],
    ids=["signed_bars", "intervals", "band", "what_if", "response"],
)
def test_every_picture_can_be_drawn(chart):
    svg = vl_convert.vegalite_to_svg(chart().to_json())
    assert svg.startswith("<svg") and "NaN" not in svg


def test_the_heat_map_runs_down_where_there_are_many_depths_so_numbers_fit_a_telephone():
    spec = promotion_plan.response(response_frame(), words=WORDS).to_dict()
    encoding = spec["layer"][0]["encoding"]
    assert encoding["x"]["field"] == "mechanic"
    assert encoding["y"]["field"] == "depth"
