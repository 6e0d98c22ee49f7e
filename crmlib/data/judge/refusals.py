"""Batches that are refused whole: storing them would hide a mistake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from crmlib.core.errors import ContractError, LakeError, SourceError, mask
from crmlib.data.judge.mapping import VALUE
from crmlib.data.judge.resolve import KIND, QUARANTINED
from crmlib.data.read.raw import RawPart
from crmlib.data.result import IngestResult

REUSED_AT_LEAST, REUSED_SHARE = 5, 0.05
"""A few receipts may cross midnight or be moved by a correction; more than these are numbers that start anew."""


def empty(parts: list[RawPart], names: list[str]) -> None:
    """Refuse files without a single row."""
    if any(part.read for part in parts):
        return
    shown = ", ".join(names[:3])
    raise SourceError("ingest.empty", values={"files": shown})


def mixed_currency(source: str, wanted: str, settled: str | None) -> None:
    """Refuse money of another currency than the lake's."""
    if settled is None or wanted == settled:
        return
    raise LakeError("lake.mixed_currency", values={"source": source, "currency": wanted, "lake": settled})


def reused_receipts(source: str, rows: pl.DataFrame, old: pl.DataFrame) -> None:
    """Receipt numbers that start anew every day or in every store would overwrite one another: refuse them."""
    columns = ["receipt_id", "day", "store_id"]
    both = pl.concat([rows.select(columns), old.select(columns)])
    spread = both.group_by("receipt_id").agg(pl.col("day", "store_id").drop_nulls().n_unique())
    reused = spread.filter((pl.col("day") > 1) | (pl.col("store_id") > 1)).sort("receipt_id")
    if reused.height <= max(REUSED_AT_LEAST, REUSED_SHARE * spread.height):
        return
    raise ContractError(
        "ingest.receipt_reused",
        values={"source": source, "reused": reused.height, "receipts": spread.height},
        examples=[mask(r) for r in reused["receipt_id"].head(5)],
    )


def worthless(result: IngestResult, apart: pl.DataFrame) -> None:
    """A batch without a single good row is a mistake in the mapping or the export; storing it would hide that."""
    if result.quarantined == 0 or result.quarantined + result.excluded < result.read:
        return
    bad = apart.filter(pl.col(KIND) == QUARANTINED)
    rules = result.rules.filter(pl.col("kind") == QUARANTINED)
    listed = ", ".join(f"{rule} {rows}" for rule, rows in rules.select("rule", "rows").head(8).iter_rows())
    seen = bad.select("src_file", "src_line", VALUE).head(5).iter_rows()
    raise ContractError(
        "ingest.nothing_valid",
        values={"source": result.source, "rows": result.read, "rules": listed, "table": result.table},
        examples=[f"{file}:{line} {mask(value)}" for file, line, value in seen],
    )


@contextmanager
def explained(name: str) -> Iterator[None]:
    """What no check foresaw still ends in three sentences; nothing was stored."""
    try:
        yield
    except pl.exceptions.PolarsError as error:
        reason = " ".join(str(error).split())[:200]
        raise SourceError("ingest.failed", values={"source": name, "reason": reason}) from error
