"""The lake: checked tables with versions, what was set apart, small states, and the key of the pseudonyms."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any

import polars as pl
from deltalake.exceptions import DeltaError

import crmlib
from crmlib.core.contracts import CONTRACTS, TIME_ZONE
from crmlib.core.errors import LakeError
from crmlib.data.lake import delta, form, pseudonyms, storage

SET_APART = "set_apart"
MONTH = "month"
STATES = ".lock-states"
"""The pen for states: a report that is done does not wait for an ingest under way."""
KEEP_DAYS = 400
"""Versions younger than this are never vacuumed: a report of last year's festival can be made again."""
KEEP_QUARANTINE_DAYS = 90

SET_APART_SCHEMA = pl.Schema(
    [
        ("batch", pl.String()),
        ("kind", pl.String()),
        ("source", pl.String()),
        ("table", pl.String()),
        ("src_file", pl.String()),
        ("src_line", pl.Int64()),
        ("rule", pl.String()),
        ("rules", pl.String()),
        ("value", pl.String()),
        ("like", pl.String()),
        ("raw", pl.String()),
        ("at", pl.Datetime("us", "UTC")),
    ]
)
"""Rows that are in no table: `kind` is quarantined, duplicate or excluded; `like` is where a duplicate stood first."""

INGESTS_SCHEMA = pl.Schema(
    [
        ("batch", pl.String()),
        ("source", pl.String()),
        ("table", pl.String()),
        ("at", pl.Datetime("us", "UTC")),
        ("version", pl.Int64()),
        ("currency", pl.String()),
        ("read", pl.Int64()),
        ("kept", pl.Int64()),
        ("replaced", pl.Int64()),
        ("duplicate", pl.Int64()),
        ("conflict", pl.Int64()),
        ("quarantined", pl.Int64()),
        ("excluded", pl.Int64()),
        ("withdrawn", pl.Int64()),
        ("files", pl.String()),
        ("rules", pl.String()),
    ]
)


def month_of(day: pl.Series) -> pl.Series:
    """The month that rows are filed under, `2026-05`; each day is worded once."""
    days = day.unique()
    told = pl.DataFrame({"day": days, MONTH: days.dt.strftime("%Y-%m")}, schema={"day": pl.Date, MONTH: pl.String})
    return day.to_frame("day").join(told, on="day", how="left", nulls_equal=True, maintain_order="left")[MONTH]


class Lake:
    """A folder of Delta tables. Nothing is read or made before it is asked for.

    Parameters
    ----------
    path : the folder; made by the first ingest.

    Examples
    --------
    >>> Lake("no/such/folder").tables()
    []
    """

    __slots__ = ("_opened", "_settled", "path")

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._settled: dict[str, object] = {}
        self._opened: dict[tuple[str, int], pl.LazyFrame] = {}  # a version never changes: its log is read once

    def __repr__(self) -> str:
        return f"Lake({str(self.path)!r})"

    def _repr_html_(self) -> str:
        """In a notebook: its tables with their versions."""
        rows = "".join(f"<tr><th>{name}</th><td>{version}</td></tr>" for name, version in self.versions().items())
        return f"<p><strong>Lake</strong> {escape(str(self.path))}</p><table>{rows}</table>"

    def tables(self) -> list[str]:
        """Names of the tables that hold at least one ingest, sorted."""
        form.check(self.path, by=crmlib.__version__)
        there = delta.names(self.path / "tables")
        return sorted(name for name in there if name in CONTRACTS and delta.exists(self.table_path(name)))

    def has(self, name: str) -> bool:
        """Whether the table was ever ingested."""
        return delta.exists(self.table_path(name))

    def table(self, name: str, *, version: int | None = None) -> pl.LazyFrame:
        """The rows of a table in its contract's types, at the newest or an older version.

        Instants are shown in the lake's time zone. Columns that the contract gained since hold its default, or nothing.
        """
        if version is not None and (name, version) in self._opened:
            return self._opened[name, version]
        found = self._table(name, version)
        if version is not None:
            self._opened[name, version] = found
        return found

    def _table(self, name: str, version: int | None) -> pl.LazyFrame:
        form.check(self.path, by=crmlib.__version__)
        if not self.has(name):
            raise delta.no_table(name, self.tables())
        path = self.table_path(name)
        if version is not None and not 0 <= version <= (newest := delta.version(path)):
            raise _no_version(name, version, newest)
        rows = delta.scan(path, at=version)
        if name not in CONTRACTS:
            return rows
        zone, contract, stored = self.time_zone, CONTRACTS[name], set(rows.collect_schema())
        defaults = dict(contract.defaults)
        return rows.select(
            contract.unmapped(column).alias(column)
            if column not in stored and (field.nullable or column in defaults)
            else _restored(column, field.dtype, zone).fill_null(contract.unmapped(column))
            if column in defaults
            else _restored(column, field.dtype, zone)
            for column, field in contract.schema.columns().items()
        )

    def versions(self, *, at: datetime | None = None) -> dict[str, int]:
        """Newest version of every table, or the one in force `at` a time; the newest where a table is younger.

        What a report notes so that it can be made again.
        """
        newest = {name: delta.version(self.table_path(name)) for name in self.tables()}
        if at is None:
            return newest
        then = self.ingests().filter(pl.col("at") <= at).group_by("table").agg(pl.col("version").max())
        return newest | dict(then.iter_rows())

    @property
    def currency(self) -> str:
        """The one currency of the lake, CNY as long as it is empty."""
        return self.settled_currency or "CNY"

    @property
    def settled_currency(self) -> str | None:
        """The currency of the money in the lake; None as long as there is none."""
        found = self._fact("currency")
        return None if found is None else str(found)

    @property
    def time_zone(self) -> str:
        """The one time zone of the lake."""
        return str(self._fact("time_zone") or TIME_ZONE)

    def ingests(self, *tables: str) -> pl.DataFrame:
        """One row per batch (of some tables), oldest first, with the five terms of its sum; from their histories."""
        records = [r for name in tables or self.tables() for r in delta.history(self.table_path(name))]
        rows = [{column: _plain(record.get(column)) for column in INGESTS_SCHEMA} for record in records]
        frame = pl.DataFrame(rows, schema={**INGESTS_SCHEMA, "at": pl.String})
        frame = frame.with_columns(pl.col("conflict").fill_null(0))  # ingests before conflicts were counted apart
        return frame.with_columns(pl.col("at").str.to_datetime(time_unit="us", time_zone="UTC")).sort(
            "at", "table", "version"
        )

    def set_apart(self) -> pl.LazyFrame:
        """Every row read but not stored, with its reason; rows of ingests that did not finish are not shown."""
        if not delta.exists(self.path / SET_APART):
            return pl.LazyFrame(schema=SET_APART_SCHEMA)
        done = self.ingests().select("batch").unique().lazy()
        return delta.scan(self.path / SET_APART).select(SET_APART_SCHEMA.names()).join(done, on="batch", how="semi")

    def quarantine(self) -> pl.LazyFrame:
        """Rows that broke a rule: rule, value, file, line, raw text. May hold personal data."""
        return self.set_apart().filter(pl.col("kind") == "quarantined")

    def states(self) -> tuple[str, ...]:
        """Names of the state tables, in order."""
        return tuple(sorted(delta.names(self.path / "state")))

    def write_state(self, name: str, frame: pl.DataFrame) -> int:
        """Replace the small state table `name` (frozen cuts, thresholds) and return its new version."""
        path = self.path / "state" / name
        with self.writing(STATES):
            delta.overwrite(path, frame, batch=delta.Batch(""), description="{}")
        return delta.version(path)

    def update_state(self, name: str, change: Callable[[pl.DataFrame | None], pl.DataFrame | None]) -> None:
        """Replace the state table `name` by what `change` makes of it; none leaves it as it is.

        Nobody else writes between the reading and the writing.
        """
        path = self.path / "state" / name
        with self.writing(STATES):
            frame = change(self.state(name))
            if frame is not None:
                delta.overwrite(path, frame, batch=delta.Batch(""), description="{}")

    def state(self, name: str, *, version: int | None = None) -> pl.DataFrame | None:
        """The state table `name`, or None if it was never written."""
        path = self.path / "state" / name
        return delta.scan(path, at=version).collect() if delta.exists(path) else None

    def pseudonyms(self, ids: pl.Series) -> pl.Series:
        """Keyed pseudonyms of `ids`, aligned with them: 8 characters, longer where two would be equal."""
        return pseudonyms.of(ids, key=pseudonyms.key_of(self.path))

    @contextmanager
    def writing(self, pen_name: str = ".lock") -> Iterator[None]:
        """Hold the lake's one pen, or the one for states; the operating system takes it back if the process dies."""
        with delta.lake_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            pen = (self.path / pen_name).open("w", encoding="ascii")
        with pen:
            try:
                fcntl.flock(pen, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LakeError("lake.locked", values={"path": str(self.path)}) from None
            storage.settle(self.path)
            with delta.lake_errors(self.path):
                form.note(self.path, by=crmlib.__version__)
            yield

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """An empty folder on the lake's disk, for the writer; what a dead process left there goes first."""
        folder = self.path / ".scratch"
        with delta.lake_errors(self.path):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700)
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def vacuum(self, *, now: datetime, keep_days: int = KEEP_DAYS) -> int:
        """Delete files used only by versions older than `keep_days`, and old quarantine rows; how many files went."""
        with self.writing():
            self._forget_quarantine(now)
            paths = [self.table_path(name) for name in self.tables()]
            paths += [
                p
                for name in delta.names(self.path / "reductions")
                if delta.exists(p := self.path / "reductions" / name)
            ]
            removed = [
                delta.opened(path).vacuum(
                    retention_hours=max(keep_days, KEEP_DAYS) * 24, dry_run=False, enforce_retention_duration=False
                )
                for path in paths
            ]
        return sum(len(files) for files in removed)

    def _forget_quarantine(self, now: datetime) -> None:
        path = self.path / SET_APART
        if delta.exists(path):
            table = delta.opened(path)
            oldest = now - timedelta(days=KEEP_QUARANTINE_DAYS)
            table.delete(f"at < '{oldest.astimezone().isoformat()}'")
            table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)

    def table_path(self, name: str) -> Path:
        """Folder of a table."""
        return self.path / "tables" / name

    def _fact(self, key: str) -> object:
        """What the tables say of the whole lake; once it is said it stays."""
        for name in () if key in self._settled else self.tables():
            try:
                said = delta.opened(self.table_path(name)).metadata().description
            except (DeltaError, OSError):  # one damaged table is told when it is read; the others know it, too
                continue
            facts: Mapping[str, Any] = json.loads(said or "{}")
            if facts.get(key) is not None:
                self._settled |= {name: fact for name, fact in facts.items() if fact is not None}
                break
        return self._settled.get(key)


def _restored(column: str, dtype: pl.DataType, zone: str) -> pl.Expr:
    if isinstance(dtype, pl.Datetime):
        return pl.col(column).dt.convert_time_zone(zone)
    return pl.col(column).cast(dtype) if isinstance(dtype, pl.Enum) else pl.col(column)


def _plain(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _no_version(name: str, version: int, newest: int) -> LakeError:
    return LakeError("lake.no_version", values={"name": name, "version": version, "newest": newest})
