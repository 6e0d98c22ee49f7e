"""A text file or a database's answer too large for memory, in pieces that can be judged one after another.

A file is read in slabs of `SLAB` bytes, split into fields, and spilled to disk by the hash of what makes a row's key
(the receipt, or the table's own key): so a receipt, its corrections and its copies are in one piece, in the file's
order, and the pieces give the same lake and the same counts as the whole would. A quoted field that spans lines is not
cut: a slab ends after fifty lines without an open quote.
"""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import disk_usage
from typing import IO, Literal, cast

import polars as pl

from crmlib.core.errors import SourceError
from crmlib.data.judge import mapping
from crmlib.data.read import encoding, readers, records
from crmlib.data.read.cells import text_of
from crmlib.data.read.files import InputFile, least_size, text_size
from crmlib.data.read.raw import TORN, RawPart
from crmlib.data.read.records import LINE
from crmlib.data.sources import Source

SLAB = 1 << 24
"""Bytes of text split at a time; about thirty times as much memory is used meanwhile."""
PATIENCE = 8
"""Slabs that are read on in search of a line after which no quote is open."""
LOOSE = 16
"""So many pieces lie on the disk as they are; more, or where it has no room for that, packed, for a third more work."""
AS_THEY_ARE, PACKED = 4, 1
"""Room that pieces take on the disk, in bytes per byte of the text."""
TAIL = 1 << 18
UTF16 = (b"\xff\xfe", b"\xfe\xff")


def count(file: InputFile, source: Source, *, limit: int) -> int:
    """Pieces a file is judged in; 1 where it is small, or must be seen whole (`repeat_of`, `part`, UTF-16, no text)."""
    if _whole(file, source):
        return 1
    size = text_size(file.path)
    if size <= limit:
        return 1
    with _opened(file.path) as stream:
        return 1 if stream.read(2) in UTF16 else -(-size // limit)


def _whole(file: InputFile, source: Source) -> bool:
    named = source.repeat_of or source.part or source.reader or source.fill_down or not _key_columns(source)
    return bool(named) or source.encoding == "utf-16" or file.path.suffix.lower() not in readers.TEXT


def check_room(inputs: Sequence[InputFile], source: Source, *, limit: int, folder: Path) -> None:
    """Refuse files whose pieces the disk of `folder` cannot hold, by what is told of their text without unpacking it.

    Raises
    ------
    SourceError
        `ingest.no_room`.
    """
    for file in inputs:
        if not _whole(file, source) and (size := least_size(file.path)) > limit:
            loose(file.name, size, pieces=-(-size // limit), folder=folder)


def loose(name: str, size: int, *, pieces: int, folder: Path) -> bool:
    """Whether so many pieces of a text of `size` bytes may lie on the disk of `folder` as they are, not packed.

    Raises
    ------
    SourceError
        `ingest.no_room` where they do not fit packed either.
    """
    free = disk_usage(folder).free
    if free < PACKED * size:
        need, left = -(-PACKED * size // 1_000_000), free // 1_000_000
        raise SourceError("ingest.no_room", values={"file": name, "folder": str(folder), "need": need, "free": left})
    return pieces <= LOOSE and free >= AS_THEY_ARE * size


def divided(
    parts: Iterator[RawPart], source: Source, *, pieces: int, folder: Path, room: int = 0, packed: bool = True
) -> Iterator[RawPart]:
    """Stretches of one file or answer as pieces that have rows; torn lines come with the first.

    Parameters
    ----------
    parts : the stretches in order; pieces : how many; folder : empty, on a disk with room for them (see `loose`).
    room : neighbouring pieces that take less memory together [bytes] are made one.
    packed : whether they are packed on the disk.
    """
    spilled = _spill(parts, source, pieces=pieces, folder=folder, compression="lz4" if packed else "uncompressed")
    torn, damaged = spilled.torn, spilled.torn.height > 0
    for group in _groups(spilled.sizes, room):
        paths = sorted((p for n in group for p in folder.glob(f"{n}-*.arrow")), key=lambda p: p.stem.split("-")[1])
        rows = pl.concat([pl.read_ipc(path) for path in paths])
        rows = rows if rows[LINE].is_sorted() else rows.sort(LINE)
        for path in paths:
            path.unlink()
        yield RawPart(spilled.name, rows, torn, damaged, spilled.encoding, spilled.common)
        torn = torn.clear()
    if torn.height:
        yield RawPart(spilled.name, spilled.empty, torn, damaged=True)


@dataclass(frozen=True, slots=True)
class _Spilled:
    """What went to disk: name of the file, memory of each piece that has rows, its columns, and the torn lines."""

    name: str
    sizes: dict[int, int]
    empty: pl.DataFrame
    torn: pl.DataFrame
    encoding: str
    common: float | None


def _spill(
    parts: Iterator[RawPart],
    source: Source,
    *,
    pieces: int,
    folder: Path,
    compression: Literal["uncompressed", "lz4"],
) -> _Spilled:
    """Write each row to its piece's files."""
    torn, sizes = [pl.DataFrame(schema=TORN)], Counter[int]()
    name, empty = "", pl.DataFrame(schema={LINE: pl.Int64})
    encoding, common = "", None
    for number, part in enumerate(parts):
        if part.common is not None or not encoding:
            encoding, common = part.encoding, part.common
        if number == 0:
            mapping.check_columns(part, source)
            name, empty = part.file, part.rows.clear()
        torn.append(part.torn)
        keys = [text_of(pl.col(c), part.rows.schema[c]).fill_null("") for c in _key_columns(source)]
        piece = pl.concat_str(keys, separator="\x1f").hash(0) % pieces if keys else pl.lit(0, pl.UInt64)
        named = part.rows.with_columns(piece.alias("__piece"))
        for (at,), rows in named.partition_by("__piece", as_dict=True, include_key=False).items():
            rows.write_ipc(folder / f"{at}-{number:06d}.arrow", compression=compression)
            sizes[int(at)] += int(rows.estimated_size())
    return _Spilled(name, dict(sorted(sizes.items())), empty, pl.concat(torn), encoding, common)


def _groups(sizes: dict[int, int], room: int) -> list[list[int]]:
    """Pieces in order, neighbours together while they fit.

    Examples
    --------
    >>> _groups({0: 40, 2: 50, 3: 30}, 100), _groups({0: 40, 2: 50}, 0)
    ([[0, 2], [3]], [[0], [2]])
    """
    groups: list[list[int]] = []
    left = 0
    for piece, size in sizes.items():
        if not groups or size > left:
            groups.append([])
            left = room
        groups[-1].append(piece)
        left -= size
    return groups


def of_file(file: InputFile, source: Source) -> Iterator[RawPart]:
    """The file's slabs that hold lines, as rows with the file's line numbers; all are read as the first one was."""
    try:
        yield from _parts(file, source)
    except readers.UNREADABLE as error:
        raise readers.unreadable(file.name, error) from error


def _parts(file: InputFile, source: Source) -> Iterator[RawPart]:
    layout: readers.Layout | None = None
    found: str = source.encoding
    before = 0
    for slab in _slabs(file.path):
        text = encoding.decode(slab, encoding=found, name=file.name, has_header=before == 0)
        if not slab.isascii():
            found = text.encoding
        part, layout = readers.text_part(text, source, file.name, layout=layout, before=before)
        before += slab.count(b"\n")
        if layout is not None:
            yield part


def _slabs(path: Path) -> Iterator[bytes]:
    """The file's text in blocks of whole records."""
    rest = b""
    with _opened(path) as stream:
        while block := stream.read(SLAB):
            data = rest + block
            cut = _cut(data)
            if cut:
                yield data[:cut]
            rest = data[cut:]
    if rest:
        yield rest


def _cut(data: bytes) -> int:
    """Position after the last line end with `LONGEST_RECORD` lines before it in which every quote is closed; 0 if none.

    Examples
    --------
    >>> _cut(b"a,b" + bytes([10]) + b"c,d"), _cut(b"no line end")
    (4, 0)
    """
    end = data.rfind(b"\n") + 1
    start = max(end - TAIL, 0)
    tail = data[start:end]
    if b'"' not in tail:
        return end
    lines = tail.split(b"\n")[:-1]
    last_odd = max((i for i, line in enumerate(lines) if line.count(b'"') % 2), default=-1)
    if last_odd < 0 or len(lines) - last_odd > records.LONGEST_RECORD:
        return end
    # quotes on every line: wait for more text, then take them for inches
    return _before_quotes(lines, start) or (end if len(data) > PATIENCE * SLAB else 0)


def _before_quotes(lines: list[bytes], start: int) -> int:
    """The end of the last line that follows fifty with closed quotes; 0 if there is none."""
    quiet, best, at = 0, 0, start
    for line in lines:
        at += len(line) + 1
        quiet = 0 if line.count(b'"') % 2 else quiet + 1
        best = at if quiet > records.LONGEST_RECORD else best
    return best


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as stream:
        packed = stream.read(2) == readers.GZIP
        stream.seek(0)
        yield cast("IO[bytes]", gzip.GzipFile(fileobj=stream)) if packed else stream


def _key_columns(source: Source) -> tuple[str, ...]:
    """Source columns that decide which piece a row belongs to."""
    key = source.contract.key
    names = ("receipt_id",) if key == ("line_id",) and "line_id" not in source.columns else key
    return tuple(dict.fromkeys(c for name in names if name in source.columns for c in source.columns[name].columns()))
