"""What every reader returns: rows of text with the file and line they stand in."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import polars as pl

from crmlib.data.read.records import LINE, RAW
from crmlib.data.sources import FILE, SHEET, Source

TORN = pl.Schema({LINE: pl.Int64, RAW: pl.String, "rule": pl.String})


@dataclass(frozen=True, slots=True)
class RawPart:
    """One file, or one sheet of a workbook.

    Parameters
    ----------
    file : the file's name as it is shown, ``book.xlsx#sheet`` for a sheet.
    rows : source columns (text, or the file's own types), LINE, and RAW where the file has lines.
    torn : lines that are no records: LINE, RAW, ``rule``.
    encoding : of a text file; common : share of common characters, where the encoding was chosen by it.
    damaged : the file has torn lines, here or in another piece of it.
    """

    file: str
    rows: pl.DataFrame
    torn: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=TORN))
    damaged: bool = False
    encoding: str = ""
    common: float | None = None

    @property
    def read(self) -> int:
        """Records read, torn ones included."""
        return self.rows.height + self.torn.height

    @property
    def columns(self) -> list[str]:
        """Names of the source's columns."""
        return [c for c in self.rows.columns if c not in {LINE, RAW}]

    def slim(self) -> RawPart:
        """Only what is needed to find raw texts again: the lines, where the file has lines."""
        return replace(self, rows=self.rows.select(LINE, RAW)) if RAW in self.rows.columns else self


def placed(part: RawPart, source: Source, *, file: str, sheet: str | None = None) -> RawPart:
    """The part with the name of its file and sheet as columns, where the source asks for them."""
    wanted = source.source_columns()
    columns = [pl.lit(v, dtype=pl.String).alias(c) for c, v in ((FILE, file), (SHEET, sheet)) if c in wanted]
    return replace(part, rows=part.rows.with_columns(columns)) if columns else part
