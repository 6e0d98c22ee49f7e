"""The receivables as a ledger: invoiced, credit notes, payments and write-offs as signed moves per owner.

opening + invoiced − credit notes − paid − written off = closing = sum of the buckets.
"""

from __future__ import annotations

import polars as pl

from crmlib.core.frames import AnyFrame, to_polars

KINDS = ("invoiced", "credit_note", "paid", "written_off")


def moves(
    invoices: AnyFrame, payments: AnyFrame, write_offs: AnyFrame | None = None, *, owner: str = "partner_id"
) -> pl.DataFrame:
    """owner, at, kind, amount_minor of all three tables, for `balances.statement`.

    Examples
    --------
    >>> from datetime import date
    >>> one = pl.DataFrame({"invoice_id": ["i"], "instalment": [1], "partner_id": ["p"],
    ...                     "issued_on": [date(2026, 1, 1)], "amount_minor": [900]})
    >>> paid = pl.DataFrame({"partner_id": ["p"], "at": [date(2026, 1, 9)], "amount_minor": [400]})
    >>> moves(one, paid)["amount_minor"].to_list()
    [900, -400]
    """
    owed = to_polars(invoices, needs=["invoice_id", "instalment", owner, "issued_on", "amount_minor"], name="invoices")
    note = pl.when(pl.col("amount_minor") < 0).then(pl.lit("credit_note")).otherwise(pl.lit("invoiced"))
    paid = to_polars(payments, needs=[owner, "at", "amount_minor"], name="payments")
    parts = [
        owed.select(owner, at=pl.col("issued_on").cast(pl.Date), kind=note, amount_minor="amount_minor"),
        paid.select(owner, at=pl.col("at").cast(pl.Date), kind=pl.lit("paid"), amount_minor=-pl.col("amount_minor")),
    ]
    if write_offs is not None:
        lost = to_polars(write_offs, needs=["invoice_id", "instalment", "at", "amount_minor"], name="write_offs")
        names = owed.select("invoice_id", "instalment", owner).with_columns(pl.col("instalment").cast(pl.Int32))
        lost = lost.with_columns(pl.col("instalment").cast(pl.Int32)).join(
            names, on=["invoice_id", "instalment"], how="left"
        )
        parts.append(
            lost.select(
                owner, at=pl.col("at").cast(pl.Date), kind=pl.lit("written_off"), amount_minor=-pl.col("amount_minor")
            )
        )
    return pl.concat(parts)
