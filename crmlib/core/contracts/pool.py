"""The shared pool of customers: its rules by level and version, and every move in and out."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from crmlib.core.contracts.base import TIME_ZONE, Contract, Table

POOL_KINDS = ("recycled", "released", "new", "claimed", "assigned", "removed", "locked", "unlocked")


class PoolRules(Table):
    """One row per pool, level of customer and version; a null clock does not run; `lot_bp` is released late by lot."""

    pool_id = dy.String(primary_key=True)
    level = dy.String(primary_key=True)
    version = dy.Int32(primary_key=True, min=1)
    valid_from = dy.Date(nullable=False)
    contact_days = dy.Int32(nullable=True, min=1)
    order_days = dy.Int32(nullable=True, min=1)
    contract_days = dy.Int32(nullable=True, min=1)
    protect_days = dy.Int32(nullable=False, min=0)
    remind_days = dy.Int32(nullable=False, min=0)
    max_owned = dy.Int32(nullable=True, min=0)
    max_claims_day = dy.Int32(nullable=True, min=0)
    former_owner_days = dy.Int32(nullable=True, min=0)
    deals_protect = dy.Bool(nullable=False)
    lot_bp = dy.Int32(nullable=False, min=0, max=10_000)


class PoolMoves(Table):
    """One row per move of a customer into or out of a pool; claims and assignments name who owns from then on."""

    move_id = dy.String(primary_key=True)
    customer_id = dy.String(nullable=False)
    pool_id = dy.String(nullable=False)
    at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    kind = dy.Enum(POOL_KINDS, nullable=False)
    staff_id = dy.String(nullable=True)
    rule = dy.String(nullable=True)
    lot_no = dy.Int64(nullable=True)

    @dy.rule()
    def owners_are_named(cls) -> pl.Expr:  # noqa: N805
        """Who claims or is assigned a customer is named."""
        return ~cls.kind.col.cast(pl.String).is_in(["claimed", "assigned"]) | cls.staff_id.col.is_not_null()


POOL_RULES = Contract(
    "pool_rules",
    PoolRules,
    ("pool_id", "level", "version"),
    event="valid_from",
    defaults=(
        ("version", "1"),
        ("protect_days", "0"),
        ("remind_days", "3"),
        ("deals_protect", "true"),
        ("lot_bp", "0"),
    ),
    ahead=True,
)
POOL_MOVES = Contract("pool_moves", PoolMoves, ("move_id",), event="at")
