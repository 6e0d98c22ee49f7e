"""What every contract shares: provenance columns, the time type, and the facts ingest needs to know."""

from __future__ import annotations

from dataclasses import dataclass

import dataframely as dy
import polars as pl

TIME_ZONE = "Asia/Shanghai"
"""Time zone of every contract's instants; a lake of another zone shows its own."""
UNITS = ("_minor", "_milli")
"""Endings of columns in fixed units: money in minor units, quantities in thousandths."""
LARGEST = 1 << 39
"""No single value of such a column reaches this (5.5e11): sums of ten million such lines stay exact in Int64."""


class Table(dy.Schema):
    """Columns carried by every table: where the row came from and since when it is known."""

    src_name = dy.String(nullable=False)
    src_file = dy.String(nullable=False)
    src_line = dy.Int64(nullable=False, min=1)
    known_at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)


@dataclass(frozen=True, slots=True)
class Contract:
    """A table of the lake: its schema and what ingest needs beside it.

    Parameters
    ----------
    name : the table's name in the lake.
    schema : columns and rules, checked once, where rows enter.
    key : columns that identify a row.
    event : the column that says when the fact happened; None for tables of things rather than of events.
    ahead : `event` may lie ahead (an offer's start, a target): such a row is seen as soon as it is known.
    dated : the table is large and grows by days, so it is stored by month of `event`.
    defaults : value of a required column that no source maps.
    """

    name: str
    schema: type[Table]
    key: tuple[str, ...]
    event: str | None = None
    dated: bool = False
    defaults: tuple[tuple[str, str], ...] = ()
    ahead: bool = False

    @property
    def happened(self) -> pl.Expr | None:
        """The day a row's fact happened, the company's day where the table has one; none where it may lie ahead.

        Examples
        --------
        >>> from crmlib.core.contracts import CONTRACTS
        >>> CONTRACTS["stock"].happened is None, CONTRACTS["promotions"].happened is None
        (False, True)
        """
        if self.event is None or self.ahead:
            return None
        fields = self.schema.columns()
        if "day" in fields:
            return pl.col("day")
        event = pl.col(self.event)
        return event if fields[self.event].dtype == pl.Date else event.dt.date()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns, provenance included."""
        return tuple(self.schema.column_names())

    @property
    def made(self) -> frozenset[str]:
        """Columns that ingest makes itself: provenance, and the day of a receipt's line.

        Examples
        --------
        >>> from crmlib.core.contracts import CONTRACTS
        >>> "day" in CONTRACTS["receipt_lines"].made, "day" in CONTRACTS["special_days"].made
        (True, False)
        """
        told = frozenset({"src_name", "src_file", "src_line", "known_at"})
        return told | {"day", "day_n"} if "day_n" in self.columns else told

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that may not be null."""
        return tuple(name for name, column in self.schema.columns().items() if not column.nullable)

    def unmapped(self, column: str) -> pl.Expr:
        """Value of a column that a source, or a table stored before the contract grew, does not have.

        Examples
        --------
        >>> from crmlib.core.contracts import CONTRACTS
        >>> pl.select(CONTRACTS["stock"].unmapped("lot_id")).item()
        ''
        """
        dtype, value = self.schema.columns()[column].dtype, dict(self.defaults).get(column)
        if value is None:
            return pl.lit(None).cast(dtype)
        if isinstance(dtype, pl.List):
            return pl.lit([], dtype=dtype)
        if dtype == pl.Boolean:
            return pl.lit(value == "true")
        return pl.lit(int(value) if dtype.is_integer() else value).cast(dtype)
