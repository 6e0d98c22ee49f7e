"""Today's tasks: how many, by whom, which first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import altair as alt
import polars as pl

from crmlib.cases.care import KINDS, DayPlan
from crmlib.cases.care_day import AGES, by_age, by_owner
from crmlib.kit import table as views
from crmlib.kit.charts import labelled, theme
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import ActionList, Answer, Figure, Finding
from crmlib.kit.words import Words

SHOWN = 20
LATE_WARN = 0.10
"""Share of the last 30 days' tasks that were late or are open, above which the light is amber."""


def answer(tasks: pl.DataFrame, account: pl.DataFrame, *, words: Words, first: Sequence[str]) -> Answer:
    """How much is due, whether it fits, and whom to call first.

    Parameters
    ----------
    tasks : of `care.plan`. account : `care_day.account`; empty without a log. first : pseudonyms of the first tasks.
    """
    form = words.format
    fits, over = (tasks.filter(pl.col("state") == s) for s in ("open", "not_fitted"))
    to_do = fits.height + over.height
    nobody = over.filter(pl.col("owner_staff").is_null()).height
    lead = (
        tasks.with_row_index("_at")
        .filter(pl.col("state") == "open")
        .sort("value_minor", descending=True, nulls_last=True)
    )
    place = int(lead["_at"][0]) if lead.height else -1
    values = {
        "due": form.count(to_do), "fits": form.count(fits.height), "over": form.count(over.height),
        "first": first[place] if 0 <= place < len(first) else "", "nobody": form.count(nobody),
        "cancelled": form.count(tasks.filter(pl.col("state") == "cancelled").height),
        "money": form.money(int(fits["value_minor"].fill_null(0).sum())),
    }  # fmt: skip
    kind = "none" if not to_do else "fits" if not over.height else "nobody" if nobody == over.height else "over"
    share = late_share(account)
    figures = (
        Figure(
            words("care.figure.due"), words("care.tasks", count=values["due"]),
            words("care.figure.cancelled", **values), key="due", amount=float(to_do),
        ),
        Figure(
            words("care.figure.fits"), words("care.tasks", count=values["fits"]), words("care.figure.value", **values),
            key="fits", amount=float(fits.height),
        ),
        Figure(
            words("care.figure.over"), words("care.tasks", count=values["over"]),
            words("care.figure.nobody", **values), "bad" if over.height else "good", key="over",
            amount=float(over.height),
        ),
        Figure(
            words("care.figure.late"), form.share(share),
            words("care.figure.limit", limit=form.share(LATE_WARN, digits=0)),
            "neutral" if share is None else "bad" if share > LATE_WARN else "good", key="late", amount=share,
        ),
    )  # fmt: skip
    return Answer(words(f"care.answer.{kind}", **values), figures)


def late_share(account: pl.DataFrame) -> float | None:
    """Late or open of what was to do in the last 30 days; none where nothing was."""
    to_do = int((account["due"] - account["cancelled"]).sum())
    return int((account["late"] + account["open"]).sum()) / to_do if to_do else None


def due(plan: DayPlan, *, words: Words, today: date) -> Finding:
    """What is due, by kind and age; the oldest first to be said."""
    form, rows = words.format, by_age(plan.tasks, today=today)
    old = int(rows.filter(pl.col("age") == "older")["tasks"].sum())
    total = int(rows["tasks"].sum())
    most = rows.group_by("kind").agg(pl.col("tasks").sum()).sort("tasks", "kind", descending=[True, False])
    kind = "none" if not total else "old" if old else "fresh"
    values = {
        "due": form.count(total), "old": form.count(old), "merged": form.count(plan.merged),
        "most": words(f"care.kind.{most['kind'][0]}") if total else "",
        "most_count": form.count(int(most["tasks"][0]) if total else 0),
    }  # fmt: skip
    table = rows.rename({"kind": "care_kind", "age": "care_age", "tasks": "care_tasks"})
    return Finding.worded(
        "care.due", kind, values, words=words, status={"none": "ok", "old": "warn", "fresh": "ok"}[kind],  # type: ignore[arg-type]
        table=table, view=views.readable(table, words=words) if total else None,
        names={"care_kind": "care.kind", "care_age": "care.age"},
        chart=_stacked(rows, words) if total else None, row_key=("care_kind", "care_age"),
    )  # fmt: skip


def _stacked(rows: pl.DataFrame, words: Words) -> alt.Chart:
    ages = {age: words(f"care.age.{age}") for age in AGES}
    kinds = {kind: words(f"care.kind.{kind}") for kind in KINDS}
    order = rows.group_by("kind").agg(pl.col("tasks").sum()).sort("tasks", "kind", descending=[True, False])["kind"]
    shown = rows.with_columns(
        pl.col("kind").replace_strict(kinds, return_dtype=pl.String),
        rank=pl.col("age").replace_strict({a: i for i, a in enumerate(AGES)}, return_dtype=pl.Int64),
        age=pl.col("age").replace_strict(ages, return_dtype=pl.String),
    )
    colours = [theme.ACCENT, theme.WARN, theme.FAIL]
    chart: alt.Chart = (
        alt.Chart(shown)
        .mark_bar()
        .encode(
            y=alt.Y("kind:N", sort=[kinds[k] for k in order], title=None, axis=alt.Axis(ticks=False)),
            x=alt.X("tasks:Q", title=words("care.chart.tasks"), axis=alt.Axis(tickMinStep=1, format="d", tickCount=6)),
            color=alt.Color(
                "age:N", title=None, sort=list(ages.values()),
                scale=alt.Scale(domain=list(ages.values()), range=colours),
                legend=alt.Legend(orient="bottom", columns=1),
            ),
            order=alt.Order("rank:Q"),
            tooltip=[alt.Tooltip("kind:N"), alt.Tooltip("age:N"), alt.Tooltip("tasks:Q")],
        )
    )  # fmt: skip
    return theme.finish(chart, height=34 * order.len() + 20)


def owners(tasks: pl.DataFrame, room: pl.DataFrame, names: Mapping[str, str], *, words: Words) -> Finding:
    """Whether the advisers can do it; tasks of nobody, and of somebody who left, first."""
    form, rows = words.format, by_owner(tasks, room)
    gone = rows.filter(pl.col("tasks_per_day").is_null())
    over = int(rows["over"].sum())
    orphans = int(gone["over"].sum())
    kind = "none" if rows.is_empty() else "orphans" if orphans else "over" if over else "fits"
    shown = pl.Series("owner", [who(o, names, room, words) for o in rows["owner_staff"]], dtype=pl.String)
    table = rows.select(shown, care_fits="fits", care_over="over", care_room="tasks_per_day")
    values = {
        "over": form.count(over), "orphans": form.count(orphans), "fits": form.count(int(rows["fits"].sum())),
        "owners": form.count(rows.height - gone.height), "most": shown[0] if rows.height else "",
        "room": form.count(int(rows["tasks_per_day"].fill_null(0).sum())),
    }  # fmt: skip
    bars = rows.select(
        shown.alias("name"), (pl.col("fits") + pl.col("over")).cast(pl.Float64).alias("value"),
        pl.Series(
            "label",
            [
                words("care.owners.label", fits=form.count(f), over=form.count(o))
                for f, o in rows.select("fits", "over").iter_rows()
            ],
            dtype=pl.String,
        ),
        pl.coalesce(toned(pl.col("tasks_per_day").is_null(), "fail"), toned(pl.col("over") > 0, "warn")).alias("tone"),
    )  # fmt: skip
    return Finding.worded(
        "care.owners", kind, values, words=words,
        status={"none": "none", "orphans": "fail", "over": "warn", "fits": "ok"}[kind],  # type: ignore[arg-type]
        table=table, view=views.readable(table, words=words) if rows.height else None,
        chart=labelled.bars(bars.head(SHOWN), words=words, title=words("care.chart.tasks")) if rows.height else None,
        row_key=("owner",),
    )  # fmt: skip


def who(owner: str | None, names: Mapping[str, str], room: pl.DataFrame, words: Words) -> str:
    """An owner by name; nobody, and somebody who left, are said to be that."""
    if owner is None:
        return words("care.nobody")
    named = names.get(owner, owner)
    return named if owner in set(room["staff_id"]) else words("page.has_left", name=named)


def chosen(tasks: pl.DataFrame, *, capacity: int) -> pl.DataFrame:
    """Tasks that fit, dearest first over all owners, up to what a page shows."""
    fits = tasks.filter(pl.col("state") == "open")
    return fits.sort("value_minor", "person_id", descending=[True, False], nulls_last=True).head(capacity)


def listed(
    rows: pl.DataFrame, tasks: pl.DataFrame, *, words: Words, pseudonyms: Sequence[str], forms: Sequence[str],
    names: Mapping[str, str], goods: Mapping[str, str], today: date,
) -> ActionList:  # fmt: skip
    """One line a person: why, what it is worth, when to call, who calls."""
    form = words.format
    reasons = [_reason(row, words, goods, today) for row in rows.iter_rows(named=True)]
    hours = [
        words("care.hours", start=_clock(a), end=_clock(b)) for a, b in rows.select("call_from", "call_to").iter_rows()
    ]
    owners_ = [names.get(o, o) if o else words("care.nobody") for o in rows["owner_staff"]]
    table = rows.select(
        pl.Series("customer", list(pseudonyms), dtype=pl.String),
        pl.Series("care_kind", [words(f"care.kind.{k}") for k in rows["kind"]], dtype=pl.String),
        pl.Series("reason", reasons, dtype=pl.String),
        pl.col("value_minor").alias("bought_year_minor"),
        pl.Series("suggestion", [words(f"care.advice.{k}") for k in rows["kind"]], dtype=pl.String),
        pl.Series("owner", owners_, dtype=pl.String),
        "due_on",
        pl.Series("call_hours", hours, dtype=pl.String),
        pl.Series("form", list(forms), dtype=pl.String),
    )
    fits = tasks.filter(pl.col("state") == "open").height
    over = tasks.filter(pl.col("state") == "not_fitted").height
    kind = "none" if not fits else "capped" if rows.height < fits else "all"
    held = tasks.filter(pl.col("state") == "held_out").height
    values = {"count": form.count(rows.height), "found": form.count(fits), "over": form.count(over)}
    alone = words("care.actions.held", count=form.count(held)) if held else ""
    return ActionList(
        headline=words(f"care.actions.headline.{kind}", **values), table=table.drop("form"),
        view=views.readable(table, words=words, links={"customer": "form"}),
        note=words("care.actions.note", **values) + alone, row_key=("customer",),
    )  # fmt: skip


def _reason(row: Mapping[str, object], words: Words, goods: Mapping[str, str], today: date) -> str:
    """Why somebody is called, and since when it is due."""
    kind, detail, due_on = str(row["kind"]), str(row["reason"]), row["due_on"]
    known = goods.get(detail, detail if kind == "points" and detail.isdigit() else "")
    some = words(f"care.some.{'points' if kind == 'points' else 'goods'}")
    said = words(f"care.reason.{kind}", detail=known or some)
    late = (today - due_on).days if isinstance(due_on, date) else 0
    return words("care.overdue", said=said, days=words.format.count(late)) if late > 0 else said


def _clock(minute: int) -> str:
    return f"{minute // 60}:{minute % 60:02d}"
