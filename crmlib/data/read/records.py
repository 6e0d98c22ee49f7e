"""Lines of a text file to records: numbered, split, and the torn ones set apart."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from dataclasses import dataclass

import polars as pl

LINE = "__line"
RAW = "__raw"
FIELDS = "__fields"
REST = "__rest"

DELIMITERS = (",", "\t", ";", "|")
SPACES = "spaces"
LONGEST_RECORD = 50
"""Physical lines that one quoted field may span; a longer one is an unclosed quote."""
LONGEST_LINE = 100_000
"""Bytes; a longer line with quotes is taken apart on its own, where the parser may refuse it."""
MARK = codecs.BOM_UTF8


@dataclass(frozen=True, slots=True)
class Records:
    """Rows of text fields with their line, and the torn ones with rule and raw text."""

    rows: pl.DataFrame
    torn: pl.DataFrame


def number_lines(utf8: bytes) -> pl.DataFrame:
    """Every physical line that is not blank, with its number from 1 and its raw text.

    A byte-order mark before a line (files put one behind the other have several) is none of its text.
    """
    # what begins like a packed file would be unpacked: text may begin with an x, too
    raw = pl.read_lines(b"\n" + utf8)["line"][1:] if utf8.startswith(b"x") else pl.read_lines(utf8)["line"]
    raw = raw.rechunk().alias(RAW)
    if b"\r" in utf8:
        raw = raw.str.strip_chars_end("\r")
    if MARK in utf8 and raw.str.starts_with(MARK.decode()).any():
        raw = raw.str.strip_chars_start(MARK.decode())
    lines = pl.DataFrame({LINE: pl.int_range(1, len(raw) + 1, dtype=pl.Int64, eager=True), RAW: raw})
    filled = raw.str.contains(r"[^\s,;|\x00]")
    return lines if filled.all() else lines.filter(filled)


def find_delimiter(lines: pl.DataFrame) -> str:
    """The delimiter that splits the first lines into the most fields, all alike."""
    sample = [re.sub(r'"[^"]*"', "", line) for line in lines[RAW].head(100)]

    def weight(delimiter: str) -> tuple[float, int]:
        counts = [line.count(delimiter) for line in sample]
        if not counts or not any(counts):
            return (0.0, 0)
        usual, times = Counter(counts).most_common(1)[0]
        return (times / len(counts) if usual else 0.0, usual)

    best = max(DELIMITERS, key=lambda d: (weight(d)[0] > 0.5, weight(d)[1]))
    return best


def _one_line(text: str) -> str:
    """A bare carriage return inside a line is a blank: the parser would take it for a second line."""
    return text.replace("\r", " ")


def split_one(line: str, delimiter: str) -> list[str]:
    """Fields of one line (a header)."""
    if delimiter == SPACES:
        return line.split()
    try:
        return next(csv.reader([_one_line(line)], delimiter=delimiter), [])
    except csv.Error:
        return line.split(delimiter)


def split(lines: pl.DataFrame, *, delimiter: str, names: list[str]) -> Records:
    """Split lines into the fields `names`; a line with too few or too many is torn.

    Empty fields after the last name are trailing delimiters, not a tear.
    """
    if delimiter == SPACES:
        blanks = pl.col(RAW).str.strip_chars().str.replace_all(r"\s+", "\t")
        return _split_plain(lines.with_columns(blanks.alias(FIELDS)), "\t", names)
    if not lines[RAW].str.contains('["\r]').any():  # most files: one look, and no pattern is asked of each line
        return _split_plain(lines.with_columns(pl.col(RAW).alias(FIELDS)), delimiter, names)
    quoted = pl.col(RAW).str.contains('"', literal=True)
    unquoted = pl.col(RAW).str.replace_all("\r", " ", literal=True).alias(FIELDS)
    tidy = pl.col(RAW).str.contains(_tidy(delimiter)) & (pl.col(RAW).str.len_bytes() < LONGEST_LINE)
    lines = lines.with_columns(pl.when(~quoted).then(0).when(tidy).then(1).otherwise(2).alias("__kind"))
    odd, inside = _split_odd(lines, delimiter, names)
    lines = lines.filter(~pl.col(LINE).is_in(inside)) if inside else lines
    plain = _split_plain(lines.filter(pl.col("__kind") == 0).with_columns(unquoted), delimiter, names)
    parts = [plain, _split_tidy(lines.filter(pl.col("__kind") == 1), delimiter, names), odd]
    parts = [p for p in parts if p.rows.height or p.torn.height] or [plain]
    if len(parts) == 1:
        return parts[0]
    return Records(pl.concat([p.rows for p in parts]).sort(LINE), pl.concat([p.torn for p in parts]).sort(LINE))


def _tidy(delimiter: str) -> str:
    """Pattern of a line whose quotes open and close where fields do."""
    d = re.escape(delimiter)
    field = f'(?:"(?:[^"]|"")*"|[^"{d}]*)'
    return f"^{field}(?:{d}{field})*$"


def _split_plain(lines: pl.DataFrame, delimiter: str, names: list[str]) -> Records:
    """Split lines without quotes; FIELDS holds the text to split."""
    width = len(names)
    # one field more than needed takes what trails
    fields = lines[FIELDS].str.split_exact(delimiter, width).struct.rename_fields([*names, REST]).struct.unnest()
    fits = fields[names[-1]].is_not_null() & fields[REST].is_null()
    rows = fields.drop(REST).with_columns(lines[LINE], lines[RAW])
    if fits.all():
        return Records(rows, lines.select(LINE, RAW, rule=pl.lit("")).clear())
    # the careful look is for the few lines that need it
    trailing = pl.col(FIELDS).str.strip_chars_end(f"{delimiter} \t" if delimiter != "\t" else "\t ")
    count, used = (text.str.count_matches(delimiter, literal=True) + 1 for text in (pl.col(FIELDS), trailing))
    torn = lines.filter(~fits).filter((count < width) | (used > width))
    good = rows.filter(~pl.col(LINE).is_in(torn[LINE].implode())) if torn.height else rows
    return Records(good, torn.select(LINE, RAW, rule=_torn_rule(count, width)))


def _torn_rule(count: pl.Expr, width: int) -> pl.Expr:
    return pl.when(count < width).then(pl.lit("too_few_fields")).otherwise(pl.lit("too_many_fields"))


def _split_tidy(lines: pl.DataFrame, delimiter: str, names: list[str]) -> Records:
    """Split lines with well placed quotes."""
    width = len(names)
    outside = pl.col(RAW).str.replace_all(r'"(?:[^"]|"")*"', "q")
    trailing = outside.str.strip_chars_end(f"{delimiter} \t" if delimiter != "\t" else "\t ")
    count = outside.str.count_matches(delimiter, literal=True) + 1
    used = trailing.str.count_matches(delimiter, literal=True) + 1
    lines = lines.with_columns(count.cast(pl.Int64).alias("__count"), used.cast(pl.Int64).alias("__used"))
    fits = (pl.col("__count") == width) | ((pl.col("__count") > width) & (pl.col("__used") <= width))
    good = lines.filter(fits)
    rows = [fields[:width] for fields in csv.reader(map(_one_line, good[RAW]), delimiter=delimiter)]
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    fields = pl.DataFrame([pl.Series(n, list(v), dtype=pl.String) for n, v in zip(names, columns, strict=True)])
    torn = lines.filter(~fits).select(LINE, RAW, rule=_torn_rule(pl.col("__count"), width))
    return Records(fields.with_columns(good[LINE], good[RAW]), torn)


def _split_odd(lines: pl.DataFrame, delimiter: str, names: list[str]) -> tuple[Records, list[int]]:
    """Split the records with other quotes one by one, since a quoted field may go on over several lines.

    Also returns the numbers of the lines that are the inside of a longer record.
    """
    starts = (lines["__kind"] == 2).arg_true().to_list()
    raws = lines[RAW].to_list() if starts else []
    width = len(names)
    good: list[list[str | int]] = []
    torn: list[tuple[int, str, str]] = []
    inside: list[int] = []
    after = 0
    for at in starts:
        if at < after:
            continue
        text, after = _whole_record(raws, at, delimiter)
        inside += lines[LINE][at:after].to_list()  # the record's own first line is taken care of here, too
        fields = _fields(text, delimiter, width)
        if len(fields) == width:
            good.append([*fields, lines[LINE][at], text])
        else:
            torn.append((lines[LINE][at], text, "too_few_fields" if len(fields) < width else "too_many_fields"))
    schema = {**dict.fromkeys(names, pl.String), LINE: pl.Int64, RAW: pl.String}
    records = Records(
        pl.DataFrame(good, schema=schema, orient="row"),
        pl.DataFrame(torn, schema={LINE: pl.Int64, RAW: pl.String, "rule": pl.String}, orient="row"),
    )
    return records, inside


def _fields(text: str, delimiter: str, width: int) -> list[str]:
    try:
        fields = next(csv.reader(io.StringIO(_one_line(text)), delimiter=delimiter), [])
    except csv.Error:
        return []
    while len(fields) > width and not fields[-1].strip():
        fields.pop()
    return fields


def _whole_record(raws: list[str], at: int, delimiter: str) -> tuple[str, int]:
    """The record that begins at index `at` and the index after it; a quote that never closes ends with its line."""
    if not _open(raws[at], delimiter):
        return raws[at], at + 1
    text = raws[at]
    for end in range(at + 1, min(at + LONGEST_RECORD, len(raws))):
        text = f"{text}\n{raws[end]}"
        if raws[end].count('"') % 2 and not _open(text, delimiter):
            return text, end + 1
    return raws[at], at + 1


def _open(text: str, delimiter: str) -> bool:
    """Whether the text ends inside a quoted field; a quote opens one only at the start of a field."""
    outside = re.sub(r'(^|{0})"(?:[^"]|"")*"(?=$|{0})'.format(re.escape(delimiter)), r"\1", text)
    return re.search(rf'(^|{re.escape(delimiter)})"', outside) is not None
