"""Workbooks of other kinds than .xlsx are read by a process with a bound first; packed texts are unpacked once."""

from __future__ import annotations

import gzip
import struct
import zipfile
import zlib
from pathlib import Path

import fastexcel
import pytest

from crmlib.core.errors import SourceError
from crmlib.data.read import bounds, files

KIND = "application/vnd.oasis.opendocument.spreadsheet"


def sheet(path: Path, *, columns: int, rows: int) -> Path:
    """A spreadsheet of a few hundred bytes whose one cell is repeated."""
    names = " ".join(
        f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{long}:1.0"'
        for short, long in (("office", "office"), ("table", "table"), ("text", "text"), ("manifest", "manifest"))
    )
    cell = f'<table:table-cell office:value-type="string" table:number-columns-repeated="{columns}">'
    row = f'<table:table-row table:number-rows-repeated="{rows}">{cell}<text:p>x</text:p></table:table-cell>'
    table = f'<table:table table:name="a">{row}</table:table-row></table:table>'
    parts = {
        "mimetype": KIND,
        "content.xml": f"<office:document-content {names}><office:body><office:spreadsheet>{table}"
        "</office:spreadsheet></office:body></office:document-content>",
        "META-INF/manifest.xml": f'<manifest:manifest {names}><manifest:file-entry manifest:full-path="/" '
        f'manifest:media-type="{KIND}"/></manifest:manifest>',
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, text in parts.items():
            book.writestr(name, text)
    return path


@pytest.mark.parametrize("rows", [90_000, 1_000_000])
def test_an_open_document_that_repeats_a_cell_without_end_is_refused_before_it_takes_gigabytes(
    rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "MOST_MEMORY", 200_000_000)
    far = sheet(tmp_path / "far.ods", columns=1_000, rows=rows)
    assert far.stat().st_size < 2_000
    with pytest.raises(SourceError) as caught:
        bounds.check_workbook(far, "far.ods")
    assert caught.value.code == "ingest.too_heavy" and ".xlsx" in caught.value.mend


def test_one_of_usual_size_is_let_through_and_a_damaged_one_is_left_to_whoever_says_why(tmp_path: Path) -> None:
    small = sheet(tmp_path / "small.ods", columns=3, rows=20)
    bounds.check_workbook(small, "small.ods")
    assert fastexcel.read_excel(str(small)).load_sheet(0, header_row=None).to_polars().shape == (20, 3)
    (tmp_path / "broken.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100)
    bounds.check_workbook(tmp_path / "broken.xls", "broken.xls")


def record(kind: int, body: bytes = b"") -> bytes:
    """One record of a binary workbook: kind and length in seven bits a byte, then its content."""
    head = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
    return head + bytes([len(body)]) + body


def binary(path: Path, *cells: tuple[int, int, float]) -> Path:
    """An `.xlsb` of one sheet with numbers in some cells (row, column, value)."""
    last = (max(r for r, _, _ in cells), max(c for _, c, _ in cells))
    wide = {text: struct.pack("<I", len(text)) + text.encode("utf-16-le") for text in ("rId1", "s")}
    book = record(0x83) + record(0x8F) + record(0x9C, bytes(8) + wide["rId1"] + wide["s"]) + record(0x90) + record(0x84)
    rows = b"".join(
        record(0, struct.pack("<I", row) + bytes(13)) + record(5, struct.pack("<IId", column, 0, value))
        for row, column, value in cells
    )
    body = record(0x81) + record(0x94, struct.pack("<4I", 0, last[0], 0, last[1])) + record(0x91) + rows
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    part = f'<Relationship Id="rId1" Type="{kind}/worksheet" Target="worksheets/sheet1.bin"/>'
    space = "http://schemas.openxmlformats.org/package/2006/relationships"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("xl/_rels/workbook.bin.rels", f'<Relationships xmlns="{space}">{part}</Relationships>')
        packed.writestr("xl/workbook.bin", book)
        packed.writestr("xl/worksheets/sheet1.bin", body + record(0x92) + record(0x82))
    return path


def test_a_binary_workbook_of_one_far_cell_is_refused_and_a_small_one_is_read(tmp_path: Path) -> None:
    """A kilobyte whose one cell at the far end would make calamine hold every cell before it."""
    small = binary(tmp_path / "small.xlsb", (0, 0, 1.0), (0, 1, 2.0), (1, 0, 3.0))
    bounds.check_workbook(small, small.name)
    assert fastexcel.read_excel(str(small)).load_sheet(0, header_row=None).to_polars().shape == (2, 2)
    far = binary(tmp_path / "far.xlsb", (0, 0, 1.0), (1_048_575, 9_999, 1.0))
    assert far.stat().st_size < 2_000
    with pytest.raises(SourceError) as caught:
        bounds.check_workbook(far, far.name)
    assert caught.value.code == "ingest.too_heavy" and ".xlsx" in caught.value.mend


def stamp(path: Path) -> tuple[int, int]:
    """Size and time of a file."""
    return path.stat().st_size, path.stat().st_mtime_ns


def test_a_packed_text_is_unpacked_once_and_let_go_with_its_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [b"a,b\n" * 400, b"c,d\n" * 500 + b"e,f\n", b"g,h\n" * 90_000]
    paths = [tmp_path / f"{n}.csv.gz" for n in range(3)]
    paths[0].write_bytes(gzip.compress(texts[0]))
    paths[1].write_bytes(gzip.compress(texts[1][:2000]) + gzip.compress(texts[1][2000:]))  # two members
    paths[2].write_bytes(gzip.compress(texts[2]))
    inputs = tuple(files.InputFile(path, path.name, "") for path in paths)
    monkeypatch.setattr(bounds, "MOST_KEPT", 100_000)
    groups = files.batches(inputs, limit=100_000)
    assert next(groups) == inputs[:2]
    assert [bounds.kept(path, stamp=stamp(path)) for path in paths] == [texts[0], texts[1], None]
    assert bounds.kept(paths[0], stamp=stamp(paths[0])) is None  # taken
    again = files.batches(inputs[:2], limit=1)
    bounds.unpacked_size.cache_clear()
    assert next(again) == inputs[:1]
    del again
    assert bounds.kept(paths[1], stamp=stamp(paths[1])) is None  # nothing is kept for a batch that does not come


def test_half_an_archive_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "half.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" * 400)[:-12])
    assert bounds.unpacked_size(path, stamp=stamp(path)) > 0
    assert bounds.kept(path, stamp=stamp(path)) is None
    path.write_bytes(gzip.compress(b"a,b\n" * 400) + b"no archive")
    with pytest.raises(zlib.error):
        bounds.unpacked_size(path, stamp=stamp(path))
    assert bounds.kept(path, stamp=stamp(path)) is None
