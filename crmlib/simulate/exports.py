"""Raw files as the systems write them: Chinese headers, one system in GB18030 with unpadded dates."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO

import polars as pl
import xlsxwriter

from crmlib.simulate.vocabulary import toml

GZIP_LEVEL = 6
HEADERS = ("service", "channel", "rollout", "business")
"""Vocabularies beside `headers` that hold headers of their own tables."""
FILE_DATE = datetime(2020, 1, 1, tzinfo=UTC).replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class System:
    """How a source system writes: `key` of its headers, encoding, clock format, own stores or counters, totals row."""

    key: str
    encoding: str
    clock: str
    own: int
    totals: bool


SYSTEMS = (
    System("pos_store", "utf-8", "%Y-%m-%d %H:%M:%S", 1, totals=False),
    System("pos_counter", "gb18030", "%Y/%-m/%-d %-H:%M", 0, totals=True),
)


def headers(table: str) -> dict[str, str]:
    """Machine name to header of an export, in the order of its columns."""
    named: dict[str, str] = next(book[table] for book in (toml("headers"), *map(toml, HEADERS)) if table in book)
    return named


@contextmanager
def zipped(path: Path, *, append: bool = False) -> Iterator[IO[bytes]]:
    """A gzip file whose bytes depend on its content only (no name, no time)."""
    with (
        path.open("ab" if append else "wb") as raw,
        gzip.GzipFile(filename="", mode="wb", compresslevel=GZIP_LEVEL, fileobj=raw, mtime=0) as packed,
    ):
        yield packed  # type: ignore[misc]


def csv_bytes(frame: pl.DataFrame, *, encoding: str, header: bool) -> bytes:
    """Rows with CRLF ends in the encoding of the system."""
    text = frame.write_csv(include_header=header, line_terminator="\r\n")
    return text.encode(encoding)


def write_csv(frame: pl.DataFrame, path: Path, *, table: str, encoding: str = "utf-8") -> None:
    """One export under its Chinese headers, gzip if the name ends so."""
    named = headers(table)
    data = csv_bytes(frame.select(pl.col(k).alias(v) for k, v in named.items()), encoding=encoding, header=True)
    if path.suffix == ".gz":
        with zipped(path) as out:
            out.write(data)
    else:
        path.write_bytes(data)


def read_csv(path: Path, *, table: str) -> pl.DataFrame:
    """An export of this company under its machine names, all as text: a book that says what another one says."""
    named = headers(table)
    with gzip.open(path) as raw:
        frame = pl.read_csv(raw.read(), infer_schema=False)
    return frame.select(pl.col(v).alias(k) for k, v in named.items())


def write_xlsx(frame: pl.DataFrame, path: Path, *, table: str) -> None:
    """One sheet under its Chinese headers; the file's own date is fixed, so equal content gives equal bytes."""
    named = headers(table)
    book = xlsxwriter.Workbook(str(path))
    book.set_properties({"created": FILE_DATE})
    day_format = book.add_format({"num_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet(toml("headers")["sheet"][table])
    sheet.write_row(0, 0, list(named.values()))
    for r, row in enumerate(frame.select(list(named)).iter_rows(), start=1):
        for c, value in enumerate(row):
            if value is not None:
                sheet.write(r, c, value, day_format if isinstance(value, date) else None)
    book.close()


def truth(frame: pl.DataFrame, folder: Path, name: str) -> None:
    """Write a truth of computed numbers: six figures of each, so that every machine writes the same bytes."""
    shown = frame.with_columns(pl.selectors.float().round_sig_figs(6)) if frame.height else frame
    shown.write_parquet(folder / "truth" / f"{name}.parquet", compression="zstd")


def append_csv(frame: pl.DataFrame, path: Path, *, encoding: str, torn: pl.Series | None = None) -> None:
    """Add rows to a gzip export; the header goes in front of the first ones; torn lines lose their second half."""
    new = not path.exists()
    data = csv_bytes(frame, encoding=encoding, header=new)
    if torn is not None and torn.any():
        data = _tear(data, torn.arg_true().to_list(), skip=int(new))
    with zipped(path, append=not new) as out:
        out.write(data)


def append_text(line: str, path: Path, *, encoding: str) -> None:
    """Add one line as it is."""
    with zipped(path, append=True) as out:
        out.write(f"{line}\r\n".encode(encoding))


def _tear(data: bytes, places: list[int], *, skip: int) -> bytes:
    """Cut the named lines behind their third field."""
    lines = data.split(b"\r\n")
    for place in places:
        lines[place + skip] = b",".join(lines[place + skip].split(b",")[:3])
    return b"\r\n".join(lines)
