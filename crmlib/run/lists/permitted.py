"""Who may be contacted at this moment, by the lake: consent, suppressed addresses, and how much was sent already."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import polars as pl

from crmlib.data import Lake
from crmlib.data.lake import pseudonyms
from crmlib.outreach.permission import ContactRules, address_hash, consenting, suppressed, within_caps
from crmlib.outreach.register import NOBODY

FLAGS = {"sms": "may_sms", "email": "may_email", "call": "may_call"}
ADDRESS = {"sms": "phone", "call": "phone", "email": "email"}
FREE = ("store", "app")
"""Means that reach for nobody's phone: whoever stands in the shop, or has opened the app, is there already."""
HISTORY = pl.Schema({"recipient_id": pl.String, "channel": pl.String, "day": pl.Date, "status": pl.String})


def local(lake: Lake, at: datetime) -> datetime:
    """A moment by the lake's clock."""
    return at.astimezone(ZoneInfo(lake.time_zone))


def agreed(
    lake: Lake, channel: str, *, at: datetime, purpose: str = "marketing", recipient: str = "member"
) -> pl.Series | None:
    """Who agreed to a channel: the log of consents up to now, else the member file; none where none is needed.

    Who opted out in any earlier contact did not agree, whatever the file says; partners agree in the log only.
    """
    if channel in FREE or purpose == "service":
        return None
    if lake.has("consents"):
        log = lake.table("consents").filter(pl.col("recipient").cast(pl.String) == recipient).collect()
        return consenting(log, channel=channel, purpose=purpose, at=local(lake, at))
    if recipient == "partner" or not lake.has("customers"):
        return NOBODY
    said = lake.table("customers").filter(pl.col(FLAGS[channel])).select("customer_id").collect()["customer_id"]
    return said.filter(~said.is_in(_opted_out(lake).implode())).alias("recipient_id")


def _opted_out(lake: Lake) -> pl.Series:
    """Who asked, in any contact or reply to a list, not to be contacted again."""
    gone = [NOBODY]
    if lake.has("contacts"):
        rows = lake.table("contacts").filter(pl.col("outcome") == "opted_out").select(recipient_id="customer_id")
        gone.append(rows.collect()["recipient_id"])
    if lake.has("outreach_events"):
        left = pl.col("kind").cast(pl.String).is_in(["opted_out", "complained"])
        gone.append(lake.table("outreach_events").filter(left).select("recipient_id").collect()["recipient_id"])
    return pl.concat(gone)


def addresses(lake: Lake, channel: str, ids: pl.Series, *, recipient: str = "member") -> dict[str, str]:
    """Phone or address of each recipient that has one: read only where something is about to leave.

    A partner's is that of the first of its people who has one.
    """
    table, key = ("partner_people", "partner_id") if recipient == "partner" else ("people", "customer_id")
    if channel not in ADDRESS or not lake.has(table):
        return {}
    column = ADDRESS[channel]
    rows = lake.table(table).filter(pl.col(key).is_in(ids.implode()), pl.col(column).is_not_null()).collect()
    first = rows.sort("person_no").unique(key, keep="first", maintain_order=True) if recipient == "partner" else rows
    return {i: str(a) for i, a in first.select(key, column).iter_rows() if str(a).strip()}


def blocked(lake: Lake, channel: str, *, at: datetime, found: dict[str, str]) -> pl.Series:
    """Recipients whose address may not be used, whatever list or import it came with."""
    if not lake.has("suppressions"):
        return NOBODY
    shut = set(suppressed(lake.table("suppressions").collect(), channel=channel, at=local(lake, at)))
    key = pseudonyms.key_of(lake.path)
    return pl.Series("recipient_id", [i for i, a in found.items() if address_hash(a, key=key) in shut], dtype=pl.String)


def history(lake: Lake, *, log: pl.DataFrame | None = None, without: str = "") -> pl.DataFrame:
    """What has left or is on its way, over all lists but `without` and by hand: recipient_id, channel, day, status.

    Parameters
    ----------
    log : the outbox (`Log.in_flight`); of its lists it knows more than the register, where a sender died.
    """
    flying = pl.DataFrame(schema={"list_id": pl.String, **HISTORY}) if log is None else log
    parts = [flying.filter(pl.col("list_id") != without).select(list(HISTORY))]
    if lake.has("outreach"):
        rows = lake.table("outreach").filter(
            pl.col("group").cast(pl.String) == "contact", ~pl.col("list_id").is_in([without, *flying["list_id"]])
        ).select(
            "recipient_id", pl.col("channel").cast(pl.String), day=pl.col("sent_at").dt.date(),
            status=pl.col("status").cast(pl.String),
        )  # fmt: skip
        parts.append(rows.collect().cast(HISTORY))
    if lake.has("contacts"):
        made = lake.table("contacts").filter(
            pl.col("direction").cast(pl.String).fill_null("out") == "out",
            pl.col("purpose").cast(pl.String) != "complaint",
            ~pl.col("outcome").is_in(["holdout", "not_done"]).fill_null(value=False),
        )
        by_hand = made.select(
            recipient_id="customer_id", channel=pl.col("channel").fill_null("call"), day=pl.col("at").dt.date(),
            status=pl.lit("sent"),
        )  # fmt: skip
        parts.append(by_hand.collect().cast(HISTORY))
    return pl.concat(parts)


def capped(wanted: pl.DataFrame, past: pl.DataFrame, *, rules: ContactRules, on: date) -> pl.DataFrame:
    """Rows of `wanted` (recipient_id, list_id, channel, objective) whose cap is reached on that day; they wait."""
    return within_caps(wanted, past, rules=rules, on=on).filter(~pl.col("allowed"))


def purpose(objective: str) -> str:
    """What a list's recipients must have agreed to: care and service are service, everything else is marketing."""
    return "service" if objective in {"service", "care"} else "marketing"


def season_held(lake: Lake, *, at: datetime) -> pl.Series:
    """Members who stand on no list of the season under way; nobody without a season."""
    if not (lake.has("seasons") and lake.has("outreach")):
        return NOBODY
    on = pl.lit(at.date())
    now = lake.table("seasons").filter(on.is_between(pl.col("starts_on"), pl.col("ends_on"))).select("season_id")
    rows = lake.table("outreach").filter(pl.col("group").cast(pl.String) == "season")
    held = rows.join(now, left_on="list_id", right_on="season_id", how="semi").select("recipient_id").unique()
    return held.collect()["recipient_id"].sort()


def quiet_now(lake: Lake, ids: pl.Series, *, at: datetime) -> pl.Series:
    """Recipients who set quiet hours of their own that hold at this minute of the lake's clock."""
    if not lake.has("customers"):
        return NOBODY
    now = local(lake, at)
    minute = pl.lit(now.hour * 60 + now.minute)
    start, end = pl.col("quiet_from"), pl.col("quiet_to")
    within = minute.is_between(start, end, closed="left")
    over_night = (start > end) & ((minute >= start) | (minute < end))
    rows = lake.table("customers").filter(pl.col("customer_id").is_in(ids.implode()))
    held = rows.filter((within | over_night).fill_null(value=False)).select("customer_id").collect()
    return held["customer_id"].alias("recipient_id")
