"""Who may be contacted: consent, suppression, caps, quiet hours; all asked at sending time, none at drafting.

Consent is an event log: the last event before sending counts, none means no. Suppression is by the HMAC of the
normalised phone or address, so it survives re-imports. Caps count rolling local days over all channels, and everything
in flight counts as today. Where two lists want one member, service goes first, then festival, win-back, the rest; the
loser waits. Quiet hours bind sending.
"""

from __future__ import annotations

import hmac
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

import polars as pl

from crmlib.core.errors import ModelError, mask
from crmlib.core.frames import AnyFrame, to_polars

IN_FLIGHT = ("queued", "sending", "unknown")
REACHED = ("sent", "delivered")
PRIORITY = ("service", "care", "festival", "win_back", "launch", "repeat", "cross_sell")


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `most` messages in any `days` rolling local days."""

    most: int
    days: int


@dataclass(frozen=True, slots=True)
class ContactRules:
    """Rules of a company; local times.

    Parameters
    ----------
    quiet_from, quiet_to : no sending from … to (past midnight where from > to).
    days_off : weekdays without sending (Monday = 0).
    overall : cap across channels; channels : caps of single channels.
    priority : objectives, the first goes first.
    """

    quiet_from: time = time(20, 0)
    quiet_to: time = time(9, 0)
    days_off: frozenset[int] = frozenset()
    overall: Cap = Cap(3, 30)
    channels: Mapping[str, Cap] = field(default_factory=dict)
    priority: tuple[str, ...] = PRIORITY


def consenting(consents: AnyFrame, *, channel: str, purpose: str, at: datetime) -> pl.Series:
    """Recipients whose last event for this channel and purpose, up to `at`, grants it; of events at one time, the no.

    Parameters
    ----------
    consents : recipient_id, channel, purpose, granted, at.
    """
    log = to_polars(consents, needs=["recipient_id", "channel", "purpose", "granted", "at"], name="consents")
    known = log.filter(pl.col("channel") == channel, pl.col("purpose") == purpose, pl.col("at") <= at)
    last = known.sort("at", pl.col("granted").not_(), maintain_order=True).group_by("recipient_id").last()
    return last.filter("granted")["recipient_id"].sort()


def address_hash(address: str, *, key: bytes) -> str:
    """HMAC-SHA256 of a phone or e-mail address in its one normal form.

    Examples
    --------
    >>> address_hash("+86 138-0013-8000", key=b"k") == address_hash("13800138000", key=b"k")
    True
    >>> address_hash(" Li@Example.com", key=b"k") == address_hash("li@example.com", key=b"k")
    True
    """
    return hmac.digest(key, normal_address(address).encode(), sha256).hex()


def normal_address(address: str) -> str:
    """A phone as digits without the country's 86, an e-mail address in small letters, both without spaces."""
    text = "".join(unicodedata.normalize("NFKC", address).casefold().split())
    if "@" in text:
        return text
    digits = "".join(sign for sign in text if sign.isdecimal())
    digits = digits.removeprefix("00")
    return digits.removeprefix("86") if len(digits) == 13 and digits.startswith("861") else digits


def suppressed(suppressions: AnyFrame, *, channel: str, at: datetime) -> pl.Series:
    """Address hashes that may not be used on this channel at this time.

    Parameters
    ----------
    suppressions : address_hash, channel, since, until (null = for good).
    """
    table = to_polars(suppressions, needs=["address_hash", "channel", "since", "until"], name="suppressions")
    live = table.filter(
        pl.col("channel") == channel, pl.col("since") <= at, pl.col("until").is_null() | (pl.col("until") > at)
    )
    return live["address_hash"].unique().sort()


def within_caps(proposed: AnyFrame, history: AnyFrame, *, rules: ContactRules, on: date) -> pl.DataFrame:
    """`proposed` with `allowed`: which messages may leave today.

    Parameters
    ----------
    proposed : recipient_id, list_id, channel, objective; what wants to leave on day `on`.
    history : recipient_id, channel, day (local day it left), status; statuses in flight count as today.
    """
    wanted = to_polars(proposed, needs=["recipient_id", "list_id", "channel", "objective"], name="proposed")
    past = to_polars(history, needs=["recipient_id", "channel", "day", "status"], name="history")
    flying = pl.col("status").is_in(IN_FLIGHT)
    counted = past.filter(flying | pl.col("status").is_in(REACHED)).with_columns(
        day=pl.when(flying).then(pl.lit(on)).otherwise("day")
    )
    order = {name: place for place, name in enumerate(rules.priority)}
    first = pl.col("objective").replace_strict(order, default=len(order), return_dtype=pl.Int64)
    rows = wanted.with_row_index("_row").with_columns(_first=first)
    rows = rows.join(_used(counted, rules.overall, on, by=["recipient_id"]), on="recipient_id", how="left")
    rows = rows.with_columns(pl.col("used").fill_null(0).alias("_all"), pl.lit(rules.overall.most).alias("_most")).drop(
        "used"
    )
    rows = _with_channel_caps(rows, counted, rules, on)
    queue = rows.sort("recipient_id", "_first", "list_id", "channel", "_row")
    allowed = _greedy(queue)
    return (
        queue.with_columns(pl.Series("allowed", allowed, dtype=pl.Boolean))
        .sort("_row")
        .select(*wanted.columns, "allowed")
    )


def _used(counted: pl.DataFrame, cap: Cap, on: date, *, by: list[str]) -> pl.DataFrame:
    since = on - timedelta(days=cap.days - 1)
    inside = counted.filter(pl.col("day").is_between(since, on))
    return inside.group_by(by).agg(used=pl.len().cast(pl.Int64))


def _with_channel_caps(rows: pl.DataFrame, counted: pl.DataFrame, rules: ContactRules, on: date) -> pl.DataFrame:
    parts = [
        _used(counted.filter(pl.col("channel") == c), cap, on, by=["recipient_id", "channel"])
        for c, cap in rules.channels.items()
    ]
    empty = pl.DataFrame(schema={"recipient_id": pl.String, "channel": rows.schema["channel"], "used": pl.Int64})
    used = pl.concat([empty, *(p.cast(empty.schema) for p in parts)])
    most = {c: cap.most for c, cap in rules.channels.items()}
    limit = pl.col("channel").cast(pl.String).replace_strict(most, default=2**31, return_dtype=pl.Int64)
    joined = rows.join(used, on=["recipient_id", "channel"], how="left")
    return joined.with_columns(_channel_most=limit, _channel_used=pl.col("used").fill_null(0)).drop("used")


def _greedy(queue: pl.DataFrame) -> list[bool]:
    """One pass in order of priority: a message leaves if neither its member's nor its channel's room is used up."""
    allowed: list[bool] = []
    taken: dict[tuple[str, str], int] = {}
    names = ("recipient_id", "channel", "_all", "_most", "_channel_used", "_channel_most")
    for person, channel, used, most, channel_used, channel_most in queue.select(names).iter_rows():
        both, one = taken.get((person, ""), 0), taken.get((person, f"={channel}"), 0)
        goes = used + both < most and channel_used + one < channel_most
        allowed.append(goes)
        if goes:
            taken[person, ""], taken[person, f"={channel}"] = both + 1, one + 1
    return allowed


def may_send(at: datetime, *, rules: ContactRules, zone: str) -> bool:
    """Whether a message may leave at the instant `at` (with a time zone), by the local clock.

    Examples
    --------
    >>> from datetime import UTC
    >>> may_send(datetime(2026, 9, 1, 11, 59, tzinfo=UTC), rules=ContactRules(), zone="Asia/Shanghai")
    True
    >>> may_send(datetime(2026, 9, 1, 12, 0, tzinfo=UTC), rules=ContactRules(), zone="Asia/Shanghai")
    False
    """
    local = at.astimezone(ZoneInfo(zone))
    clock = local.time()
    if rules.quiet_from > rules.quiet_to:
        quiet = clock >= rules.quiet_from or clock < rules.quiet_to
    else:
        quiet = rules.quiet_from <= clock < rules.quiet_to
    return not quiet and local.weekday() not in rules.days_off


def next_sending(at: datetime, *, rules: ContactRules, zone: str) -> datetime:
    """The first instant from `at` on at which a message may leave, in the local zone.

    Examples
    --------
    >>> from datetime import UTC
    >>> next_sending(datetime(2026, 9, 1, 15, 0, tzinfo=UTC), rules=ContactRules(), zone="Asia/Shanghai").isoformat()
    '2026-09-02T09:00:00+08:00'
    """
    local = at.astimezone(ZoneInfo(zone))
    for after in range(9):
        day = local.date() + timedelta(days=after)
        for start in (time(0), rules.quiet_to):
            moment = max(local, datetime.combine(day, start, tzinfo=ZoneInfo(zone)))
            if moment.date() == day and may_send(moment, rules=rules, zone=zone):
                return moment
    raise ModelError("outreach.never_open")


def check_permitted(recipients: AnyFrame, *, permitted: pl.Series) -> None:
    """Refuse recipients without consent, by masked examples.

    Raises
    ------
    ModelError
        `outreach.no_consent`.
    """
    table = to_polars(recipients, needs=["recipient_id"], name="recipients")
    without = table.filter(~pl.col("recipient_id").is_in(permitted.implode()))["recipient_id"]
    if without.len():
        raise ModelError(
            "outreach.no_consent",
            values={"without": without.len(), "recipients": table.height},
            examples=[mask(r) for r in without.head(5)],
        )
