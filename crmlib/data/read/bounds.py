"""How large a file may become in memory, looked at before it is read: a small one may unpack to more than there is.

A workbook takes memory for every cell up to its last one, used or not; an archive for all that it unpacks to. What
would take more than about a gigabyte is refused with a way out, before anything is read.
"""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
import zlib
from functools import lru_cache
from pathlib import Path

import polars as pl

from crmlib.core.errors import SourceError
from crmlib.data.read import weigh

MOST_CELLS = 20_000_000
"""Cells of one sheet, about 50 bytes each."""
MOST_PACKED = 1_000_000_000
"""Bytes that all parts of a workbook unpack to."""
MOST_WHOLE = 250_000_000
"""Bytes of a text that must be seen whole; others are read in pieces."""
MOST_VALUES = 100_000_000
"""Values of a Parquet file, about 10 bytes each."""
MOST_MEMORY, MOST_SECONDS = 1_000_000_000, 120
"""Bytes, and seconds of work, that a workbook of an old kind may take."""
MOST_KEPT = 40_000_000
"""Bytes of a packed text that are kept between its counting and its reading."""
CHUNK = 1 << 22
_CELL = re.compile(rb' r="([A-Z]{1,3})([0-9]{1,7})"')
_ZIPPED = frozenset({".xlsx", ".xlsm"})
_FITS, _UNREADABLE = 0, 3


def check_workbook(path: Path, name: str) -> None:
    """Refuse a workbook whose sheets reach too far, or that unpacks to too much.

    What is no `.xlsx` (`.xls`, `.xlsb`, `.ods`) is read once by a process that may take no more than there may be.

    Raises
    ------
    SourceError
        `ingest.too_wide`, `ingest.too_large`, `ingest.too_heavy`.
    """
    if path.suffix.lower() not in _ZIPPED or not zipfile.is_zipfile(path):
        stamp = path.stat()
        if not _fits(path.absolute(), stamp=(stamp.st_size, stamp.st_mtime_ns)):
            raise SourceError("ingest.too_heavy", values={"file": name, "most": MOST_MEMORY // 1_000_000})
        return
    with zipfile.ZipFile(path) as book:
        total = sum(part.file_size for part in book.infolist())
        if total > MOST_PACKED:
            raise too_large(name, total, MOST_PACKED)
        for part in book.infolist():
            if part.filename.startswith("xl/worksheets/") and part.filename.endswith(".xml"):
                _check_sheet(book, part, name)


@lru_cache(maxsize=256)
def _fits(path: Path, *, stamp: tuple[int, int]) -> bool:
    """Whether a process with a bound could read it; `stamp` (size and time of the file) says when to try anew."""
    command = [sys.executable, "-I", str(weigh.__file__), str(path), str(MOST_MEMORY), str(MOST_SECONDS)]
    ended = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return ended.returncode in {_FITS, _UNREADABLE}


def _check_sheet(book: zipfile.ZipFile, part: zipfile.ZipInfo, name: str) -> None:
    columns, rows, unpacked = set[bytes](), 0, 0
    with book.open(part) as stream:
        rest = b""
        while chunk := stream.read(CHUNK):
            unpacked += len(chunk)
            if unpacked > MOST_PACKED:  # more than its entry says
                raise too_large(name, unpacked, MOST_PACKED)
            text = rest + chunk
            found = _CELL.findall(text)
            columns |= {column for column, _ in found}
            rows = max(rows, max((int(row) for _, row in found), default=0))
            rest = text[-64:]
    width = max((_number(column) for column in columns), default=0)
    if rows * width > MOST_CELLS:
        raise SourceError("ingest.too_wide", values={"file": name, "rows": rows, "columns": width, "most": MOST_CELLS})


def _number(column: bytes) -> int:
    """The number of a column from its letters.

    Examples
    --------
    >>> _number(b"A"), _number(b"Z"), _number(b"AA"), _number(b"XFD")
    (1, 26, 27, 16384)
    """
    value = 0
    for letter in column:
        value = value * 26 + letter - 64
    return value


def check_parquet(path: Path, name: str) -> None:
    """Refuse a Parquet file of more values than fit."""
    lazy = pl.scan_parquet(path, glob=False)
    values = int(lazy.select(pl.len()).collect().item()) * len(lazy.collect_schema())
    if values > MOST_VALUES:
        raise too_large(name, values * 10, MOST_VALUES * 10)


def unpack(data: bytes, name: str) -> bytes:
    """The content of a gzip file that must be seen whole, if there is room for it."""
    parts = _unpacked(data, most=MOST_WHOLE + 1)
    size = sum(map(len, parts))
    if size > MOST_WHOLE:
        raise too_large(name, size, MOST_WHOLE)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _unpacked(data: bytes, *, most: int) -> list[bytes]:
    """The members of a gzip file one after another, no more than `most` bytes of them."""
    parts, left = list[bytes](), most
    while data.startswith(b"\x1f\x8b") and left > 0:
        reader = zlib.decompressobj(wbits=31)
        part = reader.decompress(data, left)
        parts.append(part)
        left -= len(part)
        if not reader.eof:
            if left > 0:
                raise EOFError("the archive ends before its end")
            break
        data = reader.unused_data.lstrip(b"\0")
    return parts


@lru_cache(maxsize=256)
def unpacked_size(path: Path, *, stamp: tuple[int, int]) -> int:
    """Bytes that a gzip file unpacks to, counted; `stamp` (size and time of the file) says when to count anew.

    A text of no more than `MOST_KEPT` is kept until it is taken (`kept`) or forgotten: it is asked for next.
    """
    total, parts, reader, whole = 0, list[bytes](), zlib.decompressobj(wbits=31), False
    room = min(MOST_KEPT, MOST_WHOLE)
    with path.open("rb") as stream:
        left = b""
        while chunk := left or stream.read(1 << 16):
            parts.append(reader.decompress(chunk, CHUNK))
            total += len(parts[-1])
            left, whole = reader.unconsumed_tail, reader.eof
            if total > room:
                parts.clear()
            if whole:
                left, reader = reader.unused_data.lstrip(b"\0"), zlib.decompressobj(wbits=31)
    if whole and total <= room:
        _kept[path, stamp] = b"".join(parts)
    return total


_kept: dict[tuple[Path, tuple[int, int]], bytes] = {}


def kept(path: Path, *, stamp: tuple[int, int]) -> bytes | None:
    """What a gzip file held when its bytes were counted, once."""
    return _kept.pop((path, stamp), None)


def forget() -> None:
    """Let go of what is kept."""
    _kept.clear()


def too_large(name: str, size: int, most: int) -> SourceError:
    """The refusal of a file that takes more memory than there may be."""
    return SourceError("ingest.too_large", values={"file": name, "size": size // 1_000_000, "most": most // 1_000_000})
