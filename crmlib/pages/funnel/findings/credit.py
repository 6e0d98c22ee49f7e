"""Where deals come from and why they end: sources, media, quarter ends, reasons, whether a score is owed."""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.cases.funnel import LEAST_FITTED, OWED, Gate
from crmlib.kit import table as views
from crmlib.kit.charts import intervals, labelled
from crmlib.kit.finding import Finding
from crmlib.kit.words import Words

SHOWN, FILLED = 12, 0.8
"""Fewer reasons written down than this share: no ranking of reasons."""


def sources(rows: pl.DataFrame, *, words: Words) -> Finding:
    """Sources side by side; said to differ only where intervals do not meet."""
    form = words.format
    table = rows.sort("share_won", "source", descending=[True, False])
    apart = table.height > 1 and float(table["low"].max()) > float(table["high"].min())  # type: ignore[arg-type]
    kind = "none" if table.is_empty() else "differ" if apart else "alike"
    values = {
        "top": table["source"][0] if table.height else "", "end": table["source"][-1] if table.height else "",
        "best": form.share(table["share_won"][0] if table.height else None),
        "least": form.share(table["share_won"][-1] if table.height else None),
        "deals": form.count(int(table["opened"].sum() or 0)),
    }  # fmt: skip
    shown = table.head(SHOWN)
    bars = shown.select(
        pl.col("source").alias("name"), pl.col("share_won").alias("value"), "low", "high",
        pl.Series("label", [form.share(s) for s in shown["share_won"]], dtype=pl.String),
    )  # fmt: skip
    out = table.select(
        lead_source="source", deals_opened="opened", deals_won="won", deals_lost="lost", deals_open="open",
        won_90="share_won", share_low="low", share_high="high",
    )  # fmt: skip
    return Finding.worded(
        "funnel.sources", kind, values, words=words, status="none", table=out,
        view=views.readable(out, words=words) if out.height else None,
        chart=intervals.intervals(bars, words=words, title=words("funnel.chart.won_90"), percent=True)
        if shown.height
        else None,
        row_key=("lead_source",),
    )  # fmt: skip


def media(rows: pl.DataFrame, *, words: Words) -> Finding:
    """Credit by four ways; where they disagree most is named; none is an effect."""
    form = words.format
    ways = ("first", "last", "equal", "shapley")
    spread = rows.with_columns(most=pl.max_horizontal(*ways), least=pl.min_horizontal(*ways)).sort(
        pl.col("most") - pl.col("least"), "medium", descending=[True, False]
    )
    table = rows.select(
        "medium", credit_first="first", credit_last="last", credit_equal="equal", credit_shapley="shapley"
    )
    kind = "none" if rows.is_empty() else "some"
    values = {
        "medium": spread["medium"][0] if spread.height else "",
        "least": form.share(spread["least"][0] if spread.height else None),
        "most": form.share(spread["most"][0] if spread.height else None),
    }
    return Finding.worded(
        "funnel.credit", kind, values, words=words, status="none", table=table,
        view=views.readable(table, words=words) if table.height else None, row_key=("medium",),
    )  # fmt: skip


def season(rows: pl.DataFrame, *, words: Words) -> Finding:
    """Closings of quarter ends against the others; beyond chance only where intervals do not meet."""
    form = words.format
    by = {bool(r["quarter_end"]): r for r in rows.iter_rows(named=True)}
    ends, others = by.get(True), by.get(False)
    if ends is None or others is None:
        kind, share, other = "none", None, None
    else:
        share, other = ends["share"], others["share"]
        kind = "piles" if ends["low"] > others["high"] else "thins" if ends["high"] < others["low"] else "even"
    values = {
        "share": form.share(share), "other": form.share(other),
        "won": form.count(ends["won"] if ends else 0), "closed": form.count(ends["closed"] if ends else 0),
        "others_won": form.count(others["won"] if others else 0),
        "others_closed": form.count(others["closed"] if others else 0),
    }  # fmt: skip
    table = rows.select(
        pl.Series("closed_in", [words(f"funnel.season.{'end' if e else 'other'}") for e in rows["quarter_end"]],
                  dtype=pl.String),
        deals_won="won", deals_closed="closed", won_of_closed="share", share_low="low", share_high="high",
    )  # fmt: skip
    return Finding.worded(
        "funnel.season", kind, values, words=words, status="none", table=table,
        view=views.readable(table, words=words) if table.height else None, row_key=("closed_in",), role="check",
    )  # fmt: skip


def reasons(deals: pl.DataFrame, *, words: Words, as_of: date) -> Finding:
    """Reasons of losses with the share that was written down; those without one stand in the table, too."""
    form = words.format
    lost = deals.filter((pl.col("outcome") == "lost") & (pl.col("closed_on") <= as_of))
    named = lost.filter(pl.col("lost_reason").is_not_null())
    by = lost.group_by("lost_reason").agg(
        deals_lost=pl.len().cast(pl.Int64), deal_minor=pl.col("value_minor").sum()
    ).sort("deals_lost", "lost_reason", descending=[True, False], nulls_last=True)  # fmt: skip
    known, unknown = (by.filter(pl.col("lost_reason").is_null() == gone) for gone in (False, True))
    by = pl.concat([known, unknown])
    filled = named.height / lost.height if lost.height else None
    kind = "none" if filled is None or known.is_empty() else "few" if filled < FILLED else "known"
    values = {
        "filled": form.share(filled), "lost": form.count(lost.height),
        "missing": form.count(lost.height - named.height),
        "top": known["lost_reason"][0] if known.height else "",
        "count": form.count(int(known["deals_lost"][0] or 0) if known.height else 0),
        "money": form.money(int(known["deal_minor"][0] or 0) if known.height else 0),
        "needed": form.share(FILLED, digits=0),
    }  # fmt: skip
    table = by.select(
        pl.col("lost_reason").fill_null(words("funnel.no_reason")).alias("lost_to"), "deals_lost", "deal_minor"
    )
    bars = table.head(SHOWN).select(
        pl.col("lost_to").alias("name"), pl.col("deals_lost").cast(pl.Float64).alias("value"),
        pl.Series("label", [form.count(n) for n in table.head(SHOWN)["deals_lost"]], dtype=pl.String),
        pl.when(pl.col("lost_to") == words("funnel.no_reason")).then(pl.lit("quiet")).alias("tone"),
    )  # fmt: skip
    return Finding.worded(
        "funnel.reasons", kind, values, words=words, table=table,
        status="warn" if kind == "few" else "ok" if kind == "known" else "none",
        view=views.readable(table, words=words) if table.height else None,
        chart=labelled.bars(bars, words=words, title=words("funnel.chart.deals")) if table.height else None,
        row_key=("lost_to",),
    )  # fmt: skip


def score(gate: Gate | None, *, words: Words) -> Finding:
    """A score is shown to nobody unless it ranks deals it has never seen."""
    form = words.format
    kind = "few" if gate is None else "owed" if gate.owed else "chance"
    values = {
        "auc": form.number(gate.auc if gate else None, digits=2),
        "low": form.number(gate.low if gate else None, digits=2),
        "gate": form.number(OWED, digits=2), "needed": 2 * LEAST_FITTED,
    }  # fmt: skip
    table = pl.DataFrame(
        {"auc_later": [gate.auc], "auc_low": [gate.low], "auc_gate": [OWED]} if gate else {"auc_gate": [OWED]}
    )
    return Finding.worded(
        "funnel.score", kind, values, words=words, status="none", table=table,
        view=views.readable(table, words=words), role="check",
    )  # fmt: skip
