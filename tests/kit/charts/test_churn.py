import json

import polars as pl
import pytest
import vl_convert

from crmlib.kit.charts import checks, intervals, labelled
from crmlib.kit.words import Words
from crmlib.pages.churn_review import charts as churn_review
from crmlib.pages.early_warning import charts as early_warning

ZH = Words("zh")


def bars_frame():
    return pl.DataFrame({"name": ["a", "b"], "value": [3.0, 1.0], "label": ["three", "one"], "soft": [False, True]})


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
    "bars": lambda: labelled.bars(bars_frame(), words=ZH, title="t"),
    "stages": lambda: churn_review.stages(
        pl.DataFrame({"name": ["x", "y"], "reached": [9, 4], "lost": [2, 1], "label": ["2", "1"]}), words=ZH
    ),
    "outcomes": lambda: early_warning.outcomes(
        pl.DataFrame({"tier": ["A", "A"], "state": ["已来店", "还没来"], "customers": [3, 1], "order": [0, 1]}),
        words=ZH,
    ),
    "flow": lambda: churn_review.flow(flow_frame(), words=ZH),
    "stores": lambda: churn_review.stores(
        pl.DataFrame({"name": ["s", "t"], "net": [-5, 3], "label": ["-5", "+3"], "closed": [True, False]}), words=ZH
    ),
    "silence": lambda: early_warning.silence(
        pl.DataFrame({"week": [0, 1], "gone": [0.2, 0.6], "label": ["week 0", None]}), words=ZH
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


def test_provisional_losses_are_lighter_than_final_ones():
    spec = MADE["flow"]().to_dict()
    scale = spec["layer"][0]["encoding"]["color"]["scale"]
    colours = dict(zip(scale["domain"], scale["range"], strict=True))
    assert colours[ZH("churn.kind.lost")] != colours[ZH("churn.kind.provisional")]


def test_who_did_not_come_is_never_drawn_as_who_came():
    only = pl.DataFrame({"tier": ["A"], "state": ["还没来"], "customers": [1], "order": [1]})
    spec = early_warning.outcomes(only, words=ZH).to_dict()
    scale = spec["layer"][0]["encoding"]["color"]["scale"]
    assert scale["domain"] == [ZH("churn.state_now.came"), ZH("churn.state_now.not_yet")]


def test_the_label_of_a_losing_store_has_room_beside_the_names_on_a_telephone():
    frame = pl.DataFrame(
        {"name": ["a", "b"], "net": [-128, 63], "label": ["-128（已停业）", "+63"], "closed": [True, False]}
    )
    low, high = churn_review.stores(frame, words=ZH).to_dict()["layer"][0]["encoding"]["x"]["scale"]["domain"]
    plot, letter = 230, 6.2  # px
    assert (-128 - low) / (high - low) * plot >= 15 * letter
    assert (high - 63) / (high - low) * plot >= 3 * letter


def test_long_labels_on_both_sides_leave_room_for_the_bars():
    label = "-85 (handed over -60, closed in the meantime)"
    frame = pl.DataFrame({"name": ["a", "b"], "net": [-85, 4], "label": [label, label], "closed": [False, False]})
    low, high = churn_review.stores(frame, words=ZH).to_dict()["layer"][0]["encoding"]["x"]["scale"]["domain"]
    assert low < -85 < 4 < high
    assert 89 / (high - low) == pytest.approx(0.3)
