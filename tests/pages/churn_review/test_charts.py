"""Pictures of the churn review."""

from __future__ import annotations

import json

import polars as pl
import pytest
import vl_convert

from crmlib.kit.words import Words
from crmlib.pages.churn_review import charts as churn_review
from tests.kit.charts import drawing

ZH = Words("zh")


def flow_frame():
    rows = [
        ("01-31", "new", 5, "+2", 8),
        ("01-31", "won_back", 3, None, 8),
        ("01-31", "lost", -6, None, 8),
        ("02-28", "new", 4, "-3", 4),
        ("02-28", "won_back", 0, None, 4),
        ("02-28", "provisional", -7, None, 4),
    ]
    return pl.DataFrame(rows, schema=["ends_on", "kind", "customers", "net", "top"], orient="row")


MADE = {
    "stages": lambda: churn_review.stages(
        pl.DataFrame({"name": ["x", "y"], "reached": [9, 4], "lost": [2, 1], "label": ["2", "1"]}), words=ZH
    ),
    "flow": lambda: churn_review.flow(flow_frame(), words=ZH),
    "stores": lambda: churn_review.stores(
        pl.DataFrame({"name": ["s", "t"], "net": [-5, 3], "label": ["-5", "+3"], "closed": [True, False]}), words=ZH
    ),
    "incidence": lambda: churn_review.incidence(
        pl.DataFrame(
            {
                "cause": ["lost", "won"],
                "time": [10.0, 10.0],
                "share": [0.2, 0.5],
                "low": [0.1, 0.4],
                "high": [0.3, 0.6],
                "label": ["lost", "won"],
            }
        ),
        words=ZH,
    ),
}


@pytest.mark.parametrize("name", sorted(MADE))
def test_every_picture_draws(name):
    svg = vl_convert.vegalite_to_svg(json.dumps(MADE[name]().to_dict()))
    assert svg.count("<path") + svg.count("<text") > 3


def test_provisional_losses_are_lighter_than_final_ones():
    spec = MADE["flow"]().to_dict()
    scale = spec["layer"][0]["encoding"]["color"]["scale"]
    colours = dict(zip(scale["domain"], scale["range"], strict=True))
    assert colours[ZH("churn_review.kind.lost")] != colours[ZH("churn_review.kind.provisional")]


def test_the_labels_of_stores_stay_inside_on_a_telephone():
    frame = pl.DataFrame(
        {"name": ["a", "b"], "net": [-128, 63], "label": ["-128（已停业）", "+63"], "closed": [True, False]}
    )
    chart = churn_review.stores(frame, words=ZH)
    assert drawing.inside(chart, frame["label"].to_list())
    assert [row["tone"] for row in next(iter(chart.to_dict()["datasets"].values()))] == ["quiet", "plain"]


def test_a_stage_shows_how_many_reached_it_and_the_part_of_them_lost_there():
    frame = pl.DataFrame({"name": ["x"], "reached": [1234], "lost": [200], "label": ["200 人（16%）"]})
    chart = churn_review.stages(frame, words=ZH)
    assert [layer["encoding"]["x"]["field"] for layer in chart.to_dict()["layer"][:2]] == ["reached", "lost"]
    assert drawing.inside(chart, ["200 人（16%）"])
