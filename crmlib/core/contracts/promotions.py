"""`promotions`: what was offered, where, when, to whom; every change is a new version."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from crmlib.core.contracts.base import TIME_ZONE, Contract, Table


class Promotions(Table):
    """One row per version of a promotion; empty lists mean all."""

    promotion_id = dy.String(primary_key=True)
    version = dy.Int32(primary_key=True, min=1)
    name = dy.String(nullable=True)
    mechanic = dy.String(nullable=True)
    starts_at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    ends_at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    slot = dy.String(nullable=True)
    stores = dy.List(dy.String(nullable=False), nullable=False)
    products = dy.List(dy.String(nullable=False), nullable=False)
    category = dy.String(nullable=True)
    grades = dy.List(dy.String(nullable=False), nullable=False)
    depth_bp = dy.Int32(nullable=True, min=0, max=10_000)
    budget_minor = dy.Int64(nullable=True, min=0)
    objective = dy.String(nullable=True)
    state = dy.String(nullable=True)
    frozen = dy.Bool(nullable=False)

    @dy.rule()
    def ends_after_start(cls) -> pl.Expr:  # noqa: N805
        """A promotion does not end before it starts."""
        return cls.ends_at.col >= cls.starts_at.col


PROMOTIONS = Contract(
    "promotions",
    Promotions,
    ("promotion_id", "version"),
    event="starts_at",
    defaults=(("version", "1"), ("stores", ""), ("products", ""), ("grades", ""), ("frozen", "false")),
    ahead=True,
)
