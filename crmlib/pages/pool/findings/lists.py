"""Two lists: who returns soon (call them first), and who may be claimed now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.finding import ActionList
from crmlib.kit.words import Words

WEEK = 7


def returning(
    rows: pl.DataFrame, found: int, names: Mapping[str, str], *, words: Words, pseudonyms: Sequence[str],
    forms: Sequence[str], as_of: date,
) -> ActionList:  # fmt: skip
    """Who returns soon, dearest first: call or write an order before the day, or let go.

    rows : returns_on, reason, contact_on, order_on, owner_staff, value_minor.
    """
    form = words.format
    reason = []
    for row in rows.iter_rows(named=True):
        last = row["order_on"] if row["reason"] == "order" else _latest(row["contact_on"], row["order_on"])
        days = "—" if last is None else form.count((as_of - last).days)
        reason.append(words(f"pool.reason.{row['reason'] if last is not None else 'never'}", days=days))
    due = [max(day, as_of + timedelta(days=1)) for day in rows["returns_on"]]
    bought = [row > 0 for row in rows["value_minor"]]
    table = rows.select(
        pl.Series("customer", list(pseudonyms), dtype=pl.String),
        pl.Series("reason", reason, dtype=pl.String),
        pl.col("value_minor").alias("bought_year_minor"),
        pl.Series("suggestion", [words(f"pool.advice.{'call' if b else 'let_go'}") for b in bought], dtype=pl.String),
        pl.Series("owner", [names.get(o, o) for o in rows["owner_staff"]], dtype=pl.String),
        pl.Series("due_on", due, dtype=pl.Date),
        pl.Series("form", list(forms), dtype=pl.String),
    )
    return _capped("pool.actions", table, found, words=words, note=words("pool.actions.note"))


def free(
    rows: pl.DataFrame, found: int, *, words: Words, pseudonyms: Sequence[str], forms: Sequence[str], as_of: date,
    others: int = 0,
) -> ActionList:  # fmt: skip
    """Who may be claimed now, dearest first; a code leads to where it is claimed.

    rows : moved_on, order_on, value_minor. others : cards in the pool that are no members', said and not listed.
    """
    form = words.format
    lain = [form.count((as_of - day).days) for day in rows["moved_on"]]
    last = [words("pool.never") if day is None else form.day(day) for day in rows["order_on"]]
    table = rows.select(
        pl.Series("customer", list(pseudonyms), dtype=pl.String),
        pl.Series("reason", [words("pool.reason.free", days=d, last=o) for d, o in zip(lain, last, strict=True)],
                  dtype=pl.String),
        pl.col("value_minor").alias("bought_year_minor"),
        pl.Series("suggestion", [words("pool.advice.claim")] * rows.height, dtype=pl.String),
        pl.Series("owner", [words("pool.anybody")] * rows.height, dtype=pl.String),
        pl.Series("due_on", [as_of + timedelta(days=WEEK)] * rows.height, dtype=pl.Date),
        pl.Series("form", list(forms), dtype=pl.String),
    )  # fmt: skip
    note = words("pool.free.note") + (words("pool.free.others", others=form.count(others)) if others else "")
    return _capped("pool.free", table, found, words=words, note=note, key="claimable")


def _latest(*days: date | None) -> date | None:
    return max((d for d in days if d is not None), default=None)


def _capped(
    section: str, table: pl.DataFrame, found: int, *, words: Words, note: str, key: str = "actions"
) -> ActionList:
    """A list of `found` people, as many as `table` has; whom a code leads to stands in its column ``form``."""
    form = words.format
    kind = "none" if not found else "all" if table.height == found else "capped"
    values = {
        "count": form.count(table.height), "found": form.count(found),
        "money": form.money(int(table["bought_year_minor"].sum())),
    }  # fmt: skip
    return ActionList(
        headline=words(f"{section}.headline.{kind}", **values), table=table.drop("form"),
        view=views.readable(table, words=words, links={"customer": "form"}), note=note,
        key=key, row_key=("customer",),
    )  # fmt: skip
