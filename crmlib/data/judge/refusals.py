"""Batches that are refused whole: storing them would hide a mistake."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NoReturn

import polars as pl

from crmlib.core.contracts import Contract
from crmlib.core.errors import ContractError, CrmError, LakeError, SourceError, mask
from crmlib.data.judge.mapping import VALUE
from crmlib.data.judge.resolve import KIND, QUARANTINED
from crmlib.data.read.raw import RawPart
from crmlib.data.result import IngestResult

FEW_BAD = 20
"""So many bad rows are never too many: a small file may hold them."""
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
    begins = pl.any_horizontal(pl.col(c).ne_missing(pl.col(c).shift()) for c in columns)
    heads = both.filter(begins | (pl.int_range(pl.len()) == 0))  # lines of a receipt mostly stand together
    again = heads.filter(heads["receipt_id"].hash().is_duplicated())  # of few others, too, each of which counts as one
    spread = again.group_by("receipt_id").agg(pl.col("day", "store_id").drop_nulls().n_unique())
    receipts = heads.height - again.height + spread.height
    reused = spread.filter((pl.col("day") > 1) | (pl.col("store_id") > 1)).sort("receipt_id")
    if reused.height <= max(REUSED_AT_LEAST, REUSED_SHARE * receipts):
        return
    raise ContractError(
        "ingest.receipt_reused",
        values={"source": source, "reused": reused.height, "receipts": receipts},
        examples=[mask(r) for r in reused["receipt_id"].head(5)],
    )


def numbered(column: str, names: Sequence[str]) -> None:
    """Refuse a second file, of now or of earlier, where rows without a time are numbered within their file."""
    if len(names) > 1:
        raise SourceError("ingest.numbered", values={"column": column, "files": len(names)}, examples=names[:5])


def renumbered(column: str, rows: pl.DataFrame, old: pl.DataFrame, contract: Contract) -> None:
    """Refuse rows whose number belongs to another time already, in the lake or in another file of the same ingest.

    A log that was continued, or comes whole again under another name, keeps every number; one that begins in the
    middle, or has rows put in between, would take the place of other rows.
    """
    if contract.event is None:
        return
    columns = [*contract.key, contract.event]
    both = pl.concat([rows.select(columns), old.select(columns).cast(rows.select(columns).schema)])
    times = both.group_by(contract.key, maintain_order=True).agg(pl.col(contract.event).drop_nulls().n_unique())
    moved = times.filter(pl.col(contract.event) > 1)
    if moved.height:
        first = pl.concat_str([pl.col(c).cast(pl.String) for c in contract.key], separator=" / ")
        raise SourceError(
            "ingest.renumbered", values={"column": column, "rows": moved.height},
            examples=[mask(v) for v in moved.select(first).to_series().head(5)],
        )  # fmt: skip


def worthless(result: IngestResult, apart: pl.DataFrame) -> None:
    """A batch without a single good row is a mistake in the mapping or the export; storing it would hide that."""
    if result.quarantined == 0 or result.quarantined + result.excluded < result.read:
        return
    raise ContractError(
        "ingest.nothing_valid",
        values={"source": result.source, "rows": result.read, "rules": _counts(result), "table": result.table},
        examples=_places(apart),
    )


def _counts(result: IngestResult) -> str:
    """The rules that rows break, with their counts."""
    rules = result.rules.filter(pl.col("kind") == QUARANTINED).select("rule", "rows").head(8)
    return ", ".join(f"{rule} {rows}" for rule, rows in rules.iter_rows())


def _places(apart: pl.DataFrame) -> list[str]:
    """Places of the first bad rows, with their values masked."""
    seen = apart.filter(pl.col(KIND) == QUARANTINED).select("src_file", "src_line", VALUE).head(5)
    return [f"{file}:{line} {shape(value)}" for file, line, value in seen.iter_rows()]


def shape(value: str | None) -> str:
    """A value with what makes it recognisable: letters and digits masked behind the first four, signs kept.

    Examples
    --------
    >>> shape("2025-13-45 9:01"), shape("13800138000"), shape("ab"), shape(None)
    ('2025-##-## #:##', '1380#######', 'a#', 'null')
    """
    if value is None:
        return mask(value)
    text = value[:24]
    shown = min(4, len(text) // 2)
    return text[:shown] + re.sub(r"[^\W_]", "#", text[shown:])


def over_limit(result: IngestResult, apart: pl.DataFrame, *, limit: float, torn: int = 0) -> None:
    """A batch of which a large share breaks a rule is a mistake in the mapping: the rest of it is wrong, too.

    Parameters
    ----------
    torn : torn lines that are not counted, since they belong to other pieces of the file.
    """
    bad, rows = result.quarantined - torn, result.read - torn
    if bad <= FEW_BAD or bad <= limit * rows:
        return
    raise ContractError(
        "ingest.over_limit",
        values={
            "source": result.source,
            "bad": bad,
            "rows": rows,
            "share": bad / rows,
            "rules": _counts(result),
            "limit": limit,
            "few": FEW_BAD,
        },
        examples=_places(apart),
    )


def some_failed(failed: Mapping[str, CrmError], *, stored: Sequence[str]) -> NoReturn:
    """Tell at the end which sources of a file could not be read; the others are stored."""
    first = next(iter(failed.values()))
    names = ", ".join(f"{name} ({error.code})" for name, error in failed.items())
    count = len(failed) + len(stored)
    raise SourceError(
        "ingest.some_failed",
        values={"failed": len(failed), "sources": count, "names": names, "stored": ", ".join(stored) or "-"},
    ) from first


@contextmanager
def explained(name: str) -> Iterator[None]:
    """What no check foresaw still ends in three sentences; nothing was stored."""
    try:
        yield
    except pl.exceptions.PolarsError as error:
        reason = " ".join(str(error).split())[:200]
        raise SourceError("ingest.failed", values={"source": name, "reason": reason}) from error
