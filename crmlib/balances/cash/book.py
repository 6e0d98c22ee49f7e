"""The cash book: every account-day from opening to closing, takings against what was banked, and cash on its way."""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.balances.pairing import pair
from crmlib.core.contracts.cash import CASH_KINDS
from crmlib.core.dates import a_day
from crmlib.core.frames import AnyFrame, timed, to_polars, whole

TAKINGS = ("sale", "sale_return", "card_sale", "collection")
KINDS = tuple(kind for kind in CASH_KINDS if kind != "open")


def book(moves: AnyFrame, *, counted: AnyFrame | None = None) -> pl.DataFrame:
    """One row per account and day with moves: account_id, day, opening, a column per kind, unexplained, closing.

    Parameters
    ----------
    moves : table `cash_moves`, from each account's opening on. counted : account_id, day, amount_minor found in the
        till; the difference is that day's unexplained line, and the next day opens with what was found.
    """
    rows = whole(
        timed(moves, needs=["account_id", "kind", "amount_minor"], name="cash_moves"),
        ["amount_minor"],
        name="cash_moves",
    )
    rows = rows.with_columns(pl.col("kind").cast(pl.String), day=pl.col("at").cast(pl.Date))
    sums = [pl.col("amount_minor").filter(pl.col("kind") == k).sum().alias(k) for k in ("open", *KINDS)]
    days = rows.group_by("account_id", "day").agg(*sums)
    if counted is None:
        days = days.with_columns(found=pl.lit(None, dtype=pl.Int64))
    else:
        seen = to_polars(counted, needs=["account_id", "day", "amount_minor"], name="counted")
        seen = seen.select("account_id", "day", found="amount_minor")
        days = days.join(seen, on=["account_id", "day"], how="full", coalesce=True)
        days = days.with_columns(pl.col("open", *KINDS).fill_null(0))
    days = days.sort("account_id", "day").with_columns(__moved=pl.sum_horizontal("open", *KINDS))
    # what a count found stays true until the next one, so the book runs on from it
    run = pl.col("__moved").cum_sum().over("account_id")
    offset = (pl.col("found") - run).forward_fill().over("account_id").fill_null(0)
    days = days.with_columns(
        closing=run + offset, unexplained=offset - offset.shift(1, fill_value=0).over("account_id")
    )
    opening = pl.col("closing") - pl.sum_horizontal(*KINDS) - pl.col("unexplained")
    return days.select(
        "account_id",
        "day",
        opening=opening,
        **{k: pl.col(k) for k in KINDS},
        unexplained="unexplained",
        closing="closing",
    )


def in_transit(moves: AnyFrame, *, as_of: date, late_after: int = 3) -> pl.DataFrame:
    """Cash that left a till and has not arrived at the close of `as_of`: ref_id, account_id, left_on, amount_minor
    (> 0), days, late; more arrived than left is < 0.
    """  # noqa: D205
    day = a_day(as_of, name="as_of")
    rows = whole(
        timed(moves, needs=["account_id", "kind", "amount_minor", "ref_id"], name="cash_moves"),
        ["amount_minor"],
        name="cash_moves",
    )
    rows = rows.with_columns(pl.col("at").cast(pl.Date)).filter(
        pl.col("kind").cast(pl.String).is_in(["banked_out", "banked_in"]) & (pl.col("at") <= day)
    )
    out = pl.col("amount_minor") < 0
    sums = rows.group_by("ref_id").agg(
        account_id=pl.col("account_id").filter(out).first(),
        left_on=pl.col("at").min(),
        amount_minor=-pl.col("amount_minor").sum(),
    )
    days = (pl.lit(day) - pl.col("left_on")).dt.total_days()
    found = sums.filter(pl.col("amount_minor") != 0).with_columns(days=days, late=days > late_after)
    return found.sort("left_on", "ref_id")


def days_to_bank(moves: AnyFrame) -> pl.DataFrame:
    """How long takings lie in a till: account_id, taken_minor, banked_minor, left_minor, days (mean, by amount), since.

    What is banked is taken to be the oldest takings; `since` is the day of the oldest that is still there.
    """
    rows = timed(moves, needs=["account_id", "kind", "amount_minor"], name="cash_moves")
    kind = pl.col("kind").cast(pl.String)
    rows = rows.filter(kind.is_in([*TAKINGS, "open", "banked_out"])).with_columns(pl.col("at").cast(pl.Date))
    made = pair(rows, key=["account_id"], amount="amount_minor")
    day = made.moves.select("row", "account_id", "at")
    pairs = made.pairs.join(day.rename({"row": "credit", "at": "taken_on"}), on="credit")
    pairs = pairs.join(day.select(debit="row", banked_on="at"), on="debit")
    wait = (pl.col("banked_on") - pl.col("taken_on")).dt.total_days()
    lag = pairs.group_by("account_id").agg(days=(wait * pl.col("amount")).sum() / pl.col("amount").sum())
    banked = kind == "banked_out"
    sums = rows.group_by("account_id").agg(
        taken_minor=pl.col("amount_minor").filter(~banked).sum(),
        banked_minor=-pl.col("amount_minor").filter(banked).sum(),
    )
    sums = sums.with_columns(left_minor=pl.col("taken_minor") - pl.col("banked_minor"))
    still = (
        made.rest.filter(pl.col("rest") > 0).join(day, on="row").group_by("account_id").agg(since=pl.col("at").min())
    )
    found = sums.join(lag, on="account_id", how="left").join(still, on="account_id", how="left")
    return found.sort("account_id")
