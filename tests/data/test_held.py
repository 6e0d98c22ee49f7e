"""Many files in one run leave the lake that they leave one by one: what a run remembers of keys changes no answer."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import polars as pl
import pytest

from crmlib.data.lake import held
from crmlib.data.lake.held import Held, Places
from crmlib.data.read import files
from tests.data.conftest import Desk

MONTHS = 6


def exported(seed: int, number: int) -> list[str]:
    """Receipts of five files: some come again, some corrected, some another month, over months and shops."""
    rng = random.Random(seed * 100 + number)
    lines = []
    for receipt in sorted(rng.sample(range(60), 25)):
        month = receipt % MONTHS + 1 if rng.random() < 0.8 else rng.randrange(MONTHS) + 1
        at, goods = f"2024/{month}/{receipt % 27 + 1} 9:{receipt % 60:02d}", rng.sample(range(5), 1 + receipt % 3)
        lines += [f"R{receipt:03d},S{receipt % 3},{receipt % 9:04d},P{n},{at},1,{rng.choice((3, 4))}.50" for n in goods]
    return lines


def filled(desk: Desk, seed: int, *, together: bool) -> pl.DataFrame:
    desk.sales(extra="  receipts_may_move: true\n  quarantine_limit: 90%")
    for number in range(5):
        desk.csv(f"{number}.csv", *exported(seed, number))
        if not together:
            desk.ingest()
    if together:
        desk.ingest()
    columns = ["line_id", "receipt_id", "product_id", "day", "net_minor", "src_file", "src_line"]
    return desk.lake.table("receipt_lines").select(columns).collect().sort("line_id")


@pytest.mark.parametrize("most", [held.MOST, 20])
@pytest.mark.parametrize("seed", [0, *(pytest.param(s, marks=pytest.mark.long) for s in (1, 2))])
def test_many_files_in_one_run_leave_the_lake_that_they_leave_one_by_one(
    new_desk: Callable[[], Desk], monkeypatch: pytest.MonkeyPatch, seed: int, most: int
) -> None:
    alone = filled(new_desk(), seed, together=False)
    monkeypatch.setattr(held, "MOST", most)
    monkeypatch.setattr(files.batches, "__kwdefaults__", {"limit": 1})
    one_run = new_desk()
    assert filled(one_run, seed, together=True).equals(alone) and alone.height > 50
    assert one_run.lake.ingests("receipt_lines").height == 5


def test_only_months_that_hold_a_key_are_named_whatever_came_or_was_written_anew(desk: Desk) -> None:
    path, known = desk.lake.table_path("receipt_lines"), Held("receipt_id", source="sales")
    desk.csv("a.csv", "R1,S1,,P1,2024/1/3 9:56,1,12.50", "R2,S1,,P1,2024/3/3 9:56,1,12.50")
    desk.ingest()
    asked = pl.Series(["R1", "R9"])
    assert known.places(path, asked) is None  # one batch alone asks the table itself
    assert told(known.places(path, asked)) == (["2024-01"], ["R1"])
    assert told(known.places(path, pl.Series(["R9"]))) == ([], [])
    desk.csv("b.csv", "R9,S1,,P1,2024/5/3 9:56,1,12.50", "R1,S1,,P1,2024/1/3 9:56,2,25.00")
    desk.ingest()
    assert told(known.places(path, asked)) == (["2024-01", "2024-05"], ["R1", "R9"])
    assert told(known.places(path, asked, version=0)) == (["2024-01", "2024-05"], ["R1", "R9"])  # more than it must
    other = Held("receipt_id", source="another")
    assert [told(other.places(path, asked)) for _ in range(2)] == [None, ([], [])]


def told(found: Places | None) -> tuple[list[str], list[str]] | None:
    return None if found is None else (found.months, sorted(found.keys.to_list()))


@pytest.mark.parametrize("seed", range(5))
def test_fingerprints_in_levels_are_found_as_in_one_list(seed: int) -> None:
    rng = random.Random(seed)
    levels: list[held.Prints] = []
    there: dict[str, set[int]] = {}
    for _ in range(20):
        keys = [f"R{rng.randrange(400)}" for _ in range(rng.randrange(30))]
        months = [rng.randrange(5) for _ in keys]
        held._hold(levels, held._prints(pl.Series(keys, dtype=pl.String), pl.Series(months, dtype=pl.UInt64)))
        for key, month in zip(keys, months, strict=True):
            there.setdefault(key, set()).add(month)
        asked = [f"R{rng.randrange(400)}" for _ in range(20)]
        at, found = held._shared(levels, held._prints(pl.Series(asked)))
        assert sorted(asked[n] for n in at.to_list()) == sorted(key for key in asked if key in there)
        assert found == {month for key in asked for month in there.get(key, ())}
    sizes = [len(level) for level in levels]
    assert all(large >= 2 * small for large, small in itertools.pairwise(sizes))


def test_files_that_a_run_wrote_are_not_read_for_their_keys(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.batches, "__kwdefaults__", {"limit": 1})
    for number in range(4):
        desk.csv(f"{number}.csv", *(f"R{number}{n},S1,,P1,2024/{n + 1}/3 9:56,1,12.50" for n in range(5)))
    read: list[object] = []
    monkeypatch.setattr(pl, "scan_parquet", lambda path, **_: read.append(path))
    desk.ingest()
    assert not read
    assert desk.lake.ingests("receipt_lines").height == 4
