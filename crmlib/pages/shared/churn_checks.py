"""Whether the risk can be trusted, on the company's own past: league, calibration, tiers, drift."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from crmlib.churn.judge.backtest import MIN_ORIGINS
from crmlib.churn.judge.calibration import Calibration, Recalibration
from crmlib.kit.charts import checks
from crmlib.kit.finding import Finding, Status
from crmlib.kit.words import Words
from crmlib.pages.shared import churn_tables as views
from crmlib.pages.shared.churn_wording import named

DEFAULT = "logit"
WORTH = 0.01
"""The risk must rank the still active at least this much better (AUC) than days since the last visit."""
SLOPE_OK = (0.95, 1.05)
"""Between these the risk is neither too extreme (below 1) nor too flat; outside it is amber."""
CHANCE = 0.5
"""The ranking (AUC) of a score that knows nothing."""
ECE_OK, ECE_FAIL = 0.03, 0.08
"""Calibration error beyond that of a perfect model: up to here good, from here on red."""


def league_check(
    table: pl.DataFrame, *, words: Words, model: str = DEFAULT, rule: str = "recency", sample: int | None = None
) -> Finding:
    """All scores side by side; whether the one that ranks beats the rule of thumb.

    Parameters
    ----------
    table : from `crmlib.churn.judge.backtest.league`, against the logit.
    model : what ranks, from `crmlib.churn.judge.backtest.winner`.
    sample : members drawn by chance to learn and try it on; none where it was all of them.
    """
    form = words.format
    score = {(r["population"], r["contestant"]): r for r in table.iter_rows(named=True)}
    group = "active" if ("active", model) in score else "all"
    mine, plain = score[group, model], score[group, rule]
    ahead = mine["auc"] - plain["auc"]
    kind = "better" if mine["auc_low"] > plain["auc"] and ahead >= WORTH else "same" if ahead > -WORTH else "worse"
    values = {
        "auc": form.number(mine["auc"], digits=3),
        "plain": form.number(plain["auc"], digits=3),
        "ahead": form.number(ahead, digits=3),
        "low": form.number(mine["auc_low"], digits=3),
        "high": form.number(mine["auc_high"], digits=3),
        "lift": form.number(mine["lift"], digits=2),
        "lift_max": form.number(mine["lift_max"], digits=2),
        "origins": mine["origins"],
        "customers": form.count(mine["customers"]),
        "population": words(f"churn.population.{group}"),
        "model": named(words, "churn.score", model),
    }
    if model != DEFAULT:  # `winner` judges by all members
        values |= {k: form.number(score["all", model][k], digits=3) for k in ("gain", "gain_low", "gain_high")}
    seen = words("churn.league.seen", **values) + _own_rhythm(score.get((group, "overdue")), words, values)
    shown = table.with_columns(
        pl.Series("name", [named(words, "churn.score", c) for c in table["contestant"]]),
        pl.Series("population", [words(f"churn.population.{p}") for p in table["population"]]),
        pl.Series("label", [form.number(a, digits=3) for a in table["auc"]]),
    )
    drawn = shown.filter(~pl.col("contestant").str.contains("alive"))
    columns = ["population", "contestant", "customers", "churn", "auc", "auc_low", "auc_high", "auc_worst"]
    return Finding.worded(
        "churn.league",
        kind,
        values,
        words=words,
        status={"better": "ok", "same": "warn", "worse": "fail"}[kind],  # type: ignore[arg-type]
        table=table,
        view=views.show(
            shown.with_columns(pl.col("name").alias("contestant"))
            .select(*columns, "lift", "lift_max", "brier", "ece")
            .fill_nan(None),
            words=words,
        ),
        seen=seen,
        chart=checks.league(drawn.select("name", "population", "auc", "auc_low", "auc_high", "label"), words=words),
        sure=words("churn.league.sure" if mine["origins"] >= MIN_ORIGINS else "churn.league.sure_few", **values)
        + ("" if sample is None else words("churn.league.drawn", count=form.count(sample))),
        do=words(f"churn.league.do.{kind}" if model == DEFAULT else "churn.league.do.challenger", **values),
        role="check",
        row_key=("population", "contestant"),
    )


def _own_rhythm(row: Mapping[str, Any] | None, words: Words, values: Mapping[str, object]) -> str:
    """How well being late against the own rhythm ranks; empty where it did not take part.

    Chance is .5: what its interval holds is no better than chance.
    """
    if row is None:
        return ""
    chance = "chance" if row["auc_low"] <= CHANCE <= row["auc_high"] else "some" if row["auc"] > CHANCE else "wrong"
    return words(
        f"churn.league.own.{chance}", auc=words.format.number(row["auc"], digits=3), population=values["population"]
    )


def calibration_check(
    result: Calibration, bins: pl.DataFrame, *, words: Words, day: str, moved: Recalibration
) -> Finding:
    """Whether of those told 30 % about 30 % left.

    Parameters
    ----------
    result, bins : from `crmlib.churn.judge.calibration`, at a closed origin not used for training.
    day : that origin.
    moved : what the recalibration moved.
    """
    form = words.format
    kind, status = calibration_kind(result)
    side = "high" if result.expected > result.observed else "low"
    if kind == "slope":
        side = "high" if result.slope > 1 else "low"
    act = "unmoved" if kind == "slope" and moved.kind == "none" else moved.kind
    values = {
        "ece": form.share(result.ece_excess),
        "raw": form.share(result.ece),
        "null": form.share(result.ece_null),
        "expected": form.share(result.expected),
        "observed": form.share(result.observed),
        "slope": form.number(result.slope, digits=2),
        "slope_low": form.number(result.slope_low, digits=2),
        "slope_high": form.number(result.slope_high, digits=2),
        "brier": form.number(result.brier, digits=3),
        "day": day,
        "rows": form.count(result.rows),
    }
    return Finding.worded(
        "churn.calibration",
        kind if kind == "good" else f"{kind}_{side}",
        values,
        words=words,
        status=status,
        table=bins,
        view=views.show(bins.rename({"expected": "said"}), words=words),
        chart=checks.calibration(bins, titles=(words("churn.chart.said"), words("churn.chart.came_true"))),
        do=words(f"churn.calibration.do.{act}", **values),
        role="check",
        row_key=("bin",),
    )


def calibration_kind(result: Calibration) -> tuple[str, Status]:
    """What the calibration is called (good, slope, off, bad), and its status."""
    kind = "good" if result.ece_excess <= ECE_OK else "bad" if result.ece_excess >= ECE_FAIL else "off"
    if kind == "good" and not SLOPE_OK[0] <= result.slope <= SLOPE_OK[1]:
        kind = "slope"
    status: Mapping[str, Status] = {"good": "ok", "slope": "warn", "off": "warn", "bad": "fail"}
    return kind, status[kind]


def tiers_check(table: pl.DataFrame, *, words: Words, day: str) -> Finding:
    """Whether each tier lost as many as said: observed ÷ expected with Wilson bounds."""
    form = words.format
    off = table.filter(~pl.col("holds"))
    kind = "good" if off.is_empty() else "off"
    values = {
        "tiers": words("page.join").join(off["tier"].to_list()),
        "count": form.count(int(table["n"].sum())),
        "day": day,
    }
    return Finding.worded(
        "churn.tiers",
        kind,
        values,
        words=words,
        status="ok" if kind == "good" else "warn",
        table=table,
        view=views.show(
            table.rename({"lost": "stayed_away", "expected": "expected_away", "ratio": "observed_ratio"}),
            words=words,
            exclude_shares=("low", "high"),
        ),
        role="check",
        row_key=("tier",),
    )


def drift_check(table: pl.DataFrame, *, words: Words, now: str, then: str) -> Finding:
    """Whether today's members still look like those the model learnt from."""
    form = words.format
    loud = table.filter(pl.col("verdict") == "alarm")
    notes = table.filter(pl.col("verdict") == "note")
    kind = "alarm" if loud.height else "note" if notes.height else "quiet"
    status: Mapping[str, Status] = {"alarm": "fail", "note": "warn", "quiet": "ok"}
    names = {c: _label(words, c) for c in table["name"]}
    worst = (loud if loud.height else notes if notes.height else table).row(0, named=True)
    values = {
        "name": names[worst["name"]],
        "psi": form.number(worst["psi"], digits=2),
        "now": now,
        "then": then,
        "count": form.count(notes.height),
    }
    shown = table.head(12).with_columns(
        pl.Series("label", [names[c] for c in table["name"].head(12)]),
        pl.Series("text", [form.number(v, digits=2) for v in table["psi"].head(12)]),
    )
    labelled = table.with_columns(
        pl.Series("name", [names[c] for c in table["name"]]),
        pl.Series("verdict", [words(f"churn.verdict.{v}") for v in table["verdict"]]),
    )
    return Finding.worded(
        "churn.drift",
        kind,
        values,
        words=words,
        status=status[kind],
        table=table,
        view=views.show(labelled.select("name", "psi", "verdict"), words=words),
        chart=checks.drift(shown.select("label", "psi", "text", "verdict"), words=words),
        role="check",
        row_key=("name",),
    )


def _label(words: Words, name: str) -> str:
    key = f"churn.feature.{name}"
    return words(key) if words.has(key) else name
