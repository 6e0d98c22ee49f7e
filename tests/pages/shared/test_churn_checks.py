"""Checks of the risk: verdicts follow the numbers."""

from __future__ import annotations

import re
from datetime import date

import numpy as np
import polars as pl
import pytest

from crmlib.churn.judge.calibration import Recalibration, calibration, reliability_bins
from crmlib.kit.words import LANGUAGES, Words
from crmlib.pages.shared import churn_checks as checks

ZH, EN = Words("zh"), Words("en")
DAY = date(2024, 3, 1)


def league(mine, rule):
    rows = [("active", "logit", mine), ("active", "recency", rule)]
    return pl.DataFrame(
        [
            {
                "population": p, "contestant": c, "origins": 3, "customers": 900, "churn": 0.3, "auc": a,
                "auc_low": a - 0.02, "auc_high": a + 0.02, "auc_worst": a - 0.03, "auc_sd": 0.01, "gain": 0.0,
                "gain_low": 0.0, "gain_high": 0.0, "average_precision": 0.5, "lift": 2.0, "lift_max": 3.0,
                "brier": 0.2, "ece": 0.02, "ece_null": 0.01,
            }
            for p, c, a in rows
        ]
    )  # fmt: skip


@pytest.mark.parametrize(("mine", "rule", "status"), [(0.8, 0.7, "ok"), (0.70, 0.70, "warn"), (0.6, 0.7, "fail")])
def test_a_risk_that_ranks_no_better_than_the_rule_says_so(mine, rule, status):
    made = checks.league_check(league(mine, rule), words=EN)
    assert made.status == status
    assert made.role == "check"


@pytest.mark.parametrize("words", [ZH, EN], ids=LANGUAGES)
@pytest.mark.parametrize(("auc", "kind"), [(0.506, "chance"), (0.7, "some"), (0.4, "wrong")])
def test_a_rule_no_better_than_guessing_is_said_to_be_so(words, auc, kind):
    board = league(0.8, 0.7)
    own = board.head(1).with_columns(
        contestant=pl.lit("overdue"), auc=pl.lit(auc), auc_low=pl.lit(auc - 0.02), auc_high=pl.lit(auc + 0.02)
    )
    made = checks.league_check(pl.concat([board, own]), words=words)
    said = words(
        f"churn.league.own.{kind}", auc=words.format.number(auc, digits=3), population=words("churn.population.active")
    )
    assert made.note_seen.endswith(said)
    assert not checks.league_check(board, words=words).note_seen.endswith(said)  # it took no part


@pytest.mark.parametrize("words", [ZH, EN], ids=LANGUAGES)
def test_a_challenger_that_took_over_the_list_is_named_with_its_gain(words):
    board = league(0.8, 0.7)
    won = board.head(1).with_columns(contestant=pl.lit("p_zero"), gain=pl.lit(0.021), gain_low=pl.lit(0.004))
    table = pl.concat([board, won, won.with_columns(population=pl.lit("all"))])
    made = checks.league_check(table, words=words, model="p_zero")
    assert words("churn.score.p_zero") in made.note_do
    assert {"0.021", "0.004"} <= set(re.findall(r"\d\.\d+", made.note_do))
    assert words("churn.score.p_zero") not in checks.league_check(board, words=words).note_do


def test_calibration_flips_from_good_to_bad_with_the_probabilities():
    rng = np.random.default_rng(1)
    p = rng.beta(2, 3, 4000)
    y = (rng.random(4000) < p).astype(float)

    def check(said):
        result = calibration(y, said, rng=np.random.default_rng(1))
        return checks.calibration_check(
            result, reliability_bins(y, said), words=ZH, day="2024-01-01", moved=Recalibration("none")
        )

    assert check(p).status == "ok"
    assert (check(np.clip(p + 0.2, 0, 0.99)).status, check(np.clip(p + 0.2, 0, 0.99)).headline[:8]) == (
        "fail",
        "不来概率明显偏高",
    )
    odds = np.log(p / (1 - p))
    for slope, said in ((1.15, "说得过头"), (0.85, "拉得不开")):  # right in total, and amber all the same
        found = check(1 / (1 + np.exp(-(slope * (odds - odds.mean()) + odds.mean()))))
        assert found.status == "warn"
        assert said in found.headline


def test_drift_of_the_score_is_an_alarm_and_of_a_feature_a_note():
    table = pl.DataFrame(
        {"name": ["risk", "trips"], "psi": [0.4, 0.2], "kind": ["score", "feature"], "verdict": ["alarm", "note"]}
    )
    assert checks.drift_check(table, words=ZH, now="b", then="a").status == "fail"
    assert checks.drift_check(table.tail(1), words=ZH, now="b", then="a").status == "warn"
    quiet = table.tail(1).with_columns(verdict=pl.lit("quiet"))
    assert checks.drift_check(quiet, words=ZH, now="b", then="a").status == "ok"


@pytest.mark.parametrize("words", [ZH, EN], ids=LANGUAGES)
def test_a_risk_learned_on_drawn_members_says_on_how_many(words):
    whole, drawn = (checks.league_check(league(0.8, 0.7), words=words, sample=n).note_sure for n in (None, 20_000))
    assert drawn.startswith(whole) and "20,000" in drawn and "20,000" not in whole
