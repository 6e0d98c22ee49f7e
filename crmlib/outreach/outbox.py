"""The outbox: queued → sending → sent | failed | unknown, so that no copy leaves twice whatever stops the sender.

State is the fold of a log of events, each written down before what it announces: `sending` stands in the log before the
message is handed over. After a crash every `sending` becomes `unknown`, and `unknown` is never sent again; only a
receipt settles it. One message per list, version, recipient and channel.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from crmlib.core.errors import ModelError

State = Literal["queued", "sending", "sent", "failed", "unknown"]
NEXT: dict[State | None, tuple[State, ...]] = {
    None: ("queued",),
    "queued": ("sending", "failed"),
    "sending": ("sent", "failed", "unknown"),
    "unknown": ("sent", "failed"),
    "sent": (),
    "failed": (),
}


class Key(NamedTuple):
    """What makes a message one: list, version, recipient, channel."""

    list_id: str
    version: int
    recipient_id: str
    channel: str


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the log."""

    key: Key
    state: State
    at: datetime
    note: str = ""


def states(log: Iterable[Event]) -> dict[Key, State]:
    """Where every message stands.

    Raises
    ------
    ModelError
        `outreach.outbox` for an event that may not follow.
    """
    found: dict[Key, State] = {}
    for event in log:
        before = found.get(event.key)
        if event.state not in NEXT[before]:
            raise ModelError("outreach.outbox", values={"before": before or "new", "after": event.state})
        found[event.key] = event.state
    return found


def enqueue(log: Iterable[Event], keys: Iterable[Key], *, at: datetime) -> list[Event]:
    """Events for messages that are not in the log yet; queueing twice changes nothing."""
    known = set(states(log))
    return [Event(key, "queued", at) for key in dict.fromkeys(keys) if key not in known]


def recover(log: Iterable[Event], *, at: datetime) -> list[Event]:
    """Events to write after a restart: whatever was being sent is unknown."""
    return [Event(key, "unknown", at, "restart") for key, state in states(log).items() if state == "sending"]


def due(log: Iterable[Event]) -> list[Key]:
    """Messages to send next, in the order in which they were queued."""
    return [key for key, state in states(log).items() if state == "queued"]
