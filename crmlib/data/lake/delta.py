"""Delta tables, the only place that writes them: one commit carries the rows and the record of the batch."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from shutil import disk_usage
from typing import Any, Literal

import polars as pl
import pyarrow as pa
from deltalake import (
    CommitProperties,
    DeltaTable,
    PostCommitHookProperties,
    Transaction,
    write_deltalake,
)
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.fs import DeltaStorageHandler
from deltalake.schema import PrimitiveType
from pyarrow import fs

from crmlib.core.errors import LakeError
from crmlib.data.lake import parquet, storage

LOG = "_delta_log"
"""Folder of a table's commits."""
PRIVATE = frozenset(("people", "partner_people", "set_apart"))
"""Tables that only the owner of the lake may open."""
RECORD = "crmlib"
"""Key of the batch record in a commit's metadata."""

KEEP_LOG = {
    "delta.logRetentionDuration": "interval 3650 days",
    "delta.deletedFileRetentionDuration": "interval 3650 days",
}
"""Old versions stay readable for ten years, or until `vacuum`; the default of a week would unmake reports."""

COMPRESSED = 0.05
"""Bytes on disk per byte in memory, from below; a disk that fills up all the same is caught when it does."""
FLOW_ROWS = 1 << 17
HOOKS = PostCommitHookProperties(cleanup_expired_logs=False)


@dataclass(frozen=True, slots=True)
class Batch:
    """What a commit says of itself: its id, unique per table (empty: may come again), and a record of plain values."""

    id: str
    record: Mapping[str, Any] = field(default_factory=dict)

    def properties(self) -> CommitProperties:
        """The same as Delta's commit metadata and application transaction."""
        return CommitProperties(
            custom_metadata={RECORD: json.dumps({"batch": self.id, **self.record}, ensure_ascii=False, default=str)},
            app_transactions=[Transaction(self.id, 1)] if self.id else None,
        )


def exists(path: Path) -> bool:
    """Whether a Delta table stands at `path`."""
    url, options = storage.place(path)
    if options is None:
        return DeltaTable.is_deltatable(url)
    with lake_errors(path):
        key = url, os.environ.get("AWS_ENDPOINT_URL"), *sorted(options.items())
        if key not in _SEEN and DeltaTable.is_deltatable(url, options):
            _SEEN.add(key)
    return key in _SEEN


_SEEN: set[tuple[object, ...]] = set()
"""Tables of object stores that were there once: they stay, and asking costs a request."""


def opened(path: Path, *, at: int | None = None) -> DeltaTable:
    """The table, where its lake keeps it, at its newest or an older version."""
    url, options = storage.place(path)
    return DeltaTable(url, version=at, storage_options=options)


def version(path: Path) -> int:
    """Number of the table's newest commit."""
    newest = max(_commits(path), default=None)
    if newest is not None:
        return newest
    with lake_errors(path):
        return int(opened(path).version())


def names(folder: Path) -> set[str]:
    """What stands in a folder of tables of a lake, wherever it lies."""
    found = storage.of(folder.parent)
    if found is None:
        return {one.name for one in folder.iterdir()} if folder.is_dir() else set()
    with lake_errors(folder):
        return {
            Path(one.path).name for one in _listed(f"{found.url}/{folder.name}", storage.PATIENCE | dict(found.options))
        }


def sizes(path: Path) -> dict[str, int]:
    """The files of a table and their bytes, by their names in its log."""
    url, options = storage.place(path)
    if options is not None:
        return {str(one.path): int(one.size) for one in _listed(url, options, deep=True) if one.is_file}
    return {f.relative_to(path).as_posix(): f.stat().st_size for f in path.rglob("*") if f.is_file()}


def _listed(url: str, options: dict[str, str], *, deep: bool = False) -> list[Any]:
    store = fs.PyFileSystem(DeltaStorageHandler(url, options))
    listed: list[Any] = store.get_file_info(fs.FileSelector("", allow_not_found=True, recursive=deep))
    return listed


def local(path: Path) -> bool:
    """Whether the table lies in the lake's own folder."""
    return storage.place(path)[1] is None


def _commits(path: Path) -> dict[int, Path]:
    """The files of a table's commits by number; opening the table for it costs a hundred times as much."""
    try:
        files = list((path / LOG).iterdir())
    except OSError:
        return {}
    return {int(f.stem): f for f in files if f.suffix == ".json" and f.stem.isdigit()}


@lru_cache(maxsize=4096)
def _said(commit: Path, *, stamp: tuple[int, int]) -> str | None:
    """The record of a commit, none where it has none; `stamp` (size and time of the file) says when to read it anew."""
    with commit.open(encoding="utf-8") as lines:
        for line in lines:
            if line.startswith('{"commitInfo"'):
                said = json.loads(line)["commitInfo"].get(RECORD)
                return None if said is None else str(said)
    return None


def committed(path: Path, batch_id: str) -> bool:
    """Whether the batch is already in the table."""
    return exists(path) and opened(path).transaction_version(batch_id) is not None


def history(path: Path) -> list[dict[str, Any]]:
    """Records of all batches committed to the table, oldest first, each with the table's version after it."""
    commits = _commits(path)
    if commits and min(commits) == 0:
        with suppress(OSError, ValueError):  # a damaged log is told by whoever opens it
            said = {n: _said(f, stamp=_stamp(f)) for n, f in sorted(commits.items())}
            return [{**json.loads(record), "version": n} for n, record in said.items() if record is not None]
    with lake_errors(path):
        older = opened(path).history()
    return [
        {**json.loads(commit[RECORD]), "version": commit["version"]} for commit in reversed(older) if RECORD in commit
    ]


def _stamp(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_size, found.st_mtime_ns


def scan(path: Path, *, at: int | None = None) -> pl.LazyFrame:
    """The table's rows, at its newest or an older version; settled here, however often and late a reader collects."""
    with lake_errors(path):
        remote = not local(path)  # Polars wants the number as a number, and takes the table's own options first
        reading: dict[str, Any] | None = {"max_retries": int(storage.PATIENCE["max_retries"])} if remote else None
        return pl.scan_delta(opened(path, at=at), storage_options=reading)


def close(path: Path) -> None:
    """Shut others out of a table of persons, of rows set apart (raw text may name some), or of states (ids of members).

    Analysts who share the machine read the other tables.
    """
    if local(path) and (path.name in PRIVATE or path.parent.name == "state"):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)


def check_room(path: Path, rows: pl.DataFrame) -> None:
    """Refuse to begin what cannot end: the disk has less room than the rows take when compressed."""
    if not local(path):
        return
    folder = next((p for p in (path, *path.parents) if p.exists()), Path("/"))
    if disk_usage(folder).free < rows.estimated_size() * COMPRESSED:
        raise OSError(errno.ENOSPC, "No space left on device")


def append(path: Path, rows: pl.DataFrame, *, batch: Batch, partition: str | None, description: str) -> None:
    """Add rows in one commit, creating the table if need be."""
    with lake_errors(path):
        check_room(path, rows)
        close(path)
        url, options = storage.place(path)
        write_deltalake(
            url,
            rows,
            mode="append",
            partition_by=[partition] if partition else None,
            schema_mode=_growth(path, rows),
            description=description,
            storage_options=options,
            configuration=KEEP_LOG,
            commit_properties=batch.properties(),
            post_commithook_properties=HOOKS,
            writer_properties=parquet.writer(path, parquet.long(rows)),
        )


def overwrite(
    path: Path,
    rows: pl.DataFrame | pl.LazyFrame,
    *,
    batch: Batch,
    description: str,
    days: list[date] | None = None,
    months: list[str] | None = None,
) -> None:
    """Replace the whole table, or only the rows of `days` or of whole `months`, in one commit.

    Of months no file is opened: what gives way is told by its folder.
    """
    predicate = _days_predicate(days) if days is not None else None
    predicate = f"month IN ({_quoted(set(months))})" if months is not None else predicate
    _overwrite(path, rows, batch=batch, description=description, predicate=predicate, months=months)


def replace_where(path: Path, rows: pl.DataFrame, *, where: Mapping[str, str | int], description: str) -> None:
    """Replace the rows with the values of `where`, in one commit; values are letters, digits, `.`, `_` and `-`."""
    tests = (f"{column} = {value if isinstance(value, int) else _quoted({value})}" for column, value in where.items())
    if not exists(path):
        append(path, rows, batch=Batch(""), partition=None, description=description)
        return
    _overwrite(path, rows, batch=Batch(""), description=description, predicate=" AND ".join(tests))


def replace_batch(path: Path, rows: pl.DataFrame, *, batch_id: str) -> None:
    """Write the rows of a batch over those that an earlier, unfinished try of it left; `batch` is the partition."""
    if exists(path):
        _overwrite(path, rows, batch=Batch(""), description="{}", predicate=f"batch = '{batch_id}'")
    else:
        append(path, rows, batch=Batch(""), partition="batch", description="{}")


def _overwrite(
    path: Path,
    rows: pl.DataFrame | pl.LazyFrame,
    *,
    batch: Batch,
    description: str,
    predicate: str | None,
    months: list[str] | None = None,
) -> None:
    with lake_errors(path):
        if isinstance(rows, pl.DataFrame):
            check_room(path, rows)
        close(path)
        url, options = storage.place(path)
        write_deltalake(
            url,
            rows if isinstance(rows, pl.DataFrame) else _flow(rows, months),
            mode="overwrite",
            predicate=predicate,
            schema_mode=_growth(path, rows),
            description=description,
            storage_options=options,
            configuration=KEEP_LOG,
            commit_properties=batch.properties(),
            post_commithook_properties=HOOKS,
            writer_properties=parquet.writer(path, parquet.long(rows)),
        )


def compact(path: Path, table: DeltaTable, *, months: list[str] | None = None) -> int:
    """Write the files of a table, or of some of its months, anew in one commit; how many gave way."""
    long = [field.name for field in table.schema().fields if field.type == PrimitiveType("long")]
    done = table.optimize.compact(
        partition_filters=[("month", "in", months)] if months else None,
        writer_properties=parquet.writer(path, long),
        post_commithook_properties=HOOKS,
    )
    return int(done["numFilesRemoved"])


def _flow(rows: pl.LazyFrame, months: list[str] | None) -> pa.RecordBatchReader:
    """The rows of a plan as they come: a rewrite of many days never stands in memory at once.

    Of months one comes after the other: the writer then holds one of them open, not all.
    """
    schema = pl.DataFrame(schema=rows.collect_schema()).to_arrow().schema
    plans = [rows] if months is None else [rows.filter(pl.col("month") == month) for month in months]
    flows = (
        p.collect_batches(chunk_size=FLOW_ROWS, maintain_order=False, lazy=True, engine="streaming") for p in plans
    )
    return pa.RecordBatchReader.from_batches(
        schema, (batch for frames in flows for frame in frames for batch in frame.to_arrow().to_batches())
    )


def _growth(path: Path, rows: pl.DataFrame | pl.LazyFrame) -> Literal["merge"] | None:
    """Whether the rows bring columns that the table does not have yet: its contract has grown since it was made."""
    if not exists(path):
        return None
    there = {field.name for field in opened(path).schema().fields}
    return "merge" if set(rows.collect_schema()) - there else None


def _days_predicate(days: list[date]) -> str:
    """Delta predicate for a set of days; months come first so that untouched partitions are not opened."""
    months = _quoted({f"{d:%Y-%m}" for d in days})
    first, last = min(days), max(days)
    if (last - first).days + 1 == len(set(days)):
        return f"month IN ({months}) AND day >= '{first}' AND day <= '{last}'"
    return f"month IN ({months}) AND day IN ({_quoted({str(d) for d in days})})"


def _quoted(values: set[str]) -> str:
    return ", ".join(f"'{v}'" for v in sorted(values))


@contextmanager
def lake_errors(path: Path) -> Iterator[None]:
    """Turn what Delta and the operating system say into errors a user can act on."""
    try:
        yield
    except TableNotFoundError as error:
        raise no_table(path.name, []) from error
    except CommitFailedError as error:
        raise _failed("lake.busy", path, error) from error
    except (DeltaError, OSError, pl.exceptions.PolarsError) as error:
        raise explain(error, path) from error


def explain(error: Exception, path: Path) -> LakeError:
    """The three-part error for a failed read or write: disk full, no permission, of a later version, or damaged."""
    text = str(error)
    if not local(path) and (CONDITION.search(text) or UNREACHED.search(text)):
        url = storage.place(path)[0]
        if CONDITION.search(text):
            return LakeError("lake.storage_unsafe", values={"url": url, "answer": "501"})
        return LakeError("lake.storage_unreachable", values={"url": url, "reason": _said_by_store(text)})
    if "No space left" in text or "os error 28" in text or "Disk quota" in text:
        return _failed("lake.disk_full", path, error)
    if "ermission denied" in text or "Read-only file system" in text:
        return _failed("lake.not_allowed", path, error)
    if "Unsupported" in text and ("version" in text or "Feature" in text):
        return _failed("lake.newer_table", path, error)
    return _failed("lake.damaged", path, error)


CONDITION = re.compile(r"501 Not Implemented|NotImplemented|AWS_S3_ALLOW_UNSAFE_RENAME|requires a LockClient")
UNREACHED = re.compile(r"error sending request|[Cc]onnect|NoSuchBucket|\b40[013]\b|\b5\d\d\b|timed out|credential")


def _said_by_store(text: str) -> str:
    """What an object store answered, in one line."""
    told = re.search(r"<Code>(\w+)</Code>", text)
    line = next((t for t in text.splitlines() if "status code" in t or "error" in t.lower()), text)
    status = re.search(r"\b[45]\d\d [A-Z][\w ]+", text)
    return " ".join(filter(None, (status and status[0], told and told[1]))) or line.strip(" ↳")[:160]


DAMAGE = re.compile(r"parquet|PAR1|range\.end as u64|_delta_log|Delta|os error 2\b")


def damage(error: BaseException) -> LakeError | None:
    """The three-part error for what a reader ran into while it collected: a file cut short, mixed up or gone.

    A file that is cut short lets the engine panic; neither names the table, so `crmlib check --lake` is what helps.
    """
    text = str(error)
    if not isinstance(error, OSError | pl.exceptions.PolarsError | pl.exceptions.PanicException):
        return None
    if not DAMAGE.search(text) or "os error 28" in text:
        return None
    reason = (text.strip().splitlines() or [type(error).__name__])[0][:200]
    return LakeError("lake.damaged_files", values={"reason": reason})


def no_table(name: str, present: list[str]) -> LakeError:
    """The error for a table that is not in the lake."""
    return LakeError("lake.no_table", values={"name": name, "present": ", ".join(present)})


def _failed(code: str, path: Path, error: Exception) -> LakeError:
    reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return LakeError(code, values={"name": path.name, "path": str(path), "reason": reason})
