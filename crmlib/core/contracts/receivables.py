"""Money owed to us and by us: partners, invoices by instalment, payments, what they pay, promises, write-offs."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from crmlib.core.contracts.base import TIME_ZONE, Contract, Table

PARTNER_KINDS = ("distributor", "key_account", "terminal", "group_buyer", "member")
SIDES = ("receivable", "payable")
PAYMENT_TENDERS = ("cash", "card", "wallet", "transfer", "bill", "other")


class Partners(Table):
    """One row per business partner that buys on account; `territory` are the regions it may sell in.

    `customer_id` is the card it uses at the till, `people_count` how many work there.
    """

    partner_id = dy.String(primary_key=True)
    name = dy.String(nullable=True)
    kind = dy.Enum(PARTNER_KINDS, nullable=False)
    region = dy.String(nullable=True)
    terms_days = dy.Int32(nullable=True, min=0)
    credit_limit_minor = dy.Int64(nullable=True, min=0)
    owner_staff = dy.String(nullable=True)
    parent_id = dy.String(nullable=True)
    territory = dy.List(dy.String(nullable=False), nullable=True)
    since = dy.Date(nullable=True)
    until = dy.Date(nullable=True)
    cycle_days = dy.Int32(nullable=True, min=1)
    customer_id = dy.String(nullable=True)
    industry = dy.String(nullable=True)
    people_count = dy.Int32(nullable=True, min=0)

    @dy.rule()
    def nobody_is_its_own_parent(cls) -> pl.Expr:  # noqa: N805
        """A partner is supplied by another one."""
        return (cls.parent_id.col != cls.partner_id.col).fill_null(value=True)


class Invoices(Table):
    """One row per instalment; a negative amount is a credit note and names what it corrects in `ref_id`.

    Without `due_on` an instalment stays in a bucket of its own.
    """

    invoice_id = dy.String(primary_key=True)
    instalment = dy.Int32(primary_key=True, min=1)
    partner_id = dy.String(nullable=True)
    customer_id = dy.String(nullable=True)
    order_id = dy.String(nullable=True)
    side = dy.Enum(SIDES, nullable=False)
    issued_on = dy.Date(nullable=False)
    due_on = dy.Date(nullable=True)
    amount_minor = dy.Int64(nullable=False)
    disputed = dy.Bool(nullable=False)
    ref_id = dy.String(nullable=True)
    staff_id = dy.String(nullable=True)

    @dy.rule()
    def due_after_issue(cls) -> pl.Expr:  # noqa: N805
        """An instalment is not due before it is issued."""
        return cls.due_on.col >= cls.issued_on.col

    @dy.rule()
    def owed_by_somebody(cls) -> pl.Expr:  # noqa: N805
        """An invoice names a partner or a customer."""
        return cls.partner_id.col.is_not_null() | cls.customer_id.col.is_not_null()

    @dy.rule()
    def credit_note_names_its_invoice(cls) -> pl.Expr:  # noqa: N805
        """What takes money off says of which invoice."""
        return (cls.amount_minor.col >= 0) | cls.ref_id.col.is_not_null()


class Payments(Table):
    """One row per payment received or made; negative is paid back."""

    payment_id = dy.String(primary_key=True)
    partner_id = dy.String(nullable=True)
    customer_id = dy.String(nullable=True)
    at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    amount_minor = dy.Int64(nullable=False)
    account_id = dy.String(nullable=True)
    tender = dy.Enum(PAYMENT_TENDERS, nullable=False)
    staff_id = dy.String(nullable=True)

    @dy.rule()
    def paid_by_somebody(cls) -> pl.Expr:  # noqa: N805
        """A payment names a partner or a customer."""
        return cls.partner_id.col.is_not_null() | cls.customer_id.col.is_not_null()


class Allocations(Table):
    """One row per payment and instalment that it pays; the rest of a payment is unapplied cash."""

    payment_id = dy.String(primary_key=True)
    invoice_id = dy.String(primary_key=True)
    instalment = dy.Int32(primary_key=True, min=1)
    amount_minor = dy.Int64(nullable=False, min=1)


class Promises(Table):
    """One row per promise to pay."""

    promise_id = dy.String(primary_key=True)
    invoice_id = dy.String(nullable=False)
    instalment = dy.Int32(nullable=False, min=1)
    made_at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    promised_on = dy.Date(nullable=False)
    amount_minor = dy.Int64(nullable=False, min=1)
    contact_id = dy.String(nullable=True)
    staff_id = dy.String(nullable=True)


class WriteOffs(Table):
    """One row per amount given up."""

    write_off_id = dy.String(primary_key=True)
    invoice_id = dy.String(nullable=False)
    instalment = dy.Int32(nullable=False, min=1)
    at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    amount_minor = dy.Int64(nullable=False, min=1)
    reason = dy.String(nullable=True)


FIRST = (("instalment", "1"),)
PARTNERS = Contract("partners", Partners, ("partner_id",))
INVOICES = Contract(
    "invoices",
    Invoices,
    ("invoice_id", "instalment"),
    event="issued_on",
    defaults=(*FIRST, ("side", "receivable"), ("disputed", "false")),
)
PAYMENTS = Contract("payments", Payments, ("payment_id",), event="at", defaults=(("tender", "transfer"),))
ALLOCATIONS = Contract("allocations", Allocations, ("payment_id", "invoice_id", "instalment"), defaults=FIRST)
PROMISES = Contract("promises", Promises, ("promise_id",), event="made_at", defaults=FIRST)
WRITE_OFFS = Contract("write_offs", WriteOffs, ("write_off_id",), event="at", defaults=FIRST)
