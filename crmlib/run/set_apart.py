"""Rows that were read and not stored, as the command line lists them; whole values only for those with the right."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import polars as pl

from crmlib.core.errors import LakeError, ParameterError, check_choice
from crmlib.data import Lake
from crmlib.data.judge.refusals import shape
from crmlib.data.lake.pseudonyms import KEY
from crmlib.kit.words import Words
from crmlib.kit.words.rules import rule_in_words

KINDS = ("quarantined", "conflict", "duplicate", "excluded")


def show(
    place: Path, *, source: str | None, kind: str | None, raw: bool, last: int, say: Callable[[str], None], words: Words
) -> None:
    """Print one line for each row set apart, the newest batches first, and how many there are.

    Raises
    ------
    LakeError
        `lake.missing`, and `lake.no_right` where whole values are asked for without the right to the lake's key.
    ParameterError
        `frame.choice` for an unknown kind, `cli.no_source` for a source of which nothing was ever set apart.
    """
    if not place.is_dir():
        raise LakeError("lake.missing", values={"path": place})
    if kind is not None:
        check_choice(kind, KINDS, name="--kind")
    if raw and not may_see(place):
        raise LakeError("lake.no_right", values={"path": place, "key": place / KEY})
    rows = Lake(place).set_apart()
    known = rows.select(pl.col("source").unique().sort()).collect().to_series().to_list()
    if source is not None and source not in known:
        raise ParameterError("cli.no_source", values={"source": source, "known": ", ".join(known) or "-"})
    wanted = {"source": source, "kind": kind}.items()
    found = rows.filter(*(pl.col(column) == value for column, value in wanted if value is not None))
    count = int(found.select(pl.len()).collect().item())
    newest = found.sort("at", "src_file", "src_line", descending=[True, False, False]).head(last).collect()
    for row in newest.iter_rows(named=True):
        say(_line(row, raw=raw, words=words))
    say(words("cli.set_apart.count", shown=newest.height, rows=count))
    if not raw and count:
        say(words("cli.set_apart.masked"))


def may_see(place: Path) -> bool:
    """Whether this user may see personal data of the lake: who may read its key, or, where none is yet, write to it."""
    key = place / KEY
    return os.access(key, os.R_OK) if key.exists() else os.access(place, os.W_OK)


def _line(row: dict[str, str | None], *, raw: bool, words: Words) -> str:
    """Kind, source, place, rule, value; and the line as it stood in the file."""
    value = row["value"] or ""
    parts = [
        words(f"cli.ingest.kind.{row['kind']}"),
        f"{row['source']}",
        f"{row['src_file']}:{row['src_line']}",
        rule_in_words(row["rule"] or "", words),
        value if raw else shape(value) if value else "",
        f"= {row['like']}" if row["like"] else "",
        (row["raw"] or "") if raw else "",
    ]
    return "  ".join(part for part in parts if part)
