"""Whole months of a table written anew without some rows: columns of few texts go over as numbers into their texts.

Polars and Delta's own writer make each text anew and look each up again, for every row; most of a rewrite was that.
The commit is Delta's; what this module writes is not read before it.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from crmlib.data.lake import delta, parquet
from crmlib.data.lake.lake import MONTH

LONGEST = 64
"""Longer texts are not told as a file's smallest or largest."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table's folder, its columns without the month as files hold them, and the files of each month to be written."""

    path: Path
    columns: pa.Schema
    files: dict[str, list[Path]]

    @property
    def few(self) -> list[str]:
        """Columns of texts that come often."""
        return [f.name for f in self.columns if f.type == pa.string() and f.name not in parquet.UNLIKE]


def worth(path: Path, days: Sequence[date]) -> bool:
    """Whether most rows of these days' months lie in files with one of the days: such files are written anew anyway."""
    if not delta.local(path):
        return False
    with delta.lake_errors(path):
        adds = pl.DataFrame(delta.opened(path).get_add_actions(flatten=True))
    if not {"num_records", "min.day", "max.day"} <= set(adds.columns):
        return False
    files = adds.filter(pl.col(f"partition.{MONTH}").is_in({f"{d:%Y-%m}" for d in days}))
    spans = files.select(pl.col("min.day").fill_null(date.min), pl.col("max.day").fill_null(date.max)).rows()
    touched = pl.Series([any(a <= d <= b for d in days) for a, b in spans], dtype=pl.Boolean)
    return int(files["num_records"].filter(touched).sum()) > files["num_records"].sum() / 2


def months(path: Path, rows: pl.DataFrame, *, leaving: pl.Series, of: Sequence[str], batch: delta.Batch) -> bool:
    """Write months anew in one commit: what they hold but for rows whose key is `leaving`, and `rows`.

    Returns False, and does nothing, where a file is of other columns than the table (its contract grew since), or the
    table is in an object store.

    Parameters
    ----------
    leaving : keys, named as their column, which are texts. of : the months, with all of `rows`.
    """
    if not delta.local(path) or leaving.dtype != pl.String:
        return False
    with delta.lake_errors(path):
        found = _opened(path, of)
        if found is None or set(rows.columns) != {*found.columns.names, MONTH}:
            return False
        written: list[AddAction] = []
        try:
            for month in of:
                new = rows.filter(pl.col(MONTH) == month)
                written += _month(found, month, new, leaving=leaving)
            table = delta.opened(path)
            table.create_write_transaction(
                [*written],
                mode="overwrite",
                schema=table.schema(),
                partition_by=[MONTH],
                partition_filters=[(MONTH, "in", list(of))],
                commit_properties=batch.properties(),
                post_commithook_properties=delta.HOOKS,
            )
        except BaseException:
            for one in written:
                (path / one.path).unlink(missing_ok=True)
            raise
    return True


def _opened(path: Path, of: Sequence[str]) -> Table | None:
    """The table, if all files of these months are of its columns, none of them nested."""
    table = delta.opened(path)
    columns = pa.schema([_plain(f) for f in pa.schema(table.schema().to_arrow()) if f.name != MONTH])
    if any(pa.types.is_nested(f.type) for f in columns):
        return None
    adds = pl.DataFrame(table.get_add_actions(flatten=True)).select("path", month=f"partition.{MONTH}")
    files = {month: [path / file for file in adds.filter(month=month)["path"]] for month in of}
    for file in (f for some in files.values() for f in some):
        there = pa.schema([_plain(f) for f in pq.read_schema(file)])
        if not there.equals(columns):
            return None
    return Table(path, columns, files)


def _plain(field: pa.Field) -> pa.Field:
    """The field with texts of one kind, whatever its writer said of them."""
    text = pa.types.is_string(field.type) or pa.types.is_large_string(field.type) or pa.types.is_string_view(field.type)
    return pa.field(field.name, pa.string() if text else field.type)


def _month(table: Table, month: str, new: pl.DataFrame, *, leaving: pl.Series) -> list[AddAction]:
    """One file of a month, if anything is left of it."""
    name = f"{MONTH}={month}/part-00000-{uuid.uuid4()}-c000.zstd.parquet"
    file = table.path / name
    file.parent.mkdir(exist_ok=True)
    few = dict.fromkeys(table.few, pa.dictionary(pa.int32(), pa.string()))
    schema = pa.schema([pa.field(f.name, few.get(f.name, f.type)) for f in table.columns])
    try:
        with pq.ParquetWriter(file, schema, **_how(table.columns.names)) as writer:
            for rows in _groups(_kept(table, month, schema, leaving=leaving), _added(new, table.columns, schema)):
                writer.write_table(rows, row_group_size=parquet.GROUP_ROWS)
        if not (told := _told(pq.read_metadata(file)))["numRecords"]:
            file.unlink()
            return []
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    stamp = file.stat()
    return [AddAction(name, stamp.st_size, {MONTH: month}, int(stamp.st_mtime * 1000), True, json.dumps(told))]  # noqa: FBT003


def _how(columns: Sequence[str]) -> dict[str, Any]:
    """The same for Arrow as `parquet.writer` says to Delta's writer."""
    of = {c: parquet.OF_COLUMNS.get(c) for c in columns}
    plain = {c: how.encoding or "PLAIN" for c, how in of.items() if how is not None and how.dictionary_enabled is False}
    silent = {c for c, how in of.items() if how is not None and how.statistics_enabled == "NONE"}
    return {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": [c for c in columns if c not in plain],
        "column_encoding": plain,
        "write_statistics": [c for c in columns if c not in silent],
        "data_page_size": 1 << 22,
        "write_batch_size": 1 << 13,
        "store_schema": False,
    }


def _kept(table: Table, month: str, schema: pa.Schema, *, leaving: pl.Series) -> Iterator[pa.Table]:
    """What stays of a month, some rows after the other."""
    gone = pa.array(leaving.to_list(), pa.string())
    for path in table.files[month]:
        with pq.ParquetFile(path, read_dictionary=table.few) as file:
            for group in range(file.num_row_groups):
                rows = file.read_row_group(group, use_threads=False)
                rows = pa.table([_as(rows[f.name], f.type) for f in schema], schema=schema)
                stays = pc.invert(pc.is_in(rows[leaving.name], value_set=gone))
                yield rows.filter(stays)


def _as(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """The column in the schema's type; only texts are ever of another kind."""
    return column if column.type == kind else column.cast(kind)


def _added(new: pl.DataFrame, columns: pa.Schema, schema: pa.Schema) -> Iterator[pa.Table]:
    """New rows in the types of the files."""
    if new.height:
        rows = new.select(columns.names).to_arrow().cast(columns)
        texts = [rows[f.name].dictionary_encode() if f.type != rows[f.name].type else rows[f.name] for f in schema]
        yield pa.table(texts, schema=schema)


def _groups(*flows: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The rows of all flows in tables of a row group each, the last one smaller; of each column one dictionary."""
    held, rows = list[pa.Table](), 0
    for flow in flows:
        for table in flow:
            held.append(table)
            rows += table.num_rows
            while rows >= parquet.GROUP_ROWS:
                whole = pa.concat_tables(held)
                yield whole.slice(0, parquet.GROUP_ROWS).unify_dictionaries()
                held, rows = [whole.slice(parquet.GROUP_ROWS)], rows - parquet.GROUP_ROWS
    if rows:
        yield pa.concat_tables(held).unify_dictionaries()


def _told(file: pq.FileMetaData) -> dict[str, Any]:
    """What Delta's log says of a file: its rows, and of each column the nulls and the smallest and largest value."""
    low, high, nulls = dict[str, Any](), dict[str, Any](), dict[str, int]()
    for at in range(file.num_columns):
        name = file.schema.column(at).name
        told = [file.row_group(group).column(at).statistics for group in range(file.num_row_groups)]
        if not told or any(one is None or not one.has_null_count for one in told):
            continue
        nulls[name] = sum(one.null_count for one in told)
        values = [(one.min, one.max) for one in told if one.has_min_max]
        filled = [one for one in told if one.num_values]
        if values and len(values) == len(filled):
            ends = _said(min(v[0] for v in values)), _said(max(v[1] for v in values))
            if None not in ends:
                low[name], high[name] = ends
    return {"numRecords": file.num_rows, "minValues": low, "maxValues": high, "nullCount": nulls}


def _said(value: Any) -> str | int | float | bool | None:
    """A value as the log says it; none for what it does not.

    Examples
    --------
    >>> _said(datetime(2026, 8, 1, 9, 30, tzinfo=UTC)), _said(date(2026, 8, 1)), _said(7), _said("x" * 99)
    ('2026-08-01T09:30:00.000000Z', '2026-08-01', 7, None)
    """
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if value.tzinfo else None
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return value if len(value) <= LONGEST else None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, int) else None
