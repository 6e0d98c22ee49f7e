"""The queue of messages: kept before anything is sent, and until every reader has theirs.

An announcement is written down when its page is made. Each look at the queue sends what is waiting to the readers that
`params/delivery.yml` names at that moment; what does not leave is tried again after a minute, two, four, … at most an
hour. Every message is noted as it leaves, so that nobody is told twice, however often a page is made again. A sender
that dies lets go of its message; one that is alive keeps others from it.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import psutil

from crmlib.kit.words import Language
from crmlib.run.ledger import alive, connected

WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)
KEEP = timedelta(days=14)
"""What could not be sent for so long is given up, and said."""
_SCHEMA = """
create table if not exists delivered (id text primary key, output text, at text);
create table if not exists announced (id text primary key, thing text not null, at text not null);
create table if not exists tries (
    id text primary key, tries integer not null, at text not null, pid integer, pid_started real
);
"""


@dataclass(frozen=True, slots=True)
class Announcement:
    """One page, or one failure, to be announced."""

    output: str
    report: str
    language: Language
    sentence: str
    failed: bool
    page: Path | None = None
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One announcement on its way to one reader: `send` raises what keeps it from leaving.

    `channel` names who gets it by which way; where one `server` does not answer, its other messages wait, too.
    """

    channel: str
    server: str
    send: Callable[[], None]
    refused: Callable[[Exception], bool]


@dataclass(frozen=True, slots=True)
class Sent:
    """What a look at the queue came to: messages that left, those still waiting, and why some did not leave."""

    left: int = 0
    waiting: int = 0
    problems: tuple[str, ...] = ()


class Outbox:
    """The queue, in the ledger's file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def put(self, things: Iterable[Announcement], *, now: datetime) -> None:
        """Keep announcements until they have left; one that is kept already stays as it is."""
        rows = [(_id(t.output, t.fingerprint, ""), json.dumps(asdict(t), default=str), now.isoformat()) for t in things]
        if rows:
            with self._open() as db, db:
                db.executemany("insert or ignore into announced values (?, ?, ?)", rows)

    def send(self, messages: Callable[[Announcement], Iterable[Message]], *, now: datetime) -> Sent:
        """Send what is due; `messages` says to whom an announcement goes now."""
        down: set[str] = set()
        total = Sent()
        for key, thing, at in self._waiting():
            one = self._send_one(thing, messages(thing), now=now, down=down)
            total = Sent(total.left + one.left, total.waiting + one.waiting, total.problems + one.problems)
            old = now - at > KEEP
            if old and one.waiting:
                total = replace(total, problems=(*total.problems, f"{thing.output}: given up after {KEEP.days} days"))
            if old or not one.waiting:
                with self._open() as db, db:
                    db.execute("delete from announced where id = ?", (key,))
        return total

    def _send_one(self, thing: Announcement, messages: Iterable[Message], *, now: datetime, down: set[str]) -> Sent:
        left, waiting, problems = 0, 0, list[str]()
        for message in messages:
            key = _id(thing.output, thing.fingerprint, message.channel)
            if self._left(key):
                continue
            if message.server in down or not self._claim(key, now):
                waiting += 1
                continue
            try:
                message.send()
            except Exception as problem:  # whatever a mail server, a hook or a page to attach may come to
                self._failed(key, now)
                waiting += 1
                problems.append(f"{message.channel}: {type(problem).__name__}")
                if not message.refused(problem):
                    down.add(message.server)
                continue
            self._note(key, thing.output, now)
            left += 1
        return Sent(left, waiting, tuple(problems))

    def _waiting(self) -> list[tuple[str, Announcement, datetime]]:
        with self._open() as db:
            rows = db.execute("select id, thing, at from announced order by at, id").fetchall()
        return [(key, _announcement(json.loads(thing)), datetime.fromisoformat(at)) for key, thing, at in rows]

    def _left(self, key: str) -> bool:
        with self._open() as db:
            return db.execute("select 1 from delivered where id = ?", (key,)).fetchone() is not None

    def _claim(self, key: str, now: datetime) -> bool:
        """Take a message; False if it has left, another living process is sending it, or it is not yet time."""
        me = (os.getpid(), psutil.Process().create_time())
        with self._open() as db, db:
            db.execute("begin immediate")
            if db.execute("select 1 from delivered where id = ?", (key,)).fetchone():
                return False
            row = db.execute("select tries, at, pid, pid_started from tries where id = ?", (key,)).fetchone()
            if row is not None and (_held(row[2], row[3]) or (row[0] and not _time(row[0], row[1], now))):
                return False
            db.execute(
                "insert into tries values (?, 0, ?, ?, ?) "
                "on conflict (id) do update set pid = excluded.pid, pid_started = excluded.pid_started",
                (key, now.isoformat(), *me),
            )
            return True

    def _failed(self, key: str, now: datetime) -> None:
        with self._open() as db, db:
            db.execute("update tries set tries = tries + 1, at = ?, pid = null where id = ?", (now.isoformat(), key))

    def _note(self, key: str, output: str, now: datetime) -> None:
        with self._open() as db, db:
            db.execute("insert or replace into delivered values (?, ?, ?)", (key, output, now.isoformat()))
            db.execute("delete from tries where id = ?", (key,))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with connected(self._path, schema=_SCHEMA) as db:
            yield db


def _held(pid: int | None, started: float | None) -> bool:
    """Whether another living process has it; what this one left behind is its own."""
    return pid != os.getpid() and alive(pid, started)


def _time(tries: int, last: str, now: datetime) -> bool:
    """Whether to try again; a clock that was ahead holds nothing up."""
    since = now - datetime.fromisoformat(last)
    return not timedelta(0) <= since < min(WAIT * 2 ** min(tries - 1, 10), LONGEST_WAIT)


def _announcement(content: Mapping[str, object]) -> Announcement:
    page = content["page"]
    return Announcement(**{**content, "page": None if page is None else Path(str(page))})  # type: ignore[arg-type]


def _id(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
