"""The last step of an ingest: one commit to the table, and before it the rows that were set apart."""

from __future__ import annotations

import json
from calendar import monthrange
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from crmlib.core.contracts import Contract
from crmlib.data.judge.mapping import RULE, VALUE
from crmlib.data.judge.resolve import CONFLICT, KIND, LIKE, QUARANTINED, Verdict
from crmlib.data.lake import delta, rewrite
from crmlib.data.lake.held import Held
from crmlib.data.lake.lake import MONTH, SET_APART, SET_APART_SCHEMA, Lake, month_of
from crmlib.data.read.raw import RawPart
from crmlib.data.read.records import LINE, RAW

MOST_DAYS = 15
"""So many touched days a month: writing months anew whole is cheaper, since nothing is asked of their rows."""
STORED_KINDS = ("quarantined", "duplicate", "conflict", "excluded")


def known_rows(
    lake: Lake,
    contract: Contract,
    rows: pl.DataFrame,
    *,
    by_receipt: bool,
    name: str,
    version: int | None = None,
    held: Held | None = None,
) -> pl.DataFrame:
    """The lake's rows that the new ones may repeat or correct: same key, or same receipt of the same source.

    Parameters
    ----------
    version : where to look; the newest without it, nowhere for -1.
    held : what earlier batches of this run know of the table's keys, those of the first column asked for here.
    """
    empty = contract.schema.create_empty()
    if version == -1 or not lake.has(contract.name) or rows.is_empty():
        return empty
    there, on = lake.table(contract.name, version=version), ["receipt_id"] if by_receipt else list(contract.key)
    if by_receipt:
        there = there.filter(pl.col("src_name") == name)
    keys, places = rows[on[0]], None
    if held is not None:
        places = held.places(lake.table_path(contract.name), keys, version=version)
    if places is not None:
        if not places.months:
            return empty
        there, keys = there.filter(pl.col("day").is_between(*_span(places.months))), places.keys
    # whole files are skipped by their smallest and largest key
    low, high = keys.min(), keys.max()
    if isinstance(low, str) and isinstance(high, str):
        there = there.filter(pl.col(on[0]).is_between(pl.lit(low), pl.lit(high)))
    same = there.join(rows.lazy().select(on), on=on, how="semi")
    if contract.dated:  # the keys alone first, where not told: few of most batches are there
        few = keys if places is not None else same.select(on[0]).unique().collect(engine="streaming")[on[0]]
        if few.is_empty():
            return empty
        same = there.filter(pl.col(on[0]).is_in(few.implode()))
        same = same if len(on) == 1 else same.join(rows.lazy().select(on), on=on, how="semi")
    found = same.collect(engine="streaming")
    return found.cast(empty.schema) if found.height else empty


def _span(months: list[str]) -> tuple[date, date]:
    """First and last day of some months, `2026-05`, and of all between."""
    first, last = (date.fromisoformat(f"{month}-01") for month in (months[0], months[-1]))
    return first, last.replace(day=monthrange(last.year, last.month)[1])


def commit(
    lake: Lake,
    contract: Contract,
    verdict: Verdict,
    apart: pl.DataFrame,
    *,
    batch: delta.Batch,
    facts: Mapping[str, Any],
) -> int:
    """Store a batch and return the table's new version; a batch that was committed before is left as it is."""
    path = lake.table_path(contract.name)
    if delta.committed(path, batch.id):
        return delta.version(path)
    description = json.dumps(dict(facts))
    if apart.height:
        delta.replace_batch(lake.path / SET_APART, apart, batch_id=batch.id)
    rows = storable(verdict.store, contract)
    if verdict.remove.is_empty():
        partition = MONTH if contract.dated else None
        delta.append(path, rows, batch=batch, partition=partition, description=description)
    else:
        _correct(lake, contract, verdict, rows, batch=batch, description=description)
    return delta.version(path)


def _correct(
    lake: Lake, contract: Contract, verdict: Verdict, rows: pl.DataFrame, *, batch: delta.Batch, description: str
) -> None:
    """Write the touched days anew, or their months if most days are: what stays of them, and the new rows."""
    path = lake.table_path(contract.name)
    stays = delta.scan(path)
    days = months = None
    if contract.dated:
        removed = storable(verdict.remove, contract)
        days = sorted({*rows["day"].to_list(), *removed["day"].to_list()})
        months = sorted({f"{d:%Y-%m}" for d in days})
        stays = stays.filter(pl.col(MONTH).is_in(months))
        if len(contract.key) == 1 and rewrite.worth(path, days):
            keys = verdict.remove[contract.key[0]]
            if rewrite.months(path, rows, leaving=keys, of=months, batch=batch):
                return
        if len(days) < MOST_DAYS * len(months):
            stays, months = stays.filter(pl.col("day").is_in(days)), None
    leaving = verdict.remove.lazy().select(contract.key)
    there = set(stays.collect_schema())  # a table made before its contract grew lacks the new columns
    stays = stays.with_columns(pl.lit(None, dtype=d).alias(c) for c, d in rows.schema.items() if c not in there)
    stays = stays.with_columns(
        pl.col(c).fill_null(contract.unmapped(c).cast(rows.schema[c])) for c in dict(contract.defaults)
    )
    kept = stays.join(leaving, on=list(contract.key), how="anti").select(rows.columns)
    anew = pl.concat([kept, rows.lazy()])
    dated = contract.dated  # a large table is rewritten as it flows by; a small one is looked at whole
    rewritten = anew if dated else anew.collect()
    delta.overwrite(path, rewritten, batch=batch, description=description, days=days, months=months)


def storable(rows: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Rows in the types that Delta knows, ordered by time, with the month they are filed under."""
    schema = contract.schema.columns()
    plain = rows.select(
        pl.col(c).cast(pl.String)
        if isinstance(d.dtype, pl.Enum)
        else pl.col(c).dt.convert_time_zone("UTC")
        if isinstance(d.dtype, pl.Datetime)
        else pl.col(c)
        for c, d in schema.items()
    )
    if not contract.dated or contract.event is None:
        return plain
    if "day" not in plain.columns:
        local = rows[contract.event].dt.date()
        plain = plain.with_columns(local.alias("day"))
    return plain.with_columns(month_of(plain["day"]))


def set_apart_rows(
    judged: pl.DataFrame, parts: list[RawPart], *, batch: str, source: str, table: str, now: datetime
) -> pl.DataFrame:
    """Rows for the lake's set-apart table; only quarantined and conflicting ones keep their raw text."""
    aside = judged.filter(pl.col(KIND).is_in(STORED_KINDS))
    bad = aside.filter(pl.col(KIND).is_in([QUARANTINED, CONFLICT]))
    raws = [_raw(part, bad.filter(pl.col("src_file") == part.file)) for part in parts] if bad.height else []
    if raws:
        aside = aside.join(pl.concat(raws), on=["src_file", "src_line"], how="left", maintain_order="left")
    else:
        aside = aside.with_columns(pl.lit(None, dtype=pl.String).alias("raw"))
    named = aside.select(
        pl.lit(batch).alias("batch"),
        pl.col(KIND).alias("kind"),
        pl.lit(source).alias("source"),
        pl.lit(table).alias("table"),
        "src_file",
        "src_line",
        pl.col(RULE).alias("rule"),
        pl.col("__rules").alias("rules"),
        pl.col(VALUE).alias("value"),
        pl.col(LIKE).alias("like"),
        "raw",
        pl.lit(now.astimezone(UTC)).cast(pl.Datetime("us", "UTC")).alias("at"),
    )
    return named.cast(SET_APART_SCHEMA)


def _raw(part: RawPart, rows: pl.DataFrame) -> pl.DataFrame:
    """Raw text of some rows of a part: the line itself, or the cells of a sheet."""
    wanted = rows.select(pl.col("src_line").alias(LINE))
    found = part.rows.join(wanted, on=LINE, how="semi")
    if RAW not in found.columns:
        cells = [pl.col(c).cast(pl.String, strict=False).fill_null("") for c in part.columns if _flat(part.rows, c)]
        found = found.with_columns(pl.concat_str(cells, separator=" | ").alias(RAW))
    text = found.select(LINE, RAW)
    if part.torn.height:
        text = pl.concat([text, part.torn.join(wanted, on=LINE, how="semi").select(LINE, RAW)])
    return text.select(pl.lit(part.file).alias("src_file"), pl.col(LINE).alias("src_line"), pl.col(RAW).alias("raw"))


def _flat(rows: pl.DataFrame, column: str) -> bool:
    return not (rows.schema[column].is_nested() or rows.schema[column] in {pl.Binary, pl.Object})
