"""Kill -9 in the middle of entering: what was said to be kept is there once, and no draft stands without its rule."""

from __future__ import annotations

from pathlib import Path

from benchmarks import bench_entries


def test_nothing_that_was_said_to_be_kept_is_lost_or_stands_twice_when_writers_are_killed(tmp_path: Path) -> None:
    """A process each, because a kill takes the whole process: 50 of them in the benchmark, one here."""
    found = bench_entries.kills(1, seed=3, folder=tmp_path / "lake", longest=0.8)
    assert found["said"] > 0
    assert (found["lost"], found["twice"], found["torn"]) == (0, 0, 0)
