"""Stored-value cards: what is owed on them, and the deposit that the law asks for.

A named card never expires. A bearer card may, and what was on it stays owed (it can be reactivated): an expired balance
is no income.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crmlib.balances.ties import tie
from crmlib.core.dates import a_day
from crmlib.core.errors import ContractError, mask
from crmlib.core.frames import AnyFrame, timed, to_polars, whole

DEPOSIT_BP = {"group": 2000, "brand": 3000, "scale": 4000}
"""Deposit by kind of issuer, of the balance at the end of the last quarter; parameters, not law in code."""
MIN_YEARS = 3
DORMANT_DAYS = 365


def owed(cards: AnyFrame, moves: AnyFrame, *, as_of: date, dormant_days: int = DORMANT_DAYS) -> pl.DataFrame:
    """What is owed at the close of `as_of`, by kind of card.

    Returns
    -------
    kind, cards, balance_minor (can be spent), expired_minor (expired and not reactivated), owed_minor (both),
    dormant_minor (of the balance, on cards without a purchase for `dormant_days`).
    """
    day = a_day(as_of, name="as_of")
    kinds = to_polars(cards, needs=["card_id", "kind"], name="cards", key="card_id").select(
        "card_id", card_kind=pl.col("kind").cast(pl.String)
    )
    rows = whole(
        timed(moves, needs=["card_id", "kind", "amount_minor"], name="card_moves"), ["amount_minor"], name="card_moves"
    )
    rows = rows.with_columns(pl.col("at").cast(pl.Date), pl.col("kind").cast(pl.String)).filter(pl.col("at") <= day)
    amount = pl.col("amount_minor")
    each = rows.group_by("card_id").agg(
        balance_minor=amount.sum(),
        expired_minor=-amount.filter(pl.col("kind").is_in(["expire", "reactivate"])).sum(),
        used=pl.col("at").filter(pl.col("kind").is_in(["redeem", "issue", "top_up", "open"])).max(),
    )
    each = each.join(kinds, on="card_id", how="left").with_columns(pl.col("card_kind").fill_null("unknown"))
    quiet = (pl.lit(day) - pl.col("used")).dt.total_days() > dormant_days
    return (
        each.group_by(kind="card_kind")
        .agg(
            cards=pl.len().cast(pl.Int64),
            balance_minor=pl.col("balance_minor").sum(),
            expired_minor=pl.col("expired_minor").sum(),
            owed_minor=(pl.col("balance_minor") + pl.col("expired_minor")).sum(),
            dormant_minor=pl.col("balance_minor").filter(quiet).sum(),
        )
        .sort("kind")
    )


def beside_tills(moves: AnyFrame, tenders: AnyFrame, *, first: date, last: date) -> pl.DataFrame:
    """What the tills took on cards against what the cards' account says was drawn, `first` to `last`.

    Parameters
    ----------
    moves : kind, amount_minor, store_id, at. tenders : store_id, at, tender, amount_minor (paid back negative).

    Returns
    -------
    store_id, day, left (tills), right (account), unexplained [minor units]; an account that names no store is compared
    in one row, store_id and day null.
    """
    day = pl.col("at").cast(pl.Date).alias("day")
    inside = pl.col("day").is_between(a_day(first, name="first"), a_day(last, name="last"))
    paid = timed(tenders, needs=["store_id", "tender", "amount_minor"], name="tenders").with_columns(day)
    paid = paid.filter(inside, pl.col("tender").cast(pl.String) == "stored")
    drawn = timed(moves, needs=["kind", "amount_minor", "store_id"], name="card_moves").with_columns(day)
    drawn = drawn.filter(inside, pl.col("kind").cast(pl.String).is_in(["redeem", "return"]))
    drawn = drawn.with_columns(-pl.col("amount_minor"))
    if drawn["store_id"].null_count() == drawn.height:
        none = {"store_id": pl.lit(None, dtype=pl.String), "day": pl.lit(None, dtype=pl.Date)}
        paid, drawn = paid.with_columns(**none), drawn.with_columns(**none)
    return tie(paid, drawn, on=["store_id", "day"], amount="amount_minor")


def deposit(moves: AnyFrame, *, as_of: date, rate_bp: int) -> int:
    """Deposit due: the rate on the balance at the end of the quarter before `as_of` [minor units], rounded up."""
    day = a_day(as_of, name="as_of")
    quarter_end = date(day.year, day.month - (day.month - 1) % 3, 1) - timedelta(days=1)
    rows = whole(timed(moves, needs=["amount_minor"], name="card_moves"), ["amount_minor"], name="card_moves")
    balance = int(rows.filter(pl.col("at").cast(pl.Date) <= quarter_end)["amount_minor"].sum())
    return -(-max(balance, 0) * rate_bp // 10_000)


def check_bearer_years(cards: AnyFrame, *, years: int = MIN_YEARS) -> None:
    """Refuse bearer cards that expire earlier than the law allows (`balances.card_years`, ContractError)."""
    table = to_polars(cards, needs=["card_id", "kind", "issued_on", "expires_on"], name="cards")
    short = table.filter(
        (pl.col("kind").cast(pl.String) == "bearer")
        & (pl.col("expires_on") < pl.col("issued_on").dt.offset_by(f"{years}y"))
    )
    if short.height:
        raise ContractError(
            "balances.card_years",
            values={"rows": short.height, "years": years},
            examples=[mask(card) for card in short["card_id"]],
        )
