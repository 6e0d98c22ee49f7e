"""Can the model be trusted: past openings, the calibration, the data."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from crmlib.kit.finding import Finding, Status
from crmlib.kit.words import Words
from crmlib.kit.words.rows import told
from crmlib.pages.shared import sites_tables as views
from crmlib.pages.shared.sites_wording import named, own_stores, runners
from crmlib.pages.site_selection import charts
from crmlib.pages.site_selection.findings.wording import on_axis
from crmlib.sites.choose import Choice
from crmlib.sites.plan import Plan
from crmlib.sites.study import Town

MAPE_WARN, MAPE_FAIL = 0.35, 0.50
"""Mean error of past openings' revenue; a city's own noise is about 24 %."""
BIAS_WARN, BIAS_FAIL = 0.10, 0.20
"""Error of the net revenue of past openings."""
COVER_LOW = 0.6
"""Fewer of the openings inside their 80 % interval than this: the intervals are too narrow."""
LAMBDA_WIDTH = 0.10
"""Half-width of the 95 % interval of the distance exponent, as a share of it, beyond which it counts as vague."""


def past_openings(choice: Choice, town: Town, *, words: Words) -> Finding:
    """Compare what the model would have said of past openings with what came."""
    form, test = words.format, choice.backtest
    if test is None:
        empty = pl.DataFrame(schema={"site_id": pl.String})
        return Finding.worded(
            "site_selection.backtest",
            "none",
            {},
            words=words,
            key="sites.backtest",
            status="none",
            table=empty,
            seen=words("site_selection.backtest.seen_none"),
            sure="",
            role="check",
        )
    values = {
        "count": form.count(test.openings.height),
        "mape": form.share(test.mape),
        "inside": form.count(int(test.openings["inside"].sum())),
        "lost": form.share(test.lost_actual),
        "lost_predicted": form.share(test.lost_predicted),
        "bias": form.change(test.net_bias),
        "se": form.share(test.lost_error_se),
    }
    bad = test.mape > MAPE_FAIL or abs(test.net_bias) > BIAS_FAIL
    doubt = test.mape > MAPE_WARN or abs(test.net_bias) > BIAS_WARN or test.coverage < COVER_LOW
    kind = "bad" if bad else "doubt" if doubt else "good"
    status: Status = "fail" if bad else "warn" if doubt else "ok"
    shown = named(test.openings, "site_id", town.names)
    axis = {c: [on_axis(v, words) for v in shown[f"{c}_minor"]] for c in ("predicted", "low", "high", "actual")}
    return Finding.worded(
        "site_selection.backtest",
        kind,
        values,
        words=words,
        key="sites.backtest",
        status=status,
        table=test.openings,
        view=views.plain(
            shown.select("name", "predicted_minor", "low_minor", "high_minor", "actual_minor", "inside"), words=words
        ),
        chart=charts.opened(pl.DataFrame({"name": shown["name"], **axis, "inside": shown["inside"]}), words=words),
        row_key=("site_id",),
        role="check",
    )


def calibration(choice: Choice, *, words: Words) -> Finding:
    """State the distance exponent with its interval, and how the decay form was chosen."""
    form, fit = words.format, choice.fit
    half = 1.96 * fit.slope_se
    vague = half > LAMBDA_WIDTH * fit.slope
    values = {
        "slope": form.number(fit.slope, digits=2),
        "low": form.number(fit.slope - half, digits=2),
        "high": form.number(fit.slope + half, digits=2),
        "twice": form.share(1 - 2**-fit.slope, digits=0),
        "form": words(f"site_selection.form.{fit.form}"),
        "nest": words(f"site_selection.nest.{'yes' if fit.nested else 'no'}"),
        "sigma": form.share(fit.sigma, digits=0),
        "area": form.number(fit.coefficients["log_area"], digits=2),
        "stores": form.count(fit.store_effects.height),
    }
    kind = "vague" if vague else "sharp"
    table = choice.trials
    shown = table.with_columns(
        form=told(table, "form", by=lambda f: words(f"site_selection.form.{f}")),
        share_bias=pl.col("net_bias"),
    ).select("form", "nested", "deviance", "slope", "share_bias", "chosen")
    return Finding.worded(
        "site_selection.calibration",
        kind,
        values,
        words=words,
        key="sites.calibration",
        status="warn" if vague else "ok",
        table=table,
        view=views.plain(shown, words=words, numbers={"deviance": 4, "slope": 2}),
        row_key=("form", "nested"),
        role="check",
    )


def data_quality(town: Town, plan: Plan, *, words: Words, run_by: Mapping[str, str] | None = None) -> Finding:
    """Say what the model has read, what it lacks, and what a complete competitor layer is worth.

    Parameters
    ----------
    run_by : who runs each own store, by its number.
    """
    form = words.format
    far = plan.table.filter(pl.col("extrapolated") != "").height
    blind = plan.blind
    table = pl.DataFrame({"layer": list(town.rows), "rows": list(town.rows.values())})
    visits = round(float(town.market.visits.sum()))
    values = {
        "visits": form.count(visits),
        "stores": own_stores(len(town.market.own.ids), runners(town.market.own.ids, run_by), words=words),
        "rivals": form.count(len(town.market.rivals.ids)),
        "far": form.count(far),
        "candidates": form.count(plan.table.height),
        "worth": form.money(100 * blind.lost) if blind else "",
        "worst": form.money(100 * blind.worst) if blind else "",
        "missing": form.share(blind.missing, digits=0) if blind else "",
        "changed": form.share(blind.changed, digits=0) if blind else "",
        "day": form.day(town.period_end),
    }
    kind = "no_rivals" if not town.rivals_known else "far" if far else "good"
    shown = table.with_columns(layer=pl.Series([words.column(s) for s in table["layer"]]))
    return Finding.worded(
        "site_selection.data",
        kind,
        values,
        words=words,
        key="sites.data",
        status="fail" if kind == "no_rivals" else "ok",
        table=table,
        view=views.plain(shown, words=words),
        sure=words("site_selection.data.sure" if blind else "site_selection.data.sure_no_rivals", **values),
        row_key=("layer",),
        role="check",
    )
