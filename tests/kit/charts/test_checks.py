"""Pictures of checks: league, calibration, drift."""

from __future__ import annotations

import json

import polars as pl
import pytest
import vl_convert

from crmlib.kit.charts import checks
from crmlib.kit.words import Words

ZH = Words("zh")


MADE = {
    "league": lambda: checks.league(
        pl.DataFrame(
            {
                "name": ["risk", "risk"],
                "population": ["all", "active"],
                "auc": [0.8, 0.7],
                "auc_low": [0.75, 0.6],
                "auc_high": [0.85, 0.8],
                "label": ["0.800", "0.700"],
            }
        ),
        words=ZH,
    ),
    "calibration": lambda: checks.calibration(
        pl.DataFrame({"expected": [0.2], "observed": [0.25], "low": [0.2], "high": [0.3]}), titles=("said", "came")
    ),
    "drift": lambda: checks.drift(
        pl.DataFrame({"label": ["risk"], "psi": [0.3], "text": ["0.30"], "verdict": ["alarm"]}), words=ZH
    ),
}


@pytest.mark.parametrize("name", sorted(MADE))
def test_every_picture_draws(name):
    svg = vl_convert.vegalite_to_svg(json.dumps(MADE[name]().to_dict()))
    assert svg.count("<path") + svg.count("<text") > 3


def test_the_risk_is_drawn_against_the_diagonal_on_axes_of_shares():
    spec = MADE["calibration"]().to_dict()
    assert spec["layer"][0]["mark"]["type"] == "line"
    assert {axis["scale"]["domain"][1] for axis in spec["layer"][0]["encoding"].values()} == {1}


def test_drift_has_the_colour_of_its_verdict_and_both_thresholds():
    verdicts = ["alarm", "note", "steady"]
    frame = pl.DataFrame({"label": verdicts, "psi": [0.3, 0.2, 0.0], "text": ["a", "b", "c"], "verdict": verdicts})
    data = checks.drift(frame, words=ZH).to_dict()["datasets"].values()
    assert [[row["tone"] for row in rows] for rows in data if "tone" in rows[0]] == [["fail", "warn", "quiet"]]
    assert [[row["mark"] for row in rows] for rows in data if "mark" in rows[0]] == [[0.1, 0.25]]
