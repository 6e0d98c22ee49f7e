"""After the event: what it brought, and whether that can be trusted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import altair as alt
import polars as pl

from crmlib.kit import table as views
from crmlib.kit.charts import intervals, labelled
from crmlib.kit.finding import Answer, Figure, Finding, Status, Tone
from crmlib.kit.words import Words
from crmlib.pages.shared.promotion_wording import against_budget, in_words, named, units
from crmlib.promotion.lift.footprint import ROLES
from crmlib.promotion.lift.lift import Lift, missing_parts
from crmlib.promotion.review import Review
from crmlib.promotion.verdict import doubt, money, verdict

KEPT, HALF = 0.8, 0.5
"""Share of the gross lift left after dip and switching: kept, part of it eaten; below a half, most of it."""
SHOWN_EVENTS = 14
OVERVIEW = (
    *("promotion_id", "name", "mechanic", "depth_bp", "first_day", "status", "lift_milli", "low_milli", "high_milli"),
    *("lift", "net_margin_minor", "net_margin_low_minor", "net_margin_high_minor", "roi", "discount_minor"),
)
AFTER = ("dip", "waiting")
LOSSES = (*AFTER, "sibling")
"""What came before and after the event, and what may have taken units back."""
PART_STATUS: dict[str, Status] = {
    "kept": "ok", "clean": "ok", "offset": "ok", "part": "ok", "eaten": "warn", "partial": "warn", "lost": "fail",
}  # fmt: skip


def answer(event: dict[str, Any], *, missing: dict[str, str], words: Words) -> Answer:
    """The sentence of the page, and four figures; missing: role → why it cannot be estimated."""
    form = words.format
    kind, why, paid = verdict(event), doubt(event), money(event)
    net, roi, own = event["net_margin_minor"], event["roi"], event["own_cost_minor"]
    values = {
        "name": named(event, words),
        "units": units(event["lift_milli"], words),
        "low": units(event["low_milli"], words),
        "high": units(event["high_milli"], words),
        "net": form.money(None if net is None else abs(net)),
        **_range(event, words),
        "why": words(f"promotion_review.doubt.{why}") if why else "",
        "aside": words("promotion_review.aside", why=words(f"promotion_review.doubt.{why}")) if why else "",
        "own": form.money(own),
        "parts": _listed(missing, words),
        **grounds(event, words),
    }
    told = event["lift_milli"] is not None
    tone: dict[str, Tone] = {"earned": "good", "lost": "bad"}
    return Answer(
        sentence=words(f"promotion_review.answer.{kind}", **values),
        figures=(
            Figure(
                label=words("promotion_review.figure.lift"),
                value=values["units"] if told else words("promotion_review.figure.unknown"),
                comparison=words(f"promotion_review.figure.{'range' if told else 'range_unknown'}", **values),
                tone="bad" if kind == "drop" else "neutral" if why or kind in {"unclear", "unjudged"} else "good",
                key=f"lift.{event['promotion_id']}",
                amount=None if event["lift_milli"] is None else event["lift_milli"] / 1000,
            ),
            Figure(
                label=words("promotion_review.figure.net"),
                value=form.money(net),
                comparison=_net_note(net, values, missing, words),
                tone=tone.get(paid, "neutral"),
                key=f"net.{event['promotion_id']}",
                amount=net,
                money=True,
            ),
            Figure(
                label=words("promotion_review.figure.roi"),
                value=form.number(roi, digits=2),
                comparison=words(f"promotion_review.figure.roi_note.{'none' if roi is None else 'of'}", **values),
                tone="neutral" if roi is None else tone.get(paid, "neutral"),
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


def grounds(event: dict[str, Any], words: Words) -> dict[str, str]:
    """Why an event cannot be compared (no untreated stores, or goods hardly sold otherwise), and what would help."""
    status = "r8" if event["status"] == "r8" else "r7"
    return {k: words(f"promotion_review.{k}.{status}") for k in ("ground", "ground_do")}


def _range(event: dict[str, Any], words: Words) -> dict[str, str]:
    """Ends of the net margin in words."""
    return {f"net_{end}": words.format.money(event[f"net_margin_{end}_minor"]) for end in ("low", "high")}


def _listed(roles: Iterable[str], words: Words) -> str:
    return words("promotion.join").join(words(f"promotion_review.role.{role}") for role in roles)


def _net_note(net: int | None, values: dict[str, str], missing: dict[str, str], words: Words) -> str:
    """What the net margin may be, and what it leaves out."""
    if net is None:
        return words("promotion_review.figure.net_note.none")
    told = words("promotion_review.figure.net_note.range", **values)
    return told + (words("promotion_review.figure.net_note.without", **values) if missing else "")


def parts(event: dict[str, Any], lift: Lift, *, words: Words) -> Finding:
    """Gross lift, waiting, dip, cannibalised and halo, and what is left; what cannot be estimated is said, not 0."""
    roles = [*ROLES, "net"]
    table = lift.parts.filter(pl.col("event_id") == event["promotion_id"]).rename({"event_id": "promotion_id"})
    rows = {r["role"]: r for r in table.iter_rows(named=True)}
    net, gross = rows.get("net"), rows.get("event")
    missing = dict(missing_parts(lift, event["promotion_id"]).iter_rows()) if rows else {}
    lost = [r for r in LOSSES if r in rows and rows[r]["effect_milli"] < 0]
    kind = "unjudged" if net is None or gross is None else _part_kind(rows, lost, missing)
    values = {
        "gross": units(gross["effect_milli"] if gross else None, words),
        "net": units(net["effect_milli"] if net else None, words),
        "loss": words("promotion.join").join(words(f"promotion_review.parts.loss.{r}") for r in lost),
        "eaten": units(-sum(rows[r]["effect_milli"] for r in lost), words),
        "parts": _listed([r for r in AFTER if r in missing], words),
        "coverage": words.format.share(lift.coverage, digits=0),
        "achieved": words.format.share(lift.achieved),
        "placebos": words.format.count(lift.scale.placebos),
        **grounds(event, words),
    }
    shown = pl.DataFrame(
        [_bar(r, rows.get(r), words) for r in roles if r in rows or r in missing],
        schema_overrides={"low": pl.Float64, "high": pl.Float64},
    )
    table = _with_missing(table, event["promotion_id"], [r for r in roles if r in missing])
    status: Status = PART_STATUS.get(kind, "none")
    held = kind in {"kept", "clean", "offset"} and doubt(event) is None  # the trust card must not deny it
    return Finding.worded(
        "promotion_review.parts",
        kind,
        values,
        words=words,
        key="promotion.parts",
        status=status,
        table=table,
        view=views.readable(in_words(table.drop("promotion_id"), words, {"role": "promotion_review.role"}), words=words)
        if table.height
        else None,
        chart=labelled.bars(shown, words=words, title=words("promotion_review.axis.units")) if shown.height else None,
        do=words("promotion_review.parts.do.sure") if held else None,
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


def _part_kind(rows: dict[str, dict[str, Any]], lost: list[str], missing: dict[str, str]) -> str:
    """What became of the units sold more during the event.

    open (its interval holds 0), partial (what came after cannot be estimated), lost (net ≤ 0), clean (nothing was
    taken back), offset (taken back, but other goods made up for it), eaten (under half left), part, kept.
    """
    gross, net = rows["event"], rows["net"]
    if gross["lower_milli"] is None or gross["lower_milli"] <= 0:
        return "open"
    if any(role in missing for role in AFTER):
        return "partial"
    if net["effect_milli"] <= 0:
        return "lost"
    if not lost:
        return "clean"
    left = net["effect_milli"] / gross["effect_milli"]
    return "offset" if left >= 1 else "kept" if left >= KEPT else "part" if left >= HALF else "eaten"


def trust(event: dict[str, Any], review: Review, *, words: Words) -> Finding:
    """The engines side by side, and how much unseen demand it would take."""
    form = words.format
    one = review.engines.filter(pl.col("event_id") == event["promotion_id"]).row(0, named=True)
    tip = review.tipping.filter(pl.col("event_id") == event["promotion_id"])
    line = tip.row(0, named=True) if tip.height else None
    table = _engines(one)
    kind = "alone" if one["agrees"] is None else "agree" if one["agrees"] else "apart"
    tried = [e for e in ("did", "audit") if one[f"{e}_effect_milli"] is not None]
    reason = "unknown" if line is None else line["reason"]
    if event.get("engine") == "response":
        kind = "response"
    elif event["status"] != "ok":
        kind = f"status_{event['status']}"
    status: Status = "warn" if doubt(event) else "ok"
    if reason == "none" and verdict(event) == "unclear":
        reason = "unclear"  # an effect that may be none needs no unseen demand to be overturned
    advice = "hold" if status == "ok" else "ground" if event["status"] != "ok" else "holdout"
    values = {
        **grounds(event, words),
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
        sure="".join(words(f"promotion_review.trust.sure.{k}", **values) for k in ("controls", *tried)),
        do=words(f"promotion_review.trust.do.{advice}", **values),
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
    priced = events.drop_nulls("net_margin_minor")
    kinds = [money(r) for r in priced.iter_rows(named=True)]
    total = int(priced["net_margin_minor"].sum())
    dark = events.filter(pl.col("net_margin_minor").is_null())
    table = events.select(OVERVIEW).reverse()
    last = judged.tail(SHOWN_EVENTS).reverse()
    kind = "none" if not kinds else "earned" if total > 0 else "lost"
    status: Status = "none" if not kinds else "ok" if total > 0 else "warn"
    values = {
        "judged": form.count(judged.height),
        "all": form.count(events.height),
        "clear": form.count(clear),
        "priced": form.count(len(kinds)),
        "total": form.money(abs(total)),
        "earned": form.count(kinds.count("earned")),
        "lost": form.count(kinds.count("lost")),
        "even": form.count(kinds.count("even")),
        "dark": form.count(dark.height),
        "dark_discount": form.money(int(dark["discount_minor"].sum())),
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
        status=status,
        value_minor=abs(total) if kinds else None,
        table=table,
        view=views.readable(view, words=words),
        chart=_lifts(last, words) if last.height else None,
        row_key=("name", "first_day"),
    )


def _lifts(last: pl.DataFrame, words: Words) -> alt.LayerChart:
    """Lift of events with its interval, hollow where some check denies it."""
    shown = last.select(
        name=pl.Series([_short(r, words) for r in last.iter_rows(named=True)], dtype=pl.String),
        value=pl.col("lift"),
        low=pl.col("low_milli") / pl.col("base_milli"),
        high=pl.col("high_milli") / pl.col("base_milli"),
        label=pl.Series([words.format.change(v, digits=0) for v in last["lift"]], dtype=pl.String),
        doubt=pl.Series([doubt(r) in {"apart", "fires"} for r in last.iter_rows(named=True)], dtype=pl.Boolean),
    )
    return intervals.intervals(shown, words=words, title=words("promotion.axis.lift"), percent=True)


def _short(row: dict[str, Any], words: Words) -> str:
    return f"{row['first_day']:%y-%m} {named(row, words)}"
