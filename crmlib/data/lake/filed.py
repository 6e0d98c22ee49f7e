"""Rows that the product itself writes into tables of the lake: filed once, or settled in place, one commit each."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import polars as pl

from crmlib.core.contracts import Contract
from crmlib.core.errors import LakeError
from crmlib.data.lake import delta
from crmlib.data.lake.lake import MONTH, Lake
from crmlib.data.lake.store import storable

T = TypeVar("T")
TRIES, PAUSE = 12, 0.25
"""How often, and after how many seconds [s], a lake that somebody else writes to is asked again."""


def file_rows(
    lake: Lake, contract: Contract, rows: pl.DataFrame, *, batch: str, source: str, by: str, now: datetime
) -> bool:
    """Append rows of `contract` in one commit; false if this batch was filed before.

    Parameters
    ----------
    rows : columns of the contract; what is not there is null.
    batch : the commit's own name: filing it again changes nothing.
    source, by : what the rows say they come from, and from whom.

    Raises
    ------
    ContractError
        Where a row breaks the contract.
    LakeError
        `lake.locked` while somebody else writes.
    """
    frame = checked(contract, rows, source=source, by=by, now=now)
    path = lake.table_path(contract.name)
    record = _record(contract, frame.height, source=source, by=by, now=now)

    def write() -> bool:
        if delta.committed(path, batch):
            return False
        partition = MONTH if contract.dated else None
        stored = storable(frame, contract)
        delta.append(path, stored, batch=delta.Batch(batch, record), partition=partition, description=facts(lake))
        return True

    return with_pen(lake, write)


def settle(
    lake: Lake, contract: Contract, rows: pl.DataFrame, *, where: Mapping[str, str | int], by: str, now: datetime
) -> None:
    """Put `rows` in the place of all rows with the values of `where`, in one commit.

    Raises
    ------
    ContractError
        Where a row breaks the contract.
    """
    frame = checked(contract, rows, source="lists", by=by, now=now)
    path, stored = lake.table_path(contract.name), storable(frame, contract)
    with_pen(lake, lambda: delta.replace_where(path, stored, where=where, description=facts(lake)))


def checked(contract: Contract, rows: pl.DataFrame, *, source: str, by: str, now: datetime) -> pl.DataFrame:
    """`rows` in the contract's columns and types, with where they come from; what breaks it is refused."""
    own = {
        "src_name": pl.lit(source),
        "src_file": pl.lit(by or source),
        "src_line": pl.int_range(1, pl.len() + 1, dtype=pl.Int64),
        "known_at": pl.lit(now.astimezone(UTC)),
    }
    types = contract.schema.columns()
    full = rows.select(
        (own[name] if name in own else pl.col(name) if name in rows.columns else contract.unmapped(name))
        .cast(column.dtype, strict=False)
        .alias(name)
        for name, column in types.items()
    )
    return contract.schema.validate(full)


def with_pen(lake: Lake, write: Callable[[], T]) -> T:
    """Write with the lake's pen; wait a little while somebody else holds it."""
    for attempt in range(TRIES):
        try:
            with lake.writing():
                return write()
        except LakeError as error:
            if error.code != "lake.locked" or attempt == TRIES - 1:
                raise
            time.sleep(PAUSE)
    raise AssertionError("the last attempt returns or raises")


def facts(lake: Lake) -> str:
    """What a table says of the whole lake."""
    return json.dumps({"currency": lake.currency, "time_zone": lake.time_zone})


def _record(contract: Contract, rows: int, *, source: str, by: str, now: datetime) -> dict[str, Any]:
    none = dict.fromkeys(("replaced", "duplicate", "conflict", "quarantined", "excluded", "withdrawn"), 0)
    said = {"source": source, "table": contract.name, "at": now.astimezone(UTC).isoformat(), "by": by, "files": []}
    return {**none, **said, "read": rows, "kept": rows, "rules": []}
