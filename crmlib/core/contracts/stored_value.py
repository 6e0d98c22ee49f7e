"""Value that customers have paid for and not yet drawn: stored-value cards and goods vouchers, move by move."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from crmlib.core.contracts.base import TIME_ZONE, Contract, Table

CARD_OWNERS = ("named", "bearer")
CARD_IN = ("open", "issue", "top_up", "bonus", "return", "reactivate")
CARD_OUT = ("redeem", "expire", "refund")
CARD_KINDS = (*CARD_IN, *CARD_OUT, "transfer", "adjust")
VOUCHER_KINDS = ("open", "sell", "redeem", "refund", "expire", "extend", "void")


class Cards(Table):
    """One row per card; a named card belongs to a customer and never expires."""

    card_id = dy.String(primary_key=True)
    kind = dy.Enum(CARD_OWNERS, nullable=False)
    customer_id = dy.String(nullable=True)
    issued_on = dy.Date(nullable=False)
    expires_on = dy.Date(nullable=True)
    store_id = dy.String(nullable=True)

    @dy.rule()
    def named_never_expires(cls) -> pl.Expr:  # noqa: N805
        """A named card has its customer and no last day."""
        named = cls.kind.col.cast(pl.String) == "named"
        return ~named | (cls.customer_id.col.is_not_null() & cls.expires_on.col.is_null())

    @dy.rule()
    def expires_after_issue(cls) -> pl.Expr:  # noqa: N805
        """A card does not expire before it is issued."""
        return cls.expires_on.col >= cls.issued_on.col


class CardMoves(Table):
    """One row per move of a card's balance; `paid_minor` is the cash received, so a bonus has none."""

    move_id = dy.String(primary_key=True)
    card_id = dy.String(nullable=False)
    at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    store_id = dy.String(nullable=True)
    kind = dy.Enum(CARD_KINDS, nullable=False)
    amount_minor = dy.Int64(nullable=False)
    paid_minor = dy.Int64(nullable=True)
    receipt_id = dy.String(nullable=True)
    promotion_id = dy.String(nullable=True)

    @dy.rule()
    def sign_fits_kind(cls) -> pl.Expr:  # noqa: N805
        """What is loaded is positive, what is used or expires is negative."""
        kind, amount = cls.kind.col.cast(pl.String), cls.amount_minor.col
        return (~kind.is_in(CARD_IN) | (amount >= 0)) & (~kind.is_in(CARD_OUT) | (amount <= 0))


class Vouchers(Table):
    """One row per voucher for goods; its state follows from its moves."""

    voucher_id = dy.String(primary_key=True)
    batch_id = dy.String(nullable=False)
    product_id = dy.String(nullable=True)
    bundle = dy.String(nullable=True)
    quantity_milli = dy.Int64(nullable=False, min=0)
    face_minor = dy.Int64(nullable=False, min=0)
    sold_minor = dy.Int64(nullable=True, min=0)
    festival = dy.String(nullable=True)
    festival_year = dy.Int32(nullable=True)
    sold_at = dy.Datetime(nullable=True, time_zone=TIME_ZONE)
    sold_store = dy.String(nullable=True)
    buyer = dy.String(nullable=True)
    expires_on = dy.Date(nullable=True)

    @dy.rule()
    def stands_for_goods(cls) -> pl.Expr:  # noqa: N805
        """A voucher names a product or a bundle."""
        return cls.product_id.col.is_not_null() | cls.bundle.col.is_not_null()


class VoucherMoves(Table):
    """One row per event in the life of a voucher."""

    move_id = dy.String(primary_key=True)
    voucher_id = dy.String(nullable=False)
    at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    store_id = dy.String(nullable=True)
    kind = dy.Enum(VOUCHER_KINDS, nullable=False)
    receipt_id = dy.String(nullable=True)


CARDS = Contract("cards", Cards, ("card_id",), event="issued_on")
CARD_MOVES = Contract("card_moves", CardMoves, ("move_id",), event="at", dated=True)
VOUCHERS = Contract("vouchers", Vouchers, ("voucher_id",), event="sold_at", defaults=(("quantity_milli", "1000"),))
VOUCHER_MOVES = Contract("voucher_moves", VoucherMoves, ("move_id",), event="at")
