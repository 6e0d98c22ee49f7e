"""The points account: what is outstanding by month of issue, what of it will be used, what that costs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from crmlib.balances import rules
from crmlib.balances.ledgers import LEDGERS
from crmlib.balances.liability import cohorts
from crmlib.balances.liability.accounting import allocate
from crmlib.balances.liability.ultimate import Future, rolling, share_by_age
from crmlib.balances.pairing import Pairing, pair
from crmlib.core.frames import AnyFrame, to_polars

USED, GONE = "redeem", "expire"
QUIET_DAYS = 90


@dataclass(frozen=True, slots=True)
class Account:
    """Points as of a day.

    Parameters
    ----------
    outstanding : points open, below-zero balances taken off. below : customer_id, points (< 0) of those below zero.
    future : what of the outstanding will be used. use_share : share of issued that is ever used.
    worth : cost of a used point [minor units], of the points used so far; none where no use says it.
    cohorts : month, issued, used, expired, open; their open points are the outstanding ones above zero.
    """

    outstanding: int
    below: pl.DataFrame
    future: Future
    use_share: float
    worth: float | None
    cohorts: pl.DataFrame

    def cost(self, points: float) -> int | None:
        """What these points cost when they are used [minor units]."""
        return None if self.worth is None else round(points * self.worth)


def account(points: AnyFrame, *, as_of: date, life_months: int) -> Account:
    """Pair uses with what was earned, oldest first, and forecast the rest by age.

    Parameters
    ----------
    points : table `points`. life_months : months after which what is not used counts as never used.
    """
    rows = to_polars(points, needs=["entry_id", "customer_id", "at", "points", "kind", "cost_minor"], name="points")
    rows = rows.with_columns(pl.col("at").dt.date(), pl.col("kind").cast(pl.String)).filter(pl.col("at") <= as_of)
    made = pair(rows, key=["customer_id"], amount="points")
    balances = rows.group_by("customer_id").agg(pl.col("points").sum())
    below = balances.filter(pl.col("points") < 0).sort("points", "customer_id")
    total = int(balances["points"].sum())
    first = rows["at"].min() if rows.height else as_of
    if not isinstance(first, date):
        first = as_of
    issued, used = cohorts.triangle(made, amount="points", first=first, last=as_of, ages=life_months)
    last = issued.size - 1
    held = float(balances.filter(pl.col("points") > 0)["points"].sum())
    future = rolling(issued, used, last=last, outstanding=held)
    share = float(share_by_age(issued, used, last=last).sum())
    done = rows.filter(pl.col("kind") == USED, pl.col("cost_minor").is_not_null())
    spent = -int(done["points"].sum())
    worth = float(done["cost_minor"].sum()) / spent if spent > 0 else None
    return Account(total, below, future, min(share, 1.0), worth, _by_month(made))


def offences(points: AnyFrame) -> pl.DataFrame:
    """Members whose running balance falls below zero: rule, key, amount, rows, first."""
    book = LEDGERS["points"]
    rows = to_polars(points, name="points")
    return rules.balance_never_negative(rows, key=book.key, amount=book.amount, entry=book.entry)


def by_month(points: AnyFrame, *, as_of: date) -> pl.DataFrame:
    """month, issued, used, expired of the last twelve months; returns take points back from issued."""
    rows = to_polars(points, needs=["at", "points", "kind"], name="points")
    rows = rows.with_columns(month=pl.col("at").dt.date().dt.truncate("1mo"), kind=pl.col("kind").cast(pl.String))
    start = as_of.replace(day=1, year=as_of.year - 1)
    amount = pl.col("points")
    return (
        rows.filter(pl.col("month") > start, pl.col("month") <= as_of)
        .group_by("month")
        .agg(
            issued=amount.filter(pl.col("kind") == "earn").sum(),
            used=-amount.filter(pl.col("kind") == USED).sum(),
            expired=-amount.filter(pl.col("kind") == GONE).sum(),
        )
        .sort("month")
    )


def put_aside(net_minor: int, issued: int, account: Account) -> int | None:
    """Part of a period's sales on cards that belongs to the points given for them (CAS 14, IFRS 15) [minor units]."""
    if account.worth is None or net_minor <= 0 or issued <= 0:
        return None
    value = round(issued * account.worth * account.use_share)
    return allocate(net_minor, goods_minor=net_minor, points_value_minor=value).points_minor


def holders(points: AnyFrame, *, as_of: date, quiet_days: int = QUIET_DAYS) -> pl.DataFrame:
    """Members with points and no entry for `quiet_days`: customer_id, points, last_on; most points first."""
    rows = to_polars(points, needs=["customer_id", "at", "points"], name="points")
    rows = rows.with_columns(pl.col("at").dt.date()).filter(pl.col("at") <= as_of)
    each = rows.group_by("customer_id").agg(pl.col("points").sum(), last_on=pl.col("at").max())
    quiet = (pl.lit(as_of) - pl.col("last_on")).dt.total_days() > quiet_days
    return each.filter(pl.col("points") > 0, quiet).sort("points", "customer_id", descending=[True, False])


def _by_month(made: Pairing) -> pl.DataFrame:
    """What of each month's points was used, expired, is open."""
    rows = made.moves.select("row", month=pl.col("at").dt.truncate("1mo"), points="points", kind="kind")
    credits = rows.filter(pl.col("points") > 0)
    pairs = made.pairs.join(rows.select(debit="row", kind="kind"), on="debit").rename({"credit": "row"})
    spent = pairs.group_by("row").agg(
        used=pl.col("amount").filter(pl.col("kind") != GONE).sum(),
        expired=pl.col("amount").filter(pl.col("kind") == GONE).sum(),
    )
    each = credits.join(spent, on="row", how="left").with_columns(pl.col("used", "expired").fill_null(0))
    return (
        each.group_by("month")
        .agg(issued=pl.col("points").sum(), used=pl.col("used").sum(), expired=pl.col("expired").sum())
        .with_columns(open=pl.col("issued") - pl.col("used") - pl.col("expired"))
        .sort("month")
    )
