"""One customer's page: worth, course, goods, rhythm, and what else is on file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.charts import labelled, lines
from crmlib.kit.finding import Answer, Figure, Finding, Status
from crmlib.kit.words import Words
from crmlib.kit.words.rows import told

FAVOURITE = 0.3
"""A category with 30 % of the money is a favourite."""


SMALL = 0.005
"""Categories with less of the money are not drawn."""


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of one customer; every part may be missing (None).

    Parameters
    ----------
    pseudonym : what the page shows instead of an id.
    value : net_minor, margin_minor, purchase_days, tier, share_below (of members who buy less).
    rhythm : usual_gap, recency [days], state, late, risk, at_risk_minor, means; none where nobody can tell.
    basis, horizon : what is at risk (margin or sales), within how many days.
    grade : grade, value_rank, safety_rank, engagement_rank, engagement.
    traits : personal traits and habits by name.
    next_on : the day the next visit is due.
    paid : price paid beside the usual one of the same categories [ratio].
    """

    pseudonym: str
    value: dict[str, Any] | None
    rhythm: dict[str, Any] | None
    grade: dict[str, Any] | None
    traits: dict[str, str | None]
    next_on: date | None
    basis: str = "margin"
    horizon: int = 91
    paid: float | None = None

    @property
    def late(self) -> bool:
        """Whether the member is late by now."""
        return bool(self.rhythm and self.rhythm["late"])


def person_answer(person: Person, *, words: Words) -> Answer:
    """Say who this is for us and what is due."""
    form = words.format
    value, rhythm = person.value, person.rhythm
    kind = "absent" if value is None else "no_rhythm" if rhythm is None else (
        "late" if person.late else "in_rhythm"
    )  # fmt: skip
    values = {
        "customer": person.pseudonym,
        "tier": value["tier"] if value else "",
        "net": form.money(value["net_minor"] if value else None),
        "gap": form.number(max(rhythm["usual_gap"], 1.0) if rhythm else None),
        "days": form.count(rhythm["recency"] if rhythm else None),
        "next": form.day(person.next_on),
    }
    figures = (
        Figure(
            label=words("customer_360.figure.net"),
            value=values["net"],
            comparison=words("customer_360.figure.below", share=_above(words, value["share_below"])) if value else "",
        ),
        Figure(
            label=words("customer_360.figure.visits"),
            value=form.count(value["purchase_days"] if value else None),
            comparison=words("customer_360.figure.gap", gap=values["gap"]) if rhythm else "",
        ),
        Figure(
            label=words("customer_360.figure.last"),
            value=words("customer_360.figure.days", days=values["days"]) if rhythm else "—",
            comparison=words(f"customer_360.figure.{'was_due' if kind == 'late' else 'next'}", day=values["next"])
            if person.next_on
            else "",
            tone="bad" if kind == "late" else "neutral",
        ),
        Figure(
            label=words("customer_360.figure.grade"),
            value=words("customer_360.figure.grade_value", tier=values["tier"] or "—", grade=_grade(person, words)),
        ),
    )
    return Answer(sentence=words(f"customer_360.answer.{kind}", **values), figures=figures)


def course(months: pl.DataFrame, *, words: Words) -> Finding:
    """Say whether the last six months bring more or less than the six before.

    Parameters
    ----------
    months : month, visits, net_minor; whole course, in order.
    """
    form = words.format
    now, before = (int(part["net_minor"].sum()) for part in (months.tail(6), months.tail(12).head(6)))
    kind = "none" if not now and not before else (
        "new" if not before else "grew" if now > 1.1 * before else "fell" if now < 0.9 * before else "steady"
    )  # fmt: skip
    values = {"now": form.money(now), "before": form.money(before), "visits": form.count(int(months["visits"].sum()))}
    shown = months.with_columns(
        amount=pl.col("net_minor") / 100,
        label=told(months, "net_minor", by=form.money),
    )
    status: Status = "warn" if kind == "fell" else "none"
    return _finding(
        "course",
        kind,
        months,
        values,
        words=words,
        status=status,
        chart=lines.columns(
            shown,
            x="month",
            value="amount",
            label="label",
            month_format=words("page.axis.month"),
            title=words("customer_360.course.axis", unit=words(f"page.unit.{form.currency}")),
        ),
        row_key=("month",),
    )


def basket(parts: pl.DataFrame, *, words: Words) -> Finding:
    """Say what this customer buys far more of than others."""
    form = words.format
    top = parts.row(0, named=True) if parts.height else None
    loved = top is not None and (top["share"] or 0) >= FAVOURITE
    kind = "none" if top is None else "favourite" if loved else "mixed"
    values = {
        "part": top["part"] if top else "",
        "share": form.share(top["share"]) if top else "",
        "all": form.share(top["share_all"]) if top else "",
    }
    parts_shown = parts.filter(pl.col("share") >= SMALL).head(8)
    shown = parts_shown.with_columns(
        label=told(
            parts_shown,
            "share",
            "share_all",
            by=lambda s, a: words("customer_360.basket.label", share=form.share(s), all=form.share(a)),
        )
    )
    return _finding(
        "basket",
        kind,
        parts,
        values,
        words=words,
        chart=labelled.bars(
            shown.select(name="part", value="share", label="label"),
            words=words,
            title=words("customer_360.basket.axis"),
            percent=True,
        )
        if shown.height
        else None,
        row_key=("part",),
    )


def standing(person: Person, *, words: Words) -> Finding:
    """Show the scores with their parts: tier, grade, rhythm, risk, each beside what it is made of."""
    rows = _scores(person, words)
    price = words("customer_360.why.price", share=words.format.share(person.paid, digits=0))
    rows += [
        (name, _value(words, name, value), price if name == "price_level" and person.paid else "")
        for name, value in person.traits.items()
        if value
    ]
    table = pl.DataFrame(rows, schema={"trait": pl.String, "value": pl.String, "reason": pl.String}, orient="row")
    view = table.with_columns(trait=told(table, "trait", by=words.column))
    late = person.late
    ranks = _ranks(person, words)
    kind = "late" if late else "calm" if person.rhythm else "short"
    values = {
        "tier": person.value["tier"] if person.value else "—",
        "grade": _grade(person, words),
        "means": words(f"churn.means.{person.rhythm['means']}") if person.rhythm else "",
    }
    return _finding(
        "standing",
        kind,
        table,
        values,
        words=words,
        view=view,
        status="warn" if late else "none",
        chart=labelled.bars(
            ranks.select(name="name", value="share", label="label"),
            words=words,
            title=words("customer_360.standing.axis"),
            percent=True,
        )
        if ranks.height
        else None,
        row_key=("trait",),
    )


def on_file(
    events: pl.DataFrame, receipts: pl.DataFrame, *, words: Words, connected: list[str], missing: list[str]
) -> Finding:
    """List contacts, complaints, points and the last receipts; say which tables are not connected.

    Parameters
    ----------
    events : as `scoring.view360.events` gives it; receipts : the last receipts.
    connected, missing : names of the tables looked at, and of those the lake does not have.
    """
    form = words.format
    bought = receipts.select(
        "day",
        table=pl.lit("receipt_lines"),
        kind=pl.col("store_id"),
        outcome=told(receipts, "net_minor", by=form.money),
        number=pl.col("lines"),
    )
    table = pl.concat([events, bought], how="vertical_relaxed").sort("day", "table", descending=[True, False])
    kind = "events" if events.height else "receipts" if receipts.height else "nothing"
    join = words("scoring.join")
    values = {
        "events": form.count(events.height),
        "receipts": form.count(receipts.height),
        "connected": join.join(_source(words, n) for n in connected) or "—",
        "missing": join.join(_source(words, n) for n in missing) or "—",
    }
    view = table.with_columns(table=told(table, "table", by=lambda t: _source(words, t)))
    view = view.rename({"outcome": "event_outcome"})
    return _finding(
        "file", kind, table, values, words=words, view=view, seen="seen_missing" if missing else "seen", row_key=()
    )


def _finding(
    key: str,
    kind: str,
    table: pl.DataFrame,
    values: dict[str, Any],
    *,
    words: Words,
    status: Status = "none",
    view: pl.DataFrame | None = None,
    chart: Any = None,
    seen: str = "seen",
    row_key: tuple[str, ...] = (),
) -> Finding:
    return Finding.worded(
        f"customer_360.{key}",
        kind,
        values,
        words=words,
        key=f"one.{key}",
        status=status,
        table=table,
        view=views.readable(table if view is None else view, words=words),
        chart=chart,
        seen=words(f"customer_360.{key}.{seen}", **values),
        row_key=row_key,
    )


def _scores(person: Person, words: Words) -> list[tuple[str, str, str]]:
    """Tier, grade and rhythm, each beside what it is made of: trait, value, reason."""
    form = words.format
    rows: list[tuple[str, str, str]] = []
    if person.value:
        rows.append(
            (
                "tier",
                person.value["tier"] or "—",
                words("customer_360.standing.tier", net=form.money(person.value["net_minor"])),
            )
        )
    if person.grade:
        parts = words(
            "customer_360.standing.grade",
            value=_above(words, person.grade["value_rank"]),
            safety=_above(words, person.grade["safety_rank"]),
            engagement=_above(words, person.grade["engagement_rank"]),
        )
        rows.append(("grade", _grade(person, words), parts))
    if person.rhythm:
        rows.append(
            (
                "lateness",
                words(f"churn.state.{person.rhythm['state']}"),
                words(
                    "customer_360.standing.risk",
                    risk=form.share(person.rhythm["risk"]),
                    money=form.money(person.rhythm["at_risk_minor"]),
                    basis=words(f"customer_360.basis.{person.basis}"),
                    days=person.horizon,
                ),
            )
        )
    return rows


def _ranks(person: Person, words: Words) -> pl.DataFrame:
    """The three parts of the grade as places among all members: name, share, label."""
    rows = [
        (
            words(f"customer_360.rank.{name}"),
            person.grade[f"{name}_rank"],
            _above(words, person.grade[f"{name}_rank"]),
        )
        for name in ("value", "safety", "engagement")
        if person.grade
    ]
    return pl.DataFrame(rows, schema={"name": pl.String, "share": pl.Float64, "label": pl.String}, orient="row")


def _above(words: Words, share: float) -> str:
    """Share of members below one, rounded down: nobody stands above all of them."""
    return words.format.share(math.floor(100 * share) / 100, digits=0)


def _grade(person: Person, words: Words) -> str:
    return words(f"scoring.grade.{person.grade['grade']}") if person.grade else "—"


def _value(words: Words, trait: str, value: str) -> str:
    key = f"scoring.value.{trait}.{value}"
    return words.label(key) or value


def _source(words: Words, table: str) -> str:
    return words(f"page.source.{table}") if words.has(f"page.source.{table}") else table
