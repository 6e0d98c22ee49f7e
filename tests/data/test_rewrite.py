"""Months written anew by Arrow hold what Delta's own writer leaves; what breaks off leaves nothing behind."""

from __future__ import annotations

import errno
import random
from collections.abc import Callable
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from crmlib.core.errors import LakeError
from crmlib.data import check_lake
from crmlib.data.lake import delta, parquet, reduced, rewrite, store
from crmlib.panels import reductions
from tests.data.conftest import Desk

LAST = "line_id"
STATISTICS = (
    "num_records",
    "null_count.customer_id",
    "min.sold_at",
    "max.sold_at",
    "min.day",
    "max.day",
    "min.line_id",
)


def lines(seed: int, *, share: float = 1.0) -> list[str]:
    """Receipts of three months; of `share` of them another version, some shorter, some of another day, some new."""
    rng = random.Random(seed)
    told = []
    for receipt in range(150):
        if rng.random() > share:
            continue
        card, month = "" if receipt % 3 else f"{receipt % 11:04d}", receipt % 3 + 1
        at = f"2024/{month}/{rng.randrange(1, 4) + receipt % 20} {8 + receipt % 12}:{receipt % 60:02d}"
        for _ in range(rng.randrange(1, 4)):
            told.append(f"R{receipt + (500 if seed and not receipt % 10 else 0)},S{receipt % 4},{card},"
                        f"P{rng.randrange(9)},{at},{rng.randrange(1, 5)},{rng.randrange(99)}.50")  # fmt: skip
    return told


def corrected(desk: Desk, *, seed: int) -> pl.DataFrame:
    """The table after a first load, two corrections of most days and one more of the rewritten files."""
    desk.sales(extra="  receipts_may_move: true")
    for number, share in enumerate((1.0, 0.7, 0.3, 0.7)):
        desk.csv(f"{number}.csv", *lines(seed * 10 + number, share=share))
        desk.ingest()
    return desk.lake.table("receipt_lines").collect().sort(LAST)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rows", [parquet.GROUP_ROWS, 40])
def test_months_written_anew_by_arrow_hold_what_deltas_writer_leaves(
    new_desk: Callable[[], Desk], monkeypatch: pytest.MonkeyPatch, seed: int, rows: int
) -> None:
    done, months = [], rewrite.months

    def noted(*args: Any, **named: Any) -> bool:
        done.append(months(*args, **named))
        return done[-1]

    one, other = new_desk(), new_desk()
    with monkeypatch.context() as without:
        without.setattr(rewrite, "worth", lambda path, days: False)
        without.setattr(store, "MOST_DAYS", 1)
        expected = corrected(one, seed=seed)
    monkeypatch.setattr(rewrite, "months", noted)
    monkeypatch.setattr(parquet, "GROUP_ROWS", rows)
    found = corrected(other, seed=seed)
    assert done and all(done)
    assert found.equals(expected) and found.height > 200
    ours, theirs = (d.lake.ingests("receipt_lines").drop("version") for d in (other, one))
    assert ours.equals(theirs)
    assert delta.committed(other.lake.table_path("receipt_lines"), str(ours["batch"][-1]))
    assert check_lake(other.lake.path).ok
    for desk in (one, other):
        reduced.reduce(desk.lake, by=reductions)
    for name in reductions.COLUMNS:
        cells = [reduced.scan(d.lake, reduced.entries(d.lake)[-1], name).collect() for d in (one, other)]
        assert reductions.typed(name, cells[0]).equals(reductions.typed(name, cells[1]))


def test_a_file_says_of_itself_what_deltas_writer_says(
    new_desk: Callable[[], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    for worth in (True, False):
        desk = new_desk()
        monkeypatch.setattr(rewrite, "worth", lambda path, days, found=worth: found)
        monkeypatch.setattr(store, "MOST_DAYS", 1)
        corrected(desk, seed=5)
        files = pl.DataFrame(delta.opened(desk.lake.table_path("receipt_lines")).get_add_actions(flatten=True))
        assert files["partition.month"].is_unique().all()
        told.append(files.sort("partition.month").select("partition.month", *STATISTICS))
    assert told[0].equals(told[1])


def test_a_rewrite_that_breaks_off_leaves_the_old_version_and_no_file(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.csv("a.csv", *lines(1))
    desk.ingest()
    path = desk.lake.table_path("receipt_lines")
    before, there = desk.lake.table("receipt_lines").collect(), set(delta.sizes(path))
    desk.csv("b.csv", *lines(1)[:-1], lines(1)[-1].replace(".50", ".60"), *lines(2)[:50])
    desk.sales(extra="  receipts_may_move: true")
    write, calls = pq.ParquetWriter.write_table, []

    def full(writer: Any, *args: Any, **named: Any) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(writer, *args, **named)

    with monkeypatch.context() as broken:
        broken.setattr(pq.ParquetWriter, "write_table", full)
        with pytest.raises(LakeError) as refused:
            desk.ingest()
    assert refused.value.code == "lake.disk_full" and len(calls) == 3
    assert set(delta.sizes(path)) == there
    assert desk.lake.table("receipt_lines").collect().equals(before)
    assert desk.ingest().changed


def test_a_file_of_fewer_columns_than_the_table_is_left_to_deltas_writer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    storable = store.storable
    with monkeypatch.context() as past:
        past.setattr(store, "storable", lambda rows, contract: storable(rows, contract).drop("staff_id"))
        desk.csv("a.csv", *lines(3))
        desk.ingest()
    done, months = [], rewrite.months
    monkeypatch.setattr(rewrite, "months", lambda *a, **k: done.append(months(*a, **k)) or done[-1])
    desk.sales(extra="  receipts_may_move: true")
    desk.csv("b.csv", *lines(4, share=0.7))
    desk.ingest()
    desk.csv("c.csv", *lines(5, share=0.7))
    desk.ingest()
    assert done[0] is False and done[-1] is True  # the first rewrite gave every file all columns
    assert check_lake(desk.lake.path).ok
