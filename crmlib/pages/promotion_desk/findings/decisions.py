"""What to decide today, by yuan."""

from __future__ import annotations

from typing import Any

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.finding import ActionList
from crmlib.kit.words import Words
from crmlib.pages.promotion_desk.findings.calendars import WAITING, soon_of
from crmlib.pages.shared.promotion_wording import mechanic, named
from crmlib.promotion.watch.running import Running

CAPACITY = 12


def actions(
    board: pl.DataFrame,
    live: list[Running],
    kinds: pl.DataFrame,
    addresses: dict[str, str],
    *,
    tried: pl.DataFrame,
    soon: int,
    words: Words,
) -> ActionList:
    """Books to close, supplier money to claim, drafts to decide, kinds that lose, running ones off their plan.

    tried : of `baskets.tried_on`: what is ahead on real baskets. One that cannot pay is decided by the margin it
    misses; what its kind lost so far is then not said a second time.
    """
    advice = {(m, d): a for m, d, a in kinds.select("mechanic", "depth_bp", "advice").iter_rows()}
    short = {r["promotion_id"]: r for r in tried.filter(pl.col("pays") == "no").iter_rows(named=True)}
    coming = soon_of(board, soon)
    rows = [*_books(board, words), *_next(coming, advice, short, words), *_running(live, words)]
    rows += _short(board, short, words)
    schema = {"promotion_id": pl.String, "name": pl.String, "advice": pl.String, "reason": pl.String}
    table = pl.DataFrame(rows, schema=schema | {"stake_minor": pl.Int64}, orient="row")
    table = table.sort("stake_minor", "promotion_id", "advice", descending=[True, False, False])
    shown = table.head(CAPACITY)
    kind = "some" if shown.height else "none"
    view = shown.with_columns(
        address=pl.Series([addresses.get(i, "") for i in shown["promotion_id"]], dtype=pl.String)
    ).drop("promotion_id")
    return ActionList(
        headline=words(
            f"promotion_desk.action.headline.{kind}",
            shown=words.format.count(shown.height), all=words.format.count(table.height),
        ),
        table=shown,
        view=views.readable(view, words=words, links={"name": "address"}) if shown.height else None,
        note=words("promotion_desk.action.note"),
        row_key=("name", "advice"),
    )  # fmt: skip


def _say(row: dict[str, Any], kind: str, stake: int, words: Words, **values: str) -> tuple[object, ...]:
    return (
        row["promotion_id"], named(row, words), words(f"promotion_desk.do.{kind}"),
        words(f"promotion_desk.why.{kind}", **values), stake,
    )  # fmt: skip


def _books(board: pl.DataFrame, words: Words) -> list[tuple[object, ...]]:
    """Over, but its books still hold money; supplier money not claimed."""
    money, rows = words.format.money, []
    for r in board.filter(pl.col("stage") == "closed").iter_rows(named=True):
        held, due = r["reserved_minor"] or 0, r["funding_open_minor"] or 0
        if held:
            rows.append(_say(r, "settle", held, words, held=money(held), days=words.format.count(-r["days_to"])))
        if due:
            rows.append(_say(r, "claim", due, words, due=money(due)))
    return rows


def _next(
    soon: pl.DataFrame, advice: dict[tuple[str, int], str], short: dict[str, dict[str, Any]], words: Words
) -> list[tuple[object, ...]]:
    """Begins soon: not approved yet, or of a kind that lost so far."""
    rows = []
    for r in soon.iter_rows(named=True):
        stake, days = r["budget_minor"] or 0, words.format.count(r["days_to"])
        if r["stage"] in WAITING:
            rows.append(_say(r, "decide", stake, words, days=days))
        if r["promotion_id"] not in short and advice.get((r["mechanic"], r["depth_bp"])) == "stop":
            rows.append(_say(r, "rethink", stake, words, days=days, kinds=mechanic(r, words)))
    return rows


def _short(board: pl.DataFrame, short: dict[str, dict[str, Any]], words: Words) -> list[tuple[object, ...]]:
    """Ahead, and past lifts do not reach what it takes: changed while there is time."""
    form, rows = words.format, []
    for r in board.filter(pl.col("promotion_id").is_in(list(short))).iter_rows(named=True):
        found = short[r["promotion_id"]]
        kind = "never" if found["needed"] is None else "lower"
        values = {
            "days": form.count(r["days_to"]), "hoped": form.change(found["hoped"], digits=0),
            "needed": form.change(found["needed"], digits=0),
        }  # fmt: skip
        rows.append(_say(r, kind, found["missed_minor"], words, **values))
    return rows


def _running(live: list[Running], words: Words) -> list[tuple[object, ...]]:
    """Runs, and will end above its budget or below its plan."""
    rows = []
    for run in live:
        more = run.projected_discount_minor - (run.budget_minor or 0)
        if run.budget_minor and more > 0:
            rows.append(_say(run.promotion, "overspend", more, words, more=words.format.money(more)))
        if run.standing == "behind":
            rows.append(_say(run.promotion, "behind", run.discount_minor, words))
    return rows
