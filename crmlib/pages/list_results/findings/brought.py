"""What the lists brought: answer, money, who came, the season, what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

import altair as alt
import polars as pl

from crmlib.core.money import MINOR_PER_UNIT
from crmlib.kit import table as views
from crmlib.kit.charts import intervals
from crmlib.kit.finding import ActionList, Answer, Figure, Finding, Status
from crmlib.kit.words import Words
from crmlib.outreach.programme import Programme

PAID, LOST, UNSHOWN = ("pays",), ("costs", "harm"), ("not_shown", "not_measurable", "no_control")
COMPARED = ("came", "paid_trip", "bought_product", "ordered")
"""Outcomes that whoever was left alone can reach as well; of answers and coupons the table tells."""
BROKEN = ("broken", "contacted", "edited")
TONES = {"pays": "plain", "costs": "loss", "harm": "fail"}
ORDER = ("harm", "broken", "contacted", "edited", "costs", "pays", "not_measurable", "no_control", "not_shown")
"""Which list to act on first."""
MONEY_NAMES = {"verdict": "list_results.verdict", "list_recipient": "list_results.recipient"}
DUE_DAYS = {"harm": 2, "broken": 3, "contacted": 3, "edited": 2}
USUAL_DUE = 14


def counts(lists: pl.DataFrame) -> dict[str, int]:
    """Lists that are over by how they ended: closed, paid, lost, unshown, broken; and those under way."""
    over = lists.filter("closed")
    kinds = {"paid": PAID, "lost": LOST, "unshown": UNSHOWN, "broken": BROKEN}
    found = {name: over.filter(pl.col("verdict").is_in(kind)).height for name, kind in kinds.items()}
    harm = lists.filter(pl.col("verdict") == "harm").height
    return {"closed": over.height, **found, "open": lists.height - over.height, "harm": harm}


def answer(lists: pl.DataFrame, programme: Programme | None, *, words: Words, whole: bool = True) -> Answer:
    """How many lists paid, lost, or could not show, and what the season brought.

    Parameters
    ----------
    whole : whether costs are all costs; a region's lack the fixed ones.
    """
    form, n = words.format, counts(lists)
    values: dict[str, object] = {name: form.count(count) for name, count in n.items()}
    paid = lists.filter(pl.col("verdict").is_in(PAID))
    lost = lists.filter(pl.col("closed"), pl.col("verdict").is_in(LOST))
    best = paid.sort("net_minor", descending=True).row(0, named=True) if paid.height else None
    values |= {
        "best": best["name"] if best else "",
        "best_money": form.money(best["net_minor"] if best else None),
        "money": form.money(int(paid["net_minor"].sum())),
        "lost_money": form.money(abs(int(lost["net_minor"].sum()))),
    }
    kind = "none" if not n["closed"] else "paid" if best else "nothing"
    told = words(f"list_results.answer.{kind}", **values)
    told += words("list_results.answer.broken", **values) if n["broken"] else ""
    told += words("list_results.answer.harm", **values) if n["harm"] else ""
    cost = int(lists["cost_minor"].sum())
    return Answer(
        told,
        (
            _figure("paid", int(paid["net_minor"].sum()), n["paid"], words),
            _figure("lost", int(lost["net_minor"].sum()), n["lost"], words),
            Figure(
                words("list_results.figure.cost"),
                form.money(cost),
                words(f"list_results.figure.cost_{'of' if whole else 'part'}", lists=form.count(lists.height)),
                key="cost",
                amount=float(cost),
                money=True,
            ),
            _season_figure(programme, words),
        ),
    )


def _figure(name: str, money: int, count: int, words: Words) -> Figure:
    return Figure(
        words(f"list_results.figure.{name}"),
        words.format.money(money if count else None),
        words("list_results.figure.lists", lists=words.format.count(count)),
        tone="neutral" if not count else "good" if name == "paid" else "bad",
        key=name,
        amount=float(money),
        money=True,
    )


def _season_figure(found: Programme | None, words: Words) -> Figure:
    form = words.format
    if found is None:
        return Figure(words("list_results.figure.season"), form.money(None), words("list_results.figure.no_season"))
    return Figure(
        words("list_results.figure.season"),
        words(f"list_results.figure.shown.{season_kind(found)}", money=form.money(found.net_minor)),
        words(
            "list_results.figure.between", low=form.money(found.net_low_minor), high=form.money(found.net_high_minor)
        ),
        key="season",
        amount=float(found.net_minor),
        money=True,
    )


def money(lists: pl.DataFrame, *, words: Words, margin: float) -> Finding:
    """What each list brought after all costs, with its interval."""
    form, n = words.format, counts(lists)
    read = lists.drop_nulls("net_minor").sort("net_minor", descending=True)
    kind = "none" if read.is_empty() else "harm" if n["harm"] else "lost" if n["lost"] else "paid" if n["paid"] else (
        "unshown"
    )  # fmt: skip
    top = read.row(0, named=True) if read.height else None
    low = read.row(-1, named=True) if read.height else None
    values: dict[str, object] = {name: form.count(count) for name, count in n.items()}
    values |= {
        "best": top["name"] if top else "", "best_money": form.money(top["net_minor"] if top else None),
        "worst": low["name"] if low else "", "worst_money": form.money(low["net_minor"] if low else None),
        "margin": form.share(margin), "read": form.count(read.height),
        "gain": form.share(read["cuped_gain"].mean() if read.height else None),  # type: ignore[arg-type]
    }  # fmt: skip
    status: dict[str, Status] = {"none": "none", "harm": "fail", "lost": "warn", "paid": "ok", "unshown": "warn"}
    table = read.select(
        list_name="name", verdict="verdict", net_profit_minor="net_minor", net_low_minor="net_low_minor",
        net_high_minor="net_high_minor", n_contact="n_contact", n_control="n_control", list_cost_minor="cost_minor",
        ends_on="ends_on", **_recipients(read),
    )  # fmt: skip
    lost = lists.filter(pl.col("verdict").is_in(LOST))
    return Finding.worded(
        "list_results.money",
        kind,
        values,
        words=words,
        status=status[kind],
        table=table,
        names=MONEY_NAMES,
        view=views.readable(table, words=words, names=MONEY_NAMES) if read.height else None,
        chart=_forest(read, words) if read.height else None,
        value_minor=-int(lost["net_minor"].sum()) or None,
        row_key=("list_name", "ends_on"),
    )


def _recipients(read: pl.DataFrame) -> dict[str, str]:
    """The column that says to whom lists went, where some went to distributors."""
    return {"list_recipient": "recipient"} if (read["recipient"] == "partner").any() else {}


def _forest(read: pl.DataFrame, words: Words) -> alt.LayerChart:
    unit = MINOR_PER_UNIT[words.format.currency]
    labels = [words.format.money(v) for v in read["net_minor"]]
    shown = read.select(
        "name",
        value=pl.col("net_minor") / unit, low=pl.col("net_low_minor") / unit, high=pl.col("net_high_minor") / unit,
        label=pl.Series(labels, dtype=pl.String),
        tone=pl.col("verdict").replace_strict(TONES, default="quiet"),
        doubt=~pl.col("verdict").is_in(list(TONES)),
    )  # fmt: skip
    return intervals.intervals(shown, words=words, title=words("list_results.axis.net"))


def came(lists: pl.DataFrame, *, words: Words) -> Finding:
    """How many more in a hundred did what the list is for because they were contacted."""
    form = words.format
    every = lists.drop_nulls("effect").sort("effect", descending=True)
    read = every.filter(pl.col("outcome").fill_null("came").is_in(COMPARED))
    more, fewer = read.filter(pl.col("low") > 0), read.filter(pl.col("high") < 0)
    kind = "none" if read.is_empty() else "fewer" if fewer.height else "more" if more.height else "unclear"
    lead = {"fewer": fewer.tail(1), "more": more.head(1)}.get(kind, read.head(1))
    one = lead.row(0, named=True) if lead.height else None
    values = {
        "more": form.count(more.height),
        "fewer": form.count(fewer.height),
        "read": form.count(read.height),
        "name": one["name"] if one else "",
        "outcome": _outcome(one, words) if one else "",
        "effect": _size(one["effect"] if one else None, words),
        "difference": form.points(one["effect"] if one else None),
        "low": form.points(one["low"] if one else None),
        "high": form.points(one["high"] if one else None),
    }
    status: dict[str, Status] = {"none": "none", "fewer": "fail", "more": "ok", "unclear": "none"}
    table = every.select(
        list_name="name", list_outcome=pl.col("outcome").fill_null("came"), effect="effect", low="low", high="high",
        came_contact="came_contact", n_contact="n_contact", came_control="came_control", n_control="n_control",
        ends_on="ends_on",
    )  # fmt: skip
    shown = read.select(
        "name",
        value="effect", low="low", high="high",
        label=pl.Series([_labelled(row, words) for row in read.iter_rows(named=True)], dtype=pl.String),
        tone=pl.when(pl.col("low") > 0).then(pl.lit("plain")).when(pl.col("high") < 0).then(pl.lit("fail"))
        .otherwise(pl.lit("quiet")),
        doubt=(pl.col("low") <= 0) & (pl.col("high") >= 0),
    )  # fmt: skip
    title = words("list_results.axis.came")
    apart = every.height - read.height
    others = words("list_results.came.others", count=form.count(apart)) if apart else ""
    made = Finding.worded(
        "list_results.came",
        kind,
        values,
        words=words,
        status=status[kind],
        table=table,
        names={"list_outcome": "list_results.outcome"},
        view=views.readable(table, words=words, names={"list_outcome": "list_results.outcome"})
        if every.height
        else None,
        chart=intervals.intervals(shown, words=words, title=title, percent=True) if read.height else None,
        row_key=("list_name", "ends_on"),
    )
    return replace(made, note_seen=made.note_seen + others)


def _outcome(row: Mapping[str, object], words: Words) -> str:
    """What a list is for, as somebody who did it: came, ordered."""
    return words(f"list_results.outcome.{row['outcome'] or 'came'}")


def _labelled(row: Mapping[str, object], words: Words) -> str:
    effect = row["effect"]
    told = words.format.points(effect if isinstance(effect, float) else None)
    return words("list_results.came.label", effect=told, outcome=_outcome(row, words))


def _size(difference: float | None, words: Words) -> str:
    """A difference of shares in percentage points for a sentence that says which way; never beside its interval."""
    return words.format.points(None if difference is None else abs(difference)).lstrip("+")


def season_kind(found: Programme) -> str:
    """Whether the season's lists paid, lost, or could not show it."""
    return "paid" if found.net_low_minor > 0 else "lost" if found.net_high_minor < 0 else "unshown"


def programme(found: Programme, season: tuple[str, date, date], *, words: Words, cost: int) -> Finding:
    """What all lists of the season brought: everybody against whoever stood on none."""
    form, kind = words.format, season_kind(found)
    name, start, end = season
    values = {
        "money": form.money(found.net_minor), "low": form.money(found.net_low_minor),
        "high": form.money(found.net_high_minor), "held": form.count(found.held_out),
        "members": form.count(found.members), "head": form.money(round(found.per_head_minor)), "cost": form.money(cost),
        "start": form.day(start), "end": form.day(end), "season": name,
    }  # fmt: skip
    status: dict[str, Status] = {"paid": "ok", "lost": "fail", "unshown": "none"}
    table = pl.DataFrame({
        "season": [name], "starts_on": [start], "ends_on": [end], "customers": [found.members],
        "n_control": [found.held_out], "net_profit_minor": [found.net_minor], "net_low_minor": [found.net_low_minor],
        "net_high_minor": [found.net_high_minor], "list_cost_minor": [cost],
    })  # fmt: skip
    return Finding.worded(
        "list_results.programme",
        kind,
        values,
        words=words,
        status=status[kind],
        table=table,
        view=views.readable(table, words=words),
        value_minor=abs(found.net_minor) if kind != "unshown" else None,
        row_key=("season",),
    )


def actions(lists: pl.DataFrame, *, words: Words, as_of: date) -> ActionList:
    """One line a list: repeat it, stop it, draw a larger control, find out who called."""
    form = words.format
    order = {verdict: place for place, verdict in enumerate(ORDER)}
    listed = lists.filter(pl.col("verdict") != "open").with_columns(
        place=pl.col("verdict").replace_strict(order, default=len(order))
    )
    listed = listed.sort("place", pl.col("net_minor").abs().fill_null(0), descending=[False, True])
    rows = listed.to_dicts()
    table = pl.DataFrame({
        "list_name": [r["name"] for r in rows],
        "reason": [words(f"list_results.reason.{r['verdict']}", **_said(r, words)) for r in rows],
        "net_profit_minor": [r["net_minor"] for r in rows],
        "suggestion": [words(f"list_results.advice.{r['verdict']}", **_said(r, words)) for r in rows],
        "owner": [r["owner"] for r in rows],
        "due_on": [as_of + timedelta(days=DUE_DAYS.get(r["verdict"], USUAL_DUE)) for r in rows],
    }, schema={
        "list_name": pl.String, "reason": pl.String, "net_profit_minor": pl.Int64, "suggestion": pl.String,
        "owner": pl.String, "due_on": pl.Date,
    })  # fmt: skip
    urgent = listed.filter(pl.col("verdict").is_in(["harm", *BROKEN])).height
    kind = "none" if table.is_empty() else "urgent" if urgent else "some"
    return ActionList(
        headline=words(
            f"list_results.actions.headline.{kind}", count=form.count(table.height), urgent=form.count(urgent)
        ),
        table=table,
        view=views.readable(table, words=words) if table.height else None,
        note=words("list_results.actions.note") if table.height else "",
        key="actions",
        row_key=("list_name",),
    )


def _said(row: Mapping[str, object], words: Words) -> dict[str, object]:
    form = words.format

    def money(name: str) -> str:
        value = row[name]
        return form.money(value if isinstance(value, int) else None)

    def points(name: str) -> str:
        value = row[name]
        return _size(value if isinstance(value, float) else None, words)

    return {
        "net": money("net_minor"), "low": money("net_low_minor"), "high": money("net_high_minor"),
        "cost": money("cost_minor"), "effect": points("effect"), "planned": points("planned"),
        "contact": form.count(int(str(row["n_contact"]))), "control": form.count(int(str(row["n_control"]))),
        "outcome": _outcome(row, words),
        "touched": form.count(int(str(row["touched_control"] or 0))),
    }  # fmt: skip
