"""From paired entries to cohorts: what was issued when, and what of it was used at which age or point of its cycle."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from crmlib.balances.pairing import Pairing
from crmlib.core.apportion import Floats

USED = ("redeem",)


def triangle(
    made: Pairing,
    *,
    amount: str,
    first: date,
    last: date,
    ages: int,
    at: str = "at",
    kind: str = "kind",
    used: Sequence[str] = USED,
) -> tuple[Floats, Floats]:
    """Issued by month, shape (months,), and used by month of issue and age in months, shape (months, ages).

    Parameters
    ----------
    made : pairs of credits with the debits that used them. first, last : first and last month (any day of them).
    ages : months until nothing is left; later uses count at the last age.
    """
    months = _month(last) - _month(first) + 1
    rows = made.moves.select("row", kind=pl.col(kind).cast(pl.String), amount=amount, month=_months(at) - _month(first))
    credits = rows.filter((pl.col("amount") > 0) & pl.col("month").is_between(0, months - 1))
    issued = np.bincount(credits["month"].to_numpy(), weights=credits["amount"].to_numpy(), minlength=months)
    debits = rows.filter(pl.col("kind").is_in(list(used))).select(debit="row", on="month")
    pairs = made.pairs.join(debits, on="debit").join(credits.select(credit="row", cohort="month"), on="credit")
    pairs = pairs.filter(pl.col("on") < months)
    table = np.zeros((months, ages))
    age = np.clip((pairs["on"] - pairs["cohort"]).to_numpy(), 0, ages - 1)
    np.add.at(table, (pairs["cohort"].to_numpy(), age), pairs["amount"].to_numpy())
    return issued.astype(float), table


def at_point(
    made: Pairing,
    ends: Sequence[date],
    *,
    days_before: int,
    amount: str,
    expires: str,
    at: str = "at",
    kind: str = "kind",
    used: Sequence[str] = USED,
) -> pl.DataFrame:
    """Cycles with a common last day, seen `days_before` it.

    Returns
    -------
    expires_on, as_of, outstanding (issued by then for that day, not used by then), used_after, in the order of `ends`.
    """
    rows = made.moves.select(
        "row", kind=pl.col(kind).cast(pl.String), on=pl.col(at).cast(pl.Date), until=expires, amount=amount
    )
    credits = rows.filter(pl.col("amount") > 0)
    pairs = made.pairs.join(credits.select(credit="row", issued="on", until="until"), on="credit")
    pairs = pairs.join(rows.select(debit="row", on="on", kind="kind"), on="debit")
    found = []
    for end in ends:
        day = end - timedelta(days=days_before)
        mine = pairs.filter((pl.col("until") == end) & (pl.col("issued") <= day))
        gone = int(mine.filter(pl.col("on") <= day)["amount"].sum())
        later = mine.filter((pl.col("on") > day) & pl.col("kind").is_in(list(used)))["amount"].sum()
        issued = int(credits.filter((pl.col("until") == end) & (pl.col("on") <= day))["amount"].sum())
        found.append((end, day, issued - gone, later))
    schema = {"expires_on": pl.Date, "as_of": pl.Date, "outstanding": pl.Int64, "used_after": pl.Int64}
    return pl.DataFrame(found, schema=schema, orient="row")


def _month(day: date) -> int:
    return day.year * 12 + day.month - 1


def _months(at: str) -> pl.Expr:
    day = pl.col(at).cast(pl.Date)
    return day.dt.year().cast(pl.Int64) * 12 + day.dt.month().cast(pl.Int64) - 1
