"""The plan: go or no go, phases, and what to close by whom."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crmlib.cases.accept import Acceptance
from crmlib.cases.old_rules import MONEY
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import ActionList, Answer, Figure, Finding
from crmlib.kit.words import Words
from crmlib.pages.rollout.findings.figures import month, yuan

PHASES = ("plan", "blueprint", "set_up", "switch_over", "support")
WITHIN = 3
"""Days to explain a line."""


def amounts(found: Acceptance) -> int:
    """Σ |unexplained| of amounts of money, lines on one side only left out [minor units]."""
    rows = found.table.filter(pl.col("figure_id").is_in(MONEY), pl.col("only").is_null())
    return int(rows["unexplained"].abs().sum())


def answer(steps: pl.DataFrame, blocking: pl.DataFrame, found: Acceptance, *, words: Words) -> Answer:
    """No go while a figure is unexplained or a blocking step is open."""
    form, lines = words.format, found.blocking().height
    kind = "both" if lines and blocking.height else "figures" if lines else "steps" if blocking.height else "go"
    done = steps["done_on"].is_not_null().sum()
    money = amounts(found)
    values = {
        "lines": form.count(lines), "all": form.count(found.table.height), "money": yuan(money, words),
        "steps": form.count(blocking.height), "first": _title(blocking.row(0, named=True)) if blocking.height else "",
        "owner": blocking["owner"][0] if blocking.height else "",
    }  # fmt: skip
    figures = (
        Figure(
            words("rollout.figures.money"), yuan(money, words), words("rollout.figures.of_lines", **values),
            "bad" if lines else "good", key="unexplained", amount=money, money=True,
        ),
        Figure(
            words("rollout.figures.explained"), form.count(found.table.height - lines),
            words("rollout.figures.of", all=values["all"]), key="explained", amount=found.table.height - lines,
        ),
        Figure(
            words("rollout.figures.done"), form.count(int(done)),
            words("rollout.figures.of", all=form.count(steps.height)), key="done", amount=int(done),
        ),
        Figure(
            words("rollout.figures.blocking"), form.count(blocking.height), "", "bad" if blocking.height else "good",
            key="blocking", amount=blocking.height,
        ),
    )  # fmt: skip
    return Answer(words(f"rollout.answer.{kind}", **values), figures)


def _title(row: dict[str, object]) -> str:
    return str(row["title"] or row["step_id"])


def steps(plan: pl.DataFrame, blocking: pl.DataFrame, *, words: Words) -> Finding:
    """Phases by share of steps done; what should be done and is not."""
    form = words.format
    phase, done = pl.col("phase").cast(pl.String), pl.col("done_on").is_not_null()
    counts = plan.group_by(phase.alias("rollout_phase")).agg(
        steps_n=pl.len().cast(pl.Int64), done_n=done.sum().cast(pl.Int64)
    )
    order = pl.DataFrame({"rollout_phase": list(PHASES)})
    table = order.join(counts, on="rollout_phase", how="inner", maintain_order="left")
    late = set(blocking["phase"].cast(pl.String))
    bars = table.select(
        pl.Series("name", [words(f"rollout.phase.{p}") for p in table["rollout_phase"]], dtype=pl.String),
        (pl.col("done_n") / pl.col("steps_n")).alias("value"),
        pl.Series("label", [words("rollout.steps.label", done=form.count(d), all=form.count(n))
                            for n, d in table.select("steps_n", "done_n").iter_rows()], dtype=pl.String),
        toned(pl.col("rollout_phase").is_in(sorted(late)), "loss").alias("tone"),
    )  # fmt: skip
    kind = "none" if plan.is_empty() else "blocked" if blocking.height else "on_time"
    values = {
        "count": form.count(blocking.height), "done": form.count(int(plan["done_on"].is_not_null().sum())),
        "all": form.count(plan.height), "first": _title(blocking.row(0, named=True)) if blocking.height else "",
        "days": form.count(int(blocking["late_days"].max() or 0) if blocking.height else 0),  # type: ignore[arg-type]
        "owner": blocking["owner"][0] if blocking.height else "",
    }  # fmt: skip
    return Finding.worded(
        "rollout.steps", kind, values, words=words, table=table,
        status={"blocked": "fail", "on_time": "ok", "none": "none"}[kind],  # type: ignore[arg-type]
        view=views.readable(table, words=words) if table.height else None,
        chart=labelled.bars(bars, words=words, percent=True, title=words("rollout.chart.done"))
        if bars.height else None,
        row_key=("rollout_phase",),
    )  # fmt: skip


def listed(blocking: pl.DataFrame, found: Acceptance, *, words: Words, as_of: date) -> ActionList:
    """Open steps by their day, then lines that nothing explains, largest first."""
    form = words.format
    soon = as_of + timedelta(days=WITHIN)
    rows = [
        (_title(r),
         words("rollout.reason.late" if r["done_on"] is None else "rollout.reason.unproven", days=r["late_days"]),
         words("rollout.advice.step" if r["done_on"] is None else "rollout.advice.prove"), r["owner"], soon)
        for r in blocking.iter_rows(named=True)
    ]  # fmt: skip
    for r in found.blocking().iter_rows(named=True):
        what = words.label(f"rollout.figure.{r['figure_id']}") or r["figure_id"]
        gap = yuan(r["unexplained"], words) if r["figure_id"] in MONEY else form.count(r["unexplained"])
        reason = "gap" if r["only"] is None else f"only_{r['only']}"
        rows.append(
            (words("rollout.line_of", figure=what, scope=_scope(r["scope"], words), period=month(r["period"], words)),
             words(f"rollout.reason.{reason}", gap=gap), words(f"rollout.advice.{reason}"),
             words("rollout.keeper"), soon)
        )  # fmt: skip
    schema = {
        "rollout_item": pl.String,
        "reason": pl.String,
        "suggestion": pl.String,
        "owner": pl.String,
        "due_on": pl.Date,
    }
    table = pl.DataFrame(rows, schema=schema, orient="row")
    kind = "some" if rows else "none"
    values = {
        "count": form.count(len(rows)),
        "steps": form.count(blocking.height),
        "lines": form.count(len(rows) - blocking.height),
    }
    return ActionList(
        headline=words(f"rollout.actions.headline.{kind}", **values), table=table,
        view=views.readable(table, words=words), note=words("rollout.actions.note"), row_key=("rollout_item",),
    )  # fmt: skip


def _scope(scope: str, words: Words) -> str:
    return words.label(f"rollout.scope.{scope}") or scope
