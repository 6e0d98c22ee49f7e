"""Files to raw rows: delimited text, Excel, Parquet."""

from __future__ import annotations

import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import fastexcel
import polars as pl

from crmlib.core.errors import SourceError
from crmlib.data.read import bounds, encoding, kinds, records, values
from crmlib.data.read.layout import check_below, check_one_table, check_torn, check_width
from crmlib.data.read.raw import RawPart, placed
from crmlib.data.read.records import LINE, RAW
from crmlib.data.sources import Source

PLAIN = frozenset({".csv", ".txt", ".tsv"})
TEXT = PLAIN | {".gz"}
EXCEL = frozenset({".xlsx", ".xls", ".xlsm", ".xlsb", ".ods"})
PARQUET = frozenset({".parquet", ".pq"})
SUFFIXES = TEXT | EXCEL | PARQUET
GZIP = b"\x1f\x8b"
UNREADABLE = (
    OSError,
    EOFError,
    zlib.error,
    zipfile.BadZipFile,
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
    fastexcel.FastExcelError,
)
CDNOW = "CDNOW_master.txt"


@dataclass(frozen=True, slots=True)
class Layout:
    """How a text file is laid out: its delimiter and the names of its fields."""

    delimiter: str
    names: tuple[str, ...]


def read(path: Path, *, source: Source, name: str) -> Iterator[RawPart]:
    """The parts of one file. `name` is shown in messages and stored with every row."""
    suffix = path.suffix.lower()
    try:
        kinds.check(path, name)
        if suffix in PARQUET:
            yield placed(_parquet(path, name), source, file=name)
        elif suffix in EXCEL:
            yield from _excel(path, source, name)
        else:
            yield _text(_content(path, name), source, name)
    except UNREADABLE as error:
        raise unreadable(name, error) from error


def _content(path: Path, name: str) -> bytes:
    """Bytes of a text file, unpacked where it is gzip, if it can be seen whole."""
    stamp = path.stat()
    if stamp.st_size > bounds.MOST_WHOLE:
        raise bounds.too_large(name, stamp.st_size, bounds.MOST_WHOLE)
    if (text := bounds.kept(path, stamp=(stamp.st_size, stamp.st_mtime_ns))) is not None:
        return text
    data = path.read_bytes()
    return bounds.unpack(data, name) if data.startswith(GZIP) else data


def kind_of(path: Path) -> str:
    """How a file of that name is read: text, Excel, Parquet; an empty text for what is no table."""
    kinds = {"text": TEXT, "excel": EXCEL, "parquet": PARQUET}
    return next((kind for kind, suffixes in kinds.items() if path.suffix.lower() in suffixes), "")


def cdnow_path() -> Path:
    """The CDNOW file inside the `lifetimes` package; the package is found, not imported."""
    found = find_spec("lifetimes")
    if found is None or found.origin is None:
        raise unreadable(CDNOW, ModuleNotFoundError("the package `lifetimes` is not installed"))
    return Path(found.origin).parent / "datasets" / CDNOW


def unreadable(name: str, error: Exception) -> SourceError:
    """The error for a file that cannot be opened or is not what its name says."""
    if isinstance(error, fastexcel.FastExcelError):
        locked = "password" in str(error).lower()
        return SourceError("ingest.protected" if locked else "ingest.broken_workbook", values={"file": name})
    reason = getattr(error, "strerror", None) or (str(error).splitlines() or [type(error).__name__])[0][:200]
    return SourceError("ingest.unreadable", values={"file": name, "reason": reason})


def _text(data: bytes, source: Source, name: str) -> RawPart:
    return text_part(encoding.decode(data, encoding=source.encoding, name=name), source, name)[0]


def text_part(
    text: encoding.Text, source: Source, name: str, *, layout: Layout | None = None, before: int = 0
) -> tuple[RawPart, Layout | None]:
    """A text, or a stretch of one, as rows; and how it is laid out, none as long as there was nothing but blanks.

    Parameters
    ----------
    layout : of the stretch before, whose header holds for this one; before : physical lines before this stretch.
    """
    lines = records.number_lines(text.utf8).with_columns(pl.col(LINE) + before)
    if source.header not in {None, "none"}:
        lines = lines.filter(pl.col(LINE) >= source.header)
    if lines.is_empty():
        return RawPart(name, pl.DataFrame(schema={LINE: pl.Int64, RAW: pl.String})), layout
    if layout is None:
        delimiter = records.find_delimiter(lines) if source.delimiter == "auto" else source.delimiter
        names, lines = _header(lines, delimiter, source)
        check_width(name, names)
        layout = Layout(delimiter, tuple(names))
    damaged = pl.col(LINE).is_in([line + before for line in text.bad_lines])
    bad = lines.filter(damaged).with_columns(rule=pl.lit("encoding")) if text.bad_lines else None
    good = lines.filter(~damaged) if bad is not None else lines
    split = records.split(good, delimiter=layout.delimiter, names=list(layout.names))
    check_torn(split, layout.delimiter, name)
    check_below(split.rows, name)
    torn = split.torn if bad is None else pl.concat([split.torn, bad.select(split.torn.columns)]).sort(LINE)
    part = RawPart(name, split.rows, torn, encoding=text.encoding, common=text.common)
    return placed(part, source, file=name), layout


def _header(lines: pl.DataFrame, delimiter: str, source: Source) -> tuple[list[str], pl.DataFrame]:
    """Names of the fields, and the lines that are left."""
    if source.header != "none":
        names = [n.strip() for n in records.split_one(lines[RAW][0], delimiter)]
        while len(names) > 1 and not names[-1]:
            names.pop()
        return distinct(names), lines[1:]
    widths = Counter(len(records.split_one(line, delimiter)) for line in lines[RAW].head(1000))
    return [str(n + 1) for n in range(widths.most_common(1)[0][0])], lines


def distinct(names: list[str]) -> list[str]:
    """Names as they are; an empty one, and every one that stands more than once, gets its position behind it."""
    several = {name for name, times in Counter(names).items() if times > 1 or not name}
    return [f"{name}#{position}" if name in several else name for position, name in enumerate(names, 1)]


def _excel(path: Path, source: Source, name: str) -> Iterator[RawPart]:
    bounds.check_workbook(path, name)
    book = fastexcel.read_excel(str(path))
    wanted = source.sheets or book.sheet_names
    for sheet in wanted:
        if sheet not in book.sheet_names:
            raise SourceError(
                "ingest.no_sheet", values={"file": name, "sheet": sheet, "present": ", ".join(book.sheet_names)}
            )
        cells = book.load_sheet(sheet, header_row=None, dtypes="string").to_polars()
        part = _sheet(cells, source, f"{name}#{sheet}")
        if source.sheets or part.rows.width > 1:
            yield placed(part, source, file=name, sheet=sheet)


def _sheet(cells: pl.DataFrame, source: Source, name: str) -> RawPart:
    """Rows of a sheet: blank ones left out, the header taken off, numbered as Excel numbers them."""
    cells = cells.with_columns(pl.col(pl.String).str.replace(values.CELL_TIME, "$1"))
    rows = cells.with_row_index(LINE, offset=1).with_columns(pl.col(LINE).cast(pl.Int64))
    fields = [c for c in rows.columns if c != LINE]
    rows = rows.filter(pl.any_horizontal(pl.col(fields).str.strip_chars() != "")) if fields else rows
    if source.header not in {None, "none"}:
        rows = rows.filter(pl.col(LINE) >= source.header)
    if rows.is_empty():
        return RawPart(name, pl.DataFrame(schema={LINE: pl.Int64}))
    if source.header == "none":
        return RawPart(name, rows.rename({c: str(n) for n, c in enumerate(fields, 1)}))
    names = distinct([(v or "").strip() for v in rows.select(fields).row(0)])
    check_width(name, names)
    named = rows[1:].rename(dict(zip(fields, names, strict=True)))
    check_one_table(named, name)
    return RawPart(name, named)


def _parquet(path: Path, name: str) -> RawPart:
    bounds.check_parquet(path, name)
    rows = pl.read_parquet(path, glob=False)
    check_width(name, rows.columns)
    return RawPart(name, rows.with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(LINE)))
