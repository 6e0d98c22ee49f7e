"""A file judged in pieces leaves the same lake, the same counts and the same quarantine as one judged whole."""

from __future__ import annotations

import gzip
import random
import shutil
from typing import Any

import pytest

from crmlib.core.errors import SourceError
from crmlib.data import Lake, check_lake, pieces
from crmlib.data.lake import delta
from crmlib.data.read import files
from tests.data.conftest import Desk

APART = ("kind", "src_file", "src_line", "rule", "value", "raw")


def untidy(seed: int) -> list[str]:
    """Lines of tills that write in turn: receipts scattered, copies, returns, torn and bad lines, quotes over lines."""
    rng = random.Random(seed)
    lines = []
    for _ in range(600):
        receipt, day = rng.randrange(120), rng.randrange(1, 29)
        at = f"2024/1/{receipt % 28 + 1} 9:56"
        line = f"R{receipt},S{receipt % 3},{receipt % 40:04d},P{rng.randrange(9)},{at},1,{day}.50"
        kind = rng.random()
        if kind < 0.03:
            line = line.rsplit(",", 2)[0]
        elif kind < 0.06:
            line = line.replace(",1,", ",一个,")
        elif kind < 0.09:
            line = line.replace(f"P{line.split(',P')[1][0]}", '"豆沙\n粽""王"""')
        lines.append(line)
    return lines


UNTIDY = "  quarantine_limit: 20%"
"""Six lines of a hundred are bad by intent."""


def other(desk: Desk, name: str) -> Desk:
    folder = desk.folder.parent / name
    folder.mkdir()
    return Desk(folder, Lake(folder / "lake"), folder / "sources.yml")


def same(one: Desk, many: Desk) -> None:
    rows = [d.lake.table("receipt_lines").collect().sort("line_id") for d in (one, many)]
    assert rows[0].equals(rows[1])
    aside = [d.lake.set_apart().select(APART).collect().sort(APART) for d in (one, many)]
    assert aside[0].equals(aside[1])
    assert check_lake(many.lake.path).ok


def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "BATCH_BYTES", 4_000)
    monkeypatch.setattr(files.batches, "__kwdefaults__", {"limit": 4_000})
    monkeypatch.setattr(pieces, "SLAB", 2_500)


@pytest.mark.parametrize(("encoding", "suffix"), [("utf-8", "csv"), ("gb18030", "csv.gz"), ("utf-8-sig", "csv")])
def test_a_large_file_and_its_corrections_leave_the_same_lake(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, encoding: str, suffix: str
) -> None:
    many = other(desk, "many")
    first, corrected = untidy(1), [*untidy(1)[:300], *untidy(2)[300:]]
    results = []
    for place, divide in ((desk, False), (many, True)):
        with monkeypatch.context() as patched:
            if divide:
                small(patched)
            for name, lines in (("a", first), ("b", corrected)):
                place.sales(f"*.{suffix}", extra=UNTIDY)
                path = place.csv(f"{name}.csv", *lines, encoding=encoding)
                if suffix.endswith("gz"):
                    (place.folder / f"{name}.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
                    path.unlink()
                results.append(place.ingest())
    assert many.lake.ingests().height > 8
    for whole, parts in zip(results[:2], results[2:], strict=True):
        for term in ("read", "kept", "replaced", "duplicate", "quarantined", "excluded", "withdrawn", "files"):
            assert getattr(whole, term) == getattr(parts, term), term
        assert whole.rules.equals(parts.rules)
    same(desk, many)


def test_a_file_stored_in_pieces_is_known_when_it_comes_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)
    desk.csv("a.csv", *untidy(3))
    assert desk.ingest().files == ("a.csv",)
    assert not desk.ingest().changed
    assert not (desk.lake.path / ".scratch").exists()


def test_half_a_file_is_not_taken_for_known_and_nothing_is_counted_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(monkeypatch)
    desk.sales(extra=UNTIDY)
    desk.csv("a.csv", *untidy(4))
    append, calls = delta.append, []

    def dies(*args: object, **named: object) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        append(*args, **named)

    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(delta, "append", dies)
        desk.ingest()
    again = desk.ingest()
    assert again.duplicate > 0
    whole = other(desk, "whole")
    with monkeypatch.context() as undivided:
        undivided.setattr(files, "BATCH_BYTES", 10**9)
        undivided.setattr(files.batches, "__kwdefaults__", {"limit": 10**9})
        whole.sales(extra=UNTIDY)
        whole.csv("a.csv", *untidy(4))
        whole.ingest()
    rows = [d.lake.table("receipt_lines").collect().sort("line_id") for d in (desk, whole)]
    assert rows[0].equals(rows[1])


def test_a_large_file_without_a_needed_column_or_of_torn_lines_is_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(monkeypatch)
    desk.csv("a.csv", *untidy(5), header="小票号,门店,会员,商品,时间,数量,价格")
    with pytest.raises(SourceError) as refused:
        desk.ingest()
    assert refused.value.code == "ingest.missing_column"
    desk.csv("a.csv", *["torn line"] * 2_000)
    with pytest.raises(Exception, match="break a rule"):
        desk.ingest()
    assert not desk.lake.has("receipt_lines")


def with_free(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(pieces, "disk_usage", lambda folder: shutil.disk_usage(folder)._replace(free=free))


@pytest.mark.parametrize("suffix", ["csv", "csv.gz"])
def test_a_file_whose_pieces_the_disk_cannot_hold_is_refused_before_anything_is_written(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    small(monkeypatch)
    desk.sales(f"*.{suffix}", extra=UNTIDY)
    for name, lines in (("a", untidy(6)[:20]), ("b", untidy(6))):  # the first one alone would be stored
        text = desk.csv(f"{name}.csv", *lines).read_bytes()
        if suffix.endswith("gz"):
            (desk.folder / f"{name}.csv").unlink()
            (desk.folder / f"{name}.csv.gz").write_bytes(gzip.compress(text))
    with_free(monkeypatch, len(text) - 1)
    with pytest.raises(
        SourceError, match=rf"b\.{suffix}: cut into pieces it takes 1 MB on the disk of .*free"
    ) as refused:
        desk.ingest()
    assert refused.value.code == "ingest.no_room"
    assert not (desk.lake.path / "tables").exists()
    assert not (desk.lake.path / ".scratch").exists()
    with_free(monkeypatch, 100 * len(text))
    assert desk.ingest().sum_holds


def test_a_packed_file_that_says_less_than_it_holds_is_refused_when_it_is_counted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(monkeypatch)
    desk.sales("*.csv.gz", extra=UNTIDY)
    text = desk.csv("a.csv", *untidy(7)).read_bytes()
    (desk.folder / "a.csv.gz").write_bytes(gzip.compress(text[:-100]) + gzip.compress(text[-100:]))
    with_free(monkeypatch, len(text) - 1)
    with pytest.raises(SourceError) as refused:
        desk.ingest()
    assert refused.value.code == "ingest.no_room"
    assert not desk.lake.has("receipt_lines")
    assert not (desk.lake.path / ".scratch").exists()


def test_pieces_are_packed_where_the_disk_has_no_room_for_them_as_they_are(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(monkeypatch)
    whole, used = other(desk, "whole"), []
    size = desk.csv("a.csv", *untidy(8)[:300]).stat().st_size
    spill = pieces._spill

    def noted(*args: Any, **named: Any) -> Any:
        used.append(named["compression"])
        return spill(*args, **named)

    monkeypatch.setattr(pieces, "_spill", noted)
    for place, free in ((whole, 100 * size), (desk, 2 * size)):
        place.sales(extra=UNTIDY)
        place.csv("a.csv", *untidy(8)[:300])
        with_free(monkeypatch, free)
        place.ingest()
    assert used == ["uncompressed", "lz4"]
    same(whole, desk)


def test_a_slab_ends_where_no_quoted_field_is_open() -> None:
    quiet = b"a,b\n" * 60
    assert pieces._cut(quiet + b'x,"open\n' + b"more\n") == len(quiet)
    assert pieces._cut(quiet + b'x,"shut"\n') == len(quiet) + 9


def test_what_must_be_seen_whole_is_not_divided(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)
    desk.csv("a.csv", *untidy(6))
    desk.sales(extra=f"  repeat_of: [小票号, 商品]\n{UNTIDY}")
    desk.ingest()
    assert desk.lake.ingests().height == 1
