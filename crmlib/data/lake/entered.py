"""Rows that people enter on a page: one row, one commit, with who and when; the same form sent twice is one row.

A commit is all or nothing, so a process that dies leaves the row or no trace of it. While an ingest holds the lake's
pen the row waits a little, and is then refused in words: nothing is lost that was said to be kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl

from crmlib.core.contracts import Contract
from crmlib.data.lake.filed import file_rows
from crmlib.data.lake.lake import Lake

SOURCE = "page"
"""What the rows say they come from."""


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
    given = {name: [value] for name, value in row.items()}
    frame = pl.DataFrame(given, schema={name: types[name].dtype for name in given}, strict=False)
    return file_rows(lake, contract, frame, batch=f"entered-{form}", source=SOURCE, by=by, now=now)
