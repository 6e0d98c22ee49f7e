"""What customers say: themes and repeats, satisfaction with its bounds, written solutions and their use."""

from __future__ import annotations

import polars as pl

from crmlib.cases.service import Satisfaction
from crmlib.core.proportions import wilson
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.finding import Finding
from crmlib.kit.words import Words

SHOWN, FEW = 12, 0.5


def themes(found: pl.DataFrame, *, words: Words, days: int) -> Finding:
    """What rose most, beyond chance where an interval of the change says so, and what came back."""
    form = words.format
    n, before = int(found["tickets"].sum()), int(found["before"].sum())
    rows = [r for r in found.iter_rows(named=True) if r["tickets"] > r["before"]]
    rose = [r for r in rows if float(wilson(r["tickets"], r["tickets"] + r["before"])[0]) > FEW]
    top = max(rose, key=lambda r: r["tickets"] - r["before"]) if rose else (found.row(0, named=True) if n else None)
    repeat = int(found["repeat"].sum())
    kind = "none" if top is None else "rose" if rose else "same"
    values = {
        "theme": _said(top["theme"], words) if top else "", "tickets": form.count(top["tickets"] if top else 0),
        "before": form.count(top["before"] if top else 0), "all": form.count(n), "all_before": form.count(before),
        "repeat": form.count(repeat), "share": form.share(repeat / n if n else None), "days": days,
    }  # fmt: skip
    bars = found.head(SHOWN).select(
        pl.Series("name", [_said(t, words) for t in found["theme"].head(SHOWN)], dtype=pl.String),
        pl.col("tickets").cast(pl.Float64).alias("value"),
        pl.Series(
            "label",
            [words("service.themes.label", count=form.count(r["tickets"]), before=form.count(r["before"]))
             for r in found.head(SHOWN).iter_rows(named=True)], dtype=pl.String,
        ),
    )  # fmt: skip
    table = found.rename({"theme": "ticket_theme", "before": "tickets_before", "open": "open_cases"})
    return Finding.worded(
        "service.themes", kind, values, words=words, status="warn" if rose else "none", table=table,
        view=views.readable(table, words=words) if n else None,
        chart=labelled.bars(bars, words=words, title=words("service.chart.tickets")) if n else None,
        row_key=("ticket_theme",),
    )  # fmt: skip


def _said(theme: str | None, words: Words) -> str:
    return words("service.no_theme") if theme is None else words.label(f"service.theme.{theme}") or theme


def satisfaction(found: Satisfaction, *, words: Words, days: int) -> Finding:
    """The share among answers, and the bounds that hold whoever answers."""
    form = words.format
    kind = (
        "none"
        if not found.asked or found.among_answers is None
        else "wide"
        if found.high - found.low > FEW
        else "narrow"
    )
    values = {
        "asked": form.count(found.asked), "answered": form.count(found.answered),
        "satisfied": form.count(found.satisfied),
        "share": form.share(found.among_answers, digits=0), "low": form.share(found.low, digits=0),
        "high": form.share(found.high, digits=0), "days": days,
        "rate": form.share(found.answered / found.asked if found.asked else None, digits=0),
    }  # fmt: skip
    table = pl.DataFrame(
        [(found.asked, found.answered, found.satisfied, found.among_answers, found.low, found.high)], orient="row",
        schema={"asked_people": pl.Int64, "answered_people": pl.Int64, "satisfied_people": pl.Int64,
                "satisfied_share": pl.Float64, "low": pl.Float64, "high": pl.Float64},
    )  # fmt: skip
    return Finding.worded(
        "service.satisfaction",
        kind,
        values,
        words=words,
        status="none",
        table=table,
        view=views.readable(table, words=words) if found.asked else None,
        role="check",
    )


def solutions(found: pl.DataFrame, *, words: Words) -> Finding:
    """How many closings cite a solution, and which ones do not hold or are never used.

    Parameters
    ----------
    found : solution_id (null: none cited), title, closings, share, reopened (share of its closings), unused.
    """
    form = words.format
    written = found.filter(pl.col("solution_id").is_not_null())
    cited, all_closings = int(written["closings"].sum()), int(found["closings"].sum())
    idle = written.filter("unused")
    kind = "none" if not all_closings else "seldom" if cited < FEW * all_closings else "often"
    bare = found.filter(pl.col("solution_id").is_null())
    values = {
        "share": form.share(cited / all_closings if all_closings else None, digits=0),
        "count": form.count(written.height),
        "cited": form.count(cited), "closings": form.count(all_closings), "idle": form.count(idle.height),
        "reopened": form.share(_again(written), digits=1), "without": form.share(_again(bare), digits=1),
    }  # fmt: skip
    table = written.select(
        solution=pl.coalesce("title", "solution_id"), closings="closings", closing_share="share",
        reopened_share="reopened",
    )  # fmt: skip
    return Finding.worded(
        "service.solutions", kind, values, words=words, status="warn" if kind == "seldom" else "none", table=table,
        view=views.readable(table.head(SHOWN), words=words) if table.height else None, row_key=("solution",),
    )  # fmt: skip


def _again(rows: pl.DataFrame) -> float | None:
    """Share of these closings that were opened again."""
    used = rows.filter(pl.col("closings") > 0)
    n = int(used["closings"].sum())
    return float((used["closings"] * used["reopened"]).sum()) / n if n else None
