"""Pictures of checks, effects and labelled bars."""

from __future__ import annotations

import json

import polars as pl
import pytest
import vl_convert

from crmlib.kit.charts import checks, intervals, labelled
from crmlib.kit.words import Words

ZH = Words("zh")


def bars_frame():
    return pl.DataFrame({"name": ["a", "b"], "value": [3.0, 1.0], "label": ["three", "one"], "soft": [False, True]})


MADE = {
    "bars": lambda: labelled.bars(bars_frame(), words=ZH, title="t"),
    "effects": lambda: intervals.effects(
        pl.DataFrame(
            {"name": ["W1"], "effect": [0.05], "low": [-0.01], "high": [0.1], "label": ["+5%"], "together": [True]}
        ),
        words=ZH,
    ),
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
        pl.DataFrame({"expected": [0.2], "observed": [0.25], "low": [0.2], "high": [0.3]}), words=ZH
    ),
    "drift": lambda: checks.drift(
        pl.DataFrame({"label": ["risk"], "psi": [0.3], "text": ["0.30"], "verdict": ["alarm"]}), words=ZH
    ),
}


@pytest.mark.parametrize("name", sorted(MADE))
def test_every_picture_draws(name):
    svg = vl_convert.vegalite_to_svg(json.dumps(MADE[name]().to_dict()))
    assert svg.count("<path") + svg.count("<text") > 3


def test_bars_start_at_zero_and_leave_room_for_their_text():
    spec = MADE["bars"]().to_dict()
    scale = spec["layer"][0]["encoding"]["x"]["scale"]
    assert scale["domain"][0] == 0
    assert scale["domain"][1] > 3 * 1.3
