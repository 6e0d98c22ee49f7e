"""Rows that people enter on a page: one commit a table, with who and when; the same form sent twice is one entry.

A commit is all or nothing, so a process that dies leaves a row or no trace of it; of several rows the last is the one
that counts, and sending the form again writes what is missing. While an ingest holds the lake's pen the entry waits a
little, and is then refused in words: nothing is lost that was said to be kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from crmlib.core.contracts import Contract
from crmlib.data.lake import delta
from crmlib.data.lake.filed import checked, facts, with_pen
from crmlib.data.lake.lake import MONTH, Lake
from crmlib.data.lake.store import storable

SOURCE = "page"
"""What the rows say they come from."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of `contract`, by column; what is not named is null. `anew`: it takes the place of its key's row."""

    contract: Contract
    row: Mapping[str, Any]
    anew: bool = False


def enter(lake: Lake, contract: Contract, row: Mapping[str, Any], *, form: str, by: str, now: datetime) -> bool:
    """Keep one row of `contract`: `enter_all` of it alone."""
    return enter_all(lake, [Entry(contract, row)], form=form, by=by, now=now)


def enter_all(
    lake: Lake,
    entries: Sequence[Entry],
    *,
    form: str,
    by: str,
    now: datetime,
    fine: Callable[[], None] | None = None,
) -> bool:
    """Keep one row a table, in this order; false if this form was kept before.

    Parameters
    ----------
    form : the form's own number: sending it again changes nothing, or writes what a dead process left out.
    by : who entered it; now : when.
    fine : raises where it may not be; asked while nobody else can write, and only before the first row.

    Raises
    ------
    ContractError
        Where a row breaks its contract.
    LakeError
        `lake.locked` while somebody else writes.
    """
    rows = [checked(e.contract, _typed(e), source=SOURCE, by=by, now=now) for e in entries]
    batch = f"entered-{form}"

    def write() -> bool:
        there = [delta.committed(lake.table_path(e.contract.name), batch) for e in entries]
        if fine is not None and not any(there):
            fine()
        for entry, frame, done in zip(entries, rows, there, strict=True):
            if not done:
                said = {"table": entry.contract.name, "at": now.astimezone(UTC).isoformat(), "by": by}
                _write(lake, entry, frame, batch=batch, said=said)
        return not all(there)

    return with_pen(lake, write)


def _typed(entry: Entry) -> pl.DataFrame:
    types = entry.contract.schema.columns()
    given = {name: [value] for name, value in entry.row.items()}
    return pl.DataFrame(given, schema={name: types[name].dtype for name in given}, strict=False)


def _write(lake: Lake, entry: Entry, frame: pl.DataFrame, *, batch: str, said: Mapping[str, str]) -> None:
    contract, path = entry.contract, lake.table_path(entry.contract.name)
    row = storable(frame, contract)
    there = lake.table(contract.name).collect() if entry.anew and delta.exists(path) else frame.clear()
    kept = there.join(frame, on=list(contract.key), how="anti", maintain_order="left")
    gone = there.height - kept.height
    none = dict.fromkeys(("duplicate", "conflict", "quarantined", "excluded", "withdrawn"), 0)
    counts = {"source": SOURCE, "read": 1, "kept": 1 - gone, "replaced": gone, "files": [], "rules": []}
    record = delta.Batch(batch, {**none, **said, **counts})
    if gone:
        rows = pl.concat([storable(kept, contract), row])
        delta.overwrite(path, rows, batch=record, description=facts(lake))
    else:
        partition = MONTH if contract.dated else None
        delta.append(path, row, batch=record, partition=partition, description=facts(lake))
