"""Pictures of sites: the map shows the city and nothing else, labels are there, nothing is computed away."""

from __future__ import annotations

import io
import json

import numpy as np
import polars as pl
import pytest
import vl_convert
from PIL import Image

from crmlib.kit.charts import theme
from crmlib.kit.words import Words
from crmlib.pages.site_selection import charts as pictures

ZH, EN = Words("zh"), Words("en")
SIDE = 0.02  # degrees


def hexagons(clockwise: bool = True) -> pl.DataFrame:
    """A city of 6 × 6 cells around 120.1° E, 30.2° N."""
    rings, rank = [], []
    turn = np.radians(np.arange(0, 360, 60)) * (-1 if clockwise else 1)
    for i in range(6):
        for j in range(6):
            x, y = 120.1 + i * SIDE, 30.2 + j * SIDE
            ring = [[x + 0.5 * SIDE * np.cos(t), y + 0.5 * SIDE * np.sin(t)] for t in turn]
            rings.append([*ring, ring[0]])
            rank.append((i + j) % 5)
    names = ["a", "b", "c", "d", "e"]
    return pl.DataFrame(
        {"ring": rings, "rank": rank, "level": [names[r] for r in rank], "people": [1000] * 36},
        schema_overrides={"ring": pl.List(pl.List(pl.Float64))},
    )


PLACES = pl.DataFrame(
    {
        "layer": ["rival", "own", "candidate", "chosen"], "name": ["", "own 1", "cand 1", "best"],
        "lat": [30.22, 30.24, 30.26, 30.28], "lon": [120.12, 120.14, 120.16, 120.18],
    }
)  # fmt: skip


def pixels(chart) -> np.ndarray:
    png = vl_convert.vegalite_to_png(json.dumps(chart.to_dict()), scale=1)
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def painted(image: np.ndarray) -> np.ndarray:
    """Where the ground of the map is: teal tints of the heat ramp, not white paper."""
    return (image[..., 0] < 235) & (image[..., 1] - image[..., 0] > 8)


def test_the_map_fills_its_frame_with_the_city_and_leaves_the_corners_white():
    image = pixels(pictures.town_map(hexagons(), PLACES, words=EN))
    ground = painted(image)
    rows, columns = np.where(ground)
    height, width = rows.max() - rows.min(), columns.max() - columns.min()
    assert height > 0.75 * pictures.MAP_HEIGHT  # the fitted bounding box is the city
    assert 0.6 < height / width < 1.6  # a square city stays square: no polygon spans the globe
    share = ground.mean()
    assert 0.15 < share < 0.75  # no polygon paints the page
    assert np.all(image[:30, -30:].min(axis=(0, 1)) >= 250)


def test_counter_clockwise_polygons_would_paint_the_page():
    """The trap the shapes avoid: this test fails if Vega ever changes its mind about winding."""
    right = painted(pixels(pictures.town_map(hexagons(), PLACES, words=EN)))
    wrong = painted(pixels(pictures.town_map(hexagons(clockwise=False), PLACES, words=EN)))
    rows, columns = np.where(right)
    city = (slice(rows.min(), rows.max()), slice(columns.min(), columns.max()))
    outside = right.copy()
    outside[city] = True
    assert wrong[~outside].mean() > 0.1


def test_the_map_names_the_chosen_sites_only():
    text = vl_convert.vegalite_to_svg(json.dumps(pictures.town_map(hexagons(), PLACES, words=ZH).to_dict()))
    assert "best" in text
    assert ">own 1<" not in text
    assert ZH("site_selection.map.chosen") in text


def test_the_map_asks_for_nothing_from_the_internet():
    spec = json.dumps(pictures.town_map(hexagons(), PLACES, words=EN).to_dict())
    assert '"url"' not in spec


CURVE = pl.DataFrame(
    {"k": [1, 2, 1, 2], "who": ["x", "x", "y", "y"], "amount": [1.0, 2.0, 0.5, 1.0], "label": ["", "2", "", "1"]}
)
STEPS = pl.DataFrame(
    {
        "site": ["s"] * 3, "order": [0, 1, 2], "step": ["p", "q", "r"], "start": [0.0, 5.0, 0.0],
        "end": [5.0, 3.0, 3.0], "label": ["5", "-2", "3"], "kind": ["total", "down", "total"],
    }
)  # fmt: skip
PAID = pl.DataFrame({"name": ["a", "a"], "month": [1, 2], "p_paid": [0.0, 0.4]})
LEASES = pl.DataFrame({"name": ["a"], "month": [2], "p_paid": [0.4], "label": ["40%"]})
OPENED = pl.DataFrame(
    {"name": ["a"], "predicted": [2.0], "low": [1.0], "high": [3.0], "actual": [4.0], "inside": [False]}
)
SCENARIOS = pl.DataFrame(
    {
        "k": [1, 1], "spacing": [0.0, 0.0], "size": [1.0, 1.15], "rivals": ["no", "no"], "closes": ["none", "none"],
        "name": ["a", "a"], "order": [0, 0], "net": [100.0, 110.0], "rent": [10.0, 11.0], "fixed": [5.0, 6.0],
        "capex": [40.0, 40.0],
    }
)  # fmt: skip
START = {"k": 1, "spacing": 0.0, "margin_percent": 35}
FRAMES = {
    "curve": lambda w: pictures.profit_curve(CURVE, words=w),
    "waterfall": lambda w: pictures.waterfall(STEPS, words=w),
    "paid": lambda w: pictures.paid_back(PAID, LEASES, words=w),
    "opened": lambda w: pictures.opened(OPENED, words=w),
    "what_if": lambda w: pictures.what_if(SCENARIOS, words=w, start=START, lost_months=4.0),
}


@pytest.mark.parametrize("words", [ZH, EN], ids=["zh", "en"])
@pytest.mark.parametrize("name", FRAMES)
def test_every_picture_draws_in_both_languages(name, words):
    chart = FRAMES[name](words)
    spec = chart.to_dict()
    assert spec["config"]["font"] == theme.FONT
    assert vl_convert.vegalite_to_svg(json.dumps(spec)).count("<path") > 2


@pytest.mark.parametrize("name", ["curve", "waterfall", "what_if"])
def test_amounts_are_drawn_from_zero(name):
    spec = json.dumps(FRAMES[name](EN).to_dict())
    assert '"zero": false' not in spec


def test_the_what_if_works_out_rent_margin_and_payback():
    """100 net at 35 % earn 35; rent 10 and fixed 5 leave 20; 40 of capex and 4 ramp months are back in month 31."""
    svg = vl_convert.vegalite_to_svg(json.dumps(FRAMES["what_if"](EN).to_dict()))
    assert "20 · 31 months" in svg
    assert "Profit a year, all sites: 20" in svg


def test_every_control_of_the_what_if_is_there():
    spec = FRAMES["what_if"](EN).to_dict()
    names = {p["name"] for p in spec["params"]}
    assert names == {f"wi_{n}" for n in ("k", "spacing", "size", "rent", "margin", "rivals", "closes", "limit")}


def test_the_waterfall_lets_the_reader_pick_a_site():
    spec = FRAMES["waterfall"](ZH).to_dict()
    assert spec["params"][0]["bind"]["options"] == ["s"]


def test_names_of_places_close_together_stand_above_and_below_their_marks() -> None:
    near = PLACES.filter(pl.col("layer") == "chosen").head(1)
    lon, lat = near.select("lon", "lat").row(0)
    twin = near.with_columns(name=pl.lit("twin"), lat=pl.lit(lat - 0.001), lon=pl.lit(lon + 0.001))
    spec = pictures.town_map(hexagons(), pl.concat([PLACES, twin]), words=EN).to_dict()
    texts = [layer for layer in spec["layer"] if layer["mark"].get("fontSize") == 13 and "stroke" in layer["mark"]]
    assert {layer["mark"]["dy"] for layer in texts} == {-15, 18}
    alone = pictures.town_map(hexagons(), PLACES, words=EN).to_dict()
    assert not [layer for layer in alone["layer"] if layer["mark"].get("dy") == 18]
