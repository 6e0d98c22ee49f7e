"""The cells of a table that is being set: written a column at a time, since one by one each costs Polars a column."""

from __future__ import annotations

from typing import Any

import polars as pl
from great_tables._gt_data import Body, FormatInfo, FormatterSkipElement


class Cells(Body):
    """The body of a table of Polars, with the same content as great_tables' own."""

    def render_formats(self, data_tbl: Any, formats: list[FormatInfo], context: Any) -> set[tuple[str, int]]:
        """Write what the formatters say of their cells; which cells (column, row) those are."""
        read: dict[str, list[Any]] = {}
        written: dict[str, dict[int, Any]] = {}
        for each in formats:
            write: Any = getattr(each.func, context, each.func.default)
            for name, row in each.cells.resolve():
                values = read[name] if name in read else read.setdefault(name, data_tbl[name].to_list())
                text = write(values[row])
                if not isinstance(text, FormatterSkipElement):
                    written.setdefault(name, {})[row] = text
        frame: Any = self.body
        for name, cells in written.items():
            texts = [cells.get(row, old) for row, old in enumerate(frame[name].to_list())]
            frame = frame.with_columns(pl.Series(name, texts, dtype=pl.String))
        self.body = frame
        return {(name, row) for name, cells in written.items() for row in cells}
