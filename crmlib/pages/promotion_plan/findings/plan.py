"""Before the event: three drafts, what-if, what is known of mechanics, lessons, stock, holdout."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.charts import intervals, labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import ActionList, Answer, Figure, Finding, Status
from crmlib.kit.words import Words
from crmlib.pages.promotion_plan import charts
from crmlib.pages.shared.promotion_wording import depth_text, in_words, named, units
from crmlib.promotion.plan.holdout import TARGET_POWER
from crmlib.promotion.plan.planning import Plan

CAPACITY = 15
WIDE = 0.35
"""A typical forecast miss above this share makes the forecast a rough guide."""


def answer(plan: Plan, *, words: Words) -> Answer:
    """Which draft earns most, and what the one asked for brings."""
    form = words.format
    best, asked = plan.drafts.row(0, named=True), plan.asked.row(0, named=True)
    top = _top(plan)
    paid = best["extra_margin_minor"] > 0
    kind = ("same" if best["plan_id"] == "asked" else "other") if paid else "loss" if top is None else "elsewhere"
    if paid and best["extrapolated"]:
        kind = "untried"  # drafts that were tried stand before it: there is none
    values = {
        "category": plan.draft.category,
        "depth": depth_text(plan.draft.depth_bp, words),
        "best": depth_text(best["depth_bp"], words),
        "units": units(asked["units_milli"], words),
        "extra": form.money(asked["extra_margin_minor"]),
        "best_extra": form.money(abs(best["extra_margin_minor"])),
        "top": _tried(top, words),
        "days": form.count(plan.draft.days),
        "hedge": words("promotion_plan.hedge") if _unsure(plan) else "",
    }
    return Answer(sentence=words(f"promotion_plan.answer.{kind}", **values), figures=_figures(plan, words))


def _figures(plan: Plan, words: Words) -> tuple[Figure, ...]:
    """Units, margin above no event, stock and base of the draft as asked."""
    asked = plan.asked.row(0, named=True)
    more = asked["extra_margin_minor"]
    return (
        Figure(
            label=words("promotion_plan.figure.units"),
            value=units(asked["units_milli"], words),
            comparison=words(
                "promotion_plan.figure.range",
                low=units(asked["low_milli"], words),
                high=units(asked["high_milli"], words),
            ),
            key="units",
            amount=asked["units_milli"] / 1000,
        ),
        Figure(
            label=words("promotion_plan.figure.extra"),
            value=words.format.money(more),
            comparison=words("promotion_plan.figure.extra_note"),
            tone="good" if more > 0 else "bad",
            key="extra",
            amount=more,
            money=True,
        ),
        Figure(
            label=words("promotion_plan.figure.stock"),
            value=units(asked["stock_milli"], words),
            comparison=words("promotion_plan.figure.stock_note"),
            key="stock",
            amount=asked["stock_milli"] / 1000,
        ),
        Figure(
            label=words("promotion_plan.figure.base"),
            value=units(asked["base_milli"], words),
            comparison=_base_note(plan, words),
            key="base",
            amount=asked["base_milli"] / 1000,
        ),
    )


def _top(plan: Plan) -> dict[str, Any] | None:
    """The scenario of the grid that adds most, of depths that were tried; None if none adds anything."""
    tried = plan.grid.filter(~pl.col("extrapolated"), pl.col("extra_margin_minor") > 0)
    return tried.sort("extra_margin_minor", descending=True).row(0, named=True) if tried.height else None


def _tried(top: dict[str, Any] | None, words: Words) -> str:
    """The scenario that adds most, as half a sentence."""
    if top is None:
        return ""
    form = words.format
    return words(
        "promotion_plan.top",
        depth=depth_text(top["depth_bp"], words),
        days=form.count(top["days"]),
        extra=form.money(top["extra_margin_minor"]),
    )


def _base_note(plan: Plan, words: Words) -> str:
    """How the base was made: with the season of last year, or without."""
    kind = "out" if plan.season.then.size else "season" if plan.season.known else "flat"
    return words(f"promotion_plan.figure.based.{kind}", season=words.format.number(plan.season.factor, digits=2))


def _unsure(plan: Plan) -> bool:
    """Whether the best draft's interval of added margin holds zero."""
    best = plan.drafts.row(0, named=True)
    without = best["margin_minor"] - best["extra_margin_minor"]
    return bool(best["margin_low_minor"] <= without <= best["margin_high_minor"])


def drafts(plan: Plan, *, words: Words) -> Finding:
    """Three drafts side by side by the margin they add."""
    form = words.format
    table = plan.drafts
    best = table.row(0, named=True)
    without = best["margin_minor"] - best["extra_margin_minor"]
    bars = table.select(
        name=pl.Series(
            [
                f"{words(f'promotion_plan.draft.{k}')} {depth_text(d, words)}"
                for k, d in table.select("plan_id", "depth_bp").iter_rows()
            ]
        ),
        value=pl.col("extra_margin_minor") / 100,
        low=(pl.col("margin_low_minor") - without) / 100,
        high=(pl.col("margin_high_minor") - without) / 100,
        label=pl.Series([form.money(v) for v in table["extra_margin_minor"]], dtype=pl.String),
    )
    beyond = best["extrapolated"]
    kind = "loss" if best["extra_margin_minor"] <= 0 else "untried" if beyond else best["plan_id"]
    values = {"depth": depth_text(best["depth_bp"], words), "extra": form.money(abs(best["extra_margin_minor"]))}
    unsure = _unsure(plan)
    advice = "stop" if kind == "loss" else "try" if unsure or beyond else "pick"
    status: Status = "fail" if kind == "loss" else "warn" if unsure or beyond else "ok"
    view = in_words(table, words, {"plan_id": "promotion_plan.draft"}).rename({"plan_id": "draft"})
    return Finding.worded(
        "promotion_plan.drafts",
        kind,
        values,
        words=words,
        key="promotion.drafts",
        status=status,
        table=table,
        view=views.readable(view.drop("extrapolated"), words=words),
        chart=labelled.bars(bars, words=words, title=words("promotion_plan.axis.extra")),
        sure=words(
            f"promotion_plan.drafts.sure.{'wide' if unsure else 'clear'}", events=form.count(len(plan.response.errors))
        ),
        do=words(f"promotion_plan.drafts.do.{advice}", **values),
        value_minor=abs(int(best["extra_margin_minor"])),
    )


def response(table: pl.DataFrame, *, words: Words) -> Finding:
    """Response by mechanic and depth; table: `response.response_table`."""
    form = words.format
    known = table.filter(pl.col("base_milli") > 0).sort("depth_bp", "mechanic")
    shown = known.select(
        mechanic=pl.Series([words(f"promotion.mechanic.{m}") for m in known["mechanic"]], dtype=pl.String),
        depth=pl.Series(
            [depth_text(d, words) if d else words("promotion.no_depth") for d in known["depth_bp"]],
            dtype=pl.String,
        ),
        lift="lift",
        label=pl.Series(
            [
                form.change(v, digits=0) if not f else f"({form.change(v, digits=0)})"
                for v, f in known.select("lift", "few").iter_rows()
            ],
            dtype=pl.String,
        ),
        few="few",
    )
    solid = known.filter(~pl.col("few"))
    kind = "few" if solid.is_empty() else "best"
    best = (solid if solid.height else known).sort("lift", descending=True).row(0, named=True)
    values = {
        "mechanic": words(f"promotion.mechanic.{best['mechanic']}"),
        "depth": depth_text(best["depth_bp"], words) if best["depth_bp"] else "",
        "lift": form.change(best["lift"], digits=0),
        "events": form.count(int(known["events"].sum())),
    }
    return Finding.worded(
        "promotion_plan.response",
        kind,
        values,
        words=words,
        key="promotion.response",
        status="none" if kind == "best" else "warn",
        table=table,
        view=views.readable(in_words(table, words, {"mechanic": "promotion.mechanic"}), words=words),
        chart=charts.response(shown, words=words) if shown.height else None,
        sure=words("promotion_plan.response.sure") + _second_opinion(solid, words),
    )


def _second_opinion(solid: pl.DataFrame, words: Words) -> str:
    """How far the pooled regression is from the table, at most and where; nothing where it was not run."""
    if "pooled_lift" not in solid.columns:
        return ""
    known = solid.drop_nulls("pooled_lift").with_columns(apart=(pl.col("pooled_lift") - pl.col("lift")).abs())
    if known.is_empty():
        return ""
    worst = known.sort("apart", "mechanic", "depth_bp").row(-1, named=True)
    form = words.format
    return words(
        "promotion_plan.response.pooled",
        mechanic=words(f"promotion.mechanic.{worst['mechanic']}"),
        depth=depth_text(worst["depth_bp"], words) if worst["depth_bp"] else "",
        lift=form.change(worst["lift"], digits=0),
        pooled=form.change(worst["pooled_lift"], digits=0),
    )


def lessons(past: pl.DataFrame, *, words: Words) -> Finding:
    """The last three like events."""
    form = words.format
    table = past.select("promotion_id", "name", "first_day", "mechanic", "depth_bp", "lift", "net_margin_minor", "roi")
    earned = table.filter(pl.col("net_margin_minor") > 0).height
    kind = "none" if table.is_empty() else "good" if 2 * earned > table.height else "bad"
    values = {"count": form.count(table.height), "earned": form.count(earned)}
    rows = past.drop_nulls("lift")
    shown = rows.select(
        name=pl.Series(
            [f"{r['first_day']:%y-%m} {named(r, words)}" for r in rows.iter_rows(named=True)], dtype=pl.String
        ),
        value="lift",
        low=pl.col("low_milli") / pl.col("base_milli"),
        high=pl.col("high_milli") / pl.col("base_milli"),
        label=pl.Series([form.change(v, digits=0) for v in rows["lift"]], dtype=pl.String),
        doubt=pl.col("fires").fill_null(value=False),
    )
    return Finding.worded(
        "promotion_plan.lessons",
        "loss" if kind == "bad" and not earned else kind,
        values,
        words=words,
        do=words(f"promotion_plan.lessons.do.{kind}"),
        key="promotion.lessons",
        status="none" if kind == "none" else "ok" if kind == "good" else "warn",
        table=table,
        view=views.readable(
            in_words(table.drop("promotion_id"), words, {"mechanic": "promotion.mechanic"}), words=words
        ),
        chart=intervals.intervals(shown, words=words, title=words("promotion.axis.lift"), percent=True)
        if shown.height
        else None,
        row_key=("promotion_id",),
    )


def clashes(plan: Plan, *, words: Words) -> Finding:
    """Promotions of the same category in the same days."""
    table = plan.clashes
    kind = "some" if table.height else "none"
    values = {"count": words.format.count(table.height), "category": plan.draft.category}
    view = in_words(table.drop("promotion_id"), words, {"mechanic": "promotion.mechanic"})
    return Finding.worded(
        "promotion_plan.clashes",
        kind,
        values,
        words=words,
        key="promotion.clashes",
        status="warn" if table.height else "ok",
        table=table,
        view=views.readable(view, words=words) if table.height else None,
        row_key=("promotion_id",),
    )


def holdout(plan: Plan, *, words: Words) -> Finding:
    """How many stores to leave out, and what that would let us see."""
    form = words.format
    table = plan.holdout
    enough = table.filter(pl.col("power") >= TARGET_POWER)
    kind = "none" if table.is_empty() else "enough" if enough.height else "weak"
    row: dict[str, Any] = (
        (enough.row(0, named=True) if enough.height else table.sort("power").row(-1, named=True))
        if table.height
        else {}
    )
    values = {
        "stores": form.count(row.get("held_out")),
        "power": form.share(row.get("power"), digits=0),
        "smallest": form.share(row.get("smallest_lift"), digits=0),
        "lost": units(row["lost_units"] * 1000 if row else None, words),
    }
    shown = table.select(
        name=pl.Series(
            [words("promotion_plan.stores", stores=form.count(h)) for h in table["held_out"]], dtype=pl.String
        ),
        value="power",
        label=pl.Series([form.share(p, digits=0) for p in table["power"]], dtype=pl.String),
        tone=toned(pl.col("held_out") == (row.get("held_out") or -1), "total"),
    )
    view = table.select("held_out", "power", "smallest_lift", lost_milli=pl.col("lost_units") * 1000)
    return Finding.worded(
        "promotion_plan.holdout",
        kind,
        values,
        words=words,
        key="promotion.holdout",
        status="ok" if kind == "enough" else "warn",
        table=table,
        view=views.readable(view, words=words),
        chart=labelled.bars(shown, words=words, title=words("promotion_plan.axis.power"), percent=True)
        if shown.height
        else None,
    )


def check(plan: Plan, *, words: Words) -> Finding:
    """How far the same forecast would have missed past events."""
    form = words.format
    errors = sorted(plan.response.errors)
    middle = sorted(abs(math.expm1(e)) for e in errors)[len(errors) // 2]
    edges = [-9.0, -0.5, -0.25, -0.1, 0.1, 0.25, 0.5, 9.0]
    names = [words(f"promotion_plan.check.band.{i}") for i in range(len(edges) - 1)]
    counts = [sum(a <= e < b for e in errors) for a, b in pairwise(edges)]
    table = pl.DataFrame({"error_band": names, "events": counts})
    bars = table.select(
        name="error_band", value=pl.col("events").cast(pl.Float64), label=pl.col("events").cast(pl.String)
    )
    kind = "fine" if middle <= WIDE else "wide"
    values = {"typical": form.share(middle, digits=0), "events": form.count(len(errors))}
    return Finding.worded(
        "promotion_plan.check",
        kind,
        values,
        words=words,
        key="promotion.forecast_check",
        status="ok" if kind == "fine" else "warn",
        table=table,
        view=views.readable(table, words=words),
        chart=labelled.bars(bars, words=words, title=words("promotion_plan.axis.events")),
        sure=words("promotion_plan.check.sure") + _season_worth(plan, words),
        role="check",
    )


def _season_worth(plan: Plan, words: Words) -> str:
    """What the season is worth on past events; nothing where it could not be tried."""
    if plan.response.without_season is None:
        return ""
    errors = plan.response.errors
    mean = sum(abs(e) for e in errors) / len(errors)
    return words(
        "promotion_plan.check.season",
        mean=words.format.share(math.expm1(mean), digits=0),
        flat=words.format.share(math.expm1(plan.response.without_season), digits=0),
    )


def stock(plan: Plan, *, words: Words, service: float) -> ActionList:
    """Stock every store needs, the largest first."""
    table = plan.stores.head(CAPACITY)
    known = ("on_hand_milli", "order_milli") if plan.on_hand else ()
    shown = table.select("store_id", "base_milli", "stock_milli", *known, store="name")
    shown = shown.select("store_id", "store", "base_milli", "stock_milli", *known)
    headline = words(
        "promotion_plan.stock.headline",
        shown=words.format.count(shown.height),
        all=words.format.count(plan.stores.height),
    )
    return ActionList(
        headline=headline,
        table=shown,
        view=views.readable(shown.drop("store_id"), words=words),
        note=words(
            f"promotion_plan.stock.note.{'counted' if plan.on_hand else 'unknown'}",
            service=words.format.share(service, digits=0),
        ),
        row_key=("store_id",),
    )
