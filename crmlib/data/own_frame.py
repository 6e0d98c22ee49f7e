"""Contract tables from a frame of one's own, for those who have a frame and no file: the verbs of the sources file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from crmlib.core.contracts import CONTRACTS
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.data import sourcefile
from crmlib.data.judge import latest, mapping, refusals, resolve
from crmlib.data.judge.mapping import PAGE
from crmlib.data.judge.resolve import PART, Verdict
from crmlib.data.read.layout import check_width
from crmlib.data.read.raw import RawPart
from crmlib.data.read.records import LINE
from crmlib.data.result import TERMS, IngestResult
from crmlib.data.sources import Source

NAME = "frame"
EVER, NEVER = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class MappedFrame:
    """A frame in the columns and types of a contract.

    Parameters
    ----------
    rows : what the contract accepts. apart : the others, with `kind`, `rule`, `value` and `line` (from 1).
    result : the sum: read = kept + duplicate + conflict + quarantined + excluded.
    """

    rows: pl.DataFrame
    apart: pl.DataFrame
    result: IngestResult

    def __str__(self) -> str:
        return str(self.result)


def map_frame(
    frame: AnyFrame,
    *,
    columns: Mapping[str, str | Mapping[str, Any]],
    table: str = "receipt_lines",
    now: datetime | None = None,
    **settings: Any,
) -> MappedFrame:
    """Map the columns of a frame to those of a contract, with the checks of an ingest; no lake is needed.

    Parameters
    ----------
    frame : of any library that Narwhals knows.
    columns : contract column → column of the frame, or an expression of the sources file.
    table : the contract.
    now : later events are set apart; without it nothing lies in the future.
    settings : as in the sources file (`exclude`, `empty`, `decimal`, `clock`, `fill_down`, `quarantine_limit` …).
        `known_at` is the row's own time, or for tables without one always, unless said otherwise.

    Raises
    ------
    ContractError
        `frame.not_a_frame`, `ingest.nothing_valid`, `ingest.over_limit`, `ingest.receipt_reused`.
    SourceError
        A code of `sources`; `ingest.missing_column`, `ingest.empty`.

    Examples
    --------
    >>> sold = pl.DataFrame({"no": ["R1", "R1"], "sku": ["A", "B"], "at": ["2024-01-03 9:56"] * 2, "paid": [1.5, 2]})
    >>> made = map_frame(
    ...     sold,
    ...     columns={
    ...         "receipt_id": "no",
    ...         "product_id": "sku",
    ...         "sold_at": "at",
    ...         "net_minor": {"from": "paid", "times": 100},
    ...         "quantity_milli": {"constant": 1000},
    ...     },
    ... )
    >>> made.rows["net_minor"].to_list(), made.result.kept
    ([150, 200], 2)
    """
    source = _source(table, columns, settings)
    rows = to_polars(frame, name=NAME)
    check_width(NAME, rows.columns)
    part = RawPart(NAME, rows.with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(LINE)))
    part = latest.one_each(part, source)
    refusals.empty([part], [NAME])
    verdict = _judged(part, source, now or NEVER)
    result = _result(source, part, verdict, now or EVER)
    refusals.worthless(result, verdict.apart)
    refusals.over_limit(result, verdict.apart, limit=source.quarantine_limit)
    kept = verdict.store.sort("src_line")
    apart = verdict.apart.select(
        pl.col(resolve.KIND).alias("kind"),
        pl.col(mapping.RULE).alias("rule"),
        pl.col(mapping.VALUE).alias("value"),
        pl.col("src_line").alias("line"),
    )
    return MappedFrame(kept, apart, result)


def _source(table: str, columns: Mapping[str, str | Mapping[str, Any]], settings: Mapping[str, Any]) -> Source:
    contract = CONTRACTS.get(table)
    known = {"lag_days": 0} if contract is not None and contract.event and contract.dated else {"on": "1970-01-01"}
    entry = {"known_at": known, **settings, "table": table, "files": NAME, "columns": dict(columns)}
    source = sourcefile.checked(NAME, _texts(entry))
    sourcefile.check_lookups(NAME, source, {})
    return source


def _texts(value: Any) -> Any:
    """Plain values as the sources file holds them: texts."""
    if isinstance(value, Mapping):
        return {str(k): _texts(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_texts(v) for v in value]
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _judged(part: RawPart, source: Source, now: datetime) -> Verdict:
    """Every row with what becomes of it, as if the lake were empty."""
    contract = source.contract
    currency = source.currency or "CNY"
    frame = mapping.typed(part, source, name=NAME, currency=currency, now=now).drop(PAGE)
    frame = frame.with_columns(pl.lit(0, dtype=pl.Int32).alias(PART))
    by_receipt = contract.key == ("line_id",) and "line_id" not in source.columns
    frame = resolve.with_keys(frame, contract, name=NAME, numbered=not by_receipt)
    frame = resolve.first_verdicts(frame, contract)
    old = contract.schema.create_empty()
    if by_receipt and not source.receipts_may_move:
        refusals.reused_receipts(NAME, frame.filter(pl.col(resolve.KIND).is_null()), old)
    return resolve.resolve(frame, old, contract, whole_parts={0})


def _result(source: Source, part: RawPart, verdict: Verdict, at: datetime) -> IngestResult:
    return IngestResult(
        source=NAME,
        table=source.table,
        batch="",
        at=at.astimezone(UTC),
        version=-1,
        currency=source.currency,
        read=part.read,
        **{term: verdict.counts.get(term, 0) for term in TERMS},
        withdrawn=0,
        files=(),
        known_files=(),
        rules=resolve.rules_of(verdict.apart),
        read_as=(),
        gone=pl.DataFrame(),
    )
