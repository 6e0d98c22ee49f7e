"""What was done: figures against targets, typed beside counted, coverage, load, and whether people differ at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import altair as alt
import numpy as np
import polars as pl

from crmlib.cases.scores import BP
from crmlib.cases.staff import NAMED, RANK_N, RANK_P, Comparison
from crmlib.core.proportions import limits as chance
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import Answer, Figure, Finding
from crmlib.kit.words import Words
from crmlib.pages.staff import charts

SHOWN = 20
LOW, FULL = 0.2, 1.0
"""Below this share of own customers nobody can say they look after them; a load of 1 is all rostered minutes."""


def answer(
    sheet: pl.DataFrame | None, lost: pl.DataFrame, *, words: Words, names: Mapping[str, str], person: str | None,
    figures: Mapping[str, str],
) -> Answer:  # fmt: skip
    """A person's own score and weakest figure; for heads what belongs to somebody who left."""
    form = words.format
    total = _scores(sheet)
    mean = float(total["score"].mean()) if total.height else None  # type: ignore[arg-type]
    weak = (
        None
        if sheet is None
        else sheet.filter(pl.col("reached_bp").is_not_null()).sort("reached_bp", "figure_id").head(1)
    )
    values = {
        "name": names.get(person or "", person or ""), "score": form.number(mean, digits=1),
        "people": form.count(total.height), "count": form.count(lost.height),
        "money": form.money(int(lost["value_minor"].sum())), "leavers": form.count(lost["owner_staff"].n_unique()),
        "weak": figures.get(weak["figure_id"][0], weak["figure_id"][0]) if weak is not None and weak.height else "",
        "reached": form.share(int(weak["reached_bp"][0]) / BP, digits=0) if weak is not None and weak.height else "",
    }  # fmt: skip
    if person is not None:
        kind = "own" if total.height else "no_targets"
    else:
        kind = "left" if lost.height else "fine" if total.height else "no_sheet"
    shown = (
        Figure(
            words("staff.figure.score"), form.number(mean, digits=1), words("staff.figure.people", **values),
            key="score", amount=mean,
        ),
        Figure(
            words("staff.figure.left"), words("staff.things", count=values["count"]),
            words("staff.figure.money", **values), "bad" if lost.height else "good", key="left",
            amount=float(lost.height),
        ),
    )  # fmt: skip
    return Answer(words(f"staff.answer.{kind}", **values), shown)


def _scores(sheet: pl.DataFrame | None) -> pl.DataFrame:
    """staff_id, score [points of 100]."""
    if sheet is None or sheet.is_empty():
        return pl.DataFrame(schema={"staff_id": pl.String, "score": pl.Float64})
    return (
        sheet.group_by("staff_id")
        .agg(score=pl.col("points_bp").sum() / (BP / 100))
        .sort("score", "staff_id", descending=[True, False])
    )


def sheets(
    sheet: pl.DataFrame, names: Mapping[str, str], figures: Mapping[str, str], *, words: Words, person: str | None,
    period: tuple[date, date] | None, as_of: date,
) -> Finding:  # fmt: skip
    """Every figure with its rows, correction, target and weight: points add up to the score."""
    form, total = words.format, _scores(sheet)
    first, last = period or (as_of, as_of)
    part = ((as_of - first).days + 1) / ((last - first).days + 1)
    below = total.filter(pl.col("score") < 100 * min(part, 1.0))
    kind = "none" if total.is_empty() else "own" if person is not None else "below" if below.height else "reached"
    values = {
        "people": form.count(total.height), "below": form.count(below.height), "first": form.day(first),
        "last": form.day(last), "part": form.share(min(part, 1.0), digits=0),
        "score": form.number(total["score"][0] if total.height else None, digits=1),
        "corrected": form.count(int((sheet["corrected"] != 0).sum()) if total.height else 0),
        "even": form.number(100 * min(part, 1.0), digits=0),
    }  # fmt: skip
    table = _sheet_table(sheet, names, figures)
    shown = total.head(SHOWN)
    bars = shown.select(
        pl.col("staff_id").replace(dict(names)).alias("name"), pl.col("score").alias("value"),
        pl.Series("label", [form.number(s, digits=1) for s in shown["score"]], dtype=pl.String),
        toned(pl.col("score") < 100 * min(part, 1.0), "warn").alias("tone"),
    )  # fmt: skip
    return Finding.worded(
        "staff.sheets", kind, values, words=words, status="none", table=table,
        view=views.readable(table.head(50), words=words) if total.height else None,
        chart=labelled.bars(bars, words=words, title=words("staff.chart.score"), marks=(100 * min(part, 1.0),))
        if total.height
        else None,
        row_key=("person", "figure"),
    )  # fmt: skip


def _sheet_table(sheet: pl.DataFrame, names: Mapping[str, str], figures: Mapping[str, str]) -> pl.DataFrame:
    if sheet.is_empty():
        return pl.DataFrame(schema={"person": pl.String, "figure": pl.String})
    return sheet.select(
        pl.col("staff_id").replace(dict(names)).alias("person"),
        pl.col("figure_id").replace(dict(figures)).alias("figure"),
        counted="counted", corrected="corrected", target="target", reached_bp="reached_bp", weight_bp="weight_bp",
        points_bp="points_bp",
    )  # fmt: skip


def reports(
    rows: pl.DataFrame, unsent: Sequence[str], names: Mapping[str, str], figures: Mapping[str, str], *, words: Words,
    kind: str,
) -> Finding:  # fmt: skip
    """A typed figure is shown beside the counted rows, never taken for them."""
    form = words.format
    off = rows.filter(pl.col("gap") != 0).sort(pl.col("gap").abs(), "staff_id", descending=[True, False])
    late = int(rows["late_rows"].sum())
    state = "none" if rows.is_empty() else "apart" if off.height else "late" if late else "agrees"
    worst = off.head(1)
    values = {
        "rows": form.count(rows.height), "off": form.count(off.height), "late": form.count(late),
        "unsent": form.count(len(unsent)),
        "who": words("page.join").join(names.get(s, s) for s in unsent[:5]) or words("page.none"),
        "kind": words(f"staff.report.{kind}"),
        "first": form.day(rows["period_start"][0] if rows.height else None),
        "last": form.day(rows["period_end"][0] if rows.height else None),
        "worst": names.get(worst["staff_id"][0], worst["staff_id"][0]) if off.height else "",
        "figure": figures.get(worst["figure_id"][0], worst["figure_id"][0]) if off.height else "",
        "typed": form.count(int(worst["value"][0]) if off.height else 0),
        "counted": form.count(int(worst["counted"][0]) if off.height else 0),
    }  # fmt: skip
    table = off.vstack(rows.filter(pl.col("gap") == 0)) if rows.height else rows
    shown = table.select(
        pl.col("staff_id").replace(dict(names)).alias("person"),
        pl.col("figure_id").replace(dict(figures)).alias("figure"),
        typed="value", counted="counted", typed_gap="gap", booked_late="late_rows",
    )  # fmt: skip
    return Finding.worded(
        "staff.reports", state, values, words=words,
        status={"none": "none", "apart": "warn", "late": "warn", "agrees": "ok"}[state],  # type: ignore[arg-type]
        table=shown, view=views.readable(shown.head(SHOWN), words=words) if rows.height else None,
        row_key=("person", "figure"),
    )  # fmt: skip


def coverage(rows: pl.DataFrame, names: Mapping[str, str], *, words: Words) -> Finding:
    """How many of their own customers people were in touch with in the last 90 days."""
    form = words.format
    owned, covered = int(rows["owned"].sum()), int(rows["covered"].sum())
    ordered = rows.sort("share", "staff_id", nulls_last=True)
    least = ordered.head(1)
    share = covered / owned if owned else None
    kind = "none" if share is None else "low" if share < LOW else "some"
    values = {
        "share": form.share(share), "owned": form.count(owned), "covered": form.count(covered),
        "limit": form.share(LOW, digits=0),
        "least": names.get(least["staff_id"][0], least["staff_id"][0]) if owned else "",
        "least_share": form.share(float(least["share"][0]) if owned else None),
    }  # fmt: skip
    table = ordered.select(
        pl.col("staff_id").replace(dict(names)).alias("person"), own_customers="owned", own_covered="covered",
        covered_share="share",
    )  # fmt: skip
    bars = ordered.head(SHOWN).select(
        pl.col("staff_id").replace(dict(names)).alias("name"), pl.col("share").alias("value"),
        pl.Series("label", [form.share(s) for s in ordered.head(SHOWN)["share"]], dtype=pl.String),
        toned(pl.col("share") < LOW, "warn").alias("tone"),
    )  # fmt: skip
    return Finding.worded(
        "staff.coverage", kind, values, words=words, status={"none": "none", "low": "warn", "some": "ok"}[kind],  # type: ignore[arg-type]
        table=table, view=views.readable(table.head(SHOWN), words=words) if owned else None,
        chart=labelled.bars(bars, words=words, title=words("staff.chart.coverage"), percent=True, marks=(LOW,))
        if owned
        else None,
        row_key=("person",),
    )  # fmt: skip


def load(rows: pl.DataFrame, names: Mapping[str, str], *, words: Words, minutes: int) -> Finding:
    """Tasks due in the last week beside the minutes on the roster."""
    form = words.format
    over = rows.filter((pl.col("load") > FULL) | pl.col("load").is_null())
    top = rows.sort("load", "staff_id", descending=[True, False], nulls_last=False)
    kind = "none" if rows.is_empty() else "over" if over.height else "fits"
    values = {
        "people": form.count(rows.height), "over": form.count(over.height), "minutes": form.count(minutes),
        "top": names.get(top["staff_id"][0], top["staff_id"][0]) if rows.height else "",
        "top_load": form.share(top["load"][0] if rows.height else None, digits=0),
    }  # fmt: skip
    table = top.select(
        pl.col("staff_id").replace(dict(names)).alias("person"), "due_minutes", "rostered_minutes", task_load="load"
    )
    return Finding.worded(
        "staff.load", kind, values, words=words, status={"none": "none", "over": "warn", "fits": "ok"}[kind],  # type: ignore[arg-type]
        table=table, view=views.readable(table.head(SHOWN), words=words) if rows.height else None, row_key=("person",),
    )  # fmt: skip


def compared(found: Comparison, names: Mapping[str, str], *, words: Words, person: str | None) -> Finding:
    """Whether advisers differ: nobody is ranked where chance explains it, nobody named inside the limits."""
    form, rows = words.format, found.table
    mine = rows if person is None else rows.filter(pl.col("staff_id") == person)
    beyond = mine.filter(pl.col("beyond").is_not_null()) if found.ranked else mine.head(0)
    least = int(rows["trials"].min() or 0) if rows.height else 0  # type: ignore[arg-type]
    kind = (
        "none" if rows.height < 2 else "beyond" if beyond.height else "few" if least < RANK_N and found.p < RANK_P
        else "differ" if found.ranked else "chance"
    )  # fmt: skip
    hits, trials = int(rows["hits"].sum()), int(rows["trials"].sum())
    values = {
        "people": form.count(rows.height), "p": form.number(found.p, digits=2), "least": form.count(least),
        "needed": form.count(RANK_N), "share": form.share(hits / trials if trials else None),
        "who": words("page.join").join(names.get(s, s) for s in beyond["staff_id"]),
        "level": form.share(NAMED), "limit": form.number(RANK_P, digits=2),
    }  # fmt: skip
    shown = mine.select(
        pl.col("staff_id").replace(dict(names)).alias("person"), called="trials", reached_count="hits",
        reached_share="share", shrunk_share="shrunk", chance_low="low", chance_high="high",
    )  # fmt: skip
    return Finding.worded(
        "staff.compared", kind, values, words=words, status="none", table=shown,
        view=views.readable(shown.head(SHOWN), words=words) if rows.height else None,
        chart=_funnel(mine, hits / trials, names, words, ranked=found.ranked) if rows.height >= 2 and trials else None,
        row_key=("person",),
    )  # fmt: skip


def _funnel(
    rows: pl.DataFrame, share: float, names: Mapping[str, str], words: Words, *, ranked: bool
) -> alt.LayerChart:
    size = np.unique(np.linspace(1, max(int(rows["trials"].max() or 1), 2), 60).round().astype(np.int64))  # type: ignore[arg-type]
    low, high = chance(size, share=share, level=NAMED)
    band = pl.DataFrame({"trials": size, "low": low, "high": high, "share": np.full(size.size, share)})
    tone = pl.col("beyond").fill_null("inside") if ranked else pl.lit("inside")
    points = rows.select(
        pl.col("staff_id").replace(dict(names)).alias("name"), "trials", "share", tone.alias("tone"),
        pl.Series("label", [words.format.share(s) for s in rows["share"]], dtype=pl.String),
    )  # fmt: skip
    return charts.funnel(points, band, words=words)
