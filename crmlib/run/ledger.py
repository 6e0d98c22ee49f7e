"""The ledger: one row for every run, in SQLite, true after any interruption."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Literal
from uuid import uuid4

import polars as pl
import psutil

from crmlib.core.errors import RunError
from crmlib.run.disk import unwritable

State = Literal["queued", "running", "ok", "warn", "failed", "interrupted", "skipped"]
DONE: tuple[State, ...] = ("ok", "warn")
LOCK_SECONDS = 30.0
"""How long a process waits for another one that is writing."""

_SCHEMA = """
create table if not exists runs (
    run_id text primary key, report text not null, variant text not null, output text not null,
    parameters text not null, input_hash text not null, code_version text not null, data_versions text not null,
    state text not null, pid integer, pid_started real, queued_at text not null, started_at text, ended_at text,
    seconds real, peak_mb real, verdicts text, output_hash text, message text,
    attempts integer
);
create index if not exists runs_by_output on runs (output, queued_at);
"""
_COLUMNS = (
    "run_id, report, variant, output, parameters, input_hash, code_version, data_versions, state, queued_at, "
    "started_at, ended_at, seconds, peak_mb, verdicts, output_hash, message, attempts"
)
_TYPES: dict[str, type[pl.DataType]] = {"seconds": pl.Float64, "peak_mb": pl.Float64, "attempts": pl.Int64}


class Ledger:
    """Rows are added and updated in short transactions; a killed process leaves a `running` row that `recover` ends."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(  # one column each
        self,
        run_id: str,
        *,
        report: str,
        variant: str,
        output: str,
        parameters: Mapping[str, object],
        input_hash: str,
        code_version: str,
        data_versions: Mapping[str, int],
        now: datetime,
    ) -> None:
        """Note a queued run."""
        values = (
            run_id,
            report,
            variant,
            output,
            json.dumps(dict(parameters), ensure_ascii=False, sort_keys=True, default=str),
            input_hash,
            code_version,
            json.dumps(dict(data_versions), sort_keys=True),
            "queued",
            now.isoformat(),
            os.getpid(),
            psutil.Process().create_time(),
        )
        with self._open() as db:
            db.execute(
                "insert into runs (run_id, report, variant, output, parameters, input_hash, code_version, "
                "data_versions, state, queued_at, pid, pid_started) values (?,?,?,?,?,?,?,?,?,?,?,?)",
                values,
            )

    def start(self, run_id: str, *, now: datetime) -> None:
        """Mark a run as running."""
        with self._open() as db:
            db.execute("update runs set state = 'running', started_at = ? where run_id = ?", (now.isoformat(), run_id))

    def end(
        self,
        run_id: str,
        *,
        state: State,
        now: datetime,
        seconds: float,
        peak_mb: float | None = None,
        verdicts: Mapping[str, str] | None = None,
        output_hash: str | None = None,
        message: str | None = None,
        attempts: int = 1,
    ) -> bool:
        """Write the outcome of a run, and at which attempt it came; False if the run is not known (any more)."""
        with self._open() as db:
            done = db.execute(
                "update runs set state = ?, ended_at = ?, seconds = ?, peak_mb = ?, verdicts = ?, output_hash = ?, "
                "message = ?, attempts = ? where run_id = ?",
                (
                    state,
                    now.isoformat(),
                    seconds,
                    peak_mb,
                    json.dumps(dict(verdicts or {}), sort_keys=True),
                    output_hash,
                    message,
                    attempts,
                    run_id,
                ),
            )
        return done.rowcount > 0

    def recover(self, *, now: datetime) -> int:
        """End the queued and running rows whose process is gone; return how many."""
        with self._open() as db:
            rows = db.execute(
                "select run_id, pid, pid_started from runs where state in ('queued', 'running')"
            ).fetchall()
            gone = [run_id for run_id, pid, started in rows if not alive(pid, started)]
            db.executemany(
                "update runs set state = 'interrupted', ended_at = ? where run_id = ?",
                [(now.isoformat(), run_id) for run_id in gone],
            )
        return len(gone)

    def active(self) -> frozenset[str]:
        """The run ids that are queued or running."""
        with self._open() as db:
            rows = db.execute("select run_id from runs where state in ('queued', 'running')").fetchall()
        return frozenset(str(run_id) for (run_id,) in rows)

    def last_done(self, output: str) -> dict[str, str] | None:
        """The newest finished run of an output: its run_id and input_hash."""
        with self._open() as db:
            row = db.execute(
                "select run_id, input_hash from runs where output = ? and state in ('ok', 'warn') "
                "order by rowid desc limit 1",  # not by its clock, which may have been set back
                (output,),
            ).fetchone()
        return None if row is None else {"run_id": row[0], "input_hash": row[1]}

    def runs(self, *, report: str | None = None, failed: bool = False, last: int = -1) -> pl.DataFrame:
        """The runs, newest first.

        Parameters
        ----------
        report : of this report only.
        failed : only those that failed or were interrupted.
        last : at most so many; all if negative.
        """
        with self._open() as db:
            rows = db.execute(
                f"select {_COLUMNS} from runs where (?1 is null or report = ?1) "
                "and (not ?2 or state in ('failed', 'interrupted')) order by rowid desc limit ?3",
                (report, failed, last),
            ).fetchall()
        names = [c.strip() for c in _COLUMNS.split(",")]
        schema = {n: _TYPES.get(n, pl.String) for n in names}
        return pl.DataFrame(rows, schema=schema, orient="row")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with connected(self._path, schema=_SCHEMA) as connection:
            add_columns(connection, "runs", {"attempts": "integer"})
            with connection:
                yield connection


@contextmanager
def connected(path: Path, *, schema: str) -> Iterator[sqlite3.Connection]:
    """A connection to the file of the ledger, with the tables of `schema`.

    Raises
    ------
    RunError
        `run.unwritable` where there is no space, no right to write, or a lock that stays; `run.ledger_damaged`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=LOCK_SECONDS)) as connection:
            connection.execute("pragma journal_mode = wal")
            connection.executescript(schema)
            yield connection
    except (OSError, sqlite3.OperationalError) as problem:
        raise unwritable(path, getattr(problem, "strerror", None) or str(problem)) from None
    except sqlite3.DatabaseError as problem:
        raise RunError("run.ledger_damaged", values={"file": str(path), "problem": str(problem)}) from None


def set_aside_if_damaged(path: Path) -> Path | None:
    """Move a ledger that cannot be read out of the way, and say where to; none if it is sound or not there.

    Pages do not depend on it. What it knew is lost to the new one: every page is made once more, and a schedule waits
    for its next slot.
    """
    if not path.is_file():
        return None
    try:
        with closing(sqlite3.connect(path, timeout=LOCK_SECONDS)) as connection:
            if connection.execute("pragma quick_check(1)").fetchone() == ("ok",):
                return None
    except sqlite3.OperationalError:  # locked, or no right to read: not damage
        return None
    except sqlite3.DatabaseError:
        pass
    place = path.with_name(f"{path.name}.damaged-{uuid4().hex[:8]}")
    with suppress(FileNotFoundError):  # another process was faster
        path.rename(place)
    for rest in ("-wal", "-shm"):
        path.with_name(path.name + rest).unlink(missing_ok=True)
    return place


def add_columns(connection: sqlite3.Connection, table: str, columns: Mapping[str, str]) -> None:
    """Add the columns that tables of earlier versions do not have."""
    there = {row[1] for row in connection.execute(f"pragma table_info({table})")}
    for name, kind in columns.items():
        if name not in there:
            try:
                connection.execute(f"alter table {table} add column {name} {kind}")
            except sqlite3.OperationalError as problem:
                if "duplicate column" not in str(problem):  # another process was faster
                    raise


def alive(pid: int | None, started: float | None) -> bool:
    """Whether that very process still runs (a number may have been given to another one since)."""
    try:
        return pid is not None and started is not None and abs(psutil.Process(pid).create_time() - started) < 1
    except psutil.NoSuchProcess:
        return False
