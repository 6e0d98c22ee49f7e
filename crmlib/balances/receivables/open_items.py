"""Who owes what since when: open instalments on a day, by bucket of lateness; the buckets sum to what is owed.

An instalment without a due date and a disputed one have buckets of their own, one not yet due is not "0–30 days late",
and cash that pays no invoice is a line, `unapplied`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from crmlib.balances.pairing import pair
from crmlib.core.dates import a_day
from crmlib.core.errors import ContractError, mask
from crmlib.core.frames import AnyFrame, to_polars, whole

EDGES = (30, 60, 90, 180)
LATE = ("late_1_30", "late_31_60", "late_61_90", "late_91_180", "late_over_180")
BUCKETS = ("not_due", *LATE, "no_due_date", "disputed", "unapplied")
ITEM = ["invoice_id", "instalment"]


@dataclass(frozen=True, slots=True)
class OpenItems:
    """What is owed at the close of a day.

    Parameters
    ----------
    items : invoice_id, instalment, owner, issued_on, due_on, disputed, amount_minor, open_minor (≠ 0), days_late (≤ 0:
        not due; null without a due date), bucket.
    unapplied : owner, amount_minor (< 0): cash received, and credit notes, that pay no invoice.
    buckets : bucket, amount_minor, items, in the order of `BUCKETS`.
    owed_minor : sum of the buckets.
    """

    items: pl.DataFrame
    unapplied: pl.DataFrame
    buckets: pl.DataFrame
    owed_minor: int


def allocate(invoices: AnyFrame, payments: AnyFrame, *, owner: str = "partner_id") -> pl.DataFrame:
    """Payments that name no invoice pay the instalments of their owner, the oldest due first.

    Parameters
    ----------
    invoices : invoice_id, instalment, owner, issued_on, due_on, amount_minor (what is still open of it).
    payments : payment_id, owner, at, amount_minor (what is still unapplied of it).

    Returns
    -------
    payment_id, invoice_id, instalment, amount_minor, as table `allocations`.
    """
    owed = to_polars(invoices, needs=[*ITEM, owner, "issued_on", "due_on", "amount_minor"], name="invoices")
    paid = to_polars(payments, needs=["payment_id", owner, "at", "amount_minor"], name="payments")
    due = pl.coalesce("due_on", "issued_on")
    received = pl.col("at").cast(pl.Date)
    never = pl.lit(None, dtype=pl.Date)
    moves = pl.concat(
        [
            owed.select(owner, at="issued_on", due=due, amount="amount_minor"),
            paid.select(owner, at=received, due=never, amount=-pl.col("amount_minor")),
        ]
    )
    made = pair(moves, key=[owner], amount="amount", expires="due").pairs
    rows = made.select(
        pl.lit(paid["payment_id"].gather(made["debit"] - owed.height)).alias("payment_id"),
        pl.lit(owed["invoice_id"].gather(made["credit"])).alias("invoice_id"),
        pl.lit(owed["instalment"].gather(made["credit"])).alias("instalment"),
        amount_minor="amount",
    )
    return rows.sort("payment_id", *ITEM)


def open_items(
    invoices: AnyFrame,
    payments: AnyFrame,
    allocations: AnyFrame,
    write_offs: AnyFrame | None = None,
    *,
    as_of: date,
    owner: str = "partner_id",
    auto: bool = True,
) -> OpenItems:
    """Open instalments at the close of `as_of`, from invoices issued, payments received and amounts given up by then.

    Parameters
    ----------
    invoices : invoice_id, instalment, `owner`, issued_on, due_on, amount_minor (< 0 = credit note), disputed, ref_id
        (invoice that a credit note corrects).
    payments : payment_id, `owner`, at, amount_minor. allocations : payment_id, invoice_id, instalment, amount_minor.
    write_offs : invoice_id, instalment, at, amount_minor.
    auto : let what is unapplied pay the oldest due instalment; otherwise it stays a line.

    Raises
    ------
    ContractError
        `balances.overpaid`: an instalment that is paid above what it asks.
    """
    day = a_day(as_of, name="as_of")
    owed, notes = _issued(invoices, owner, day)
    paid = to_polars(payments, needs=["payment_id", owner, "at", "amount_minor"], name="payments")
    paid = whole(paid, ["amount_minor"], name="payments").filter(pl.col("at").cast(pl.Date) <= day)
    given = to_polars(allocations, needs=["payment_id", *ITEM, "amount_minor"], name="allocations")
    given = given.join(paid.select("payment_id"), on="payment_id", how="semi").with_columns(
        pl.col("instalment").cast(pl.Int32)
    )
    lost = _given_up(write_offs, day)
    taken = (
        pl.concat([given.select(*ITEM, "amount_minor"), lost]).group_by(ITEM).agg(taken=pl.col("amount_minor").sum())
    )
    owed = owed.join(taken, on=ITEM, how="left").with_columns(
        open_minor=pl.col("amount_minor") - pl.col("taken").fill_null(0)
    )
    _refuse_overpaid(owed.filter(pl.col("open_minor") < 0))
    used = given.group_by("payment_id").agg(used=pl.col("amount_minor").sum())
    free = paid.join(used, on="payment_id", how="left")
    free = free.with_columns(amount_minor=pl.col("amount_minor") - pl.col("used").fill_null(0)).select(
        "payment_id", owner, "at", "amount_minor"
    )
    spare = pl.concat([free.with_columns(pl.col("at").cast(pl.Date)), notes]).filter(pl.col("amount_minor") != 0)
    owed, spare = _applied(owed, spare, owner, named_only=not auto)
    return _result(owed, spare, owner, day)


def _issued(invoices: AnyFrame, owner: str, day: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Instalments issued by `day`, and credit notes in the shape of payments (their id is the invoice they correct)."""
    needs = [*ITEM, owner, "issued_on", "due_on", "amount_minor", "disputed", "ref_id"]
    table = whole(to_polars(invoices, needs=needs, name="invoices"), ["amount_minor"], name="invoices").select(needs)
    table = table.filter(pl.col("issued_on") <= day).with_columns(pl.col("instalment").cast(pl.Int32))
    notes = table.filter(pl.col("amount_minor") < 0)
    notes = notes.select(
        pl.col("ref_id").alias("payment_id"), owner, at="issued_on", amount_minor=-pl.col("amount_minor")
    )
    return table.filter(pl.col("amount_minor") >= 0).drop("ref_id"), notes


def _given_up(write_offs: AnyFrame | None, day: date) -> pl.DataFrame:
    schema = {"invoice_id": pl.String, "instalment": pl.Int32, "amount_minor": pl.Int64}
    if write_offs is None:
        return pl.DataFrame(schema=schema)
    table = to_polars(write_offs, needs=[*ITEM, "at", "amount_minor"], name="write_offs")
    return table.filter(pl.col("at").cast(pl.Date) <= day).select(*ITEM, "amount_minor").cast(schema)  # type: ignore[arg-type]


def _applied(
    owed: pl.DataFrame, spare: pl.DataFrame, owner: str, *, named_only: bool
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Credit notes taken off the invoice they name, then what is left off the oldest due."""
    named = pl.col("payment_id").is_in(owed["invoice_id"].implode())
    rounds: list[tuple[str, pl.Expr]] = [("invoice_id", named)]
    if not named_only:
        rounds.append((owner, pl.lit(True)))  # noqa: FBT003
    for key, which in rounds:
        free = spare.filter(which & (pl.col("amount_minor") > 0))
        if free.is_empty() or owed.is_empty():
            continue
        free = free.with_row_index("n").with_columns(payment_id=pl.col("n").cast(pl.String), name=pl.col("payment_id"))
        still = owed.filter(pl.col("open_minor") > 0).drop("amount_minor").rename({"open_minor": "amount_minor"})
        by = free.with_columns(invoice_id=pl.col("name")) if key == "invoice_id" else free
        done = allocate(still.with_columns(__k=pl.col(key)), by.with_columns(__k=pl.col(key)), owner="__k")
        off = done.group_by(ITEM).agg(off=pl.col("amount_minor").sum())
        owed = (
            owed.join(off, on=ITEM, how="left")
            .with_columns(open_minor=pl.col("open_minor") - pl.col("off").fill_null(0))
            .drop("off")
        )
        used = done.group_by("payment_id").agg(off=pl.col("amount_minor").sum())
        free = free.join(used, on="payment_id", how="left").select(
            payment_id="name",
            **{owner: pl.col(owner)},
            at="at",
            amount_minor=pl.col("amount_minor") - pl.col("off").fill_null(0),
        )
        others = spare.filter(~(which & (pl.col("amount_minor") > 0)))
        spare = pl.concat([others, free.select(others.columns)])
    return owed, spare.filter(pl.col("amount_minor") != 0)


def _result(owed: pl.DataFrame, spare: pl.DataFrame, owner: str, day: date) -> OpenItems:
    late = (pl.lit(day) - pl.col("due_on")).dt.total_days()
    items = owed.filter(pl.col("open_minor") != 0).with_columns(days_late=late)
    items = items.with_columns(bucket=bucket_of("days_late")).select(
        *ITEM, owner, "issued_on", "due_on", "disputed", "amount_minor", "open_minor", "days_late", "bucket"
    )
    unapplied = spare.group_by(owner).agg(amount_minor=-pl.col("amount_minor").sum()).sort(owner)
    sums = items.group_by("bucket").agg(amount_minor=pl.col("open_minor").sum(), items=pl.len().cast(pl.Int64))
    line = pl.DataFrame(
        {"bucket": ["unapplied"], "amount_minor": [int(unapplied["amount_minor"].sum())], "items": [unapplied.height]}
    )
    order = pl.DataFrame({"bucket": BUCKETS})
    buckets = order.join(pl.concat([sums, line]), on="bucket", how="left", maintain_order="left")
    buckets = buckets.with_columns(pl.col("amount_minor", "items").fill_null(0))
    return OpenItems(items.sort(owner, *ITEM), unapplied, buckets, int(buckets["amount_minor"].sum()))


def bucket_of(days_late: str, *, disputed: str = "disputed", edges: Sequence[int] = EDGES) -> pl.Expr:
    """Bucket of an instalment that is `days_late` late."""
    days = pl.col(days_late)
    step = pl.sum_horizontal(*[(days > edge).cast(pl.Int32) for edge in edges], pl.lit(0, dtype=pl.Int32))
    by_days = step.replace_strict(dict(enumerate(LATE)), return_dtype=pl.String)
    return (
        pl.when(pl.col(disputed))
        .then(pl.lit("disputed"))
        .when(days.is_null())
        .then(pl.lit("no_due_date"))
        .when(days <= 0)
        .then(pl.lit("not_due"))
        .otherwise(by_days)
    )


def _refuse_overpaid(rows: pl.DataFrame) -> None:
    if rows.height:
        raise ContractError(
            "balances.overpaid",
            values={"rows": rows.height, "amount": -int(rows["open_minor"].sum())},
            examples=[mask(i) for i in rows["invoice_id"]],
        )
