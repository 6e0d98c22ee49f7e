"""The handle on receipt lines: panels read it, nobody else does.

A page, a study or a question passes a handle on, or narrows it; it cannot be collected, filtered or joined. So a line
is touched in one room only, and what reads a stored reduction instead of lines is decided in one room, too.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import narwhals as nw
import polars as pl

from crmlib.core.dates import day_number
from crmlib.core.frames import AnyFrame, to_polars, wrap


class ReceiptLines:
    """Receipt lines of any engine that only panels can read.

    Examples
    --------
    >>> ReceiptLines(pl.LazyFrame({"line_id": ["a"]}))
    ReceiptLines()
    """

    __slots__ = ("__frame",)

    def __init__(self, frame: AnyFrame) -> None:
        self.__frame = frame

    def __repr__(self) -> str:
        return "ReceiptLines()"

    def __reduce__(self) -> Any:
        raise TypeError("a handle on receipt lines is neither copied nor stored; pass it to a panel")


def opened(lines: AnyFrame) -> AnyFrame:
    """The lines behind a handle; a frame that is none is given back. For panels only."""
    return getattr(lines, "_ReceiptLines__frame") if isinstance(lines, ReceiptLines) else lines  # noqa: B009


def part(
    lines: AnyFrame,
    *,
    start: date | None = None,
    end: date | None = None,
    stores: pl.Series | None = None,
    products: pl.Series | None = None,
    without: pl.Series | None = None,
) -> ReceiptLines:
    """The lines from `start` to `end`, of some stores and products, without some receipts: a handle again.

    Parameters
    ----------
    lines : receipt lines, a frame of any engine or a handle; needs the columns that are asked about.
    start, end : first and last day included; none leaves that end open.
    stores, products : ids to keep; none keeps all.
    without : receipts to leave out.
    """
    kept = _narrowable(opened(lines))
    if start is not None:
        kept = kept.filter(nw.col("day_n") >= day_number(start))
    if end is not None:
        kept = kept.filter(nw.col("day_n") <= day_number(end))
    for column, ids in (("store_id", stores), ("product_id", products)):
        kept = kept if ids is None else among(kept, column, ids)
    if without is not None and len(without):
        kept = among(kept, "receipt_id", without, others=True)
    return ReceiptLines(kept.to_native())


def among(lines: nw.LazyFrame[Any], column: str, ids: pl.Series, *, others: bool = False) -> nw.LazyFrame[Any]:
    """The lines whose `column` is one of `ids`, or with `others` none of them; unknown ones are in neither."""
    native = lines.to_native()
    if isinstance(native, pl.LazyFrame):
        inside = pl.col(column).is_in(ids.implode())
        return nw.from_native(native.filter(~inside if others else inside))
    found = nw.col(column).is_in(ids.to_list())
    return lines.filter(~found if others else found)


def _narrowable(frame: AnyFrame) -> nw.LazyFrame[Any]:
    wrapped = wrap(frame, name="receipt_lines")
    if isinstance(wrapped, nw.DataFrame):
        wrapped = nw.from_native(to_polars(frame, name="receipt_lines").lazy())
    names = wrapped.collect_schema().names()
    if "day" in names and "day_n" not in names:
        native = wrapped.to_native()
        if isinstance(native, pl.LazyFrame):
            return nw.from_native(native.with_columns(day_n=pl.col("day").cast(pl.Date).cast(pl.Int32)))
    return wrapped
