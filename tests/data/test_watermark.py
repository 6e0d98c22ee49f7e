"""A query with `{last_day}` asks from the last day stored, less an overlap: nights that were missed lose nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

import polars as pl
import pytest

from crmlib.core.errors import SourceError
from crmlib.data import sourcefile
from crmlib.data.read import database
from crmlib.data.read.raw import RawPart
from crmlib.data.read.records import LINE
from crmlib.data.sources import Source
from tests.data.conftest import NOW, Desk

FIRST, NIGHT = date(2026, 1, 1), timedelta(days=1)
ERP = """
erp:
  table: receipt_lines
  database: ERP_URL
  query: {query}
  known_at: {{lag_days: 0}}
{more}
  columns:
    line_id: no
    receipt_id: no
    sold_at: at
    quantity_milli: {{constant: 1000}}
    net_minor: {{from: net, times: 100}}
"""
QUERY = "select no, at, net from lines where at >= '{last_day}'"


class Erp:
    """A till system that answers the query as of a day, and notes from which day it was asked."""

    def __init__(self) -> None:
        self.rows = [(f"{n}-{i}", FIRST + timedelta(days=n), 5.0) for n in range(80) for i in range(6)]
        self.today, self.since, self.read = FIRST, list[date](), 0

    def parts(self, source: Source, *, name: str) -> Iterator[RawPart]:
        since = date.fromisoformat(re.findall(r"at >= '(.{10})'", source.query or "")[0])
        self.since.append(since)
        rows = [(no, f"{day} 10:00", net) for no, day, net in self.rows if since <= day <= self.today]
        self.read = len(rows)
        if rows:
            frame = pl.DataFrame(rows, schema=["no", "at", "net"], orient="row").cast(pl.String)
            yield RawPart(
                f"{name}.query", frame.with_row_index(LINE, offset=1).with_columns(pl.col(LINE).cast(pl.Int64))
            )


@pytest.fixture
def erp(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Erp:
    desk.describe(ERP.format(query=QUERY, more=""))
    made = Erp()
    monkeypatch.setattr(database, "parts", made.parts)
    return made


def test_a_job_that_missed_24_days_loses_nothing_and_reads_a_week_twice(desk: Desk, erp: Erp) -> None:
    erp.today = FIRST + timedelta(days=39)
    assert desk.ingest("erp").kept == 40 * 6
    erp.today += timedelta(days=24)
    second = desk.ingest("erp", now=NOW + NIGHT)
    assert (second.kept, second.duplicate) == (24 * 6, 8 * 6)
    assert erp.since == [date(1900, 1, 1), FIRST + timedelta(days=39 - 7)]
    assert desk.lake.table("receipt_lines").select(pl.len()).collect().item() == 64 * 6


def test_a_mistyped_date_ahead_does_not_move_the_mark(desk: Desk, erp: Erp) -> None:
    erp.today = FIRST + timedelta(days=39)
    erp.rows.append(("stray", erp.today, 5.0))
    desk.ingest("erp")
    erp.rows[-1] = ("ahead", erp.today + timedelta(days=150), 5.0)
    erp.today += timedelta(days=150)
    desk.ingest("erp", now=NOW + NIGHT)
    erp.rows += [(f"late-{i}", FIRST + timedelta(days=82), 5.0) for i in range(6)]
    assert desk.ingest("erp", now=NOW + 2 * NIGHT).kept == 6
    assert erp.since[-1] < FIRST + timedelta(days=80)


def test_nothing_new_is_no_error_where_the_query_asks_for_what_is_newer(desk: Desk, erp: Erp) -> None:
    erp.today = FIRST + timedelta(days=39)
    desk.ingest("erp")
    erp.rows.clear()
    again = desk.ingest("erp", now=NOW + NIGHT)
    assert (again.read, again.kept) == (0, 0)


def test_an_empty_answer_is_refused_unless_it_may_be_empty(desk: Desk, erp: Erp) -> None:
    erp.rows.clear()
    fixed = QUERY.replace("{last_day}", "2026-01-01")
    desk.describe(ERP.format(query=fixed, more=""))
    with pytest.raises(SourceError) as refused:
        desk.ingest("erp")
    assert refused.value.code == "ingest.empty"
    desk.describe(ERP.format(query=fixed, more="  may_be_empty: true"))
    assert desk.ingest("erp").read == 0


def test_files_have_no_overlap_and_are_not_empty(desk: Desk) -> None:
    for more in ("  overlap_days: 3", "  may_be_empty: true"):
        desk.sales(extra=more)
        with pytest.raises(SourceError) as refused:
            sourcefile.load(desk.sources)
        assert refused.value.code == "sources.query_only"
