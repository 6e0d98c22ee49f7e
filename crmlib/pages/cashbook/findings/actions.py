"""What to check, look for and bank: one list, the dearest first."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.finding import ActionList
from crmlib.kit.words import Words
from crmlib.pages.cashbook.findings.books import differing

SOON = {"tie": 2, "lost": 1, "bank": 1}
"""Days within which each kind is to be done."""
Row = tuple[str, str | None, str, int, date | None]
"""kind, store_id, reason, money, day."""


def listed(
    ties: pl.DataFrame,
    transit: pl.DataFrame | None,
    waiting: pl.DataFrame,
    accounts: pl.DataFrame,
    names: dict[str, str],
    *,
    words: Words,
    as_of: date,
    days: int,
    capacity: int,
) -> ActionList:
    """Store-days to check, money to look for, tills to empty; each with an owner, a day and what is at stake."""
    store = dict(accounts.select("account_id", "store_id").iter_rows())
    rows = [*_ties(ties, words), *_lost(transit, store, words), *_lying(waiting, store, words, as_of, days)]
    rows.sort(key=lambda row: -abs(row[3]))
    chosen = rows[:capacity]
    whose = [_owner(row[1], names, words) for row in chosen]
    table = pl.DataFrame(
        {
            "store": [words("cashbook.company") if r[1] is None else names.get(r[1], r[1]) for r in chosen],
            "day": [r[4] for r in chosen],
            "reason": [r[2] for r in chosen],
            "stake_minor": [abs(r[3]) for r in chosen],
            "suggestion": [words(f"cashbook.advice.{r[0]}") for r in chosen],
            "owner": whose,
            "due_on": [as_of + timedelta(days=SOON[r[0]]) for r in chosen],
        },
        schema={"store": pl.String, "day": pl.Date, "reason": pl.String, "stake_minor": pl.Int64,
                "suggestion": pl.String, "owner": pl.String, "due_on": pl.Date},
    )  # fmt: skip
    kind = "none" if not rows else "all" if len(rows) <= capacity else "capped"
    form = words.format
    values = {
        "count": form.count(table.height),
        "found": form.count(len(rows)),
        "money": form.money(int(table["stake_minor"].sum())),
    }
    return ActionList(
        headline=words(f"cashbook.actions.headline.{kind}", **values),
        table=table,
        view=views.readable(table, words=words, exact=True) if rows else None,
        note=words("cashbook.actions.note", days=form.count(days)),
        row_key=("store", "day", "reason"),
    )


def _owner(store: str | None, names: dict[str, str], words: Words) -> str:
    return words("cashbook.finance") if store is None else words("cashbook.owner", store=names.get(store, store))


def _ties(ties: pl.DataFrame, words: Words) -> list[Row]:
    form = words.format
    found: list[Row] = []
    for row in differing(ties).iter_rows(named=True):
        said = words("cashbook.reason.tie", tie=words(f"cashbook.tied.{row['tie']}"),
                     other=form.money_exact(row["other_minor"]), book=form.money_exact(row["book_minor"]))  # fmt: skip
        found.append(("tie", row["store_id"], said, row["gap_minor"], row["day"]))
    return found


def _lost(transit: pl.DataFrame | None, store: dict[str, str | None], words: Words) -> list[Row]:
    late = pl.DataFrame() if transit is None else transit.filter("late")
    return [
        ("lost", store.get(row["account_id"]), words("cashbook.reason.lost", days=words.format.count(row["days"])),
         row["amount_minor"], row["left_on"])
        for row in late.iter_rows(named=True)
    ]  # fmt: skip


def _lying(waiting: pl.DataFrame, store: dict[str, str | None], words: Words, as_of: date, days: int) -> list[Row]:
    over = waiting.filter(pl.col("left_minor") > 0, pl.col("since") < as_of - timedelta(days=days))
    return [
        ("bank", store.get(row["account_id"]),
         words("cashbook.reason.bank", days=words.format.count((as_of - row["since"]).days)), row["left_minor"],
         row["since"])
        for row in over.iter_rows(named=True)
    ]  # fmt: skip
