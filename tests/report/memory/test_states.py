"""What runs keep for the next ones, also when several write at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from crmlib.data.lake.lake import Lake
from crmlib.report.memory import states

SLOT = states.Slot("demo", "cuts", "")
FIRST = date(2026, 1, 1)


def save(place: Path, day: date) -> None:
    states.save(Lake(place), SLOT, pl.DataFrame({"cut": [float(day.day)]}), as_of=day)


def test_runs_of_different_days_that_keep_at_the_same_moment_lose_nothing(tmp_path: Path) -> None:
    days = [FIRST + timedelta(days=n) for n in range(12)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda day: save(tmp_path, day), days))
    kept = Lake(tmp_path).state(SLOT.table)
    assert kept is not None and sorted(kept["as_of"].to_list()) == days
    last = states.load(Lake(tmp_path), SLOT, before=FIRST + timedelta(days=5))
    assert last is not None and last["cut"].to_list() == [5.0]


def test_the_same_state_again_writes_no_new_version(tmp_path: Path) -> None:
    for _ in range(2):
        save(tmp_path, FIRST)
    assert len(list((tmp_path / "state" / SLOT.table / "_delta_log").glob("*.json"))) == 1
