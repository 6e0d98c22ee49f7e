"""The phone: what became of calls, and agents needed and rostered by half hour."""

from __future__ import annotations

import polars as pl

from crmlib.cases.queues import HALF, Plan
from crmlib.cases.service import Calls
from crmlib.core.proportions import wilson
from crmlib.kit import table as views
from crmlib.kit.finding import Finding
from crmlib.kit.words import Words
from crmlib.pages.service import charts
from crmlib.pages.service.findings.desk import STATUS, verdict


def calls(found: Calls, *, words: Words, days: int | None, seconds: int, level: float) -> Finding:
    """Answered in time over all offered; those who gave up are missed."""
    form = words.format
    high = float(wilson(found.in_time, found.offered)[1]) if found.offered else None
    kind = verdict(found.service_level, high, target=level)
    values = {
        "offered": form.count(found.offered), "answered": form.count(found.answered), "seconds": seconds,
        "abandoned": form.count(found.abandoned), "blocked": form.count(found.blocked),
        "waiting": form.count(found.waiting),
        "share": form.share(found.service_level), "of_answered": form.share(found.of_answered),
        "target": form.share(level, digits=0),
        "lost": form.share(found.abandoned / found.offered if found.offered else None),
        "days": form.count(days),
    }  # fmt: skip
    parts = ("answered", "abandoned", "blocked", "waiting")
    table = pl.DataFrame(
        [(part, getattr(found, part)) for part in parts if getattr(found, part)] + [("offered", found.offered)],
        orient="row", schema={"call_outcome": pl.String, "calls_n": pl.Int64},
    )  # fmt: skip
    return Finding.worded(
        "service.calls", kind, values, words=words, status=STATUS[kind], table=table,
        view=views.readable(table, words=words) if found.offered else None, row_key=("call_outcome",),
    )  # fmt: skip


def clock(minute: object) -> str:
    """A minute of the day as it stands on a clock."""
    at = int(str(minute))
    return f"{at // 60}:{at % 60:02d}"


def agents(found: Plan, *, words: Words, seconds: int, level: float) -> Finding:
    """Half hours with too few agents, and where there are more than needed."""
    form, table = words.format, found.table
    short, worst, spare = table.filter(pl.col("short") > 0), found.worst, found.spare
    lacking, over = float(short["short"].sum()) * HALF / 60, -float(spare["short"].sum()) * HALF / 60
    kind = "none" if table.is_empty() else "fine" if worst is None else "move" if over >= lacking else "few"
    values = {
        "at": clock(worst["minute"]) if worst else "",
        "needed": form.count(int(str(worst["needed"])) if worst else None),
        "rostered": form.number(float(str(worst["rostered"])) if worst else None, digits=0),
        "expected": form.share(float(str(worst["expected"])) if worst else None, digits=0),
        "halves": form.count(short.height), "lacking": form.number(lacking, digits=1),
        "over": form.number(over, digits=1),
        "when": _spans(short, words), "spare": _spans(spare.filter(pl.col("short") <= -1), words),
        "handle": form.number(found.handle_s / 60, digits=1), "days": form.count(found.days),
        "patience": form.number(None if found.patience_s is None else found.patience_s / 60, digits=1),
        "target": form.share(level, digits=0), "seconds": seconds,
    }  # fmt: skip
    shown = table.select(
        pl.Series("half_hour", [clock(m) for m in table["minute"]], dtype=pl.String), calls_day="a_day",
        service_level="level", agents_needed="needed", agents_rostered="rostered", level_expected="expected",
    )  # fmt: skip
    law = "bound" if found.patience_s is None else "patience"
    return Finding.worded(
        "service.agents", kind, values, words=words, table=shown,
        status="none" if kind == "none" else "ok" if kind == "fine" else "warn",
        sure=words(f"service.agents.sure_{law}", **values),
        view=views.readable(shown, words=words) if shown.height else None,
        chart=charts.day(table, words=words) if table.height else None, row_key=("half_hour",),
    )  # fmt: skip


def _spans(rows: pl.DataFrame, words: Words) -> str:
    """Half hours that follow one another as stretches: 10:00–11:00, 18:00–20:30."""
    stretches: list[list[int]] = []
    for minute in rows["minute"].sort():
        if stretches and stretches[-1][1] == minute:
            stretches[-1][1] = minute + HALF
        else:
            stretches.append([minute, minute + HALF])
    return words("page.join").join(f"{clock(a)}–{clock(b)}" for a, b in stretches)
