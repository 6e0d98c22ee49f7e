"""The answer, and whom to see about what, by yuan."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crmlib.customers.business import QUIET, Outlook
from crmlib.kit import table as views
from crmlib.kit.finding import ActionList, Answer, Figure
from crmlib.kit.words import Words
from crmlib.pages.business.findings.file import moved
from crmlib.pages.business.findings.money import season
from crmlib.report import addresses
from crmlib.report.context import Face

WEEK, SOON, OLD = 7, 3, 60
"""Days to act; for the dearest; a debt late by so many days goes before everything else."""
DEAREST = 5


def answer(
    customers: pl.DataFrame, todo: pl.DataFrame, owed: pl.DataFrame, outlook: Outlook | None, rhythm: pl.DataFrame, *,
    words: Words, as_of: date,
) -> Answer:  # fmt: skip
    """What they bought in a year beside the one before, and whom to see first about how much."""
    form = words.format
    now, before = (int(customers[c].sum()) for c in ("value_minor", "before_minor"))
    kind, change = moved(now, before)
    late = int(owed["late_minor"].sum())
    first = todo.row(0, named=True) if todo.height else None
    expected = None if outlook is None else outlook.expected_minor
    values = {
        "active": form.count(customers.filter(pl.col("orders") > 0).height), "money": form.money(now),
        "beside": words(f"business.beside.{kind}", change=form.change(change)),
        "count": form.count(todo.height), "stake": form.money(int(todo["stake_minor"].sum())),
        "first": "" if first is None else first["buyer"],
        "most": form.money(None if first is None else first["stake_minor"]),
    }  # fmt: skip
    figures = [
        Figure(
            words("business.figure.ordered"), values["money"],
            words(f"business.figure.beside.{kind}", change=form.change(change)),
            {"more": "good", "fewer": "bad"}.get(kind, "neutral"), key="ordered", amount=now, money=True,  # type: ignore[arg-type]
        ),
        Figure(
            words("business.figure.late"), form.money(late),
            words("business.figure.owed", money=form.money(int(owed["owed_minor"].sum()))),
            "bad" if late > 0 else "good", key="late", amount=late, money=True,
        ),
    ]  # fmt: skip
    if outlook is not None and outlook.open:
        figures.append(Figure(
            words("business.figure.needs"), form.money(outlook.said_minor),
            words("business.figure.expected", money=form.money(expected)) if expected is not None else "",
            key="needs", amount=outlook.said_minor, money=True,
        ))  # fmt: skip
    if rhythm.height:
        coming = round(float((rhythm["p_30"] * rhythm["net_minor"]).sum()))
        figures.append(Figure(
            words("business.figure.coming"), form.money(coming),
            words("business.figure.orders", count=form.count(round(float(rhythm["p_30"].sum())))),
            key="coming", amount=coming, money=True,
        ))  # fmt: skip
    sentence = words(f"business.answer.{'act' if first else 'calm'}", **values)
    return Answer(sentence, tuple(figures), int(todo["stake_minor"].sum()))


def listed(todo: pl.DataFrame, *, words: Words, as_of: date, capacity: int, face: Face) -> ActionList:
    """One line a customer: every reason that holds, what is at stake, who goes and by when."""
    form, chosen = words.format, todo.head(capacity)
    said = [_said(row, words, as_of) for row in chosen.iter_rows(named=True)]
    due = [as_of + timedelta(days=SOON if place < DEAREST else WEEK) for place in range(chosen.height)]
    owner = pl.when(pl.col("owner").is_null()).then(pl.lit(words("business.nobody"))).when(pl.col("gone")).then(
        pl.format(words("page.has_left", name="{}"), pl.col("owner"))
    ).otherwise(pl.col("owner"))  # fmt: skip
    table = chosen.select(
        "buyer", "region", pl.Series("reason", [reason for reason, _ in said], dtype=pl.String),
        pl.Series("suggestion", [advice for _, advice in said], dtype=pl.String), "stake_minor",
        owner.alias("owner"), pl.Series("due_on", due, dtype=pl.Date),
    )  # fmt: skip
    kind = "none" if not todo.height else "all" if todo.height <= capacity else "capped"
    values = {
        "count": form.count(table.height), "found": form.count(todo.height),
        "money": form.money(int(table["stake_minor"].sum())),
    }  # fmt: skip
    leads = [
        addresses.app(face, "business", partner=i, language=words.language, as_of=as_of.isoformat())
        for i in chosen["partner_id"]
    ]
    view = views.readable(table, words=words)
    if any(leads):
        shown = table.with_columns(address=pl.Series(leads, dtype=pl.String))
        view = views.readable(shown, words=words, links={"buyer": "address"})
    return ActionList(
        headline=words(f"business.actions.headline.{kind}", **values), table=table, view=view,
        note=words("business.actions.note", quiet=form.count(QUIET)), row_key=("buyer",),
    )  # fmt: skip


def left(found: ActionList, todo: pl.DataFrame) -> dict[str, object]:
    """What the page leaves for whoever may open the names: one row a line, with the partner's number."""
    rows = found.table.with_columns(pl.col("due_on").cast(pl.String)).rename({"buyer": "code"})
    who = todo.head(rows.height).select(id="partner_id", way=pl.lit("call"), kind=pl.lit("partner"))
    return {"title": found.headline, "rows": pl.concat([who, rows], how="horizontal").to_dicts()}


def _said(row: dict[str, object], words: Words, as_of: date) -> tuple[str, str]:
    """Every reason that holds, and what to do first."""
    form, reasons, advice = words.format, list[str](), list[str]()
    overdue = _whole(row["late_minor"])
    if overdue:
        days = _whole(row["days_late"])
        reasons.append(words("business.why.owed", money=form.money(overdue), days=form.count(days)))
        advice.append("debt" if days >= OLD else "remind")
    if _whole(row["need_minor"]):
        by = row["decided_by"]
        reasons.append(words(
            "business.why.need", season=season(row, words), money=form.money(_whole(row["need_minor"])),
            by=form.day(by if isinstance(by, date) else None),
        ))  # fmt: skip
        advice.append("offer")
    if _whole(row["order_minor"]):
        last = row["last_on"]
        silent = (as_of - last).days if isinstance(last, date) else 0
        reasons.append(words(
            "business.why.late", silent=form.count(silent), gap=form.count(_whole(row["usual_gap"])),
            money=form.money(_whole(row["order_minor"])),
        ))  # fmt: skip
        advice.append("order")
    if row["quiet"]:
        talked = row["talked_on"]
        since = (as_of - talked).days if isinstance(talked, date) else 0
        reasons.append(words("business.why.quiet", days=form.count(since)))
        advice.append("visit")
    first = "debt" if "debt" in advice else advice[0]
    return words("business.and").join(reasons), words(f"business.advice.{first}")


def _whole(value: object) -> int:
    return round(value) if isinstance(value, int | float) else 0
