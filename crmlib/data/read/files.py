"""Which files a source is made of, and how each is recognised when it comes again."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from crmlib.core.errors import SourceError
from crmlib.data.read import bounds, readers
from crmlib.data.sources import Source

BATCH_BYTES = 40_000_000
"""Text of one batch; about twenty times as much memory is used while it is checked."""
BESIDE = frozenset({".yml", ".yaml", ".tmp", ".part", ".filepart", ".crdownload", ".md5", ".sha256", ".ok", ".done"})
"""What lies beside the files of a folder: settings, marks of transfers, files that are not whole yet."""
LEAST_PACKED = 18
"""Bytes of a gzip file of nothing."""
PACKED = 8
"""How much larger the text of a packed file (gzip, Parquet, Excel) is taken to be."""


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file of a source: where it is, how it is called in messages, and the digest of its content."""

    path: Path
    name: str
    digest: str


def find(source: Source, *, root: Path) -> list[InputFile]:
    """The files of a source in the order of its patterns, then by name; folders stand for what is in them."""
    found: dict[Path, None] = {}
    for pattern in source.files:
        for path in _matches(pattern, root):
            found.setdefault(path)
    if not found:
        raise SourceError("ingest.no_files", values={"files": ", ".join(source.files), "root": str(root)})
    return [InputFile(path, _shown(path, root), digest(path)) for path in found]


def batches(inputs: tuple[InputFile, ...], *, limit: int = BATCH_BYTES) -> Iterator[tuple[InputFile, ...]]:
    """The files in order, in groups whose text fits into memory; a larger one stands alone (see `pieces`).

    A group is told before the files behind the next one are looked at: packed text is kept no longer than for that.
    """
    group, room = list[InputFile](), limit
    try:
        for file in inputs:
            size = text_size(file.path)
            if group and size > room:
                yield tuple(group)
                group, room = [], limit
            group.append(file)
            room -= size
        if group:
            yield tuple(group)
    finally:
        bounds.forget()


def text_size(path: Path) -> int:
    """Bytes of text that a file holds, about."""
    stamp = path.stat()
    if path.suffix.lower() in readers.PLAIN:
        return stamp.st_size
    if path.suffix.lower() in readers.TEXT:
        with suppress(OSError, zlib.error):  # what is no archive is told when it is read
            return bounds.unpacked_size(path, stamp=(stamp.st_size, stamp.st_mtime_ns))
    return stamp.st_size * PACKED


def least_size(path: Path) -> int:
    """Bytes of text that a file holds at least, told without unpacking it: a packed file ends with its size.

    A packed file of 4 GB of text or more, or of several members, says less than it holds.
    """
    size = path.stat().st_size
    if path.suffix.lower() in readers.PLAIN:
        return size
    with path.open("rb") as stream:
        if stream.read(2) != readers.GZIP or size < LEAST_PACKED:
            return size
        stream.seek(-4, os.SEEK_END)
        return int.from_bytes(stream.read(4), "little")


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise readers.unreadable(str(path), error) from error


def _matches(pattern: str, root: Path) -> list[Path]:
    path = root / pattern
    if path.is_dir():
        return _of_folder(path, pattern)
    if path.is_file():
        return [path]
    if Path(pattern).is_absolute():
        anchor = Path(pattern).anchor
        return sorted(p for p in Path(anchor).glob(str(Path(pattern).relative_to(anchor))) if p.is_file())
    return sorted(p for p in root.glob(pattern) if p.is_file())


def _of_folder(folder: Path, pattern: str) -> list[Path]:
    """The tables of a folder, all of one kind; marks of transfers and hidden files are none of it."""
    present = sorted(p for p in folder.iterdir() if p.is_file() and p.name[0] not in "~." and _data(p))
    kinds = Counter("".join(p.suffixes[-2:]).lower() if p.suffix == ".gz" else p.suffix.lower() for p in present)
    read_as = {readers.kind_of(Path(f"x{kind}")) for kind in kinds}
    if len(read_as) > 1:
        shown = ", ".join(f"{kind or '-'} ({count})" for kind, count in kinds.most_common(8))
        usual = next((k for k, _ in kinds.most_common() if readers.kind_of(Path(f"x{k}"))), ".csv")
        example = f"{pattern.rstrip('/')}/*{usual}"
        raise SourceError("ingest.mixed_folder", values={"folder": pattern, "kinds": shown, "example": example})
    return present if read_as != {""} else []


def _data(path: Path) -> bool:
    return path.suffix.lower() not in BESIDE


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def built_in(source: Source) -> list[InputFile]:
    """The file of a source that comes with an installed package."""
    path = readers.cdnow_path()
    return [InputFile(path, path.name, digest(path))]
