"""Before the event: which stores to leave out, and what the others must be sent."""

from __future__ import annotations

from typing import Any

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import ActionList, Finding
from crmlib.kit.words import Words
from crmlib.pages.shared.promotion_wording import depth_text, units
from crmlib.promotion.plan.holdout import TARGET_POWER
from crmlib.promotion.plan.planning import Plan

CAPACITY = 15


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


def stock(plan: Plan, *, words: Words, service: float) -> ActionList:
    """Stock every store needs, the largest first."""
    short = plan.stores.filter((pl.col("order_milli") > 0).fill_null(value=True)) if plan.on_hand else plan.stores
    table = short.head(CAPACITY)
    known = ("on_hand_milli", "order_milli") if plan.on_hand else ()
    shown = table.select("store_id", "base_milli", "stock_milli", *known, store="name")
    shown = shown.select("store_id", "store", "base_milli", "stock_milli", *known)
    kind = "enough" if shown.is_empty() else "send" if plan.on_hand else "need"
    headline = words(
        f"promotion_plan.stock.headline.{kind}",
        shown=words.format.count(shown.height),
        short=words.format.count(short.height),
        all=words.format.count(plan.stores.height),
        depth=depth_text(plan.draft.depth_bp, words),
    )
    asked = plan.asked.row(0, named=True)
    settled = not asked["extrapolated"] and asked["extra_margin_minor"] > 0
    note = words(
        f"promotion_plan.stock.note.{'counted' if plan.on_hand else 'unknown'}",
        service=words.format.share(service, digits=0),
    )
    return ActionList(
        headline=headline,
        table=shown,
        view=views.readable(shown.drop("store_id"), words=words) if shown.height else None,
        note=note if settled else words("promotion_plan.stock.hold") + note,
        row_key=("store_id",),
    )
