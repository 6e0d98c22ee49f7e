"""Lists that come back with their result: the campaign, its steps, its recipients, what happened, what it brought."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from crmlib.core.contracts.base import TIME_ZONE, Contract, Table

OBJECTIVES = ("repeat", "cross_sell", "win_back", "festival", "launch", "care", "service")
RECIPIENTS = ("member", "partner")
CHANNELS = ("sms", "email", "call", "app", "store")
OUTCOMES = ("came", "paid_trip", "bought_product", "redeemed", "replied", "ordered")
LIST_STATES = ("draft", "drawn", "approved", "sending", "sent", "closed", "read_out", "cancelled", "expired")
GROUPS = ("contact", "control", "season")
SLOTS = ("morning", "noon", "afternoon", "evening")
STATUSES = (
    *("not_sent", "queued", "sending", "sent", "delivered", "failed", "bounced", "unknown"),
    *("capped", "suppressed", "no_consent", "quiet", "replaced"),
)
EVENT_KINDS = (
    *("delivered", "failed", "opened", "clicked", "replied", "opted_out", "complained"),
    *("answered", "no_answer", "refused", "promised", "redeemed"),
)
DRAW_STEPS = ("eligible", "consent", "suppressed", "capped", "capacity", "drawn")
METHODS = ("newcombe", "cut99_post_cuped")
VERDICTS = ("pays", "costs", "not_shown", "harm", "not_measurable", "broken")
SEND_DAYS = 14


class Campaigns(Table):
    """One row per version of a list; nothing but `state` changes after `frozen_at`."""

    list_id = dy.String(primary_key=True)
    version = dy.Int32(primary_key=True, min=1)
    name = dy.String(nullable=False)
    objective = dy.Enum(OBJECTIVES, nullable=False)
    recipient = dy.Enum(RECIPIENTS, nullable=False)
    season_id = dy.String(nullable=True)
    promotion_id = dy.String(nullable=True)
    bundle_id = dy.String(nullable=True)
    channel = dy.Enum(CHANNELS, nullable=False)
    message_id = dy.String(nullable=True)
    message_version = dy.Int32(nullable=True, min=1)
    eligible_rule = dy.String(nullable=False)
    capacity = dy.Int64(nullable=True, min=1)
    strata = dy.List(dy.String(nullable=False), nullable=False)
    control_bp = dy.Int32(nullable=False, min=0, max=5000)
    draw = dy.Enum(("hmac", "cluster_hmac"), nullable=False)
    key_id = dy.String(nullable=False)
    standing = dy.String(nullable=True)
    seal = dy.String(nullable=True, regex=r"^[0-9a-f]{64}$")
    planned_at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    send_from = dy.Datetime(nullable=True, time_zone=TIME_ZONE)
    send_to = dy.Datetime(nullable=True, time_zone=TIME_ZONE)
    window_days = dy.Int32(nullable=False, min=1)
    outcome = dy.Enum(OUTCOMES, nullable=False)
    planned_effect_bp = dy.Int32(nullable=True)
    base_bp = dy.Int32(nullable=True, min=0, max=10_000)
    shows_bp = dy.Int32(nullable=True, min=0)
    pooled_with = dy.String(nullable=True)
    cost_fixed_minor = dy.Int64(nullable=False, min=0)
    state = dy.Enum(LIST_STATES, nullable=False)
    frozen_at = dy.Datetime(nullable=True, time_zone=TIME_ZONE)
    owner = dy.String(nullable=False)
    approved_by = dy.String(nullable=True)
    approved_at = dy.Datetime(nullable=True, time_zone=TIME_ZONE)

    @dy.rule()
    def control_unless_service(cls) -> pl.Expr:  # noqa: N805
        """Only a list of service may leave nobody alone."""
        return (cls.control_bp.col >= 1000) | (cls.objective.col.cast(pl.String) == "service")

    @dy.rule()
    def sent_within_two_weeks(cls) -> pl.Expr:  # noqa: N805
        """Sending ends within 14 days of the plan, and after it began."""
        soon = cls.send_to.col <= cls.planned_at.col + pl.duration(days=SEND_DAYS)
        ordered = cls.send_from.col.is_null() | (cls.send_to.col >= cls.send_from.col)
        return cls.send_to.col.is_null() | (soon & ordered)

    @dy.rule()
    def drawn_is_frozen(cls) -> pl.Expr:  # noqa: N805
        """Whatever is past the draw has the time of its freezing."""
        open_ = cls.state.col.cast(pl.String).is_in(["draft", "cancelled", "expired"])
        return open_ | cls.frozen_at.col.is_not_null()

    @dy.rule()
    def owner_does_not_approve(cls) -> pl.Expr:  # noqa: N805
        """Somebody else approves."""
        return (cls.approved_by.col != cls.owner.col).fill_null(value=True)


class CampaignSteps(Table):
    """One row per move of a list from state to state."""

    list_id = dy.String(primary_key=True)
    version = dy.Int32(primary_key=True, min=1)
    state = dy.Enum(LIST_STATES, primary_key=True)
    at = dy.Datetime(primary_key=True, time_zone=TIME_ZONE)
    actor = dy.String(nullable=False)
    note = dy.String(nullable=True)


class Outreach(Table):
    """One row per recipient of a drawn list, contacted or not; never deleted."""

    list_id = dy.String(primary_key=True)
    version = dy.Int32(primary_key=True, min=1)
    recipient_id = dy.String(primary_key=True)
    recipient = dy.Enum(RECIPIENTS, nullable=False)
    group = dy.Enum(GROUPS, nullable=False)
    stratum = dy.String(nullable=False)
    draw_u = dy.String(nullable=False, regex=r"^[0-9a-f]{16}$")
    rank = dy.Int32(nullable=True, min=1)
    reason_code = dy.String(nullable=False)
    value_minor = dy.Int64(nullable=True)
    product_1 = dy.String(nullable=True)
    product_2 = dy.String(nullable=True)
    product_3 = dy.String(nullable=True)
    store_id = dy.String(nullable=True)
    send_slot = dy.Enum(SLOTS, nullable=True)
    channel = dy.Enum(CHANNELS, nullable=True)
    status = dy.Enum(STATUSES, nullable=False)
    status_at = dy.Datetime(nullable=True, time_zone=TIME_ZONE)
    sent_at = dy.Datetime(nullable=True, time_zone=TIME_ZONE)
    parts = dy.Int32(nullable=True, min=1)
    cost_minor = dy.Int64(nullable=False, min=0)
    message_hash = dy.String(nullable=True)

    @dy.rule()
    def left_alone_is_left_alone(cls) -> pl.Expr:  # noqa: N805
        """Control and season's holdout are never sent anything and cost nothing."""
        contact = cls.group.col.cast(pl.String) == "contact"
        untouched = (cls.status.col.cast(pl.String) == "not_sent") & (cls.cost_minor.col == 0)
        return contact | (untouched & cls.sent_at.col.is_null())


class OutreachEvents(Table):
    """One row per receipt, reply or answer."""

    event_id = dy.String(primary_key=True)
    list_id = dy.String(nullable=False)
    recipient_id = dy.String(nullable=False)
    at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    kind = dy.Enum(EVENT_KINDS, nullable=False)
    value = dy.String(nullable=True)
    staff_id = dy.String(nullable=True)


class Draws(Table):
    """One row per step before the draw, so that it can be repeated; example keys are masked."""

    list_id = dy.String(primary_key=True)
    version = dy.Int32(primary_key=True, min=1)
    step = dy.Enum(DRAW_STEPS, primary_key=True)
    recipients = dy.Int64(nullable=False, min=0)
    left_out = dy.Int64(nullable=False, min=0)
    example_keys = dy.List(dy.String(nullable=False), nullable=False)

    @dy.rule()
    def few_examples(cls) -> pl.Expr:  # noqa: N805
        """At most five examples."""
        return cls.example_keys.col.list.len() <= 5


class ReadOuts(Table):
    """One row per read-out; money per head is in minor units, rounded."""

    list_id = dy.String(primary_key=True)
    version = dy.Int32(primary_key=True, min=1)
    as_of = dy.Date(primary_key=True)
    outcome = dy.Enum(OUTCOMES, primary_key=True)
    closed = dy.Bool(nullable=False)
    n_contact = dy.Int64(nullable=False, min=0)
    n_control = dy.Int64(nullable=False, min=0)
    came_contact = dy.Int64(nullable=False, min=0)
    came_control = dy.Int64(nullable=False, min=0)
    effect = dy.Float64(nullable=True)
    low = dy.Float64(nullable=True)
    high = dy.Float64(nullable=True)
    method = dy.Enum(METHODS, nullable=False)
    cuped_gain = dy.Float64(nullable=True)
    money_per_head_minor = dy.Int64(nullable=True)
    money_low_minor = dy.Int64(nullable=True)
    money_high_minor = dy.Int64(nullable=True)
    raw_contact_minor = dy.Int64(nullable=False)
    raw_control_minor = dy.Int64(nullable=False)
    cost_minor = dy.Int64(nullable=False, min=0)
    net_minor = dy.Int64(nullable=True)
    net_low_minor = dy.Int64(nullable=True)
    net_high_minor = dy.Int64(nullable=True)
    srm_p = dy.Float64(nullable=False, min=0, max=1)
    overlap = dy.Int64(nullable=False, min=0)
    verdict = dy.Enum(VERDICTS, nullable=False)

    @dy.rule()
    def broken_has_no_effect(cls) -> pl.Expr:  # noqa: N805
        """A broken list shows no effect."""
        broken = cls.verdict.col.cast(pl.String) == "broken"
        return ~broken | (cls.effect.col.is_null() & cls.net_minor.col.is_null())

    @dy.rule()
    def came_are_among_the_drawn(cls) -> pl.Expr:  # noqa: N805
        """Nobody comes who was not drawn."""
        return (cls.came_contact.col <= cls.n_contact.col) & (cls.came_control.col <= cls.n_control.col)


class Seasons(Table):
    """One row per season with the share of members who stand on no list."""

    season_id = dy.String(primary_key=True)
    starts_on = dy.Date(nullable=False)
    ends_on = dy.Date(nullable=False)
    holdout_bp = dy.Int32(nullable=False, min=0, max=5000)
    key_id = dy.String(nullable=False)

    @dy.rule()
    def ends_after_start(cls) -> pl.Expr:  # noqa: N805
        """A season ends after it starts."""
        return cls.ends_on.col >= cls.starts_on.col


CAMPAIGNS = Contract(
    "campaigns", Campaigns, ("list_id", "version"), event="planned_at", defaults=(("version", "1"),), ahead=True
)
CAMPAIGN_STEPS = Contract("campaign_steps", CampaignSteps, ("list_id", "version", "state", "at"), event="at")
OUTREACH = Contract("outreach", Outreach, ("list_id", "version", "recipient_id"))
OUTREACH_EVENTS = Contract("outreach_events", OutreachEvents, ("event_id",), event="at")
DRAWS = Contract("draws", Draws, ("list_id", "version", "step"))
READ_OUTS = Contract("read_outs", ReadOuts, ("list_id", "version", "as_of", "outcome"), event="as_of")
SEASONS = Contract("seasons", Seasons, ("season_id",))
