"""`tenders` and `line_credits`: how a receipt was paid, and who gets the credit for a line."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from crmlib.core.contracts.base import TIME_ZONE, Contract, Table

PAID_BY = ("cash", "card", "wallet", "coupon", "points", "stored", "voucher", "credit")
WHOLE_BP = 10_000


class Tenders(Table):
    """One row per payment of a receipt, paid back negative; together they are the receipt's net."""

    receipt_id = dy.String(primary_key=True)
    line_no = dy.Int32(primary_key=True, min=1)
    store_id = dy.String(nullable=False)
    at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    tender = dy.Enum(PAID_BY, nullable=False)
    amount_minor = dy.Int64(nullable=False)
    account_id = dy.String(nullable=True)
    ledger_entry_id = dy.String(nullable=True)
    """The move of the points, card or voucher ledger that this payment is."""

    @dy.rule()
    def known_not_before_paid(cls) -> pl.Expr:  # noqa: N805
        """Nothing is known before it happens."""
        return cls.known_at.col >= cls.at.col


class LineCredits(Table):
    """One row per receipt line and person who sold it together; absent, the line's own `staff_id` gets all."""

    line_id = dy.String(primary_key=True)
    staff_id = dy.String(primary_key=True)
    share_bp = dy.Int32(nullable=False, min=1, max=WHOLE_BP)


TENDERS = Contract("tenders", Tenders, ("receipt_id", "line_no"), event="at", dated=True, defaults=(("line_no", "1"),))
LINE_CREDITS = Contract("line_credits", LineCredits, ("line_id", "staff_id"))
