"""Many nights leave many small files; made few, nothing that is read changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from deltalake import DeltaTable

from crmlib.core.errors import LakeError
from crmlib.data.lake import compaction, delta, reduced
from crmlib.data.lake.lake import Lake
from crmlib.panels import reductions
from tests.panels import histories
from tests.panels.test_reductions import equal, kept, whole


def files(path: Path) -> int:
    return len(DeltaTable(str(path)).file_uris())


def rows(lake: Lake, version: int | None = None) -> pl.DataFrame:
    return lake.table("receipt_lines", version=version).collect().sort("line_id")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    rng, lake = np.random.default_rng(1), Lake(tmp_path)
    for number in range(4):
        histories.night(lake, rng, number)
        reduced.reduce(lake, by=reductions)
    return lake


def test_few_files_hold_the_same_rows_and_older_versions_stay(lake: Lake) -> None:
    path = lake.table_path("receipt_lines")
    before, version, many = rows(lake), delta.version(path), files(path)
    assert compaction.compact(lake, by=reductions, most=1) > 0
    assert files(path) < many and rows(lake).equals(before) and rows(lake, version).equals(before)
    assert lake.ingests("receipt_lines").height == 4


def test_reductions_stay_those_of_the_newest_lines_and_no_day_is_made_anew(lake: Lake) -> None:
    compaction.compact(lake, by=reductions, most=1)
    built, days = reduced.reduce(lake, by=reductions)
    assert days == 0 and built.lines == delta.version(lake.table_path("receipt_lines"))
    assert equal(kept(lake, built), whole(lake))
    histories.night(lake, np.random.default_rng(5), 4)
    after, days = reduced.reduce(lake, by=reductions)
    assert days > 0 and equal(kept(lake, after), whole(lake))


def test_reductions_that_were_behind_stay_behind(lake: Lake) -> None:
    histories.night(lake, np.random.default_rng(6), 4)
    entries = reduced.entries(lake)
    compaction.compact(lake, by=reductions, most=1)
    assert reduced.entries(lake) == entries
    built, days = reduced.reduce(lake, by=reductions)
    assert days > 0 and equal(kept(lake, built), whole(lake))


def test_a_death_before_the_note_costs_time_and_no_row(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(reduced, "remember", dies)
        compaction.compact(lake, by=reductions, most=1)
    built, _ = reduced.reduce(lake, by=reductions)
    assert equal(kept(lake, built), whole(lake))


def test_few_files_are_left_alone_and_a_lake_being_written_is_refused(lake: Lake) -> None:
    before = lake.versions()
    assert compaction.compact(lake, by=reductions) == 0 and lake.versions() == before
    with lake.writing(), pytest.raises(LakeError, match="another process"):
        compaction.compact(lake, by=reductions)
