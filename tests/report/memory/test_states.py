"""What runs keep for the next ones, also when several write at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from crmlib.data.lake.lake import Lake
from crmlib.report.memory import states

SLOT = states.Slot("demo", "cuts", "")
FIRST = date(2026, 1, 1)


def of(asked: str) -> states.Slot:
    return replace(SLOT, asked=asked)


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


def test_runs_of_one_day_asked_for_different_things_keep_their_own_and_find_it_again(tmp_path: Path) -> None:
    lake, later = Lake(tmp_path), FIRST + timedelta(days=7)
    for asked, cut in (("women", 1.0), ("men", 2.0), ("women", 3.0)):
        states.save(lake, of(asked), pl.DataFrame({"cut": [cut]}), as_of=FIRST)
    states.save(lake, of("men"), pl.DataFrame({"cut": [9.0]}), as_of=later)
    found = {asked: states.load(lake, of(asked), before=later) for asked in ("women", "men", "")}
    assert {asked: None if rows is None else rows["cut"].to_list() for asked, rows in found.items()} == {
        "women": [3.0], "men": [2.0], "": None,
    }  # fmt: skip
    assert states.load(lake, of("men"), before=later + timedelta(days=1)).rows() == [(9.0,)]  # type: ignore[union-attr]


def test_what_was_kept_before_runs_were_told_apart_is_found_until_a_run_has_its_own(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.write_state(SLOT.table, pl.DataFrame({"as_of": [FIRST], "cut": [1.0]}))
    second, third = (FIRST + timedelta(days=n) for n in (1, 2))
    assert states.load(lake, of("women"), before=second).rows() == [(1.0,)]  # type: ignore[union-attr]
    states.save(lake, of("women"), pl.DataFrame({"cut": [2.0]}), as_of=second)
    assert states.load(lake, of("women"), before=third).rows() == [(2.0,)]  # type: ignore[union-attr]
    assert states.load(lake, of("men"), before=third).rows() == [(1.0,)]  # type: ignore[union-attr]


def test_the_same_state_again_writes_no_new_version(tmp_path: Path) -> None:
    for _ in range(2):
        save(tmp_path, FIRST)
    assert len(list((tmp_path / "state" / SLOT.table / "_delta_log").glob("*.json"))) == 1
