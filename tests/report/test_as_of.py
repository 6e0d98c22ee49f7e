"""A page of a past day sees what was known then, of every table, as its contract says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from crmlib.core.contracts import CONTRACTS
from crmlib.data.lake import delta
from crmlib.report.as_of import known
from tests.report import world

DAY = date(2026, 3, 31)
NEWEST = date(2026, 10, 31)
ZONE = "Asia/Shanghai"
EVERY = sorted(CONTRACTS)


def rows(name: str, *moments: tuple[date | None, datetime | None]) -> pl.LazyFrame:
    """One row per (happened, known_at) with only the columns that matter."""
    contract = CONTRACTS[name]
    fields = contract.schema.columns()
    columns: dict[str, pl.Series] = {"known_at": pl.Series([k for _, k in moments], dtype=pl.Datetime("us", ZONE))}
    event = None if contract.event is None else fields[contract.event].dtype
    days = pl.Series([d for d, _ in moments], dtype=pl.Date)
    if contract.event is not None:
        whole = event == pl.Date
        columns[contract.event] = days if whole else days.cast(pl.Datetime("us")).dt.replace_time_zone(ZONE)
    if "day" in fields:
        columns["day"] = days
    return pl.DataFrame(columns).with_row_index("row").lazy()


def seen(table: pl.LazyFrame, name: str, *, as_of: date = DAY, stamped: tuple[datetime, ...] = ()) -> list[int]:
    found = known(table, contract=CONTRACTS[name], as_of=as_of, newest=NEWEST, stamped=stamped)
    return found.collect()["row"].to_list()


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 4, tzinfo=UTC)


@pytest.mark.parametrize("name", EVERY)
def test_rows_known_after_the_day_are_invisible(name: str) -> None:
    before, after = DAY - timedelta(days=40), DAY + timedelta(days=1)
    table = rows(name, (before, noon(before)), (before, noon(DAY)), (before, noon(after)))
    kept = seen(table, name)
    assert kept[0] == 0
    assert 2 not in kept


@pytest.mark.parametrize("name", [n for n in EVERY if CONTRACTS[n].happened is not None])
def test_rows_that_happened_after_the_day_are_invisible_on_any_page(name: str) -> None:
    after = DAY + timedelta(days=1)
    table = rows(name, (DAY, noon(DAY)), (after, noon(after)), (after, noon(DAY)))
    assert seen(table, name) == [0]
    latest = known(table, contract=CONTRACTS[name], as_of=DAY, newest=DAY).collect()["row"].to_list()
    assert latest == [0]


@pytest.mark.parametrize("name", [n for n in EVERY if CONTRACTS[n].ahead])
def test_plans_are_seen_as_soon_as_they_are_known(name: str) -> None:
    ahead = DAY + timedelta(days=30)
    assert seen(rows(name, (ahead, noon(DAY)), (ahead, noon(ahead))), name) == [0]


def test_every_event_that_may_lie_ahead_is_declared_and_no_other() -> None:
    """A new table with an event says whether it may lie ahead: the names of such columns tell."""
    hints = ("starts_at", "planned_at", "valid_from", "due_on", "launched_on", "opened_on", "period_start")
    wrong = [n for n, c in CONTRACTS.items() if c.event in hints and not c.ahead]
    assert sorted(wrong) == ["deals", "work_reports"], "a deal was opened, a report is about days that are over"


def test_the_page_of_the_newest_day_holds_nothing_back_that_is_known_by_now() -> None:
    late = noon(NEWEST + timedelta(days=3))
    assert seen(rows("receipt_lines", (NEWEST, late)), "receipt_lines", as_of=NEWEST) == [0]


def test_rows_stamped_at_ingest_are_taken_as_known_when_they_happened() -> None:
    ingest = noon(NEWEST)
    table = rows("receipt_lines", (DAY, ingest), (DAY, noon(DAY)), (DAY, ingest + timedelta(seconds=1)))
    assert seen(table, "receipt_lines", stamped=(ingest,)) == [0, 1]


def test_a_table_that_ordinarily_arrives_the_next_morning_keeps_its_delay() -> None:
    days = [DAY - timedelta(days=k) for k in range(20)]
    table = rows(
        "receipt_lines", *((d, noon(d + timedelta(days=1))) for d in days), (DAY, noon(DAY + timedelta(days=2)))
    )
    assert seen(table, "receipt_lines") == list(range(20))


def test_a_page_of_a_past_day_is_made_from_the_data_of_then(tmp_path: Path) -> None:
    """Also where rows came late, were corrected or withdrawn since, and nothing in them says so."""
    lake = world.make_lake(tmp_path / "lake")
    last = date(2026, 5, 31)
    then, since = datetime(2026, 6, 1, 2, tzinfo=UTC), datetime(2026, 6, 20, 2, tzinfo=UTC)
    path = lake.table_path("receipt_lines")
    rows_then = world.lines().filter(pl.col("day") <= last).with_columns(known_at=pl.lit(then))
    for rows_of, at in ((rows_then, then), (world.lines().with_columns(known_at=pl.lit(since)).slice(100), since)):
        record = {"source": "pos", "table": "receipt_lines", "at": at.isoformat()}
        delta.overwrite(path, rows_of, batch=delta.Batch(f"b-{at:%d}", record), description="{}")
    page = world.opened(lake, variables={"as_of": last})
    assert (
        world.rows(page)
        .collect()
        .drop("known_at")
        .equals(lake.table("receipt_lines", version=1).collect().drop("known_at"))
    )
    assert page.versions["receipt_lines"] == 1
    assert world.opened(lake).versions["receipt_lines"] == 2
