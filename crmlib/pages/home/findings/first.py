"""What to do first: the findings of all pages by money at stake."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from crmlib.core.money import minor_per_unit
from crmlib.kit.charts.labelled import bars
from crmlib.kit.finding import ActionList, Answer, Figure, Finding, Status
from crmlib.kit.table import readable
from crmlib.kit.words import Words
from crmlib.report.record.manifest import FigureRecord
from crmlib.report.record.newest import Published

MOST_FIGURES, MOST_BARS = 4, 8
TONES = {"fail": "fail", "warn": "warn", "none": "quiet"}


def answer(costly: pl.DataFrame, lights: pl.DataFrame, *, sales: Published | None, words: Words) -> Answer:
    """Say the most expensive thing of all pages, and what to do about it.

    Parameters
    ----------
    costly : what to begin with (`Study.first`).
    lights : the pages there are (`Study.lights`).
    sales : the page of sales, whose figures are repeated word for word.
    """
    if costly.is_empty():
        kind = "calm" if lights.height else "empty"
        return Answer(
            words(f"home.answer.{kind}", pages=words.format.count(lights.height)), _figures(sales, lights, words)
        )
    top = costly.row(0, named=True)
    sentence = words(
        f"home.answer.{'do' if top['advice'] else 'see'}",
        title=top["report_title"],
        headline=_bare(top["headline"]),
        money=words.format.money(top["stake_minor"]),
        advice=_bare(top["advice"]),
    )
    return Answer(sentence, _figures(sales, lights, words))


def to_do(costly: pl.DataFrame, *, words: Words) -> Finding:
    """Show how much money each finding is about."""
    form = words.format
    kind = "none" if costly.is_empty() else "one" if costly.height == 1 else "several"
    top = {} if kind == "none" else costly.row(0, named=True)
    values = {
        "count": form.count(costly.height),
        "title": top.get("report_title", ""),
        "money": form.money(top.get("stake_minor", 0)),
        "red": form.count(costly.filter(pl.col("status") == "fail").height),
    }
    shown = costly.head(MOST_BARS)
    chart = None if costly.is_empty() else bars(_drawn(shown, words), words=words, title=words("home.stake"))
    table = costly.drop("output", "key", "as_of")
    status: Status = "none" if costly.is_empty() else "fail" if top["status"] == "fail" else "warn"
    return Finding.worded(
        "home.first",
        kind,
        values,
        words=words,
        status=status,
        table=table,
        view=readable(table, words=words, names={"status": "portal.light"}),
        chart=chart,
        row_key=("report_title", "headline"),
        names={"status": "portal.light"},
    )


def actions(rows: pl.DataFrame, leads: Sequence[str], *, total: int, words: Words) -> ActionList:
    """List what to do; each row leads to the card that says why.

    Parameters
    ----------
    rows : what to begin with (`Study.first`).
    leads : address of the card of each row; empty where nothing leads there.
    total : how many findings there are.
    """
    table = rows.select("headline", "advice", "stake_minor", "status", "report_title")
    view = readable(
        table.with_columns(pl.Series("address", list(leads), dtype=pl.String)),
        words=words,
        names={"status": "portal.light"},
        links={"report_title": "address"},
    )
    kind = "none" if rows.is_empty() else "some" if total > rows.height else "all"
    values = {"shown": words.format.count(rows.height), "total": words.format.count(total)}
    return ActionList(
        headline=words(f"home.actions.headline.{kind}", **values),
        table=table,
        view=view,
        note=words("home.actions.note"),
        key="home.actions",
        row_key=("report_title", "headline"),
        names={"status": "portal.light"},
    )


def _figures(sales: Published | None, lights: pl.DataFrame, words: Words) -> tuple[Figure, ...]:
    if sales is not None and sales.record.figures:
        return tuple(_figure(f) for f in sales.record.figures[:MOST_FIGURES])
    count = words.format.count
    lit = {light: lights.filter(pl.col("status") == light).height for light in ("fail", "warn")}
    return (
        Figure(words("home.figure.fail"), count(lit["fail"]), tone="bad" if lit["fail"] else "neutral", key="fail"),
        Figure(words("home.figure.warn"), count(lit["warn"]), key="warn"),
        Figure(words("home.figure.pages"), count(lights.height), key="pages"),
    )


def _figure(record: FigureRecord) -> Figure:
    tone = record.tone if record.tone in ("good", "bad") else "neutral"
    return Figure(record.label, record.value, record.comparison, tone, record.key, record.amount, record.money)  # type: ignore[arg-type]


def _drawn(rows: pl.DataFrame, words: Words) -> pl.DataFrame:
    """One bar a finding, called by its place in the list and its page."""
    return rows.with_row_index("place", offset=1).select(
        name=pl.format("{}. {}", "place", "report_title"),
        value=pl.col("stake_minor") / minor_per_unit(words.format.currency),
        label=pl.Series([words.format.money(m) for m in rows["stake_minor"]], dtype=pl.String),
        tone=pl.col("status").replace_strict(TONES, default="quiet"),
    )


def _bare(sentence: str) -> str:
    return sentence.rstrip("\u3002\uff01.! ")
