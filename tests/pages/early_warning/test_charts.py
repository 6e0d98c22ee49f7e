"""Pictures of early warning."""

from __future__ import annotations

import json

import polars as pl
import pytest
import vl_convert

from crmlib.kit.words import Words
from crmlib.pages.early_warning import charts as early_warning

ZH = Words("zh")

MADE = {
    "outcomes": lambda: early_warning.outcomes(
        pl.DataFrame({"tier": ["A", "A"], "state": ["已来店", "还没来"], "customers": [3, 1], "order": [0, 1]}),
        words=ZH,
    ),
    "silence": lambda: early_warning.silence(
        pl.DataFrame({"week": [0, 1], "gone": [0.2, 0.6], "label": ["week 0", None]}), words=ZH
    ),
}


@pytest.mark.parametrize("name", sorted(MADE))
def test_every_picture_draws(name):
    svg = vl_convert.vegalite_to_svg(json.dumps(MADE[name]().to_dict()))
    assert svg.count("<path") + svg.count("<text") > 3


def test_who_did_not_come_is_never_drawn_as_who_came():
    only = pl.DataFrame({"tier": ["A"], "state": ["还没来"], "customers": [1], "order": [1]})
    spec = early_warning.outcomes(only, words=ZH).to_dict()
    scale = spec["layer"][0]["encoding"]["color"]["scale"]
    assert scale["domain"] == [ZH("early_warning.state_now.came"), ZH("early_warning.state_now.not_yet")]
