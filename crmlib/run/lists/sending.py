"""A list leaves: permission asked at this moment, each message claimed before it is handed over, none sent twice."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from crmlib.core.errors import LakeError, ModelError, RunError
from crmlib.data import Lake
from crmlib.outreach import outbox
from crmlib.outreach.outbox import Key
from crmlib.outreach.permission import may_send, next_sending
from crmlib.run.lists import audit, book, letters, permitted
from crmlib.run.lists.book import Listed
from crmlib.run.lists.letters import Letter
from crmlib.run.lists.log import Log
from crmlib.run.lists.rules import Rules
from crmlib.run.lists.ways import Way

WAITING = ("queued", "capped", "quiet")
"""Statuses that a later pass may still send."""
PEN = "outbox.lock"
STATUS = pl.Schema({
    "recipient_id": pl.String(), "status": pl.String(), "status_at": pl.Datetime("us", "UTC"),
    "sent_at": pl.Datetime("us", "UTC"), "parts": pl.Int32(), "cost_minor": pl.Int64(), "message_hash": pl.String(),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sent:
    """What a pass came to: recipients by status, and whether the list is through."""

    counts: dict[str, int]
    done: bool


def send(
    lake: Lake, list_id: str, *, channel: str, way: Way, rules: Rules, clock: Callable[[], datetime], by: str,
    finish: bool = False,
) -> Sent:  # fmt: skip
    """Send what may leave now of an approved list on one channel.

    Parameters
    ----------
    channel : of the rows to send; a list may have several.
    finish : whoever still waits (cap, quiet hours) is left out, and the list is through.

    Raises
    ------
    ModelError
        `outreach.state` unless approved or being sent; `outreach.quiet` in quiet hours.
    LakeError, RunError
        `lake.locked` while another process sends; `run.way_closed` where the way out does not open.
    """
    with _alone(lake.path):
        now = clock()
        if not may_send(now, rules=rules.contact, zone=lake.time_zone):
            opens = next_sending(now, rules=rules.contact, zone=lake.time_zone)
            raise ModelError("outreach.quiet", values={"opens": f"{opens:%Y-%m-%d %H:%M}"})
        listed, log = book.find(lake, list_id), Log(lake.path)
        if listed.life.state not in {"approved", "sending"}:
            raise ModelError("outreach.state", values={"state": listed.life.state, "to": "sending"})
        log.recover(list_id, at=now)
        way.open()
        if listed.life.state == "approved":
            listed = book.move(lake, listed, "sending", at=now, by=by)
        held, ready = _sorted(lake, listed, log, channel=channel, rules=rules, at=now)
        try:
            _carry(lake, log, ready, way=way, rules=rules, clock=clock)
        finally:
            way.close()
            listed = _settle(lake, listed, log, held, ready, by=by, at=clock())
        return _closed(lake, listed, clock=clock, by=by, finish=finish)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process sends at a time; the operating system lets go of whoever dies."""
    with (folder / PEN).open("w", encoding="ascii") as pen:
        try:
            fcntl.flock(pen, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LakeError("lake.locked", values={"path": str(folder)}) from None
        yield


def _sorted(
    lake: Lake, listed: Listed, log: Log, *, channel: str, rules: Rules, at: datetime
) -> tuple[dict[str, str], list[Letter]]:
    """Who is held up and why, and the letters that may leave; these are queued."""
    done = {key.recipient_id for key, state in outbox.states(log.events(listed.life.list_id)).items()
            if state != "queued" and key.version == listed.life.version and key.channel == channel}  # fmt: skip
    rows = listed.contact.filter(
        pl.col("channel").cast(pl.String) == channel, ~pl.col("recipient_id").is_in(list(done))
    )
    ids = rows["recipient_id"]
    kind = str(listed.row["recipient"])
    found = permitted.addresses(lake, channel, ids, recipient=kind)
    held: dict[str, str] = {}

    def hold(who: pl.Series | None, why: str) -> None:
        held.update({str(i): why for i in (who if who is not None else ()) if i not in held})

    asked = permitted.purpose(str(listed.row["objective"]))
    agreed = permitted.agreed(lake, channel, at=at, purpose=asked, recipient=kind)
    hold(None if agreed is None else ids.filter(~ids.is_in(agreed.implode())), "no_consent")
    if channel in permitted.ADDRESS:
        hold(ids.filter(~ids.is_in(list(found))), "no_consent")
    hold(permitted.blocked(lake, channel, at=at, found=found), "suppressed")
    hold(permitted.quiet_now(lake, ids, at=at), "quiet")
    open_ = rows.filter(~pl.col("recipient_id").is_in(list(held)))
    wanted = _wanted(open_, listed.row, channel)
    rivals = [_wanted(rows, other, None) for other, rows in _rivals(lake, listed)]
    past = permitted.history(lake, log=log.in_flight(lake.time_zone), without=listed.life.list_id)
    full = permitted.capped(
        pl.concat([wanted, *rivals]), past, rules=rules.contact, on=permitted.local(lake, at).date()
    )
    hold(full.filter(full["list_id"] == listed.life.list_id)["recipient_id"], "capped")
    leaving = open_.filter(~pl.col("recipient_id").is_in(list(held)))
    ready = letters.write(lake, listed.row, leaving, channel=channel, found=found, rules=rules)
    log.write(outbox.enqueue(log.events(listed.life.list_id), [x.key for x in ready], at=at))
    return held, ready


def _wanted(rows: pl.DataFrame, campaign: Mapping[str, Any], channel: str | None) -> pl.DataFrame:
    means = pl.col("channel").cast(pl.String) if channel is None else pl.lit(channel)
    return rows.select(
        "recipient_id", list_id=pl.lit(campaign["list_id"]), channel=means, objective=pl.lit(str(campaign["objective"]))
    )


def _rivals(lake: Lake, listed: Listed) -> list[tuple[dict[str, Any], pl.DataFrame]]:
    """Other lists that may leave today and have not: the more urgent objective goes first, the other waits."""
    live = lake.table("campaigns").filter(
        pl.col("state").cast(pl.String).is_in(["approved", "sending"]), pl.col("list_id") != listed.life.list_id
    )
    found = []
    for row in live.collect().iter_rows(named=True):
        rows = lake.table("outreach").filter(
            pl.col("list_id") == row["list_id"], pl.col("version") == row["version"],
            pl.col("group").cast(pl.String) == "contact",
            pl.col("status").cast(pl.String).is_in(["not_sent", *WAITING]),
        )  # fmt: skip
        found.append((row, rows.collect()))
    return found


def _carry(
    lake: Lake, log: Log, ready: Sequence[Letter], *, way: Way, rules: Rules, clock: Callable[[], datetime]
) -> None:
    """Hand over letter by letter, or all in one; quiet hours end a pass wherever it is."""
    batches = [list(ready)] if way.together and ready else [[x] for x in ready]
    for batch in batches:
        now = clock()
        if not may_send(now, rules=rules.contact, zone=lake.time_zone):
            return
        try:
            way.open()
        except RunError:
            return
        mine = set(log.claim([x.key for x in batch], at=now))
        chosen = [x for x in batch if x.key in mine]
        if chosen:
            ended, why = way.carry(chosen, at=now)
            log.settle([x.key for x in chosen], ended, at=clock(), note=why)


def _settle(
    lake: Lake, listed: Listed, log: Log, held: dict[str, str], ready: Sequence[Letter], *, by: str, at: datetime
) -> Listed:
    """Write into the register how far each message came."""
    letter = {x.key.recipient_id: x for x in ready}
    last: dict[Key, outbox.Event] = {e.key: e for e in log.events(listed.life.list_id)}
    now: dict[str, dict[str, object]] = {}
    for key, event in last.items():
        if key.version != listed.life.version:
            continue
        told: dict[str, object] = {"status": event.state, "status_at": event.at}
        if event.state == "sent" and (made := letter.get(key.recipient_id)) is not None:
            told |= {"sent_at": event.at, "parts": made.parts, "cost_minor": made.cost_minor, "message_hash": made.hash}
        now[key.recipient_id] = told
    for who, why in held.items():
        now.setdefault(who, {"status": why, "status_at": at})
    fresh = pl.DataFrame([{"recipient_id": who, **told} for who, told in now.items()], schema=STATUS)
    zone = lake.time_zone
    fresh = fresh.with_columns(pl.col("status_at", "sent_at").dt.convert_time_zone(zone))
    rows = listed.rows.with_columns(pl.col("status").cast(pl.String)).update(fresh, on="recipient_id", how="left")
    return book.put_rows(lake, listed, rows, by=by, at=at)


def _closed(lake: Lake, listed: Listed, *, clock: Callable[[], datetime], by: str, finish: bool) -> Sent:
    """Move on to `sent` where nobody waits any more."""
    status = listed.contact["status"].cast(pl.String)
    counts = dict(status.value_counts().sort("status").iter_rows())
    waits = int(status.is_in([*WAITING, "not_sent", "sending"]).sum())
    done = finish or not waits
    if done:
        book.move(lake, listed, "sent", at=clock(), by=by)
    audit.note(lake.path, what="sent", by=by, at=clock(), list=listed.life.list_id, counts=counts, done=done)
    return Sent(counts, done)
