"""Workbooks of other kinds than .xlsx are read by a process with a bound first."""

from __future__ import annotations

import zipfile
from pathlib import Path

import fastexcel
import pytest

from crmlib.core.errors import SourceError
from crmlib.data.read import bounds

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
