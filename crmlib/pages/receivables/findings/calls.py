"""Whom to call about what: by the yuan-days that a call can save."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.finding import ActionList
from crmlib.kit.words import Words

SOON, WEEK, OLD = 10, 7, 90
"""Not yet due, but within so many days; days to act; later than this a letter instead of a call."""


def listed(items: pl.DataFrame, names: pl.DataFrame, *, words: Words, as_of: date, capacity: int) -> ActionList:
    """Instalments late or nearly due, by what a call can save; disputes and what has no due date apart.

    Parameters
    ----------
    items : open instalments with p_late, saved, promised_on, state. names : owner, name, keeper.
    """
    form = words.format
    late = pl.col("days_late")
    worth = items.filter(~pl.col("disputed"), late > -SOON, pl.col("saved") > 0)
    unclear = items.filter(pl.col("disputed") | late.is_null()).with_columns(saved=pl.lit(0.0))
    every = pl.concat([worth.sort("saved", "invoice_id", descending=[True, False]), unclear])
    chosen = every.head(capacity).join(names, on="owner", how="left", maintain_order="left")
    said = [_said(row, words) for row in chosen.iter_rows(named=True)]
    due = [as_of + timedelta(days=within) for _, _, within in said]
    table = chosen.select(
        pl.coalesce("name", "owner").alias("debtor"), "invoice_id",
        pl.Series("reason", [reason for reason, _, _ in said], dtype=pl.String),
        "open_minor", "p_late", pl.Series("suggestion", [advice for _, advice, _ in said], dtype=pl.String),
        pl.col("keeper").fill_null(words("receivables.no_owner")).alias("owner"),
        pl.Series("due_on", due, dtype=pl.Date),
    )  # fmt: skip
    kind = "none" if not every.height else "all" if every.height <= capacity else "capped"
    all_saved = float(every["saved"].sum())
    values = {
        "count": form.count(table.height), "found": form.count(every.height),
        "money": form.money(int(table["open_minor"].sum())),
        "share": form.share(float(chosen["saved"].sum()) / all_saved if all_saved else None),
    }  # fmt: skip
    return ActionList(
        headline=words(f"receivables.actions.headline.{kind}", **values),
        table=table,
        view=views.readable(table, words=words),
        note=words("receivables.actions.note"),
        row_key=("invoice_id",),
    )


def _said(row: dict[str, object], words: Words) -> tuple[str, str, int]:
    """Reason, what to do, and within how many days."""
    late, state = row["days_late"], row["state"]
    values = {"late": late, "ahead": -int(str(late)) if late is not None else 0, "promised": row["promised_on"]}
    days = 0 if late is None else int(str(late))
    rules = (
        (bool(row["disputed"]), "disputed", "settle", WEEK),
        (late is None, "undated", "date", WEEK),
        (days <= 0, "soon", "remind", WEEK),
        (state == "broken", "broken", "visit", 1),
        (state == "open", "promised", "wait", WEEK),
        (days > OLD, "late", "letter", 1),
        (True, "late", "call", 2),
    )
    _, reason, advice, within = next(rule for rule in rules if rule[0])
    return words(f"receivables.reason.{reason}", **values), words(f"receivables.advice.{advice}"), within
