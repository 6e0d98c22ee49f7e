"""How far a source has come: a query asks for what is newer, less an overlap, so a night that was missed loses nothing.

The mark is what stands in the lake, not what the clock says; a mistyped date ahead of the sales does not move it.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from crmlib.data.lake.lake import Lake
from crmlib.data.lake.last_day import last_ordinary_day
from crmlib.data.sources import LAST_DAY, Source

BEGIN = date(1900, 1, 1)
"""What a first ingest asks from on."""


def since(source: Source, *, name: str, lake: Lake, now: datetime) -> date | None:
    """The day that a query with a watermark asks from; none for other sources.

    Once a month, where the source says `sweep_days`, it asks so many days back: what was deleted or corrected since
    then is seen.
    """
    if source.query is None or LAST_DAY not in source.query:
        return None
    last = last_day(source, name=name, lake=lake)
    if last is None:
        return BEGIN
    return last - timedelta(days=max(source.overlap_days, _sweep(source, name=name, lake=lake, now=now)))


def _sweep(source: Source, *, name: str, lake: Lake, now: datetime) -> int:
    """Days back that a month's first ingest asks for; 0 for every other."""
    if source.sweep_days is None:
        return 0
    mine = lake.ingests(source.table).filter(pl.col("source") == name)["at"]
    zone = ZoneInfo(source.time_zone)
    months = {(at.astimezone(zone).year, at.astimezone(zone).month) for at in mine}
    today = now.astimezone(zone)
    return 0 if (today.year, today.month) in months else source.sweep_days


def asked(source: Source, since: date | None) -> Source:
    """The source with the day in its query from which it asks; its answer may then be empty."""
    if since is None or source.query is None:
        return source
    return source.model_copy(update={"query": source.query.replace(LAST_DAY, since.isoformat()), "may_be_empty": True})


def last_day(source: Source, *, name: str, lake: Lake) -> date | None:
    """The last ordinary day of what the lake has of this source; none where it has nothing."""
    event = source.contract.event
    if event is None or not lake.has(source.table):
        return None
    kind = source.contract.schema.columns()[event].dtype
    day = pl.col(event) if kind == pl.Date else pl.col(event).dt.date()
    rows = lake.table(source.table).filter(pl.col("src_name") == name)
    counts = rows.group_by(day.alias("day")).agg(pl.len().alias("lines")).drop_nulls("day")
    found = counts.collect(engine="streaming")
    return last_ordinary_day(found).day if found.height else None
