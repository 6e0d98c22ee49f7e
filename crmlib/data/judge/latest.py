"""Things that stand on the rows of something else: names of goods, stores and members on the lines of a till."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from crmlib.data.judge.mapping import check_columns
from crmlib.data.read import cells
from crmlib.data.read.raw import RawPart
from crmlib.data.read.records import LINE, RAW
from crmlib.data.sources import Source

WHEN, ONCE = "__latest", "__once"


def one_each(part: RawPart, source: Source) -> RawPart:
    """The part with one row for all that say the same, those of the latest day first, for a source with `latest_by`.

    An empty cell says nothing: the key's latest value stands for it. Of rows that say something else of the same key
    the first one is of the latest day, one that stands on a single row (a remark, a slip) after all others; these
    become conflicts.
    """
    if source.latest_by is None or not part.rows.height:
        return part
    check_columns(part, source)
    rows = cells.filled_down(part.rows, source.fill_down)
    rows = cells.prepare(rows, source, {WHEN: (source.latest_by, pl.Datetime("us"))})
    kept_by = {c for e in source.columns.values() for c in e.columns()}
    kept_by |= {c for rule in source.exclude.values() for c in rule}
    by = [c for c in dict.fromkeys([*source.latest_by.columns(), *source.fill_down]) if c not in kept_by]
    said = [c for c in source.source_columns() if c not in by]
    rows = rows.with_columns(pl.col(f"{cells.AT}{WHEN}").dt.date().alias(WHEN))
    rows = rows.sort(WHEN, LINE, descending=[True, False], nulls_last=True)
    firsts = [pl.col(c).first() for c in rows.columns if c not in said]
    rows = rows.group_by(said, maintain_order=True).agg(*firsts, (pl.len() == 1).alias(ONCE))
    rows = rows.sort(ONCE, WHEN, LINE, descending=[False, True, False], nulls_last=True)
    key = [c for name in source.contract.key for c in source.columns[name].columns()]
    told = [pl.col(c).fill_null(pl.col(c).drop_nulls().first().over(key)) for c in said if c not in key]
    rows = rows.with_columns(told).unique(said, maintain_order=True, keep="first")
    return replace(part, rows=rows.select(LINE, *([RAW] if RAW in rows.columns else []), *said, *by))
