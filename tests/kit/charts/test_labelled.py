"""Labelled bars: the order of the rows, zero on the axis, figures that stay inside on a telephone."""

from __future__ import annotations

import re
from pathlib import Path

import altair as alt
import polars as pl
import pytest

from crmlib.kit.charts import labelled, rows
from crmlib.kit.words import Words
from tests.kit.charts import drawing

ZH = Words("zh")
FRAME = pl.DataFrame(
    {
        "name": ["多卖", "回落", "净增"],
        "value": [100.0, -30.0, 70.0],
        "low": [60.0, -50.0, None],
        "high": [140.0, -10.0, None],
        "label": ["1,234 件", "-30 件", "70 件"],
        "tone": [None, None, "total"],
    }
)
LONG = pl.DataFrame(
    {
        "name": ["Taken from siblings of the category", "第二件半价的年货礼盒与坚果组合"],
        "value": [5.0, 3.0],
        "label": ["105,916 元，占 30.4%", "12,345 元"],
    }
)


def bars(frame, **changes):
    return labelled.bars(frame, words=ZH, **({"title": "件"} | changes))


def values(chart):
    return next(iter(chart.to_dict()["datasets"].values()))


def test_bars_keep_the_order_of_the_rows_and_draw_their_intervals():
    spec = bars(FRAME).to_dict()
    assert spec["layer"][0]["encoding"]["y"]["sort"] == ["多卖", "回落", "净增"]
    assert sum(layer["mark"]["type"] == "rule" for layer in spec["layer"]) == 1
    assert not [
        layer for layer in bars(FRAME.drop("low", "high")).to_dict()["layer"] if layer["mark"]["type"] == "rule"
    ]


def test_gains_losses_and_sums_are_told_apart():
    assert [row["tone"] for row in values(bars(FRAME))] == ["plain", "loss", "total"]
    quiet = FRAME.with_columns(tone=rows.toned(pl.col("value") > 80))
    assert [row["tone"] for row in values(bars(quiet))] == ["quiet", "loss", "plain"]


@pytest.mark.parametrize("width", [drawing.PHONE, drawing.DESK])
def test_bars_start_at_zero(width):
    """The axis of gains alone begins at zero, wherever it is drawn: the first tick stands at the first bar."""
    chart = bars(FRAME.filter(pl.col("value") > 0).drop("low", "high"))
    at = drawing.texts(chart, width=width)
    names_end = at["净增"][1]
    assert 0 <= sum(at["0"]) / 2 - names_end < 12


@pytest.mark.parametrize("frame", [FRAME, LONG], ids=["short", "long"])
def test_figures_stay_inside_on_a_telephone_and_on_a_wide_page(frame):
    assert drawing.inside(bars(frame), frame["label"].to_list())


def test_figures_of_small_bars_take_no_room_from_a_wide_page():
    chart = bars(pl.DataFrame({"name": ["a"], "value": [1.0], "label": ["1"]}))
    assert drawing.texts(chart, width=drawing.DESK)["1"][0] > 0.9 * drawing.DESK


def test_a_long_name_has_two_lines_and_loses_nothing():
    assert not any("…" in text for text in drawing.texts(bars(LONG), width=drawing.PHONE))
    assert rows.in_two("Taken from siblings of the category") == "Taken from siblings\nof the category"
    assert rows.in_two("Difference-in-differences") == "Difference-\nin-differences"
    assert rows.in_two("2026-09-20 新品品鉴会") == "2026-09-20\n新品品鉴会"
    assert rows.in_two("第二件半价的年货礼盒与坚果组合") == "第二件半价的年\n货礼盒与坚果组合"


def test_no_name_leaves_the_picture_to_the_left_on_a_telephone():
    names = ["Weekend or weekday: mostly weekdays", "x" * 60, "礼" * 40]
    frame = pl.DataFrame({"name": names, "value": [1.0, 2.0, 3.0], "label": ["1", "2", "3"]})
    chart = bars(frame)
    assert all(left >= -1 for left, _ in drawing.texts(chart, width=drawing.PHONE).values())
    shown = drawing.texts(chart, width=drawing.PHONE)
    assert all(rows.in_two(name).replace("\n", " ") in shown for name in names)  # neighbours do not hide one another
    assert "…" in rows.in_two("礼" * 40) and "…" not in rows.in_two(names[0])


def test_counts_have_whole_ticks_and_shares_none_above_the_whole():
    counts = bars(pl.DataFrame({"name": ["a"], "value": [2], "label": ["2"]}))
    assert not [text for text in drawing.texts(counts, width=drawing.DESK) if "." in text]
    shares = bars(pl.DataFrame({"name": ["a"], "value": [0.98], "label": ["98 of 100"]}), percent=True)
    ticks = [int(text[:-1]) for text in drawing.texts(shares, width=drawing.PHONE) if text.endswith("%")]
    assert max(ticks) == 100


def test_thresholds_are_dashed_lines():
    spec = bars(FRAME, marks=(0.1, 0.25)).to_dict()
    assert any(layer["mark"].get("strokeDash") for layer in spec["layer"])


@pytest.mark.parametrize("value", [0.0, None, -1.0, 1e12])
def test_odd_values_are_drawn(value):
    frame = pl.DataFrame({"name": ["a"], "value": [value], "label": ["x"]}, schema_overrides={"value": pl.Float64})
    assert "NaN" not in drawing.svg(bars(frame), width=drawing.PHONE)


def test_no_axis_counts_in_the_sizes_of_another_language():
    """k, M and G of the drawing library are nobody's words for money or points in Chinese."""
    package = Path(labelled.__file__).parents[2]
    sources = [path for room in ("kit", "pages") for path in (package / room).rglob("*.py")]
    assert [p.name for p in sources if re.search(r"format=\"[^\"]*s\"", p.read_text(encoding="utf-8"))] == []
    frame = pl.DataFrame({"m": ["a", "b"], "v": [-612_000.0, 1_300_000.0]})
    for language, said in (("zh", {"-50万", "100万"}), ("en", {"-500K", "1M"})):
        axis = rows.large(Words(language))
        drawn = alt.Chart(frame).mark_bar().encode(x="m:N", y=alt.Y("v:Q", axis=axis))
        assert said <= {t.replace("\u2212", "-") for t in drawing.texts(drawn, width=drawing.PHONE)}
