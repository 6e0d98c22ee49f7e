"""Whose ticket to close first: escalated ones, then by what the customer is worth, then by age."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.finding import ActionList
from crmlib.kit.words import Words
from crmlib.pages.service.findings.desk import ESCALATED

OLD = 30
"""Overdue for longer than this somebody above decides."""


def listed(
    late: pl.DataFrame, *, words: Words, found: int, as_of: date, people: dict[str, str], pseudonyms: dict[str, str],
    gone: frozenset[str] = frozenset(),
) -> ActionList:  # fmt: skip
    """The list.

    Parameters
    ----------
    late : of `desk.overdue`, as many as are shown. found : how many there are.
    people : name by staff number. pseudonyms : by customer_id. gone : numbers of those who have left.
    """
    form = words.format
    rows = list(late.iter_rows(named=True))
    said = [_said(row, words, gone=gone) for row in rows]
    owner = [people.get(row["staff_id"], row["staff_id"]) or words("service.no_owner") for row in rows]
    table = pl.DataFrame(
        {
            "ticket_id": late["ticket_id"],
            "customer": pl.Series([pseudonyms.get(c) for c in late["customer_id"]], dtype=pl.String),
            "ticket_theme": late["theme"],
            "reason": pl.Series([reason for reason, _, _ in said], dtype=pl.String),
            "year_margin_minor": late["margin_minor"],
            "suggestion": pl.Series([advice for _, advice, _ in said], dtype=pl.String),
            "owner": pl.Series(owner, dtype=pl.String),
            "due_on": pl.Series([as_of + timedelta(days=within) for _, _, within in said], dtype=pl.Date),
        }
    )
    kind = "none" if not found else "all" if found <= late.height else "capped"
    values = {
        "count": form.count(table.height), "found": form.count(found),
        "escalated": form.count(late.filter(pl.col("level") >= ESCALATED).height),
    }  # fmt: skip
    return ActionList(
        headline=words(f"service.actions.headline.{kind}", **values),
        table=table,
        view=views.readable(table, words=words),
        note=words("service.actions.note"),
        row_key=("ticket_id",),
    )


def _said(row: dict[str, object], words: Words, *, gone: frozenset[str]) -> tuple[str, str, int]:
    """Why, what to do, and within how many days; what belongs to nobody, or to somebody gone, is given away first."""
    late, level = int(str(row["late_days"])), row["level"]
    reason = "escalated" if level is not None else "late"
    advice, within = ("decide", 1) if late > OLD else ("reply", 1) if row["asked"] else ("solve", 2)
    if advice != "decide" and (row["staff_id"] is None or row["staff_id"] in gone):
        advice, within = "owner", 1
    return words(f"service.reason.{reason}", days=late, level=level), words(f"service.advice.{advice}"), within
