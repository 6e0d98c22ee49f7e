"""A first look at a file: head, middle and tail of it as texts, and how it is laid out."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import fastexcel
import polars as pl

from crmlib.core.errors import SourceError
from crmlib.data.draft import header
from crmlib.data.draft.header import TITLES, Names
from crmlib.data.read import encoding, kinds, readers, records, values
from crmlib.data.read.charsets import WORD
from crmlib.data.read.layout import check_below, check_one_table, check_torn, check_width

STRETCH = 1 << 18
"""Bytes read at the head, in the middle and at the tail of a text."""
ROWS = 2_000
"""Rows read of a sheet, and at each of three places of a Parquet file."""

TELLING = 3
"""Lines that are not plain, from which on they speak against what a person says."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a person says of how the files are laid out; all else is found by looking.

    Parameters
    ----------
    encoding, delimiter : as in a sources file, `auto` where nobody says it.
    header : line of the names, 0 where there is none, nothing where nobody says it; sheet : of a workbook.
    """

    encoding: str = "auto"
    delimiter: str = "auto"
    header: int | None = None
    sheet: str = ""


NOTHING = Said()


@dataclass(frozen=True, slots=True)
class Look:
    """What a file shows at first sight.

    Parameters
    ----------
    rows : sample, all cells text, in the file's order.
    header : line of the names; 0 where the file has typed columns, -1 where it has no names.
    said : what a person said of it.
    sheet : the fullest one; alike : those with the same names on the same line, itself among them.
    whole : the sample is all there is.
    torn : share of its lines that have more or fewer fields than the others.
    also : what else the head says of a column; no_sale : column and words of the head's lines under the names.
    again : the names stand again further down.
    """

    path: Path
    rows: pl.DataFrame
    encoding: str = ""
    common: float | None = None
    delimiter: str = ""
    header: int = 0
    sheet: str = ""
    alike: tuple[str, ...] = ()
    sheets: int = 1
    whole: bool = True
    torn: float = 0.0
    also: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    no_sale: tuple[str, tuple[str, ...]] | None = None
    again: bool = False
    said: Said = NOTHING


def look(path: Path, said: Said = NOTHING) -> Look:
    """Look at a text, a workbook or a Parquet file.

    Raises
    ------
    SourceError
        `ingest.unreadable`, `draft.no_sheet`, `draft.other_encoding`, or what reading its encoding raises.
    """
    try:
        if path.is_dir():
            raise SourceError("draft.folder", values={"path": path})
        kinds.check(path, path.name)
        if path.suffix.lower() in readers.PARQUET:
            return _parquet(path)
        if path.suffix.lower() in readers.EXCEL:
            return _workbook(path, said)
        return _text(path, said)
    except readers.UNREADABLE as error:
        raise readers.unreadable(path.name, error) from error


def _parquet(path: Path) -> Look:
    lazy = pl.scan_parquet(path, glob=False)
    height = int(lazy.select(pl.len()).collect().item())
    starts = sorted({0, max(height // 2 - ROWS // 2, 0), max(height - ROWS, 0)})
    sample = pl.concat([lazy.slice(start, ROWS).collect() for start in starts]).unique(maintain_order=True)
    flat = [c for c, dtype in sample.schema.items() if not dtype.is_nested() and dtype != pl.Binary]
    return Look(path, sample.select(pl.col(flat).cast(pl.String)), whole=height <= ROWS)


def _workbook(path: Path, said: Said) -> Look:
    book = fastexcel.read_excel(str(path))
    seen: list[Look] = []
    if said.sheet and said.sheet not in book.sheet_names:
        present = ", ".join(book.sheet_names)
        raise SourceError("draft.no_sheet", values={"file": path.name, "sheet": said.sheet, "present": present})
    for sheet in [said.sheet] if said.sheet else book.sheet_names:
        loaded = book.load_sheet(sheet, header_row=None, dtypes="string", n_rows=ROWS)
        if loaded.visible != "visible" and not said.sheet:  # what nobody sees is no sale of theirs
            continue
        cells = loaded.to_polars()
        cells = cells.with_columns(pl.all().str.replace(values.CELL_TIME, "$1"))
        if cells.width > 1:
            seen.append(_sheet(path, sheet, cells, said))
    if not seen:
        return Look(path, pl.DataFrame())
    best = max(seen, key=lambda one: one.rows.height)
    check_width(path.name, best.rows.columns)
    numbered = best.rows.with_row_index(records.LINE, offset=max(best.header, 0) + 1)
    check_one_table(numbered, f"{path.name}#{best.sheet}")
    same = tuple(o.sheet for o in seen if (o.header, o.rows.columns) == (best.header, best.rows.columns))
    rows = best.rows.with_columns(values.clean(pl.all())).filter(pl.any_horizontal(pl.all().is_not_null()))
    return _once_named(replace(best, rows=rows, alike=same, sheets=len(book.sheet_names)))


def _sheet(path: Path, sheet: str, cells: pl.DataFrame, said: Said) -> Look:
    lines = [[(v or "").strip() for v in row] for row in cells.iter_rows()]
    found = header.find(lines, cells.width) if said.header is None else header.at(lines, said.header - 1, cells.width)
    names = found.names or tuple(str(n + 1) for n in range(cells.width))
    at = found.at + found.below
    rows = cells[at + 1 :].rename(dict(zip(cells.columns, names, strict=True)))
    seen = Look(path, rows, sheet=sheet, whole=cells.height < ROWS, said=said)
    return _with_head(seen, found, found.at + 1)


def _with_head(seen: Look, found: Names, line: int) -> Look:
    """The look with what its head says; `line` is that of the names."""
    return replace(seen, header=line if found.at >= 0 else -1, also=found.also, no_sale=found.no_sale)


def _text(path: Path, said: Said) -> Look:
    data, whole = _stretches(path)
    text = (
        encoding.decode(data, name=path.name) if said.encoding == "auto" else _as_said(data, said.encoding, path.name)
    )
    lines = records.number_lines(text.utf8)
    if said.header:
        lines = lines.filter(pl.col(records.LINE) >= said.header)
    if lines.is_empty():
        return Look(path, pl.DataFrame(), text.encoding, text.common)
    delimiter = records.find_delimiter(lines) if said.delimiter == "auto" else said.delimiter
    first = [[f.strip() for f in records.split_one(line, delimiter)] for line in lines[records.RAW].head(TITLES * 5)]
    found = (
        header.find(first, _width(first))
        if said.header is None
        else header.at(first, min(said.header, 1) - 1, _width(first))
    )
    at = found.at
    names = list(found.names) or [str(n + 1) for n in range(_width(first))]
    check_width(path.name, names)
    split = records.split(lines[at + 1 :], delimiter=delimiter, names=names)
    rows = split.rows.sort(records.LINE).select(names).with_columns(values.clean(pl.all()))[found.below :]
    line = int(lines[records.LINE][max(at, 0)])
    check_torn(split, delimiter, path.name)
    check_below(split.rows, path.name)
    torn = split.torn.height / max(split.torn.height + rows.height, 1)
    seen = Look(path, rows, text.encoding, text.common, delimiter, whole=whole, torn=torn, said=said)
    return _once_named(_with_head(seen, found, line))


def _once_named(seen: Look) -> Look:
    """The look without lines that repeat the names, as pages do that were made for printing."""
    named = [c for c in seen.rows.columns if "#" not in c]
    if seen.header < 1 or not named:
        return seen
    again = pl.all_horizontal(pl.col(c) == c for c in named)
    rows = seen.rows.filter(~again.fill_null(value=False))
    if rows.height == seen.rows.height:
        return seen
    column, words = seen.no_sale or (named[0], ())
    return replace(seen, rows=rows, no_sale=(column, (*words, column)), again=True)


def _as_said(data: bytes, said: str, name: str) -> encoding.Text:
    """The text in the encoding that a person says; refused where the bytes clearly are of another one."""
    text = encoding.decode(data, encoding=said, name=name)
    try:
        found = encoding.decode(data, name=name)
    except SourceError:  # no reading is clear: a person knows it
        return text
    few = sum(not line.isascii() for line in data.split(b"\n")) < TELLING and said != "utf-16" and b"\x00" not in data
    if found.encoding.startswith(said) or found.bad_lines or few:
        return text
    read, words = (" ".join(WORD.findall(one.utf8[:4096].decode(errors="replace"))[:3]) for one in (text, found))
    raise SourceError(
        "draft.other_encoding",
        values={"file": name, "said": said, "found": found.encoding, "read": read, "words": words},
    )


def _stretches(path: Path) -> tuple[bytes, bool]:
    """Whole lines of the head, the middle and the tail; of a packed file only the head."""
    with path.open("rb") as stream:
        if stream.read(2) == readers.GZIP:
            with gzip.open(path) as packed:
                data = packed.read(3 * STRETCH)
                return _lines(data, cut=len(data) == 3 * STRETCH), len(data) < 3 * STRETCH
        size = path.stat().st_size
        stream.seek(0)
        if size <= 3 * STRETCH:
            return stream.read(), True
        head = stream.read(STRETCH)
        if head[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\x00" in head[:200]:
            return head, False  # two bytes a character: lines are not found by a single byte
        stream.seek(size // 2)
        middle = stream.read(STRETCH).partition(b"\n")[2]
        stream.seek(size - STRETCH)
        return _lines(head) + _lines(middle) + stream.read().partition(b"\n")[2], False


def _lines(data: bytes, *, cut: bool = True) -> bytes:
    return data[: data.rfind(b"\n") + 1] if cut else data


def _width(lines: list[list[str]]) -> int:
    return Counter(map(len, lines)).most_common(1)[0][0]
