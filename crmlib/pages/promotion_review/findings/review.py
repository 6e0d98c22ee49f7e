"""After the event: what it brought, and whether that can be trusted."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.charts import intervals, labelled
from crmlib.kit.finding import Answer, Figure, Finding, Status
from crmlib.kit.words import Words
from crmlib.pages.shared.promotion_wording import against_budget, in_words, named, units
from crmlib.promotion.lift.footprint import ROLES
from crmlib.promotion.lift.lift import Lift, missing_parts
from crmlib.promotion.review import Review

KEPT, HALF = 0.8, 0.5
"""Share of the gross lift left after dip and switching: kept, part of it eaten; below a half, most of it."""
COVERAGE_SLACK = 0.05
"""Achieved coverage further than this from the nominal one is amber."""
SHOWN_EVENTS = 14


def verdict(event: dict[str, Any]) -> str:
    """One of gain, doubt (some check denies it), weak, least, costly (more units, money lost), unclear, drop, unjudged.

    weak : a gain told from depth and time alone, as no store was without the offer; least : over the shallowest offer.
    """
    if event["lift_milli"] is None:
        return "unjudged"
    if event["low_milli"] is None or event["low_milli"] <= 0 <= event["high_milli"]:
        return "unclear"
    if event["high_milli"] < 0:
        return "drop"
    if event["net_margin_minor"] is not None and event["net_margin_minor"] <= 0:
        return "costly"
    if event.get("engine") == "response":
        return "weak" if event["against"] == "none" else "least"
    return "doubt" if event["fires"] or event["agrees"] is False else "gain"


def answer(event: dict[str, Any], *, words: Words) -> Answer:
    """The sentence of the page, and four figures."""
    form = words.format
    kind = verdict(event)
    values = {
        "name": named(event, words),
        "units": units(event["lift_milli"], words),
        "low": units(event["low_milli"], words),
        "high": units(event["high_milli"], words),
        "net": form.money(event["net_margin_minor"]),
        "loss": form.money(None if event["net_margin_minor"] is None else abs(event["net_margin_minor"])),
    }
    roi = event["roi"]
    net = event["net_margin_minor"]
    return Answer(
        sentence=words(f"promotion_review.answer.{kind}", **values),
        figures=(
            Figure(
                label=words("promotion_review.figure.lift"),
                value=units(event["lift_milli"], words),
                comparison=words("promotion_review.figure.range", **values),
                tone="neutral" if kind in {"unclear", "unjudged"} else "bad" if kind == "drop" else "good",
                key=f"lift.{event['promotion_id']}",
                amount=None if event["lift_milli"] is None else event["lift_milli"] / 1000,
            ),
            Figure(
                label=words("promotion_review.figure.net"),
                value=form.money(net),
                comparison=words("promotion_review.figure.net_note"),
                tone="neutral" if net is None else "good" if net > 0 else "bad",
                key=f"net.{event['promotion_id']}",
                amount=net,
                money=True,
            ),
            Figure(
                label=words("promotion_review.figure.roi"),
                value=form.number(roi, digits=2),
                comparison=words(
                    "promotion_review.figure.ratio", ratio=form.number(event["output_per_input"], digits=2)
                ),
                tone="neutral" if roi is None else "good" if roi > 0 else "bad",
                key=f"roi.{event['promotion_id']}",
                amount=roi,
            ),
            Figure(
                label=words("promotion_review.figure.discount"),
                value=form.money(event["discount_minor"]),
                comparison=against_budget(event["discount_minor"], event["budget_minor"], words),
                tone="bad" if (event["discount_minor"] or 0) > (event["budget_minor"] or 1 << 60) else "neutral",
                key=f"discount.{event['promotion_id']}",
                amount=event["discount_minor"],
                money=True,
            ),
        ),
    )


def parts(event: dict[str, Any], lift: Lift, *, words: Words) -> Finding:
    """Gross lift, waiting, dip, cannibalised and halo, and what is left; what cannot be estimated is said, not 0."""
    roles = [*ROLES, "net"]
    table = lift.parts.filter(pl.col("event_id") == event["promotion_id"]).rename({"event_id": "promotion_id"})
    rows = {r["role"]: r for r in table.iter_rows(named=True)}
    net, gross = rows.get("net"), rows.get("event")
    kind = "unjudged" if net is None or gross is None else _part_kind(gross, net)
    missing = dict(missing_parts(lift, event["promotion_id"]).iter_rows()) if rows else {}
    values = {
        "gross": units(gross["effect_milli"] if gross else None, words),
        "net": units(net["effect_milli"] if net else None, words),
        "loss": words(f"promotion_review.parts.loss.{'both' if 'sibling' in rows else 'dip'}"),
        "coverage": words.format.share(lift.coverage, digits=0),
        "achieved": words.format.share(lift.achieved),
        "placebos": words.format.count(lift.scale.placebos),
    }
    shown = pl.DataFrame(
        [_bar(r, rows.get(r), words) for r in roles if r in rows or r in missing],
        schema_overrides={"low": pl.Float64, "high": pl.Float64},
    )
    table = _with_missing(table, event["promotion_id"], [r for r in roles if r in missing])
    status: Status = {"kept": "ok", "clean": "ok", "part": "ok", "eaten": "warn", "lost": "fail", "open": "none"}.get(
        kind, "none"
    )  # type: ignore[assignment]
    return Finding.worded(
        "promotion_review.parts",
        kind,
        values,
        words=words,
        key="promotion.parts",
        status=status,
        table=table,
        view=views.readable(in_words(table, words, {"role": "promotion_review.role"}), words=words)
        if table.height
        else None,
        chart=labelled.bars(shown, words=words, title=words("promotion_review.axis.units")) if shown.height else None,
        seen="".join([words("promotion_review.parts.seen", **values), *_why_missing(missing, words)]),
    )


def _bar(role: str, row: dict[str, Any] | None, words: Words) -> dict[str, Any]:
    """A part as a bar; one that cannot be estimated has its words in place of a bar."""
    given = row or {"effect_milli": 0, "lower_milli": None, "upper_milli": None}
    low, high = (None if given[c] is None else given[c] / 1000 for c in ("lower_milli", "upper_milli"))
    label = words("promotion_review.parts.not_estimable") if row is None else units(row["effect_milli"], words)
    name = words(f"promotion_review.role.{role}")
    value = given["effect_milli"] / 1000
    return {
        "name": name,
        "value": value,
        "low": low,
        "high": high,
        "label": label,
        "tone": "total" if role == "net" else None,
    }


def _with_missing(table: pl.DataFrame, promotion_id: str, missing: list[str]) -> pl.DataFrame:
    """Rows without numbers for the parts that cannot be estimated, above the net."""
    rows = pl.DataFrame({"promotion_id": [promotion_id] * len(missing), "role": missing})
    ordered = pl.concat([table, rows.cast({"role": pl.String, "promotion_id": pl.String})], how="diagonal")
    place = pl.col("role").replace_strict({r: i for i, r in enumerate([*ROLES, "net"])}, return_dtype=pl.Int8)
    return ordered.sort(place)


def _why_missing(missing: dict[str, str], words: Words) -> list[str]:
    """One sentence for each part that cannot be estimated."""
    return [
        words(
            "promotion_review.parts.missing",
            part=words(f"promotion_review.role.{role}"),
            reason=words(f"promotion_review.parts.reason.{reason}"),
        )
        for role, reason in missing.items()
    ]


def _part_kind(gross: dict[str, Any], net: dict[str, Any]) -> str:
    """One of open (interval of the gross lift holds 0), lost (net ≤ 0), eaten (under half left), part, kept, clean."""
    if gross["lower_milli"] is None or gross["lower_milli"] <= 0:
        return "open"
    if net["effect_milli"] <= 0:
        return "lost"
    if net["effect_milli"] >= gross["effect_milli"]:
        return "clean"
    left = net["effect_milli"] / gross["effect_milli"]
    return "kept" if left >= KEPT else "part" if left >= HALF else "eaten"


def trust(event: dict[str, Any], review: Review, *, words: Words) -> Finding:
    """The engines side by side, and how much unseen demand it would take."""
    form = words.format
    one = review.engines.filter(pl.col("event_id") == event["promotion_id"]).row(0, named=True)
    tip = review.tipping.filter(pl.col("event_id") == event["promotion_id"])
    line = tip.row(0, named=True) if tip.height else None
    table = _engines(one)
    kind = "alone" if one["agrees"] is None else "agree" if one["agrees"] else "apart"
    reason = "unknown" if line is None else line["reason"]
    if event.get("engine") == "response":
        kind = "response"
    elif event["status"] != "ok":
        kind = f"status_{event['status']}"
    status: Status = "ok" if kind == "agree" and reason == "none" else "warn"
    values = {
        "tipping": form.share(line["tipping"] if line else None, digits=0),
        "low": form.share(
            max(line["tipping_low"], 0.0) if line and line["tipping_low"] is not None else None, digits=0
        ),
        "fakeable": form.share(line["fakeable"] if line else None, digits=0),
        "controls": form.count(event["controls"]),
    }
    shown = table.with_columns(
        name=pl.Series([words(f"promotion_review.engine.{e}") for e in table["engine"]], dtype=pl.String),
        value=pl.col("effect_milli") / 1000,
        low=pl.col("lower_milli") / 1000,
        high=pl.col("upper_milli") / 1000,
        label=pl.Series([units(v, words) for v in table["effect_milli"]], dtype=pl.String),
        doubt=pl.lit(value=False),
    ).drop_nulls("value")
    return Finding.worded(
        "promotion_review.trust",
        kind,
        values,
        words=words,
        key="promotion.trust",
        status=status,
        table=table,
        view=views.readable(in_words(table, words, {"engine": "promotion_review.engine"}), words=words),
        chart=intervals.intervals(shown, words=words, title=words("promotion_review.axis.units"))
        if shown.height
        else None,
        seen=words(f"promotion_review.trust.seen.{reason}", **values),
        do=words(f"promotion_review.trust.do.{'hold' if status == 'ok' else 'holdout'}"),
    )


def _engines(one: dict[str, Any]) -> pl.DataFrame:
    rows = [
        ("model", one["effect_milli"], one["lower_milli"], one["upper_milli"]),
        ("did", one["did_effect_milli"], None, None),
        ("audit", one["audit_effect_milli"], one["audit_lower_milli"], one["audit_upper_milli"]),
    ]
    if one.get("depth_effect_milli") is not None:
        rows.append(("response", one["depth_effect_milli"], one["depth_lower_milli"], one["depth_upper_milli"]))
    names = ["engine", "effect_milli", "lower_milli", "upper_milli"]
    types = dict(zip(names, (pl.String(), pl.Int64(), pl.Int64(), pl.Int64()), strict=True))
    return pl.DataFrame(rows, schema=types, orient="row")


def overview(events: pl.DataFrame, *, words: Words) -> Finding:
    """All events judged so far, the newest first: lift with interval."""
    form = words.format
    judged = events.filter(pl.col("lift").is_not_null() & (pl.col("base_milli") > 0))
    clear = judged.filter(pl.col("low_milli") > 0).height
    earned = judged.filter(pl.col("net_margin_minor") > 0).height
    columns = [
        *(
            "promotion_id",
            "name",
            "mechanic",
            "depth_bp",
            "first_day",
            "status",
            "lift_milli",
            "low_milli",
            "high_milli",
        ),
        *("lift", "net_margin_minor", "roi", "discount_minor"),
    ]
    table = events.select(columns).reverse()
    last = judged.tail(SHOWN_EVENTS).reverse()
    shown = last.select(
        name=pl.Series([_short(r, words) for r in last.iter_rows(named=True)], dtype=pl.String),
        value=pl.col("lift"),
        low=pl.col("low_milli") / pl.col("base_milli"),
        high=pl.col("high_milli") / pl.col("base_milli"),
        label=pl.Series([form.change(v, digits=0) for v in last["lift"]], dtype=pl.String),
        doubt=(pl.col("fires").fill_null(value=False)) | ~pl.col("agrees").fill_null(value=True),
    )
    most = judged.height and clear / judged.height
    kind = "none" if not judged.height else "most" if most > 0.5 else "few"
    values = {
        "judged": form.count(judged.height),
        "all": form.count(events.height),
        "clear": form.count(clear),
        "earned": form.count(earned),
        "shown": form.count(last.height),
    }
    view = in_words(table, words, {"mechanic": "promotion.mechanic", "status": "promotion_review.status"}).drop(
        "promotion_id"
    )
    return Finding.worded(
        "promotion_review.overview",
        kind,
        values,
        words=words,
        key="promotion.overview",
        status="none",
        table=table,
        view=views.readable(view, words=words),
        chart=intervals.intervals(shown, words=words, title=words("promotion.axis.lift"), percent=True)
        if shown.height
        else None,
        row_key=("promotion_id",),
    )


def _short(row: dict[str, Any], words: Words) -> str:
    return f"{row['first_day']:%y-%m} {named(row, words)}"


def check(lift: Lift, *, words: Words) -> Finding:
    """Whether intervals held the truth on placebo events of other rounds."""
    form = words.format
    off = abs(lift.achieved - lift.coverage) if lift.achieved == lift.achieved else None
    kind = "few" if off is None else "held" if off <= COVERAGE_SLACK else "off"
    core = lift.placebos.filter((pl.col("role") == "event") & (pl.col("base") > 0))
    miss = ((core["actual"] - core["base"]) / core["base"]).to_list()
    edges = [-1.0, -0.5, -0.25, -0.1, 0.1, 0.25, 0.5, 1.0, float("inf")]
    counts = [sum(a <= m < b for m in miss) for a, b in pairwise(edges)]
    text = [
        form.change(a, digits=0) + ("…" + form.change(b, digits=0) if b != float("inf") else "…")
        for a, b in pairwise(edges)
    ]
    table = pl.DataFrame({"error_band": text, "events": counts})
    bars = table.select(
        name="error_band", value=pl.col("events").cast(pl.Float64), label=pl.col("events").cast(pl.String)
    )
    values = {
        "achieved": form.share(lift.achieved),
        "coverage": form.share(lift.coverage, digits=0),
        "placebos": form.count(lift.scale.placebos),
    }
    return Finding.worded(
        "promotion_review.check",
        kind,
        values,
        words=words,
        key="promotion.check",
        status="none" if off is None else "ok" if kind == "held" else "warn",
        table=table,
        view=views.readable(table, words=words),
        chart=labelled.bars(bars, words=words, title=words("promotion_review.axis.placebos")),
        role="check",
    )
