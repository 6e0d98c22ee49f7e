"""The outbox of lists on disk: one row per event, written down before what it announces, never changed.

Whoever wants to hand a message over first claims it: the row `sending` can be written once only, whatever else runs.
After a crash a claimed message is `unknown` and stays unsent; only a receipt settles it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from crmlib.outreach import outbox
from crmlib.outreach.outbox import Event, Key, State

FILE = "outbox.sqlite"
WAIT = 30
"""Seconds to wait for another process that writes."""
SCHEMA = """
create table if not exists events (
    n integer primary key, list_id text not null, version integer not null, recipient_id text not null,
    channel text not null, state text not null, at text not null, note text not null,
    unique (list_id, version, recipient_id, channel, state)
);
"""
FLYING = pl.Schema(
    dict.fromkeys(("list_id", "recipient_id", "channel"), pl.String()) | {"day": pl.Date(), "status": pl.String()}
)
_COLUMNS = "list_id, version, recipient_id, channel, state, at, note"


class Log:
    """The events of one lake's outbox.

    Parameters
    ----------
    folder : the lake's folder; the file is its owner's only.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        if not self._path.exists():
            os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600))

    def events(self, list_id: str | None = None) -> list[Event]:
        """Events in order, of one list or of all."""
        where, values = ("where list_id = ?", (list_id,)) if list_id else ("", ())
        with self._open() as db:
            rows = db.execute(f"select {_COLUMNS} from events {where} order by n", values).fetchall()
        return [Event(Key(*row[:4]), row[4], datetime.fromisoformat(row[5]), row[6]) for row in rows]

    def write(self, events: Iterable[Event]) -> None:
        """Add events, all or none."""
        with self._open() as db, db:
            db.executemany(f"insert into events ({_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?)", [_row(e) for e in events])

    def claim(self, keys: Iterable[Key], *, at: datetime) -> list[Key]:
        """Those of `keys` that are queued and nobody else claimed, now `sending`; in one commit."""
        claimed = []
        with self._open() as db, db:
            db.execute("begin immediate")
            for key in keys:
                last = db.execute(
                    "select state from events where list_id = ? and version = ? and recipient_id = ? and channel = ? "
                    "order by n desc limit 1", key,
                ).fetchone()  # fmt: skip
                if last == ("queued",):
                    db.execute(
                        f"insert into events ({_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?)",
                        _row(Event(key, "sending", at)),
                    )
                    claimed.append(key)
        return claimed

    def settle(self, keys: Iterable[Key], state: State, *, at: datetime, note: str = "") -> None:
        """Write how messages ended."""
        self.write(Event(key, state, at, note) for key in keys)

    def recover(self, list_id: str, *, at: datetime) -> int:
        """After a restart whatever was being sent is unknown; how many."""
        found = outbox.recover(self.events(list_id), at=at)
        self.write(found)
        return len(found)

    def in_flight(self, zone: str) -> pl.DataFrame:
        """What is on its way or left over all lists, for the caps: list_id, recipient_id, channel, day, status.

        Parameters
        ----------
        zone : by whose clock days are counted.
        """
        clock = ZoneInfo(zone)
        last: dict[Key, Event] = {event.key: event for event in self.events()}
        rows = [(k.list_id, k.recipient_id, k.channel, e.at.astimezone(clock).date(), e.state) for k, e in last.items()]
        kinds = {
            "list_id": pl.String,
            "recipient_id": pl.String,
            "channel": pl.String,
            "day": pl.Date,
            "status": pl.String,
        }
        return pl.DataFrame(rows, schema=kinds, orient="row")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=WAIT)) as db:
            db.execute("pragma journal_mode = wal")
            db.execute("pragma synchronous = full")
            db.executescript(SCHEMA)
            yield db


def _row(event: Event) -> tuple[object, ...]:
    return (*event.key, event.state, event.at.isoformat(), event.note)
