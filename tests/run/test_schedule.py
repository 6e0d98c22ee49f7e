"""Schedules: due slots, catch-up rules, claims, clock changes, exports."""

from __future__ import annotations

import ast
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.core.errors import ParameterError
from crmlib.run import schedule
from crmlib.run.plan import Schedule
from crmlib.run.schedule import Slots

SEEN = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def slots(tmp_path: Path) -> Slots:
    return Slots(tmp_path / "ledger.sqlite")


def params(folder: Path, catch_up: str, cron: str = "0 6 * * *") -> Path:
    path = folder / "daily.yml"
    path.write_text(f'report: customer_value\nschedule: {{cron: "{cron}", catch_up: {catch_up}}}\n', encoding="utf-8")
    return path


def due(path: Path, slots: Slots, now: datetime) -> list[datetime]:
    return [d.slot for d in schedule.due([path], slots=slots, root=path.parent, now=now)]


def test_a_new_file_waits_for_its_next_slot_in_the_companys_zone(tmp_path: Path, slots: Slots) -> None:
    path = params(tmp_path, "latest")
    assert due(path, slots, SEEN) == []
    assert due(path, slots, SEEN + timedelta(hours=1)) == []
    assert due(path, slots, SEEN + timedelta(hours=10)) == [datetime(2026, 11, 1, 22, tzinfo=UTC)]  # 06:00 +08:00


@pytest.mark.parametrize(("rule", "count"), [("latest", 1), ("all", 5), ("skip", 0)])
def test_missed_slots_follow_the_files_rule(tmp_path: Path, slots: Slots, rule: str, count: int) -> None:
    path = params(tmp_path, rule)
    due(path, slots, SEEN)
    assert len(due(path, slots, SEEN + timedelta(days=5))) == count
    if rule == "skip":
        assert due(path, slots, datetime(2026, 11, 6, 22, 5, tzinfo=UTC)) == [datetime(2026, 11, 6, 22, tzinfo=UTC)]


def test_the_report_of_a_slot_is_about_the_day_before(tmp_path: Path, slots: Slots) -> None:
    path = params(tmp_path, "all")
    due(path, slots, SEEN)
    found = schedule.due([path], slots=slots, root=tmp_path, now=SEEN + timedelta(days=2))
    assert [str(d.as_of) for d in found] == ["2026-11-01", "2026-11-02"]


def test_a_slot_is_taken_once(tmp_path: Path, slots: Slots) -> None:
    path = params(tmp_path, "latest")
    due(path, slots, SEEN)
    later = SEEN + timedelta(days=1)
    (slot,) = due(path, slots, later)
    assert slots.claim("daily.yml", slot, now=later)
    assert not Slots(tmp_path / "ledger.sqlite").claim("daily.yml", slot, now=later)
    assert due(path, slots, later) == []
    slots.note("daily.yml", slot, state="done", now=later)
    assert not slots.claim("daily.yml", slot, now=later)


def test_a_slot_whose_pass_was_killed_is_due_again(tmp_path: Path, slots: Slots) -> None:
    path = params(tmp_path, "latest")
    due(path, slots, SEEN)
    later = SEEN + timedelta(days=1)
    (slot,) = due(path, slots, later)
    slots.claim("daily.yml", slot, now=later)
    db = sqlite3.connect(tmp_path / "ledger.sqlite")
    db.execute("update slots set pid = 999999999 where state = 'claimed'")
    db.commit()
    db.close()
    assert due(path, slots, later) == [slot]
    assert slots.claim("daily.yml", slot, now=later)


def test_a_clock_set_back_makes_nothing_due_twice(tmp_path: Path, slots: Slots) -> None:
    path = params(tmp_path, "all")
    due(path, slots, SEEN)
    later = SEEN + timedelta(days=3)
    for slot in due(path, slots, later):
        slots.claim("daily.yml", slot, now=later)
        slots.note("daily.yml", slot, state="done", now=later)
    assert due(path, slots, SEEN + timedelta(days=1)) == []
    assert due(path, slots, later) == []


@given(hours=st.lists(st.integers(1, 60), min_size=1, max_size=8))
def test_however_often_one_looks_each_slot_comes_once(hours: list[int]) -> None:
    plan = Schedule(cron="30 */5 * * *", catch_up="all")
    now, seen = SEEN, []
    for step in hours:
        found = schedule.slots_between(plan, after=now, until=now + timedelta(hours=step))
        seen += found
        now += timedelta(hours=step)
    assert seen == schedule.slots_between(plan, after=SEEN, until=now)
    assert len(seen) == len(set(seen))


def test_summer_time_neither_loses_nor_doubles_a_day() -> None:
    plan = Schedule(cron="30 2 * * *", time_zone="Europe/London", catch_up="all")
    found = schedule.slots_between(
        plan, after=datetime(2026, 3, 25, tzinfo=UTC), until=datetime(2026, 4, 2, tzinfo=UTC)
    )
    assert len({s.date() for s in found}) == len(found) == 8


def test_no_cron_expression_is_refused() -> None:
    with pytest.raises(ParameterError, match="five fields"):
        schedule.slots_between(Schedule(cron="every monday"), after=SEEN, until=SEEN)


def test_exports_name_every_file_and_are_well_formed(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    path = params(tmp_path / "a b", "all")
    entries = schedule.export([path], root=tmp_path, command="/opt/x/bin/crmlib", kind="crontab")
    assert entries.splitlines() == [
        "CRON_TZ=Asia/Shanghai",
        f"0 6 * * * cd {tmp_path} && /opt/x/bin/crmlib run 'a b/daily.yml'",
    ]
    ast.parse(schedule.export([path], root=tmp_path, command="crmlib", kind="airflow"))
    assert "OnCalendar=" in schedule.export([path], root=tmp_path, command="crmlib", kind="systemd")
