"""Many small files become few: every night leaves some, and a page opens them all.

The rows stay, and so do the older versions with their files, until `vacuum` takes them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from crmlib.data.lake import delta, reduced
from crmlib.data.lake.lake import MONTH, Lake

MOST_FILES = 48
"""A month with more files than this is written anew: a month of nights with corrections has fewer."""


def compact(lake: Lake, *, by: reduced.Reducer, most: int = MOST_FILES) -> int:
    """Write months of more than `most` files anew, of tables and reductions; how many files gave way.

    Reductions of the newest lines stay theirs: no day is made anew for it.

    Raises
    ------
    LakeError
        `lake.locked` while another process writes.
    """
    with lake.writing():
        gone = sum(_table(lake.table_path(name), most) for name in lake.tables() if name != reduced.LINES)
        if not lake.has(reduced.LINES):
            return gone
        with reduced.pen(lake):
            return gone + _lines(lake, by=by, most=most)


def _lines(lake: Lake, *, by: reduced.Reducer, most: int) -> int:
    path = lake.table_path(reduced.LINES)
    built = reduced.of_version(lake, delta.version(path), by=by)
    folders = {name: lake.path / reduced.FOLDER / name for name in (() if built is None else built.versions)}
    gone = _table(path, most) + sum(_table(folder, most) for folder in folders.values())
    if built is not None and gone:
        versions = {name: delta.version(folder) for name, folder in folders.items()}
        reduced.remember(lake, replace(built, lines=delta.version(path), versions=versions))
    return gone


def _table(path: Path, most: int) -> int:
    with delta.lake_errors(path):
        table = delta.opened(path)
        files = pl.DataFrame(table.get_add_actions(flatten=True))
        month = f"partition.{MONTH}"
        if files.height <= most:
            return 0
        if month not in files.columns:
            return delta.compact(path, table)
        counts = files.group_by(month).len().filter(pl.col("len") > most)
        return delta.compact(path, table, months=counts[month].to_list()) if counts.height else 0
