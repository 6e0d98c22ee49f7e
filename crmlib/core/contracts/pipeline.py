"""The funnel: leads, deals, moves between stages, touches and what media cost."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from crmlib.core.contracts.base import TIME_ZONE, Contract, Table

DEAL_OUTCOMES = ("won", "lost")
COST_BASES = ("orders", "collected")


class Leads(Table):
    """One row per lead; `feed_start` is the first day of the source's log."""

    lead_id = dy.String(primary_key=True)
    customer_id = dy.String(nullable=True)
    at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    source = dy.String(nullable=False)
    medium = dy.String(nullable=True)
    campaign = dy.String(nullable=True)
    referred_by = dy.String(nullable=True)
    region = dy.String(nullable=True)
    owner_staff = dy.String(nullable=True)
    feed_start = dy.Date(nullable=True)

    @dy.rule()
    def nobody_refers_themselves(cls) -> pl.Expr:  # noqa: N805
        """A lead is referred by somebody else."""
        return (cls.referred_by.col != cls.customer_id.col).fill_null(value=True)


class Deals(Table):
    """One row per opportunity; open while it has no outcome."""

    deal_id = dy.String(primary_key=True)
    lead_id = dy.String(nullable=True)
    customer_id = dy.String(nullable=True)
    partner_id = dy.String(nullable=True)
    opened_on = dy.Date(nullable=False)
    owner_staff = dy.String(nullable=True)
    product_id = dy.String(nullable=True)
    value_minor = dy.Int64(nullable=True, min=0)
    closed_on = dy.Date(nullable=True)
    outcome = dy.Enum(DEAL_OUTCOMES, nullable=True)
    lost_reason = dy.String(nullable=True)
    competitor = dy.String(nullable=True)
    order_id = dy.String(nullable=True)
    feed_start = dy.Date(nullable=True)

    @dy.rule()
    def closed_after_opened(cls) -> pl.Expr:  # noqa: N805
        """No deal is closed before it is opened."""
        return cls.closed_on.col.is_null() | (cls.closed_on.col >= cls.opened_on.col)

    @dy.rule()
    def outcome_with_its_day(cls) -> pl.Expr:  # noqa: N805
        """An outcome has its day, and a closed deal its outcome."""
        return cls.closed_on.col.is_null() == cls.outcome.col.is_null()


class StageMoves(Table):
    """One row per move of a deal, with the value and closing day expected then."""

    deal_id = dy.String(primary_key=True)
    at = dy.Datetime(primary_key=True, time_zone=TIME_ZONE)
    from_stage = dy.String(nullable=True)
    to_stage = dy.String(nullable=False)
    by_staff = dy.String(nullable=True)
    expected_close = dy.Date(nullable=True)
    value_minor = dy.Int64(nullable=True, min=0)


class Touches(Table):
    """One row per touch of a customer or lead by a medium."""

    touch_id = dy.String(primary_key=True)
    customer_id = dy.String(nullable=True)
    lead_id = dy.String(nullable=True)
    at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    medium = dy.String(nullable=False)
    campaign = dy.String(nullable=True)
    cost_minor = dy.Int64(nullable=True, min=0)

    @dy.rule()
    def somebody_is_touched(cls) -> pl.Expr:  # noqa: N805
        """A touch names a customer or a lead."""
        return cls.customer_id.col.is_not_null() | cls.lead_id.col.is_not_null()


class MediaCosts(Table):
    """One row per medium and period; `share_bp` is the share of `base` that its contract pays [basis points]."""

    medium = dy.String(primary_key=True)
    period_start = dy.Date(primary_key=True)
    period_end = dy.Date(nullable=False)
    cost_minor = dy.Int64(nullable=False, min=0)
    share_bp = dy.Int64(nullable=True, min=0, max=10_000)
    base = dy.Enum(COST_BASES, nullable=True)

    @dy.rule()
    def ends_after_start(cls) -> pl.Expr:  # noqa: N805
        """A period does not end before it starts."""
        return cls.period_end.col >= cls.period_start.col


LEADS = Contract("leads", Leads, ("lead_id",), event="at")
DEALS = Contract("deals", Deals, ("deal_id",), event="opened_on")
STAGE_MOVES = Contract("stage_moves", StageMoves, ("deal_id", "at"), event="at")
TOUCHES = Contract("touches", Touches, ("touch_id",), event="at", dated=True)
MEDIA_COSTS = Contract("media_costs", MediaCosts, ("medium", "period_start"), event="period_start", ahead=True)
