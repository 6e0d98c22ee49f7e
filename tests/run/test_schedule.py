"""Schedules: due slots, catch-up rules, claims, clock changes, exports."""

from __future__ import annotations

import shlex
import shutil
import sqlite3
import subprocess
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.core.errors import ParameterError
from crmlib.run import plan, schedule
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
    every = Schedule(cron="30 */5 * * *", catch_up="all")
    now, seen = SEEN, []
    for step in hours:
        found = schedule.slots_between(every, after=now, until=now + timedelta(hours=step))
        seen += found
        now += timedelta(hours=step)
    assert seen == schedule.slots_between(every, after=SEEN, until=now)
    assert len(seen) == len(set(seen))


def test_summer_time_neither_loses_nor_doubles_a_day() -> None:
    daily = Schedule(cron="30 2 * * *", time_zone="Europe/London", catch_up="all")
    found = schedule.slots_between(
        daily, after=datetime(2026, 3, 25, tzinfo=UTC), until=datetime(2026, 4, 2, tzinfo=UTC)
    )
    assert len({s.date() for s in found}) == len(found) == 8


def test_no_cron_expression_is_refused() -> None:
    with pytest.raises(ParameterError, match="five fields"):
        schedule.slots_between(Schedule(cron="every monday"), after=SEEN, until=SEEN)


CALL = {"command": ["/opt/x y/bin/crmlib"], "options": ["--lake", "/data/100%/lake"]}


def test_a_crontab_names_every_file_with_its_zone(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    path = params(tmp_path / "a b", "all")
    zone, entry = schedule.export([path], root=tmp_path, kind="crontab", **CALL).splitlines()
    assert zone == "CRON_TZ=Asia/Shanghai"
    assert entry.startswith("0 6 * * * cd ")
    assert "%" not in entry.replace("\\%", "")  # cron takes a bare one for the end of the line
    words = shlex.split(entry.replace("\\%", "%").split(" ", 5)[5])
    command = ["/opt/x y/bin/crmlib", "run", "--deliver", "--lake", "/data/100%/lake", "a b/daily.yml"]
    assert words == ["cd", str(tmp_path), "&&", *command]


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    (tmp_path / "x y").mkdir()
    path = params(tmp_path / "x y", "all")
    call = {"command": [sys.executable], "options": ["--lake", str(tmp_path / "100% lake")]}
    text = schedule.export([path], root=tmp_path / "x y", kind="systemd", **call)
    assert "100%% lake" in text and f"WorkingDirectory={tmp_path}/x y\n" in text
    for unit in text.split("# crmlib.")[1:]:
        kind, _, content = unit.partition("\n")
        (tmp_path / f"crmlib.{kind}").write_text(content)
    checker = shutil.which("systemd-analyze")
    if checker is None:
        pytest.skip("no systemd-analyze on this machine")
    verify = [checker, "verify", "--man=no", str(tmp_path / "crmlib.service"), str(tmp_path / "crmlib.timer")]
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert "crmlib" not in done.stderr, done.stderr  # other units of the machine are not ours
    assert done.returncode == 0, done.stderr


def test_the_airflow_file_makes_one_dag_per_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[str, dict[str, Any]] = {}
    commands: list[str] = []

    @contextmanager
    def dag(name: str, **arguments: Any) -> Iterator[str]:
        made[name] = arguments
        yield name

    for module, content in {
        "pendulum": {"datetime": lambda *day, tz: (*day, tz)},
        "airflow": {"DAG": dag},
        "airflow.operators": {},
        "airflow.operators.bash": {"BashOperator": lambda task_id, bash_command: commands.append(bash_command)},
    }.items():
        monkeypatch.setitem(sys.modules, module, types.SimpleNamespace(**content))
    (tmp_path / "all").mkdir()
    paths = [params(tmp_path / "all", "all"), params(tmp_path, "skip", cron="30 7 * * 1")]
    exec(schedule.export(paths, root=tmp_path, kind="airflow", **CALL), {})
    assert made["all_daily"]["schedule"] == "0 6 * * *" and made["all_daily"]["catchup"] is True
    assert made["daily"] == {
        "schedule": "30 7 * * 1", "catchup": False, "max_active_runs": 1, "start_date": (2026, 1, 1, "Asia/Shanghai"),
    }  # fmt: skip
    day = "{{ macros.ds_add(data_interval_end.in_timezone('Asia/Shanghai') | ds, -1) }}"
    assert commands[0].endswith(f" all/daily.yml --set as_of={day}")
    assert commands[1].endswith(" --lake /data/100%/lake daily.yml")


@settings(max_examples=20)
@given(steps=st.lists(st.integers(-48, 72), min_size=1, max_size=15), rule=st.sampled_from(["all", "latest"]))
def test_a_clock_that_jumps_back_and_forth_makes_each_slot_at_most_once_and_the_newest_always(
    steps: list[int], rule: str
) -> None:
    with TemporaryDirectory() as folder:
        path, slots = params(Path(folder), rule), Slots(Path(folder) / "ledger.sqlite")
        now, made, furthest = SEEN, list[datetime](), SEEN
        due(path, slots, now)
        for hours in steps:
            now = max(now + timedelta(hours=hours), furthest - schedule.AHEAD)
            for slot in due(path, slots, now):
                assert slots.claim("daily.yml", slot, now=now)
                slots.note("daily.yml", slot, state="done", now=now)
                made.append(slot)
            furthest = max(furthest, now)
        expected = schedule.slots_between(plan.read(path).schedule or Schedule(cron=""), after=SEEN, until=furthest)
        assert len(set(made)) == len(made)
        assert made[-1:] == expected[-1:]
        assert rule == "latest" or sorted(made) == expected
