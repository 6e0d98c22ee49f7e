"""What the lake holds and its source no longer has: rows, receipts, days, stores or files deleted there.

Every key of a reading is compared with what the lake has of the same files, from the first moment of the reading on (a
file that is written anew every day begins later than before: what lies before was not deleted). A query is compared
from the day it asked from. Nothing is removed, unless the source says `gone: withdraw`; it is told.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from crmlib.core.contracts import Contract
from crmlib.core.errors import LakeError
from crmlib.data.judge.resolve import Verdict
from crmlib.data.lake import delta, store
from crmlib.data.lake.lake import Lake
from crmlib.data.read.raw import RawPart
from crmlib.data.sources import Source

STATE = "gone"
WHOLE_LIST = 0.5
"""Of a table of things (members, goods), a reading with less than this share of the old keys is a list of changes."""
MOST_WITHDRAWN = 0.05
"""At most this share of what was compared is withdrawn: more is a file that broke off."""
TRIES, PAUSE = 20, 0.25
BASE = r"#[^#]*$"
"""Sheet behind the name of a workbook."""
SCHEMA = pl.Schema(
    [
        *((text, pl.String()) for text in ("source", "table", "kind", "file")),
        ("day", pl.Date()),
        ("store_id", pl.String()),
        *((number, pl.Int64()) for number in ("rows", "net_minor", "left")),
        ("seen_at", pl.Datetime("us", "UTC")),
    ]
)
"""kind: rows of a file that is there (or of a query), or a file that is not; left: rows still there that day there."""


@dataclass(slots=True)
class Reading:
    """What was read of a source so far: hashes of its keys, where each file begins, rows whose key cannot be told."""

    keys: list[pl.Series] = field(default_factory=list)
    begins: dict[str, Any] = field(default_factory=dict)
    unknown: Counter[str] = field(default_factory=Counter)

    def add(self, frame: pl.DataFrame, parts: list[RawPart], contract: Contract, *, keys: bool) -> None:
        """Note a stretch of rows (the contract's columns, with keys) and the torn lines beside it.

        `keys`: whether they are asked for; those of 80 million lines take their room.
        """
        if keys:
            self.keys.append(frame.select(_key(contract)).to_series().unique())
        event = _event(contract)
        lost = pl.any_horizontal(pl.col(k).is_null() for k in contract.key).sum()
        begins = pl.lit(None) if event is None else event.min()
        told = frame.group_by("src_file").agg(begins.alias("begins"), lost.alias("lost"))
        for file, first, without in told.with_columns(_base()).select("__file", "begins", "lost").iter_rows():
            self.unknown[file] += without
            if first is not None:
                self.begins[file] = min(first, self.begins.get(file, first))
        for part in parts:
            self.unknown[part.file.rsplit("#", 1)[0]] += part.torn.height


@dataclass(frozen=True, slots=True)
class Asked:
    """What is compared: the files read again, those that are not there, and the day a query asked from.

    `query`: whether it is the answer of a database.
    """

    again: Collection[str] = ()
    absent: Collection[str] = ()
    since: date | None = None
    query: bool = False


def compare(
    lake: Lake, source: Source, name: str, *, reading: Reading, asked: Asked, now: datetime
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of the lake that the source no longer has (the contract's columns), and their sums in `SCHEMA`."""
    contract = source.contract
    none = contract.schema.create_empty(), pl.DataFrame(schema=SCHEMA)
    if not lake.has(source.table) or not (asked.again or asked.absent or asked.query):
        return none
    held = lake.table(source.table).filter(pl.col("src_name") == name).with_columns(_base(), __key=_key(contract))
    lost, reach = _lost(held, contract, reading, asked), _reach(held, contract, reading, asked)
    files = _absent(held, contract, asked.absent)
    found = pl.concat([lost.with_columns(kind=pl.lit("rows")), files.with_columns(kind=pl.lit("file"))])
    if found.is_empty():
        return none
    where = [_day(contract).alias("day"), _or_null("store_id", contract, pl.String)]
    left = reach.select(*where).group_by("day", "store_id").agg(pl.len().alias("there")).collect()
    sums = found.with_columns(*where, net=_or_null("net_minor", contract, pl.Int64)).group_by(
        "kind", "__file", "day", "store_id"
    )
    told = (
        sums.agg(pl.len().cast(pl.Int64).alias("rows"), net_minor=pl.col("net").sum())
        .join(left, on=["day", "store_id"], how="left", nulls_equal=True)
        .with_columns(left=(pl.col("there").fill_null(0).cast(pl.Int64) - pl.col("rows")).clip(0))
        .with_columns(
            source=pl.lit(name), table=pl.lit(source.table), file="__file", seen_at=pl.lit(now.astimezone(UTC))
        )
    )
    return lost.select(contract.columns), told.select(pl.col(c).cast(d) for c, d in SCHEMA.items()).sort("day", "file")


def _lost(held: pl.LazyFrame, contract: Contract, reading: Reading, asked: Asked) -> pl.DataFrame:
    """Rows of files read again, or of a query's days, whose key was not read."""
    keys = pl.concat(reading.keys).unique() if reading.keys else pl.Series(dtype=pl.UInt64)
    there = _reach(held, contract, reading, asked).collect(engine="streaming")
    gone = there.filter(~pl.col("__key").is_in(keys.implode()))
    if _event(contract) is None and gone.height > (1 - WHOLE_LIST) * there.height:
        return gone.clear()
    unclear = [file for file, n in gone.group_by("__file").len().iter_rows() if n <= reading.unknown[file]]
    return gone.filter(~pl.col("__file").is_in(unclear))


def _reach(held: pl.LazyFrame, contract: Contract, reading: Reading, asked: Asked) -> pl.LazyFrame:
    """What the reading speaks of."""
    event = _event(contract)
    if asked.query:
        if event is None:
            return held
        if asked.since is not None:
            return held.filter(_day(contract) >= asked.since)
        begins = min(reading.begins.values(), default=None)
        return held.filter(event >= begins) if begins is not None else held.filter(pl.lit(value=False))
    again = [f for f in asked.again if event is None or f in reading.begins]
    inside = [pl.col("__file").eq(f) & (event >= reading.begins[f] if event is not None else True) for f in again]
    return held.filter(pl.any_horizontal(inside) if inside else pl.lit(value=False))


def _absent(held: pl.LazyFrame, contract: Contract, absent: Collection[str]) -> pl.DataFrame:
    """Rows of files that are not there, though an older one is; older ones than any that is there were put away."""
    if not absent or _event(contract) is None:
        return held.collect_schema().to_frame(eager=True)
    missing = pl.col("__file").is_in(list(absent))
    oldest = held.filter(~missing).select(_day(contract).min()).collect().item()
    if oldest is None:
        return held.collect_schema().to_frame(eager=True)
    last = held.filter(missing).group_by("__file").agg(_day(contract).max().alias("last")).collect()
    named = last.filter(pl.col("last") >= oldest)["__file"]
    return held.filter(pl.col("__file").is_in(named.implode())).collect(engine="streaming")


def note(lake: Lake, name: str, told: pl.DataFrame, *, read: Collection[str]) -> None:
    """Keep what a source no longer has; what was said before of files that were not read now stays said."""

    def change(before: pl.DataFrame | None) -> pl.DataFrame | None:
        if before is None:
            return told if told.height else None
        mine = pl.col("source") == name
        rows_again = (pl.col("kind") == "rows") & pl.col("file").is_in(list(read))
        stays = before.filter(~mine | ~(rows_again | (pl.col("kind") == "file")))
        known = before.filter(mine).select("kind", "file", "day", "store_id", pl.col("seen_at").alias("first"))
        dated = told.join(known, on=["kind", "file", "day", "store_id"], how="left", nulls_equal=True)
        fresh = dated.with_columns(pl.coalesce("first", "seen_at").alias("seen_at")).select(told.columns)
        after = pl.concat([stays.cast(SCHEMA), fresh])
        return None if after.sort(*SCHEMA).equals(before.cast(SCHEMA).sort(*SCHEMA)) else after

    for attempt in range(TRIES):
        try:
            return lake.update_state(STATE, change)
        except LakeError as error:  # a report saves its own state for a moment
            if error.code != "lake.locked" or attempt == TRIES - 1:
                raise
            time.sleep(PAUSE)
    return None


def withdraw(lake: Lake, source: Source, rows: pl.DataFrame, *, batch: delta.Batch, facts: dict[str, object]) -> bool:
    """Take rows that the source no longer has out of the table, in one commit; not where they are too many."""
    held = lake.table(source.table).filter(pl.col("src_name") == rows["src_name"][0]).select(pl.len()).collect().item()
    if rows.height > max(MOST_WITHDRAWN * held, 1):
        return False
    none = source.contract.schema.create_empty()
    verdict = Verdict(none, pl.DataFrame(), rows.cast(none.schema), {}, rows.height)
    store.commit(lake, source.contract, verdict, pl.DataFrame(), batch=batch, facts=facts)
    return True


def told(lake: Lake, *, until: date | None = None, days: int = 0) -> pl.DataFrame:
    """What sources no longer have, as last seen: `SCHEMA`; with `until` what was seen in the `days` to it."""
    found = lake.state(STATE)
    kept = pl.DataFrame(schema=SCHEMA) if found is None else found.cast(SCHEMA)
    if until is None:
        return kept
    seen = pl.col("seen_at").dt.convert_time_zone(lake.time_zone).dt.date()
    return kept.filter(seen > until - timedelta(days=days), seen <= until)


def _key(contract: Contract) -> pl.Expr:
    parts = [pl.col(k).cast(pl.String).fill_null("") for k in contract.key]
    return pl.concat_str(parts, separator="\x1f").hash(0)


def _base() -> pl.Expr:
    return pl.col("src_file").str.replace(BASE, "").alias("__file")


def _event(contract: Contract) -> pl.Expr | None:
    """When a row happened; none for things, of which a list is always whole."""
    return pl.col(contract.event) if contract.event in contract.required else None


def _day(contract: Contract) -> pl.Expr:
    event = _event(contract)
    if event is None:
        return pl.lit(None, dtype=pl.Date)
    kind = contract.schema.columns()[event.meta.output_name()].dtype
    return event if kind == pl.Date else event.dt.date()


def _or_null(column: str, contract: Contract, kind: Any) -> pl.Expr:
    there = column in contract.schema.columns()
    return (pl.col(column) if there else pl.lit(None, dtype=kind)).alias(column)
