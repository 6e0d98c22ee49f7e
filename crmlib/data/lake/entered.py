"""Rows that people enter on a page: one row, one commit, with who and when; the same form sent twice is one row.

A commit is all or nothing, so a process that dies leaves the row or no trace of it. While an ingest holds the lake's
pen the row waits a little, and is then refused in words: nothing is lost that was said to be kept.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import polars as pl

from crmlib.core.contracts import Contract
from crmlib.core.errors import LakeError
from crmlib.data.lake import delta
from crmlib.data.lake.lake import MONTH, Lake
from crmlib.data.lake.store import storable

SOURCE = "page"
"""What the rows say they come from."""
TRIES, PAUSE = 12, 0.25
"""How often, and after how many seconds [s], a lake that somebody else writes to is asked again."""


def enter(lake: Lake, contract: Contract, row: Mapping[str, Any], *, form: str, by: str, now: datetime) -> bool:
    """Keep one row of `contract`; false if this form was kept before.

    Parameters
    ----------
    row : what was entered, by column of the contract; what is not named is null.
    form : the form's own number: sending it again changes nothing.
    by : who entered it; now : when.

    Raises
    ------
    ContractError
        Where the row breaks the contract.
    LakeError
        `lake.locked` while somebody else writes.
    """
    types = contract.schema.columns()
    own = {"src_name": SOURCE, "src_file": by or SOURCE, "src_line": 1, "known_at": now.astimezone(UTC)}
    given = {name: [{**own, **row}.get(name)] for name in types}
    frame = pl.DataFrame(given, schema={name: column.dtype for name, column in types.items()}, strict=False)
    contract.schema.validate(frame)
    path, batch = lake.table_path(contract.name), delta.Batch(f"entered-{form}", _record(contract, by=by, now=now))
    facts = json.dumps({"currency": lake.currency, "time_zone": lake.time_zone})
    for attempt in range(TRIES):
        try:
            with lake.writing():
                if delta.committed(path, batch.id):
                    return False
                partition = MONTH if contract.dated else None
                delta.append(path, storable(frame, contract), batch=batch, partition=partition, description=facts)
                return True
        except LakeError as error:
            if error.code != "lake.locked" or attempt == TRIES - 1:
                raise
            time.sleep(PAUSE)
    raise AssertionError("the last attempt returns or raises")


def _record(contract: Contract, *, by: str, now: datetime) -> dict[str, Any]:
    none = dict.fromkeys(("replaced", "duplicate", "conflict", "quarantined", "excluded", "withdrawn"), 0)
    said = {"source": SOURCE, "table": contract.name, "at": now.astimezone(UTC).isoformat(), "by": by, "files": []}
    return {**none, **said, "read": 1, "kept": 1, "rules": []}
