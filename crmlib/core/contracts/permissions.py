"""Who agreed to be contacted, who may not be, and what is said: consents, suppressed addresses, messages."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from crmlib.core.contracts.base import TIME_ZONE, Contract, Table
from crmlib.core.contracts.lists import RECIPIENTS

CONSENT_CHANNELS = ("sms", "email", "call", "app")
PURPOSES = ("marketing", "service", "survey")
ORIGINS = ("store_form", "app", "reply", "call_centre", "web", "import", "law")
SUPPRESSION_REASONS = ("opted_out", "complaint", "hard_bounce", "wrong_number", "deceased", "legal", "staff")
MESSAGE_CHANNELS = (*CONSENT_CHANNELS, "poster")


class Consents(Table):
    """One row per consent given or withdrawn; the last one before sending counts, none means no."""

    consent_id = dy.String(primary_key=True)
    recipient = dy.Enum(RECIPIENTS, nullable=False)
    recipient_id = dy.String(nullable=False)
    channel = dy.Enum(CONSENT_CHANNELS, nullable=False)
    purpose = dy.Enum(PURPOSES, nullable=False)
    granted = dy.Bool(nullable=False)
    at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    origin = dy.Enum(ORIGINS, nullable=False)
    evidence = dy.String(nullable=True)


class Suppressions(Table):
    """One row per address that may not be used, by the HMAC of its normal form only."""

    address_hash = dy.String(primary_key=True, regex=r"^[0-9a-f]{64}$")
    channel = dy.Enum(CONSENT_CHANNELS, primary_key=True)
    since = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    until = dy.Datetime(nullable=True, time_zone=TIME_ZONE)
    reason = dy.Enum(SUPPRESSION_REASONS, nullable=False)

    @dy.rule()
    def until_after_since(cls) -> pl.Expr:  # noqa: N805
        """A suppression ends after it begins."""
        return (cls.until.col > cls.since.col).fill_null(value=True)


class Messages(Table):
    """One row per version of a message."""

    message_id = dy.String(primary_key=True)
    version = dy.Int32(primary_key=True, min=1)
    channel = dy.Enum(MESSAGE_CHANNELS, nullable=False)
    language = dy.String(nullable=False)
    subject = dy.String(nullable=True)
    body = dy.String(nullable=False)
    body_html = dy.String(nullable=True)
    placeholders = dy.List(dy.String(nullable=False), nullable=False)
    signature = dy.String(nullable=False)
    opt_out_text = dy.String(nullable=False)
    poster_file = dy.String(nullable=True)
    poster_sha256 = dy.String(nullable=True, regex=r"^[0-9a-f]{64}$")
    legal_from = dy.Date(nullable=True)
    legal_to = dy.Date(nullable=True)
    approved_by = dy.String(nullable=True)
    approved_at = dy.Datetime(nullable=True, time_zone=TIME_ZONE)

    @dy.rule()
    def email_has_a_subject(cls) -> pl.Expr:  # noqa: N805
        """An e-mail has a subject."""
        return (cls.channel.col.cast(pl.String) != "email") | cls.subject.col.is_not_null()


CONSENTS = Contract("consents", Consents, ("consent_id",), event="at")
SUPPRESSIONS = Contract("suppressions", Suppressions, ("address_hash", "channel"), event="since")
MESSAGES = Contract("messages", Messages, ("message_id", "version"), defaults=(("version", "1"), ("placeholders", "")))
