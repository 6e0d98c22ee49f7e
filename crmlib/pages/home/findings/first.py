"""What to do first: the findings of all pages by money at stake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from crmlib.core.money import minor_per_unit
from crmlib.kit.charts.labelled import bars
from crmlib.kit.finding import ActionList, Answer, Figure, Finding, Status
from crmlib.kit.table import readable
from crmlib.kit.words import Words
from crmlib.report.record.manifest import FigureRecord
from crmlib.report.record.newest import Published

MOST_FIGURES, MOST_BARS = 4, 8
PERIODS = ("daily", "weekly", "monthly")
"""Rhythms of the page of sales whose period can be named."""
TONES = {"fail": "fail", "warn": "warn", "none": "quiet"}


def answer(
    costly: pl.DataFrame,
    lights: pl.DataFrame,
    *,
    sales: Published | None,
    words: Words,
    targets: Published | None = None,
) -> Answer:
    """Say the most expensive thing of all pages, and what to do about it.

    Parameters
    ----------
    costly : what to begin with (`Study.first`).
    lights : the pages there are (`Study.lights`).
    sales : the page of sales, whose figures are repeated word for word, with their period.
    targets : the page of targets, whose completion stands beside sales.
    """
    figures = _figures(sales, targets, lights, words)
    if costly.is_empty():
        kind = "calm" if lights.height else "empty"
        return Answer(words(f"home.answer.{kind}", pages=words.format.count(lights.height)), figures)
    top = costly.row(0, named=True)
    headline, money = _bare(top["headline"]), words.format.money(top["stake_minor"])
    concerned = "" if money in headline else words("home.answer.concerned", money=money)
    sentence = words(
        f"home.answer.{'do' if top['advice'] else 'see'}",
        title=top["report_title"], headline=headline + concerned, advice=_bare(top["advice"]),
    )  # fmt: skip
    return Answer(sentence, figures)


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


def _figures(
    sales: Published | None, targets: Published | None, lights: pl.DataFrame, words: Words
) -> tuple[Figure, ...]:
    if sales is not None and sales.record.figures:
        made = [_figure(f) for f in sales.record.figures[:MOST_FIGURES]]
        beside = [_period(sales, words), made[0].comparison, _completion(targets, words)]
        told = words("home.figure.join").join(part for part in beside if part)
        return (replace(made[0], comparison=told), *made[1:])
    count = words.format.count
    lit = {light: lights.filter(pl.col("status") == light).height for light in ("fail", "warn")}
    return (
        Figure(words("home.figure.fail"), count(lit["fail"]), tone="bad" if lit["fail"] else "neutral", key="fail"),
        Figure(words("home.figure.warn"), count(lit["warn"]), key="warn"),
        Figure(words("home.figure.pages"), count(lights.height), key="pages"),
    )


def _period(page: Published, words: Words) -> str:
    """Which day, week or month the figures of a page are of; nothing for another rhythm."""
    rhythm = page.output.split("/")[1].split("-")[0]
    return words(f"home.figure.of.{rhythm}", day=page.record.as_of) if rhythm in PERIODS else ""


def _completion(targets: Published | None, words: Words) -> str:
    """How much of the month's target is sold; nothing where no target is known."""
    found = {f.key: f.value for f in targets.record.figures} if targets is not None else {}
    return words("home.figure.target", share=found["share"]) if "share" in found else ""


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
