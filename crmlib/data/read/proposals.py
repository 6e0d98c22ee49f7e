"""What would help where the names of the columns are not found: they stand on another line, or on another sheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import fastexcel

from crmlib.core.errors import SourceError
from crmlib.data.judge import mapping
from crmlib.data.read import encoding, readers, records
from crmlib.data.read.files import InputFile
from crmlib.data.sources import FILE, SHEET, Source

LINES, BYTES = 60, 1 << 17
"""How far names are looked for: lines of a sheet or a text, and bytes of it."""


@contextmanager
def offered(source: Source, inputs: Sequence[InputFile]) -> Iterator[None]:
    """A missing column is told with the line or sheet on which all columns stand, if there is one.

    Raises
    ------
    SourceError
        `ingest.other_header`, `ingest.other_sheet`, `ingest.no_table`; else what was raised.
    """
    try:
        yield
    except SourceError as error:
        below = error.code == "ingest.empty" and source.header is not None  # all lines may stand above it
        if error.code != "ingest.missing_column" and not below:
            raise
        better = _better(error, source, inputs)
        if better is None:
            raise
        raise better from error


def _better(error: SourceError, source: Source, inputs: Sequence[InputFile]) -> SourceError | None:
    shown = str(error.values.get("file", error.values.get("files", "")))
    file = next((f for f in inputs if shown == f.name or shown.startswith(f"{f.name}#")), None)
    wanted = set(source.source_columns()) - {FILE, SHEET}
    if file is None or source.header == "none" or not wanted:
        return None
    suffix = file.path.suffix.lower()
    try:
        if suffix in readers.EXCEL:
            return _of_book(file, source, wanted, sheet=shown.removeprefix(f"{file.name}#"))
        return _of_text(error, file, source, wanted) if suffix in readers.TEXT else None
    except readers.UNREADABLE:
        return None


def _of_text(error: SourceError, file: InputFile, source: Source, wanted: set[str]) -> SourceError | None:
    """The line with all names; else what is missing on the line that has most of them, or that there is no table."""
    lines = list(_text_lines(file.path, source))
    line = _line(iter(lines), wanted)
    if line and line != source.header:
        return _header(file.name, line)
    nearly = max((readers.distinct(fields) for _, fields in lines), key=lambda f: len(wanted & set(f)), default=[])
    if len(wanted & set(nearly)) * 2 > len(wanted):
        return mapping.missing(file.name, [c for c in source.source_columns() if c not in nearly], nearly)
    if error.code == "ingest.missing_column" and ", " not in str(error.values["present"]):
        # the one name may be a line of a letter: it is not shown
        return SourceError("ingest.no_table", values={"file": file.name, "missing": error.values["missing"]})
    return None


def _header(file: str, line: int) -> SourceError:
    return SourceError("ingest.other_header", values={"file": file, "line": line})


def _of_book(file: InputFile, source: Source, wanted: set[str], *, sheet: str) -> SourceError | None:
    """The sheets on which all columns stand, with the line of their names."""
    book = fastexcel.read_excel(str(file.path))
    found: dict[str, int] = {}
    for name in book.sheet_names:
        cells = book.load_sheet(name, header_row=None, dtypes="string", n_rows=LINES).to_polars()
        line = _line(((n, [v or "" for v in row]) for n, row in enumerate(cells.iter_rows(), 1)), wanted)
        if line:
            found[name] = line
    if not found:
        return None
    if set(found) >= set(source.sheets or book.sheet_names) or sheet in found:
        return _header(f"{file.name}#{sheet}" if sheet else file.name, found.get(sheet, min(found.values())))
    lines = set(found.values())
    header = f", header: {min(lines)}" if lines != {1} else ""
    return SourceError("ingest.other_sheet", values={"file": file.name, "sheets": ", ".join(found), "header": header})


def _text_lines(path: Path, source: Source) -> Iterator[tuple[int, list[str]]]:
    """Number and fields of the first lines, split by every delimiter in turn."""
    with path.open("rb") as stream:
        data = stream.read(BYTES)
    if data.startswith(readers.GZIP):
        return
    text = encoding.decode(data[: data.rfind(b"\n") + 1] or data, encoding=source.encoding, name=path.name)
    lines = records.number_lines(text.utf8).head(LINES)
    chosen = records.DELIMITERS if source.delimiter == "auto" else (source.delimiter,)
    for number, raw in lines.select(records.LINE, records.RAW).iter_rows():
        for delimiter in chosen:
            yield number, records.split_one(raw, delimiter)


def _line(lines: Iterator[tuple[int, list[str]]], wanted: set[str]) -> int:
    """The first line that holds all wanted names; 0 if there is none."""
    for number, fields in lines:
        if wanted <= set(readers.distinct([field.strip() for field in fields])):
            return number
    return 0
