"""Receivables month by month: buckets at every month's end, days outstanding, promises, the ledger beside the items."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from crmlib.balances.receivables import count_back
from crmlib.balances.receivables.moves import KINDS, moves
from crmlib.balances.receivables.open_items import OpenItems, open_items
from crmlib.balances.roll_forward import Statement, statement
from crmlib.core.frames import AnyFrame, to_polars

MONTHS = 12


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of what is owed to us, with one column `owner` for partner or member; write_offs may be none.

    `excess`: what was allocated above a payment or above what an instalment asks (`within`); it stays unapplied.
    """

    invoices: pl.DataFrame
    payments: pl.DataFrame
    allocations: pl.DataFrame
    write_offs: pl.DataFrame | None
    excess: pl.DataFrame


def tables(invoices: AnyFrame, payments: AnyFrame, allocations: AnyFrame | None, write_offs: AnyFrame | None) -> Tables:
    """What is owed to us, of partners and members; payments of those that owe nothing here (suppliers) are left out."""
    who = pl.coalesce("partner_id", "customer_id").alias("owner")
    owed = to_polars(invoices, needs=["side", "partner_id", "customer_id"], name="invoices")
    owed = owed.filter(pl.col("side").cast(pl.String) == "receivable").with_columns(who)
    paid = to_polars(payments, needs=["partner_id", "customer_id"], name="payments").with_columns(who)
    paid = paid.join(owed.select("owner").unique(), on="owner", how="semi")
    none = {"payment_id": pl.String, "invoice_id": pl.String, "instalment": pl.Int32, "amount_minor": pl.Int64}
    given = pl.DataFrame(schema=none) if allocations is None else to_polars(allocations, name="allocations")
    given = given.join(owed.select("invoice_id").unique(), on="invoice_id", how="semi")
    lost = None if write_offs is None else to_polars(write_offs, name="write_offs")
    given, excess = within(owed, paid, given, lost)
    return Tables(owed, paid, given, lost, excess)


def within(
    invoices: pl.DataFrame, payments: pl.DataFrame, allocations: pl.DataFrame, write_offs: pl.DataFrame | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Allocations cut to what each payment is and each instalment asks, earliest payment first; and what was cut off.

    Allocations of payments that are not there (not known yet) are left out. One entry too much must not hide what
    everybody owes. Write-offs go before payments; credit notes take nothing.

    Returns
    -------
    allocations, amount_minor > 0; and payment_id, owner, invoice_id, instalment, amount_minor [minor units above].
    """
    item = ["invoice_id", "instalment"]
    rows = allocations.with_columns(pl.col("instalment").cast(pl.Int32), was="amount_minor")
    asks = invoices.filter(pl.col("amount_minor") > 0).group_by(*item).agg(asks=pl.col("amount_minor").sum())
    asks = asks.with_columns(pl.col("instalment").cast(pl.Int32))
    if write_offs is not None:
        lost = write_offs.group_by(*item).agg(lost=pl.col("amount_minor").sum())
        asks = asks.join(lost.with_columns(pl.col("instalment").cast(pl.Int32)), on=item, how="left")
        asks = asks.with_columns(asks=(pl.col("asks") - pl.col("lost").fill_null(0)).clip(lower_bound=0))
    paid = payments.group_by("payment_id").agg(
        paid=pl.col("amount_minor").sum(), at=pl.col("at").min(), owner=pl.col("owner").first()
    )
    rows = rows.join(paid, on="payment_id").join(asks.select(*item, "asks"), on=item, how="left")
    rows = rows.sort("at", "payment_id", *item)
    given = pl.col("amount_minor")
    for limit, key in (("asks", item), ("paid", ["payment_id"])):
        room = pl.col(limit) - given.cum_sum().over(key) + given
        rows = rows.with_columns(amount_minor=pl.min_horizontal(given, room.fill_null(given).clip(lower_bound=0)))
    above = rows.filter(pl.col("was") > given).select("payment_id", "owner", *item, amount_minor=pl.col("was") - given)
    return rows.filter(given > 0).select(allocations.columns), above


def at(made: Tables, day: date) -> OpenItems:
    """What is open at the close of `day`."""
    return open_items(made.invoices, made.payments, made.allocations, made.write_offs, as_of=day, owner="owner")


def book(made: Tables, *, first: date, last: date, found: OpenItems) -> Statement:
    """The ledger of the period; what the open items say otherwise is `unexplained`, by owner."""
    rows = moves(made.invoices, made.payments, made.write_offs, owner="owner")
    items = found.items.select("owner", amount_minor="open_minor")
    counted = pl.concat([items, found.unapplied.select("owner", "amount_minor")])
    every = (
        rows.filter(pl.col("at") <= last).select("owner").unique().with_columns(amount_minor=pl.lit(0, dtype=pl.Int64))
    )
    return statement(
        rows, key=["owner"], amount="amount_minor", first=first, last=last, kinds=KINDS,
        counted=pl.concat([counted, every]),
    )  # fmt: skip


def month_ends(as_of: date, *, months: int = MONTHS) -> list[date]:
    """The last `months` month ends before `as_of`, and `as_of`."""
    ends, day = [as_of], as_of
    for _ in range(months):
        day = day.replace(day=1) - timedelta(days=1)
        ends.append(day)
    return ends[::-1]


def by_month(made: Tables, *, as_of: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Buckets and days outstanding at each of the last month ends and on `as_of`.

    Returns
    -------
    day, bucket, amount_minor; and day, owed_minor, days (null: the sales on account do not reach back far enough).
    """
    buckets, days = [], []
    first = made.invoices["issued_on"].min()
    sales = made.invoices.group_by("issued_on").agg(pl.col("amount_minor").sum())
    for day in month_ends(as_of):
        if not isinstance(first, date) or day < first:
            continue
        found = at(made, day)
        buckets.append(found.buckets.select(pl.lit(day).alias("day"), "bucket", "amount_minor"))
        span = pl.DataFrame({"issued_on": pl.date_range(first, day, eager=True)})
        daily = span.join(sales, on="issued_on", how="left", maintain_order="left")["amount_minor"].fill_null(0)
        back = count_back.days_outstanding(float(found.owed_minor), daily.to_numpy().astype(float))
        days.append((day, found.owed_minor, back if np.isfinite(back) else None))
    schema = {"day": pl.Date, "owed_minor": pl.Int64, "days": pl.Float64}
    none = pl.DataFrame(schema={"day": pl.Date, "bucket": pl.String, "amount_minor": pl.Int64})
    return pl.concat([none, *buckets]), pl.DataFrame(days, schema=schema, orient="row")


def promised(promises: AnyFrame, items: pl.DataFrame, *, as_of: date) -> pl.DataFrame:
    """Promises and what came of them: invoice_id, instalment, owner, promised_on, amount_minor, state (kept: paid by
    then; broken; open: still ahead).

    Parameters
    ----------
    items : from `settle.settled`.
    """  # noqa: D205
    rows = to_polars(
        promises, needs=["invoice_id", "instalment", "promised_on", "amount_minor", "made_at"], name="promises"
    )
    rows = rows.filter(pl.col("made_at").cast(pl.Date) <= as_of).with_columns(pl.col("instalment").cast(pl.Int32))
    both = rows.join(items.select("invoice_id", "instalment", "owner", "paid_on"), on=["invoice_id", "instalment"])
    state = (
        pl.when(pl.col("paid_on") <= pl.col("promised_on")).then(pl.lit("kept"))
        .when(pl.col("promised_on") >= as_of).then(pl.lit("open")).otherwise(pl.lit("broken"))
    )  # fmt: skip
    return both.with_columns(state=state).select(
        "invoice_id", "instalment", "owner", "promised_on", "amount_minor", "state", "paid_on"
    )


def with_promises(items: pl.DataFrame, promises: pl.DataFrame) -> pl.DataFrame:
    """`items` with promised_on and state of the last promise on each; null: none was made.

    Parameters
    ----------
    items : invoice_id, instalment. promises : from `promised`.
    """
    last = promises.sort("promised_on").group_by("invoice_id", "instalment", maintain_order=True).last()
    last = last.select("invoice_id", "instalment", "promised_on", "state")
    return items.join(last, on=["invoice_id", "instalment"], how="left", maintain_order="left")
