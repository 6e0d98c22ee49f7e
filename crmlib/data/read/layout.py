"""Two tables on one sheet: side by side, or one below the other; only one of them could be read, and nobody told."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from crmlib.core.errors import SourceError
from crmlib.data.read.records import LINE, RAW, Records, split_one

MOST_COLUMNS = 2_000
"""Names of a file; more of them are a matrix, or lines and columns exchanged."""
FEW, SHARE = 2, 0.05
"""Rows in which only one of two blocks is filled: a few are gaps, more are another table."""
MANY_DIGITS, LOOKED_AT, CANDIDATES = 0.8, 5, 20
DIGIT = r"\d"
AROUND = 200
"""Lines before and behind a line without a digit that tell whether it is a head."""


def check_width(name: str, names: Iterable[str]) -> None:
    """Refuse a file of very many columns that have names.

    Raises
    ------
    SourceError
        `ingest.too_many_columns`.
    """
    width = sum(not n.startswith("#") for n in names)
    if width > MOST_COLUMNS:
        raise SourceError("ingest.too_many_columns", values={"file": name, "columns": width, "most": MOST_COLUMNS})


def check_one_table(rows: pl.DataFrame, name: str) -> None:
    """Refuse a sheet that holds a second table beside the first or below it.

    Parameters
    ----------
    rows : the sheet below its names, texts, with LINE.

    Raises
    ------
    SourceError
        `ingest.two_beside`, `ingest.two_below`.
    """
    fields = [c for c in rows.columns if c != LINE]
    if rows.height < FEW or len(fields) < FEW:
        return
    filled = rows.select(pl.col(fields).str.strip_chars().fill_null("") != "")
    if column := _beside(filled):
        raise SourceError("ingest.two_beside", values={"file": name, "column": column})
    if line := _below(rows, fields, filled):
        raise SourceError("ingest.two_below", values={"file": name, "line": line})


def check_torn(split: Records, delimiter: str, name: str) -> None:
    """Refuse a text of which the torn lines are another table: names, and rows with as many fields right below.

    Parameters
    ----------
    split : the rows, and the lines with more or fewer fields than the file's names.

    Raises
    ------
    SourceError
        `ingest.two_below`.
    """
    torn, first = split.torn, split.rows[LINE].head(FEW)
    wordy = (~torn[RAW].str.contains(DIGIT)).arg_true().to_list() if len(delimiter) == 1 else []
    for at in wordy[:CANDIDATES]:
        names = split_one(torn[RAW][at], delimiter)
        below = [split_one(line, delimiter) for line in torn[RAW][at + 1 : at + 1 + FEW]]
        together = len(below) == FEW and torn[LINE][at + FEW] - torn[LINE][at] <= FEW + 1
        after = len(first) == FEW and first[-1] < torn[LINE][at]
        if after and len(names) >= FEW and all(names) and together and all(len(row) == len(names) for row in below):
            raise SourceError("ingest.two_below", values={"file": name, "line": int(torn[LINE][at])})


def check_below(rows: pl.DataFrame, name: str) -> None:
    """Refuse a text that goes on with another table of as many columns: a line of names amid lines with digits.

    Parameters
    ----------
    rows : the lines below the names, split, with LINE; only the surroundings of a line without a digit are looked at.

    Raises
    ------
    SourceError
        `ingest.two_below`.
    """
    fields = [c for c in rows.columns if c not in {LINE, RAW}]
    if rows.height < FEW or len(fields) < FEW:
        return
    looked = [RAW] if RAW in rows.columns else fields  # the line itself holds what its fields hold
    bare = ~rows.select(pl.any_horizontal(pl.col(looked).str.contains(DIGIT).fill_null(value=False))).to_series()
    for at in bare.arg_true().head(CANDIDATES).to_list():
        around = rows[max(0, at - AROUND) : at + 1 + AROUND].select(LINE, *fields)
        filled = around.select(pl.col(fields).str.strip_chars().fill_null("") != "")
        if line := _below(around, fields, filled):
            raise SourceError("ingest.two_below", values={"file": name, "line": line})


def _beside(filled: pl.DataFrame) -> str:
    """The first column of a second block behind a column without name and cells, if the two are not filled alike."""
    used = dict(zip(filled.columns, filled.sum().row(0), strict=True))
    blocks: list[list[str]] = [[]]
    for column, cells in used.items():
        if cells:
            blocks[-1].append(column)
        elif blocks[-1] and column.startswith("#"):
            blocks.append([])
    first, *others = [block for block in blocks if block] or [[]]
    for block in others:
        if len(first) < FEW or len(block) < FEW:
            continue
        both = filled.select(pl.any_horizontal(first).alias("a"), pl.any_horizontal(block).alias("b"))
        apart = both.filter(pl.col("a") != pl.col("b")).height
        if apart > max(FEW, SHARE * filled.height):
            return block[0]
    return ""


def _below(rows: pl.DataFrame, fields: list[str], filled: pl.DataFrame) -> int:
    """The line of a second header: words where the column held digits, and other columns filled below it."""
    digits = rows.select(pl.col(fields).str.contains(DIGIT).fill_null(value=False))
    wordy = ~digits.select(pl.any_horizontal(pl.all())).to_series()
    several = filled.select(pl.sum_horizontal(pl.all())).to_series() >= FEW
    for at in (wordy & several).arg_true().to_list()[:CANDIDATES]:
        here = [c for c in fields if filled[c][at]]
        names = [rows[c][at] for c in here]
        if at < FEW or at + 1 >= rows.height or len(set(names)) < len(names):
            continue
        above = _profile(filled[:at], digits[:at])
        below = _profile(filled[at + 1 : at + 1 + LOOKED_AT], digits[at + 1 : at + 1 + LOOKED_AT])
        over_digits = [c for c in here if above[c][1] >= MANY_DIGITS]
        other = any(abs(a - b) > 0.5 for c in fields for a, b in zip(above[c], below[c], strict=True))
        if over_digits and other:
            return int(rows[LINE][at])
    return 0


def _profile(filled: pl.DataFrame, digits: pl.DataFrame) -> dict[str, tuple[float, float]]:
    """Column → share of its cells that are filled, and share of those that hold a digit."""
    counts = zip(filled.columns, filled.sum().row(0), digits.sum().row(0), strict=True)
    return {c: (full / max(filled.height, 1), with_digit / max(full, 1)) for c, full, with_digit in counts}
