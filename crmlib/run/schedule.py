"""What is due, who takes it, and the same plan for other schedulers.

A pass runs every slot that came due since the last one and ends, so that cron, systemd, Kubernetes or Airflow can call
it. A slot is claimed in the ledger before it runs: two passes never take the same one, and a slot whose pass was killed
is taken again, as is one that failed, later and later, or at once when its file was changed. A clock set back makes
nothing due twice; what a clock far ahead noted is forgotten. A file seen for the first time waits for its next slot;
one that cannot be read is told and holds up nobody.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psutil
from croniter import CroniterBadDateError, croniter

from crmlib.core.errors import CrmError, ParameterError
from crmlib.run import plan
from crmlib.run.ledger import add_columns, alive, connected
from crmlib.run.plan import Schedule

MOST_SLOTS = 400
"""At most so many missed slots are caught up at once: more than a year of days."""
FIELDS = 5
SKIP_AFTER = timedelta(minutes=30)
"""With `catch_up: skip`, a slot older than this is let go."""
AHEAD = timedelta(days=3)
"""A slot that lies further ahead than this was noted by a clock that was wrong; less may be a clock that jumps."""
RETRY, LONGEST_RETRY = timedelta(minutes=15), timedelta(hours=6)
"""A slot that failed is taken again after so long, then after twice as long, …, at most after the second."""

_SCHEMA = """
create table if not exists slots (
    file text not null, slot text not null, state text not null, pid integer, pid_started real, at text not null,
    tries integer not null default 0, content text not null default '',
    primary key (file, slot)
)
"""
_ADDED = {"tries": "integer not null default 0", "content": "text not null default ''"}
Problem = Callable[[Path, CrmError], None]


@dataclass(frozen=True, slots=True)
class Due:
    """A parameter file and the slot [UTC] it is due for; `as_of` is the day before the slot in the company's zone.

    `tries` counts how often the slot failed before.
    """

    file: Path
    slot: datetime
    as_of: date
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Failed:
    """A slot that failed: when [UTC], how often, and the content of its file (a hash) then."""

    slot: datetime
    at: datetime
    tries: int
    content: str

    def again(self, *, now: datetime, content: str) -> bool:
        """Whether it is time to try again; a clock that was ahead, or a changed file, makes it time at once."""
        wait = min(RETRY * 2 ** min(self.tries - 1, 8), LONGEST_RETRY)
        return content != self.content or not self.at <= now < self.at + wait


class Slots:
    """The claimed slots, in the ledger's file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def last(self, file: str, *, now: datetime) -> datetime | None:
        """The newest slot of a file that was claimed by a pass that ended or still runs, and is not far ahead."""
        with self._open() as db, db:
            far = (now.astimezone(UTC) + AHEAD).isoformat()
            db.execute(
                "delete from slots where file = ?1 and (slot > ?2 or (state = 'skipped' and at > ?2))", (file, far)
            )
            rows = db.execute("select slot, state, pid, pid_started from slots where file = ?", (file,)).fetchall()
        held = [slot for slot, state, pid, started in rows if state != "claimed" or alive(pid, started)]
        return datetime.fromisoformat(max(held)) if held else None

    def failed(self, file: str) -> list[Failed]:
        """The slots of a file that failed, oldest first."""
        with self._open() as db:
            rows = db.execute(
                "select slot, at, tries, content from slots where file = ? and state = 'failed' order by slot", (file,)
            ).fetchall()
        instant = datetime.fromisoformat
        return [Failed(instant(slot), instant(at), tries, content) for slot, at, tries, content in rows]

    def note(self, file: str, *slots: datetime, state: str, now: datetime, content: str = "") -> None:
        """Write how slots ended (`done`, `failed`, `skipped`, or `seen` for a new file)."""
        rows = [(file, slot.isoformat(), state, now.astimezone(UTC).isoformat(), content) for slot in slots]
        with self._open() as db, db:
            db.executemany(
                "insert into slots (file, slot, state, at, tries, content) values (?1, ?2, ?3, ?4, ?3 = 'failed', ?5) "
                "on conflict (file, slot) "
                "do update set state = ?3, at = ?4, tries = tries + (?3 = 'failed'), content = ?5",
                rows,
            )

    def claim(self, file: str, slot: datetime, *, now: datetime, tries: int = 0) -> bool:
        """Take a slot; False if another living pass has it, or it is done, or somebody else has tried it since."""
        me = (os.getpid(), psutil.Process().create_time())
        with self._open() as db, db:
            db.execute("begin immediate")
            row = db.execute(
                "select state, pid, pid_started, tries from slots where file = ? and slot = ?", (file, slot.isoformat())
            ).fetchone()
            if row is not None and not _free(row, tries):
                return False
            db.execute(
                "insert or replace into slots (file, slot, state, pid, pid_started, at, tries) "
                "values (?, ?, 'claimed', ?, ?, ?, ?)",
                (file, slot.isoformat(), *me, now.isoformat(), tries),
            )
            return True

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with connected(self._path, schema=_SCHEMA) as db:
            add_columns(db, "slots", _ADDED)
            yield db


def _free(row: tuple[str, int | None, float | None, int], tries: int) -> bool:
    state, pid, started, tried = row
    return (state == "claimed" and not alive(pid, started)) or (state == "failed" and tried == tries)


def due(files: Sequence[Path], *, slots: Slots, root: Path, now: datetime, problem: Problem | None = None) -> list[Due]:
    """The slots to run now, oldest first; missed ones by each file's own rule.

    Parameters
    ----------
    now : aware instant.
    problem : told of each file that cannot be read; without it the first such file is raised.
    """
    found: list[Due] = []
    for file in files:
        try:
            found += _due_of(file, slots=slots, key=name_of(file, root), now=now)
        except CrmError as wrong:
            if problem is None:
                raise
            problem(file, wrong)
    return sorted(found, key=lambda d: (d.slot, str(d.file)))


def _due_of(file: Path, *, slots: Slots, key: str, now: datetime) -> list[Due]:
    schedule = plan.read(file).schedule
    if schedule is None:
        return []
    last = slots.last(key, now=now)
    if last is None:
        slots.note(key, now.astimezone(UTC), state="seen", now=now)
        return []
    missed = slots_between(schedule, after=last, until=now)
    kept = _kept(schedule, missed, now=now)
    if len(kept) < len(missed):
        slots.note(key, *(slot for slot in missed if slot not in kept), state="skipped", now=now)
    zone, content = ZoneInfo(schedule.time_zone), content_of(file)
    again = [f for f in slots.failed(key) if schedule.catch_up == "all" or (f.slot == last and not kept)]
    if schedule.catch_up == "skip":
        again = [f for f in again if now - f.slot <= SKIP_AFTER]
    taken = {f.slot: f.tries for f in again if f.slot <= now and f.again(now=now, content=content)}
    taken |= dict.fromkeys(kept, 0)
    return [Due(file, s, s.astimezone(zone).date() - timedelta(days=1), tries) for s, tries in taken.items()]


def content_of(file: Path) -> str:
    """A short hash of a file's bytes; empty if it cannot be read."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    except OSError:
        return ""


def slots_between(schedule: Schedule, *, after: datetime, until: datetime) -> list[datetime]:
    """Instants [UTC] at which the schedule is due, after `after`, up to `until`, at most the newest `MOST_SLOTS`.

    Examples
    --------
    >>> monday = Schedule(cron="0 6 * * 1")
    >>> [str(s) for s in slots_between(monday, after=datetime(2026, 11, 1, tzinfo=UTC),
    ...     until=datetime(2026, 11, 10, tzinfo=UTC))]
    ['2026-11-01 22:00:00+00:00', '2026-11-08 22:00:00+00:00']
    """
    zone = ZoneInfo(schedule.time_zone)
    steps = croniter(check_cron(schedule.cron), after.astimezone(zone))
    slots: list[datetime] = []
    try:
        while (slot := steps.get_next(datetime).astimezone(UTC)) <= until:
            slots.append(slot)
    except CroniterBadDateError:  # a thirty-first of February
        raise _bad_cron(schedule.cron) from None
    return slots[-MOST_SLOTS:]


def check_cron(expression: str) -> str:
    """The expression itself, if it is one.

    Raises
    ------
    ParameterError
        `run.bad_cron`.
    """
    if not croniter.is_valid(expression) or len(expression.split()) > FIELDS:
        raise _bad_cron(expression)
    return expression


def _bad_cron(expression: str) -> ParameterError:
    return ParameterError("run.bad_cron", values={"cron": expression})


def name_of(file: Path, root: Path) -> str:
    """A file's name in the ledger: its path below the project."""
    resolved = file.resolve()
    return resolved.relative_to(root).as_posix() if resolved.is_relative_to(root) else resolved.as_posix()


def export(files: Sequence[Path], *, root: Path, command: Sequence[str], options: Sequence[str], kind: str) -> str:
    """The same schedules for another scheduler: `crontab`, `systemd` or `airflow`.

    Parameters
    ----------
    command : how crmlib is called on that machine.
    options : where its lake and reports are.
    """
    plans = [(name_of(file, root), plan.read(file)) for file in files]
    timed = [(name, content.schedule) for name, content in plans if content.schedule is not None]
    for _, schedule in timed:
        check_cron(schedule.cron)
    if kind == "systemd":
        return _systemd(root, [*command, "schedule", *options])
    run = f"cd {shlex.quote(str(root))} && {shlex.join([*command, 'run', '--deliver', *options])}"
    return _crontab(timed, run) if kind == "crontab" else _airflow(timed, run)


Timed = Sequence[tuple[str, Schedule]]


def _crontab(timed: Timed, run: str) -> str:
    lines = []
    for name, schedule in timed:
        lines.append(f"CRON_TZ={schedule.time_zone}")
        lines.append(f"{schedule.cron} {run} {shlex.quote(name)}".replace("%", r"\%"))
    return "\n".join(lines) + "\n"


def _systemd(root: Path, command: Sequence[str]) -> str:
    start = " ".join(json.dumps(word, ensure_ascii=False) for word in command).replace("%", "%%")
    folder = str(root).replace("%", "%%")
    return (
        "# crmlib.service\n[Unit]\nDescription=Reports that are due\n\n[Service]\nType=oneshot\n"
        f"WorkingDirectory={folder}\nExecStart={start}\n\n"
        "# crmlib.timer\n[Unit]\nDescription=Look every five minutes which reports are due\n\n[Timer]\n"
        "OnCalendar=*:0/5\nPersistent=true\n\n[Install]\nWantedBy=timers.target\n"
    )


def _airflow(timed: Timed, run: str) -> str:
    """One DAG per file; with `catch_up: all` each run is about the day before its own slot, else about the last day."""
    imports = ("import shlex\n", "import pendulum", "from airflow import DAG")
    head = "\n".join(
        [*imports, "from airflow.operators.bash import BashOperator\n", f"RUN = {run!r}", "SCHEDULES = {\n"]
    )
    rows = "".join(
        f"    {name!r}: ({schedule.cron!r}, {schedule.time_zone!r}, {schedule.catch_up == 'all'}),\n"
        for name, schedule in timed
    )
    tail = (
        "}\n\nfor file, (cron, zone, catch_up) in SCHEDULES.items():\n"
        '    name = file.removeprefix("params/").removesuffix(".yml").replace("/", "_")\n'
        "    start = pendulum.datetime(2026, 1, 1, tz=zone)\n"
        '    day = "{{ macros.ds_add(data_interval_end.in_timezone(\'" + zone + "\') | ds, -1) }}"\n'
        '    command = f"{RUN} {shlex.quote(file)}" + (f" --set as_of={day}" if catch_up else "")\n'
        "    with DAG(name, schedule=cron, start_date=start, catchup=catch_up, max_active_runs=1) as dag:\n"
        '        BashOperator(task_id="run", bash_command=command)\n'
        "    globals()[name] = dag\n"
    )
    return head + rows + tail


def _kept(schedule: Schedule, missed: Sequence[datetime], *, now: datetime) -> list[datetime]:
    if schedule.catch_up == "all":
        return list(missed)
    newest = list(missed[-1:])
    return newest if schedule.catch_up == "latest" else [s for s in newest if now - s <= SKIP_AFTER]
