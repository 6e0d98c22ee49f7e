"""Tickets: the first sentence, promises, what is open, the month's book, time to solution."""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.cases.engine import Identity
from crmlib.cases.service import SolveTimes
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import Answer, Figure, Finding, Status
from crmlib.kit.words import Words
from crmlib.pages.service import charts

ESCALATED = 2
SLOWER = 1.25
"""A median so many times the earlier one is called slower."""


def together(promises: pl.DataFrame, *, promise: str) -> tuple[int, int]:
    """Kept and due of all teams."""
    rows = promises.filter(pl.col("promise") == promise)
    return int(rows["kept"].sum()), int(rows["due"].sum())


def verdict(share: float | None, high: float | None, *, target: float) -> str:
    """Kept as promised, below the target, or below it beyond chance (the interval's upper end lies under it)."""
    if share is None or high is None:
        return "none"
    return "below" if high < target else "kept" if share >= target else "unsure"


STATUS: dict[str, Status] = {"below": "fail", "unsure": "warn", "kept": "ok", "none": "none"}


def answer(rows: pl.DataFrame, promises: pl.DataFrame, *, words: Words, target: float, days: int) -> Answer:
    """Overdue escalations first, else overdue tickets, else the promise."""
    form = words.format
    late = rows.filter(pl.col("late_days").is_not_null())
    high = late.filter(pl.col("level") >= ESCALATED)
    still = rows.filter(pl.col("age_days").is_not_null()).height
    kept, due = together(promises, promise="solve")
    answered, asked = together(promises, promise="answer")
    kind = "escalated" if high.height else "overdue" if late.height else "kept" if due else "none"
    worst = high if high.height else late
    values = {
        "escalated": form.count(high.height), "overdue": form.count(late.height), "open": form.count(still),
        "oldest": form.count(int(worst["late_days"].max() or 0) if worst.height else 0),  # type: ignore[arg-type]
        "share": form.share(kept / due if due else None, digits=0), "target": form.share(target, digits=0),
        "days": days, "due": form.count(due),
    }  # fmt: skip
    figures = (
        Figure(words("service.figure.open"), form.count(still), key="open", amount=still),
        Figure(
            words("service.figure.overdue"), form.count(late.height), words("service.figure.escalated", **values),
            "bad" if late.height else "good", key="overdue", amount=late.height,
        ),
        Figure(
            words("service.figure.solved"), form.share(kept / due if due else None),
            words("service.figure.target", **values),
            "neutral" if not due else "good" if kept >= target * due else "bad",
            key="solved", amount=kept / due if due else None,
        ),
        Figure(
            words("service.figure.answered"), form.share(answered / asked if asked else None),
            words("service.figure.target", **values),
            "neutral" if not asked else "good" if answered >= target * asked else "bad",
            key="answered", amount=answered / asked if asked else None,
        ),
    )  # fmt: skip
    return Answer(words(f"service.answer.{kind}", **values), figures)


def promises(found: pl.DataFrame, *, words: Words, target: float, days: int) -> Finding:
    """Each team's promises against the target; the worst one says the headline and the colour.

    Parameters
    ----------
    found : team, promise, due, kept, late, open, share, low, high.
    """
    form = words.format
    verdicts = [verdict(r["share"], r["high"], target=target) for r in found.iter_rows(named=True)]
    kind = next((k for k in ("below", "unsure", "kept") if k in verdicts), "none")
    worst = found.with_columns(verdict=pl.Series(verdicts, dtype=pl.String)).filter(pl.col("verdict") == kind)
    worst = worst.sort("share", "team", "promise")
    row = worst.row(0, named=True) if worst.height else {}
    values = {
        "what": _called(row, words) if row else "", "share": form.share(row.get("share")),
        "low": form.share(row.get("low")),
        "high": form.share(row.get("high")), "kept": form.count(row.get("kept")), "due": form.count(row.get("due")),
        "open": form.count(row.get("open")), "late": form.count(row.get("late")),
        "target": form.share(target, digits=0),
        "days": days, "count": form.count(found.height),
    }  # fmt: skip
    bars = found.select(
        pl.Series("name", [_called(r, words) for r in found.iter_rows(named=True)], dtype=pl.String),
        pl.col("share").alias("value"), "low", "high",
        pl.Series("label", [form.share(s) for s in found["share"]], dtype=pl.String),
        pl.Series("tone", ["loss" if v == "below" else "plain" for v in verdicts], dtype=pl.String),
    )  # fmt: skip
    table = found.rename({"due": "due_cases", "kept": "kept_cases", "late": "late_cases", "open": "open_cases"})
    return Finding.worded(
        "service.promises", kind, values, words=words, status=STATUS[kind], table=table,
        view=views.readable(table, words=words) if table.height else None,
        chart=labelled.bars(bars, words=words, percent=True, marks=(target,), title=words("service.chart.kept"))
        if bars.height else None,
        row_key=("team", "promise"),
    )  # fmt: skip


def _called(row: dict[str, object], words: Words) -> str:
    team = str(row["team"])
    return words(f"service.promise_of.{row['promise']}", team=words.label(f"service.team.{team}") or team)


def backlog(found: pl.DataFrame, *, words: Words) -> Finding:
    """Open tickets by age; old ones are named."""
    form = words.format
    count, late = int(found["tickets"].sum()), int(found["overdue"].sum())
    old = int(found.filter(pl.col("band") == "older")["tickets"].sum())
    kind = "none" if not count else "old" if 2 * old > count else "late" if late else "fresh"
    values = {
        "open": form.count(count), "overdue": form.count(late), "old": form.count(old),
        "asked": form.count(int(found["asked"].sum())), "escalated": form.count(int(found["escalated"].sum())),
        "share": form.share(late / count if count else None, digits=0),
    }  # fmt: skip
    bars = found.select(
        pl.Series("name", [words(f"service.band.{b}") for b in found["band"]], dtype=pl.String),
        pl.col("tickets").cast(pl.Float64).alias("value"),
        pl.Series(
            "label",
            [words("service.backlog.label", count=form.count(r["tickets"]), overdue=form.count(r["overdue"]))
             for r in found.iter_rows(named=True)], dtype=pl.String,
        ),
        toned(pl.col("overdue") > 0, "loss").alias("tone"),
    )  # fmt: skip
    table = found.rename({"band": "ticket_age", "asked": "asked_customer"})
    return Finding.worded(
        "service.backlog", kind, values, words=words, table=table,
        status={"none": "ok", "fresh": "ok", "late": "warn", "old": "fail"}[kind],  # type: ignore[arg-type]
        view=views.readable(table, words=words) if count else None,
        chart=labelled.bars(bars, words=words, title=words("service.chart.tickets")) if count else None,
        row_key=("ticket_age",),
    )  # fmt: skip


def book(made: Identity, *, words: Words, first: date, last: date) -> Finding:
    """Open + opened + reopened − closed = open; the stock grows or shrinks."""
    form = words.format
    rows = [("open_before", made.start), *made.came.items(), *((k, -n) for k, n in made.went.items())]
    table = pl.DataFrame(
        [*rows, ("unexplained", made.residual), ("open_now", made.end)], orient="row",
        schema={"ticket_line": pl.String, "tickets": pl.Int64},
    ).filter((pl.col("ticket_line") != "unexplained") | (pl.col("tickets") != 0))  # fmt: skip
    kind = (
        "break"
        if made.residual
        else "grows"
        if made.end > made.start
        else "shrinks"
        if made.end < made.start
        else "same"
    )
    values = {
        "start": form.count(made.start), "end": form.count(made.end), "opened": form.count(made.came["opened"]),
        "reopened": form.count(made.came["reopened"]), "closed": form.count(made.went["closed"]),
        "first": form.day(first), "last": form.day(last), "gap": form.count(abs(made.end - made.start)),
        "residual": form.count(abs(made.residual)),
    }  # fmt: skip
    return Finding.worded(
        "service.book", kind, values, words=words, status="fail" if made.residual else "none", table=table,
        view=views.readable(table, words=words), row_key=("ticket_line",), role="check",
    )  # fmt: skip


def times(this: SolveTimes, before: SolveTimes, *, words: Words, days: int) -> Finding:
    """Median time to solution with the open ones at risk, this quarter against the one before."""
    form = words.format
    if this.median is None:
        kind = "none" if not this.tickets else "not_reached"
    elif before.median is None:
        kind = "alone"
    else:
        kind = (
            "slower" if this.median > SLOWER * before.median
            else "faster" if before.median > SLOWER * this.median
            else "tail" if _fewer_within_week(this, before) else "same"
        )  # fmt: skip
    values = {
        "now": form.number(this.median, digits=1), "then": form.number(before.median, digits=1),
        "tickets": form.count(this.tickets), "open": form.count(this.open), "days": days,
        "p90": words("service.times.not_reached") if this.p90 is None else words(
            "service.times.days", days=form.number(this.p90, digits=1)),
        "week": form.share(this.within(7) if this.tickets else None, digits=0),
        "before_week": form.share(before.within(7) if before.tickets else None, digits=0),
    }  # fmt: skip
    named = (("this", this), ("before", before))
    table = pl.DataFrame(
        [(name, f.tickets, f.open, f.median, f.p90, f.within(7) if f.tickets else None) for name, f in named],
        orient="row",
        schema={"quarter": pl.String, "tickets": pl.Int64, "open_cases": pl.Int64, "median_days": pl.Float64,
                "p90_days": pl.Float64, "within_week": pl.Float64},
    )  # fmt: skip
    drawn = [
        f.curve.select(pl.lit(words(f"service.quarter.{name}")).alias("name"), "time", "share", "low", "high")
        for name, f in named if f.curve.height
    ]  # fmt: skip
    return Finding.worded(
        "service.times", kind, values, words=words, table=table,
        status={"slower": "warn", "tail": "warn", "not_reached": "warn", "faster": "ok", "same": "ok"}.get(  # type: ignore[arg-type]
            kind, "none"
        ),
        view=views.readable(table, words=words), row_key=("quarter",),
        chart=charts.curves(pl.concat(drawn).filter(pl.col("time") <= SHOWN_DAYS), words=words) if drawn else None,
    )  # fmt: skip


def _fewer_within_week(this: SolveTimes, before: SolveTimes) -> bool:
    """Whether fewer are solved within a week than in the quarter before, beyond this quarter's interval."""
    week = this.curve.filter(pl.col("time") <= WEEK).tail(1)
    return bool(week.height and before.tickets and week["high"][0] < before.within(WEEK))


SHOWN_DAYS, WEEK = 30, 7
