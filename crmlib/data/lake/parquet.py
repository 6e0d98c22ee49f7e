"""How the files of tables are written: which columns have a dictionary, differences, smallest and largest values."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import polars as pl
from deltalake import ColumnProperties, WriterProperties

UNLIKE = ("line_id", "receipt_id", "sold_at")
"""Columns whose values hardly repeat: a dictionary of them costs a third of the writing and a quarter of the disk."""
UNSORTED = ("src_file", "quantity_milli", "list_minor", "net_minor", "cost_minor",
            "unit", "promotion_id", "channel", "tender", "staff_id")  # fmt: skip
"""Columns by whose smallest and largest value no file and no row group is ever skipped: rows are ordered by time."""
GROUP_ROWS = 1 << 17
"""Rows of a row group."""
STEPS: dict[str, Any] = {"dictionary_enabled": False, "encoding": "DELTA_BINARY_PACKED"}
"""Whole numbers by their differences: quicker to write than a dictionary; larger where few numbers come often."""
OF_COLUMNS = (
    dict.fromkeys(UNSORTED, ColumnProperties(statistics_enabled="NONE"))
    | dict.fromkeys(UNLIKE, ColumnProperties(dictionary_enabled=False, statistics_enabled="CHUNK"))
    | {"src_line": ColumnProperties(**STEPS, statistics_enabled="CHUNK")}
)


def writer(path: Path, columns: Collection[str]) -> WriterProperties:
    """How a table with these columns of long whole numbers is written; in reductions these are sums."""
    sums = columns if path.parent.name == "reductions" else ()
    no_steps = {c: ColumnProperties(statistics_enabled="NONE") for c in sums if c.endswith("_milli")}
    return WriterProperties(
        compression="ZSTD",
        compression_level=1,  # 3 takes a tenth more time of all writing, for 3 % less disk
        max_row_group_size=GROUP_ROWS,
        data_page_row_count_limit=GROUP_ROWS,  # nobody reads single pages, and each begins a compressor of its own
        write_batch_size=1 << 13,
        default_column_properties=ColumnProperties(statistics_enabled="CHUNK"),  # nobody reads those of pages
        column_properties=OF_COLUMNS
        | dict.fromkeys(sums, ColumnProperties(**STEPS, statistics_enabled="NONE"))
        | no_steps,
    )


def long(rows: pl.DataFrame | pl.LazyFrame) -> list[str]:
    """Columns of long whole numbers."""
    return [c for c, kind in rows.collect_schema().items() if kind == pl.Int64]
