"""Before the event: three drafts, what-if, what is known of mechanics, lessons, stock, holdout."""

from __future__ import annotations

from typing import Any

import polars as pl

from crmlib.core.errors import ModelError
from crmlib.kit import table as views
from crmlib.kit.charts import intervals, labelled
from crmlib.kit.finding import Answer, Figure, Finding, Status, Tone
from crmlib.kit.words import Words
from crmlib.pages.promotion_plan import charts
from crmlib.pages.shared.promotion_wording import depth_text, in_words, named, units
from crmlib.promotion.plan.forecast import MIN_EVENTS
from crmlib.promotion.plan.planning import Plan


def answer(plan: Plan, *, words: Words) -> Answer:
    """Which draft earns most, and what the one asked for brings; depths never tried are neither best nor advice."""
    form = words.format
    best, asked = plan.drafts.row(0, named=True), plan.asked.row(0, named=True)
    top = _top(plan)
    paid = best["extra_margin_minor"] > 0
    kind = ("same" if best["plan_id"] == "asked" else "other") if paid else "loss" if top is None else "elsewhere"
    if best["extrapolated"]:
        kind = "untried"  # drafts that were tried stand before it: there is none
    unsure = _side(best) == 0
    values = {
        "category": plan.draft.category,
        "depth": _marked(plan.draft.depth_bp, asked["extrapolated"], words),
        "best": depth_text(best["depth_bp"], words),
        "units": units(asked["units_milli"], words),
        "extra": form.money(asked["extra_margin_minor"]),
        "asked": _worth(asked["extra_margin_minor"], words),
        "best_extra": form.money(abs(best["extra_margin_minor"])),
        "which": _which(plan, words),
        "top": _tried(top, words),
        "days": form.count(plan.draft.days),
        "hedge": words(f"promotion_plan.hedge.{'gain' if paid else 'loss'}") if unsure else "",
    }
    return Answer(
        sentence=words(f"promotion_plan.answer.{kind}", **values),
        figures=_figures(plan, words),
        value_minor=max(abs(one["extra_margin_minor"]) for one in (asked, best)),
    )


def _marked(depth_bp: int, beyond: bool, words: Words) -> str:  # noqa: FBT001
    """A depth, marked where it was never tried with this mechanic."""
    said = depth_text(depth_bp, words)
    return words("promotion_plan.beyond", depth=said) if beyond else said


def _worth(extra: int, words: Words) -> str:
    """Margin against no event in words: so much more, or less."""
    return words(f"promotion_plan.worth.{'more' if extra > 0 else 'less'}", extra=words.format.money(abs(extra)))


def _which(plan: Plan, words: Words) -> str:
    """Which drafts the best is the best of: all three, or those of a depth that was tried."""
    return words(f"promotion_plan.which.{'tried' if plan.drafts['extrapolated'].any() else 'all'}")


def _side(row: dict[str, Any]) -> int:
    """1 where the interval of a draft's added margin lies above zero, −1 below, 0 where it holds zero."""
    without = row["margin_minor"] - row["extra_margin_minor"]
    return int(row["margin_low_minor"] > without) - int(row["margin_high_minor"] < without)


def _figures(plan: Plan, words: Words) -> tuple[Figure, ...]:
    """Units, margin above no event, stock and base of the draft as asked."""
    asked = plan.asked.row(0, named=True)
    more = asked["extra_margin_minor"]
    tones: tuple[Tone, ...] = ("neutral", "good", "bad")
    tone = "neutral" if asked["extrapolated"] else tones[_side(asked)]
    what = {
        "depth": _marked(plan.draft.depth_bp, asked["extrapolated"], words),
        "days": words.format.count(plan.draft.days),
    }
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
            comparison=words("promotion_plan.figure.extra_note", **what),
            tone=tone,
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


def drafts(plan: Plan, *, words: Words) -> Finding:
    """Three drafts side by side by the margin they add."""
    form = words.format
    table = plan.drafts
    best = table.row(0, named=True)
    without = best["margin_minor"] - best["extra_margin_minor"]
    bars = table.select(
        name=pl.Series(
            [
                f"{words(f'promotion_plan.draft.{k}')} {_marked(d, beyond, words)}"
                for k, d, beyond in table.select("plan_id", "depth_bp", "extrapolated").iter_rows()
            ]
        ),
        value=pl.col("extra_margin_minor") / 100,
        low=(pl.col("margin_low_minor") - without) / 100,
        high=(pl.col("margin_high_minor") - without) / 100,
        label=pl.Series([form.money(v) for v in table["extra_margin_minor"]], dtype=pl.String),
    )
    beyond, lost, unsure = best["extrapolated"], best["extra_margin_minor"] <= 0, _side(best) == 0
    kind = "untried" if beyond else "loss" if lost else best["plan_id"]
    values = {
        "depth": depth_text(best["depth_bp"], words),
        "extra": form.money(abs(best["extra_margin_minor"])),
        "worth": _worth(best["extra_margin_minor"], words),
        "which": _which(plan, words),
        "events": form.count(len(plan.response.errors)),
    }
    advice = "stop" if lost else "try" if unsure or beyond else "pick"
    status: Status = "warn" if unsure or beyond else "fail" if lost else "ok"
    view = in_words(remarked(table, words), words, {"plan_id": "promotion_plan.draft"}).rename({"plan_id": "draft"})
    return Finding.worded(
        "promotion_plan.drafts",
        kind,
        values,
        words=words,
        key="promotion.drafts",
        status=status,
        table=table,
        view=views.readable(view, words=words),
        chart=labelled.bars(bars, words=words, title=words("promotion_plan.axis.extra")),
        sure="".join(
            words(f"promotion_plan.drafts.sure.{k}", **values) for k in ("wide" if unsure else "clear", "net")
        ),
        do=words(f"promotion_plan.drafts.do.{advice}", **values),
        value_minor=abs(int(best["extra_margin_minor"])),
    )


def remarked(table: pl.DataFrame, words: Words) -> pl.DataFrame:
    """Forecasts for reading: a remark on those of a depth that was never tried, in place of the flag."""
    said = words("promotion_plan.remark")
    remark = pl.when("extrapolated").then(pl.lit(said))
    return table.with_columns(remark=remark).drop("extrapolated")


def response(table: pl.DataFrame, *, words: Words) -> Finding:
    """Response by mechanic and depth; table: `response.response_table`."""
    form = words.format
    known = table.filter(pl.col("base_milli") > 0).sort("depth_bp", "mechanic")
    if known.is_empty():
        raise ModelError("promotion.few_events", values={"count": 0, "limit": MIN_EVENTS})
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
        row_key=("name", "first_day"),
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
        row_key=("name", "first_day"),
    )
