"""The cash book: accounts and every move of money on them."""

from __future__ import annotations

import dataframely as dy

from crmlib.core.contracts.base import TIME_ZONE, Contract, Table

ACCOUNT_KINDS = ("till", "bank", "wallet", "safe")
CASH_KINDS = (
    "open", "sale", "sale_return", "card_sale", "collection", "payment", "banked_out", "banked_in", "fee", "expense",
    "adjust",
)  # fmt: skip


class Accounts(Table):
    """One row per till, bank account, wallet or safe."""

    account_id = dy.String(primary_key=True)
    kind = dy.Enum(ACCOUNT_KINDS, nullable=False)
    store_id = dy.String(nullable=True)
    name = dy.String(nullable=True)


class CashMoves(Table):
    """One row per move, signed; takings leave a till as `banked_out` and arrive as `banked_in` of the same `ref_id`."""

    move_id = dy.String(primary_key=True)
    account_id = dy.String(nullable=False)
    at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    value_on = dy.Date(nullable=False)
    kind = dy.Enum(CASH_KINDS, nullable=False)
    amount_minor = dy.Int64(nullable=False)
    ref_id = dy.String(nullable=True)
    counter_account = dy.String(nullable=True)


ACCOUNTS = Contract("accounts", Accounts, ("account_id",))
CASH_MOVES = Contract("cash_moves", CashMoves, ("move_id",), event="at", dated=True)
