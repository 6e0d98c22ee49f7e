"""Rows of a PostgreSQL query, in one read-only snapshot, batch by batch.

The address stands in an environment variable that the sources file names; it is never stored and never shown.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import polars as pl

from crmlib.core.errors import SourceError
from crmlib.data.read.raw import RawPart
from crmlib.data.read.records import LINE
from crmlib.data.sources import Source

if TYPE_CHECKING:
    import pyarrow as pa

SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
SCHEMES = ("postgresql", "postgres")


def parts(source: Source, *, name: str) -> Iterator[RawPart]:
    """The answer to the source's query, in stretches as the server sends them; numbered as one.

    Parameters
    ----------
    name : of the source; the rows' origin is called ``<name>.query``.

    Raises
    ------
    SourceError
        `ingest.no_url`, `ingest.bad_url`, `ingest.no_driver`, `ingest.database`.
    """
    url = _url(name, source.database or "")
    if find_spec("adbc_driver_postgresql") is None:
        raise SourceError("ingest.no_driver", values={"source": name})
    before = 0
    with _told(name, url), _answer(url, source.query or "") as reader:
        for batch in reader:
            rows = _plain(batch)
            number = pl.int_range(before + 1, before + 1 + pl.len(), dtype=pl.Int64)
            yield RawPart(f"{name}.query", rows.with_columns(number.alias(LINE)))
            before += rows.height


@contextmanager
def _answer(url: str, query: str) -> Iterator[Any]:
    from adbc_driver_postgresql import dbapi  # noqa: PLC0415  (an optional part)

    with dbapi.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(SNAPSHOT)
        cursor.execute(query)
        yield cursor.fetch_record_batch()


def _plain(batch: pa.RecordBatch) -> pl.DataFrame:
    """Columns of plain types: numerics as their exact text, uuids as hexadecimal text."""
    columns = {}
    for field, values in zip(batch.schema, batch.columns, strict=True):
        stored = getattr(values, "storage", values)  # extension types know how they are stored
        series = pl.Series(field.name, pl.from_arrow(stored))
        is_uuid = getattr(field.type, "extension_name", "") == "arrow.uuid"
        columns[field.name] = series.cast(pl.Binary).bin.encode("hex") if is_uuid else series
    return pl.DataFrame(columns)


def _url(name: str, variable: str) -> str:
    url = os.environ.get(variable, "").strip()
    if not url:
        raise SourceError("ingest.no_url", values={"source": name, "variable": variable})
    if urlsplit(url).scheme not in SCHEMES or any(c.isspace() for c in url):
        raise SourceError("ingest.bad_url", values={"source": name, "variable": variable})
    return url


@contextmanager
def _told(name: str, url: str) -> Iterator[None]:
    """What the server says, in three sentences and without the password."""
    from adbc_driver_manager import Error  # noqa: PLC0415  (an optional part)

    try:
        yield
    except Error as error:
        reason = " ".join(str(error).partition("Query was:")[0].split())[:300]
        reason = reason.replace(url, "…")
        for secret in _secrets(url):
            reason = reason.replace(secret, "…")
        raise SourceError("ingest.database", values={"source": name, "reason": reason}) from None


def _secrets(url: str) -> list[str]:
    password = urlsplit(url).password or ""
    return [text for text in (password, unquote(password)) if text]
