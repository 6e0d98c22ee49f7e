"""Business customers: what was talked about with a partner, and what it needs for which festival."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from crmlib.core.contracts.base import TIME_ZONE, Contract, Table

TALK_PURPOSES = ("order", "need", "debt", "service", "visit")
NEED_SEASONS = ("spring_festival", "dragon_boat", "mid_autumn", "other")
NEED_PURPOSES = ("gift", "benefit", "meeting", "resale")
"""Gifts to its own customers, goods for its staff, meetings and events, to sell again."""
NEED_STATES = ("open", "won", "lost")


class PartnerTalks(Table):
    """One row per talk with a partner: visits, calls, messages."""

    talk_id = dy.String(primary_key=True)
    partner_id = dy.String(nullable=False)
    at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    staff_id = dy.String(nullable=True)
    channel = dy.String(nullable=True)
    purpose = dy.Enum(TALK_PURPOSES, nullable=False)
    note = dy.String(nullable=True)
    next_on = dy.Date(nullable=True)


class PartnerNeeds(Table):
    """One row per need that a partner named: for which season of which year, for what, for how many, at what budget.

    `decided_by` is the day on which the partner decides; a need that is won names what was ordered.
    """

    need_id = dy.String(primary_key=True)
    partner_id = dy.String(nullable=False)
    season = dy.Enum(NEED_SEASONS, nullable=False)
    season_year = dy.Int32(nullable=False)
    purpose = dy.Enum(NEED_PURPOSES, nullable=False)
    people = dy.Int32(nullable=True, min=1)
    budget_minor = dy.Int64(nullable=True, min=0)
    noted_on = dy.Date(nullable=False)
    decided_by = dy.Date(nullable=True)
    state = dy.Enum(NEED_STATES, nullable=False)
    ordered_minor = dy.Int64(nullable=True, min=0)
    lost_reason = dy.String(nullable=True)
    staff_id = dy.String(nullable=True)

    @dy.rule()
    def decided_after_noted(cls) -> pl.Expr:  # noqa: N805
        """Nobody decides before the need is named."""
        return cls.decided_by.col >= cls.noted_on.col

    @dy.rule()
    def only_won_needs_are_ordered(cls) -> pl.Expr:  # noqa: N805
        """An amount stands where the need was won."""
        return cls.ordered_minor.col.is_null() | (cls.state.col == "won")


PARTNER_TALKS = Contract("partner_talks", PartnerTalks, ("talk_id",), event="at")
PARTNER_NEEDS = Contract(
    "partner_needs", PartnerNeeds, ("need_id",), event="noted_on", defaults=(("state", "open"), ("purpose", "gift"))
)
