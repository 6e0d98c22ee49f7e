"""Reductions in the lake are the lines', to the bit, whatever came, came late, was corrected or withdrawn."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.core.errors import LakeError
from crmlib.data.lake import delta, reduced
from crmlib.data.lake.lake import Lake
from crmlib.kit.words import Words
from crmlib.panels import reductions
from crmlib.run import ingest as ingesting
from tests.panels import histories


def whole(lake: Lake, version: int | None = None) -> dict[str, pl.DataFrame]:
    """All reductions, computed from all lines at once."""
    lines = lake.table("receipt_lines", version=version)
    return reductions.reduced_span(lines, stamped=lake.ingests("receipt_lines")["at"].to_list())


def kept(lake: Lake, built: reduced.Built) -> dict[str, pl.DataFrame]:
    return {name: reductions.typed(name, reduced.scan(lake, built, name).collect()) for name in reductions.COLUMNS}


def equal(one: dict[str, pl.DataFrame], other: dict[str, pl.DataFrame]) -> bool:
    return all(one[name].equals(other[name]) for name in reductions.COLUMNS)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), skipped=st.sampled_from([0, 1, 2]))
def test_after_any_nights_the_reductions_are_those_of_all_lines(
    tmp_path_factory: pytest.TempPathFactory, seed: int, skipped: int
) -> None:
    rng, lake = np.random.default_rng(seed), Lake(tmp_path_factory.mktemp("lake"))
    for number in range(4):
        histories.night(lake, rng, number)
        if number % 3 >= skipped:
            built, _ = reduced.reduce(lake, by=reductions)
            assert equal(kept(lake, built), whole(lake))
            assert built.odd == reductions.odd_days(whole(lake)["receipt"])
    assert all(same for _, same, _, _ in reduced.verify(lake, by=reductions))


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return histories.made(tmp_path_factory.mktemp("lake"), 3, 3)


def test_only_touched_days_are_made_anew_and_nothing_where_nothing_came(lake: Lake) -> None:
    _, first = reduced.reduce(lake, by=reductions)
    assert first > 20 and reduced.reduce(lake, by=reductions)[1] == 0
    histories.night(lake, np.random.default_rng(8), 3)
    built, days = reduced.reduce(lake, by=reductions)
    assert 0 < days < first + 1 and equal(kept(lake, built), whole(lake))


def test_days_that_no_reduction_holds_are_added_without_asking_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = histories.made(tmp_path, 3, 3)
    monkeypatch.setattr(reduced, "LINES_AT_ONCE", 1)
    reduced.reduce(lake, by=reductions)
    done = delta.opened(lake.path / reduced.FOLDER / "receipt").history()
    assert len(done) > 5 and not any("predicate" in commit["operationParameters"] for commit in done)


def test_the_fullest_month_says_how_many_days_are_reduced_at_once(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    path = lake.table_path("receipt_lines")
    rows = histories.lines(np.random.default_rng(1), 1200, at=histories.NIGHT, first=0)

    def sold(full: int, first: date, days: int, batch: str) -> int:
        """Write so many lines on each of some days, and say the version that holds them."""
        told = [first + timedelta(days=i // full) for i in range(full * days)]
        lines = rows.head(full * days).with_columns(
            pl.Series("day", told), pl.Series("day_n", told).cast(pl.Int32), month=pl.lit(f"{first:%Y-%m}")
        )
        delta.append(path, lines, batch=delta.Batch(batch), partition="month", description="{}")
        return delta.version(path)

    april = sold(40, date(2026, 4, 1), 30, "full")
    assert reduced._days_at_once(lake, april, 400) == 10
    # a month of few lines beside it makes no room for more days of the full one
    far = sold(1, date(2031, 1, 1), 28, "far")
    assert reduced._days_at_once(lake, far, 400) == 10
    assert reduced._days_at_once(lake, far, 1) == 1


def test_lines_that_lie_in_no_months_are_reduced_many_days_at_once(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    rows = histories.lines(np.random.default_rng(1), 300, at=histories.NIGHT, first=0)
    path = lake.table_path("receipt_lines")
    delta.append(path, rows, batch=delta.Batch("whole"), partition=None, description=histories.FACTS)
    days = len(reduced.touched(lake, None, delta.version(path)))
    assert reduced._days_at_once(lake, delta.version(path), 100) == days * 100 // 300
    built, _ = reduced.reduce(lake, by=reductions)
    assert equal(kept(lake, built), whole(lake))
    assert len(delta.opened(lake.path / reduced.FOLDER / "receipt").history()) <= 3


def test_an_earlier_version_of_the_lines_has_its_own_reductions_and_a_later_one_none(lake: Lake) -> None:
    reduced.reduce(lake, by=reductions)
    earlier = reduced.entries(lake)[0]
    assert equal(kept(lake, earlier), whole(lake, earlier.lines))
    newest = reduced.entries(lake)[-1].lines
    assert (
        reduced.of_version(lake, newest + 1, by=reductions) is None
        and reduced.of_version(lake, earlier.lines, by=reductions) == earlier
    )


def test_reductions_of_another_form_are_never_read_and_made_anew(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    reduced.reduce(lake, by=reductions)
    newest = reduced.entries(lake)[-1].lines
    monkeypatch.setattr(reduced, "form", lambda *_, **__: "another")
    assert reduced.of_version(lake, newest, by=reductions) is None
    built, days = reduced.reduce(lake, by=reductions)
    assert days > 20 and built.form == "another" and equal(kept(lake, built), whole(lake))


def test_a_reduction_that_is_wrong_is_found(tmp_path: Path) -> None:
    lake = histories.made(tmp_path, 4, 2)
    built, _ = reduced.reduce(lake, by=reductions)
    assert [same for _, same, _, _ in reduced.verify(lake, by=reductions)] == [True] * len(reductions.COLUMNS)
    frame = reduced.scan(lake, built, "store_product_day").collect()
    reduced._write(
        lake.path / reduced.FOLDER / "store_product_day",
        frame.with_columns(pl.col("net_minor") + 1),
        days=[d for d in frame["day_n"].cast(pl.Date).unique()],
    )
    place = lake.path / reduced.FOLDER / reduced.BUILT
    entry = json.loads(place.read_text())
    entry[-1]["versions"]["store_product_day"] += 1
    place.write_text(json.dumps(entry))
    assert {name: same for name, same, _, _ in reduced.verify(lake, by=reductions)}["store_product_day"] is False


def test_a_file_of_entries_that_is_torn_is_made_again(tmp_path: Path) -> None:
    lake = histories.made(tmp_path, 5, 2)
    reduced.reduce(lake, by=reductions)
    (tmp_path / reduced.FOLDER / reduced.BUILT).write_text('[{"lines": 1, "fo')
    assert reduced.of_version(lake, 1, by=reductions) is None and reduced.verify(lake, by=reductions) == []
    built, days = reduced.reduce(lake, by=reductions)
    assert days > 0 and equal(kept(lake, built), whole(lake))


def test_a_few_lines_at_once_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = histories.made(tmp_path, 9, 3)
    monkeypatch.setattr(reduced, "LINES_AT_ONCE", 7)
    built, _ = reduced.reduce(lake, by=reductions)
    assert equal(kept(lake, built), whole(lake))


def test_two_at_a_time_are_refused_and_a_lake_without_lines_says_so(tmp_path: Path) -> None:
    lake = histories.made(tmp_path / "lake", 6, 1)
    with reduced.pen(lake), pytest.raises(LakeError) as held:
        reduced.reduce(lake, by=reductions)
    assert held.value.code == "lake.locked"
    with pytest.raises(LakeError) as empty:
        reduced.reduce(Lake(tmp_path / "none"), by=reductions)
    assert empty.value.code == "lake.no_table"


PROGRAM = (
    "import sys; from crmlib.data.lake import lake, reduced; from crmlib.panels import reductions;"
    "reduced.reduce(lake.Lake(sys.argv[1]), by=reductions)"
)


def test_a_run_that_is_killed_leaves_the_last_whole_reductions_and_the_next_makes_them(tmp_path: Path) -> None:
    lake = histories.made(tmp_path, 7, 2)
    before, _ = reduced.reduce(lake, by=reductions)
    made = kept(lake, before)
    for number, wait in ((2, 0.0), (3, 0.25)):
        histories.night(lake, np.random.default_rng(number), number)
        writes = lake.path / reduced.FOLDER / "receipt" / "_delta_log"
        commits = len(list(writes.glob("*.json")))
        child = subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path)])
        while child.poll() is None and len(list(writes.glob("*.json"))) == commits:
            time.sleep(0.01)
        time.sleep(wait / 20)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        assert equal(kept(lake, before), made)
    built, _ = reduced.reduce(lake, by=reductions)
    assert equal(kept(lake, built), whole(lake))


def test_the_command_makes_them_and_the_check_of_the_lake_compares_them(tmp_path: Path) -> None:
    lake, said = histories.made(tmp_path, 8, 2), list[str]()
    for _ in range(2):
        ingesting.reduce(lake.path, say=said.append, words=Words("en"))
    assert said[0].startswith("Reductions: ") and said[0].endswith("made anew")
    assert said[1] == "Reductions: nothing to do"
    said.clear()
    ingesting.check_lake(tmp_path, say=said.append, words=Words("en"))
    assert sum("reduction: " in line and line.startswith("ok") for line in said) == len(reductions.COLUMNS)
