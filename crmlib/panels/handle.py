"""The handle on receipt lines: panels read it, nobody else does.

A page, a study or a question passes a handle on, or narrows it; it cannot be collected, filtered or joined. So a line
is touched in one room only, and what reads a stored reduction instead of lines is decided in one room, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import narwhals as nw
import polars as pl

from crmlib.core.dates import day_number
from crmlib.core.frames import AnyFrame, to_polars, wrap
from crmlib.panels import reductions

GOODS, RECEIPT, FEED, STORE = "store_product_day", "receipt", "feed_day", "store_day"


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What lines were narrowed to; none of them all. start, end : [days since 1970], both included."""

    start: int | None = None
    end: int | None = None
    stores: pl.Series | None = None
    products: pl.Series | None = None
    without: pl.Series | None = None
    leaving: pl.Series | None = None
    customers: pl.Series | None = None

    def and_(self, other: Narrowed) -> Narrowed:
        """Both, one after the other."""
        starts, ends = (
            [d for d in days if d is not None] for days in ((self.start, other.start), (self.end, other.end))
        )
        return Narrowed(
            max(starts, default=None),
            min(ends, default=None),
            _both(self.stores, other.stores),
            _both(self.products, other.products),
            _either(self.without, other.without),
            _either(self.leaving, other.leaving),
            _both(self.customers, other.customers),
        )


@dataclass(frozen=True, slots=True)
class Cells:
    """The stored reductions of exactly these lines.

    Parameters
    ----------
    find : a reduction by its name (see `crmlib.panels.reductions`), with the rows that the lines' reader may see.
    odd : days whose receipts are not told from cells: panels that count receipts read their lines.
    by_card : whether the lines are those of some members: sums over all buyers cannot stand for them.
    nameless : whether some members are strangers to the lines' reader: sums over members cannot stand for them.
    """

    find: Callable[[str], pl.LazyFrame]
    odd: frozenset[int] = frozenset()
    by_card: bool = False
    nameless: bool = False


class ReceiptLines:
    """Receipt lines of any engine that only panels can read.

    Parameters
    ----------
    frame : the lines. cells : their reductions, where they are stored. narrowed : to what.
    told : everything that decides which lines these are; empty where nobody has said it.

    Examples
    --------
    >>> ReceiptLines(pl.LazyFrame({"line_id": ["a"]}))
    ReceiptLines()
    """

    __slots__ = ("__held",)

    def __init__(
        self, frame: AnyFrame, cells: Cells | None = None, narrowed: Narrowed | None = None, *, told: str = ""
    ) -> None:
        self.__held = (frame, cells, narrowed or Narrowed(), told)

    def __repr__(self) -> str:
        return "ReceiptLines()"

    def __reduce__(self) -> Any:
        raise TypeError("a handle on receipt lines is neither copied nor stored; pass it to a panel")


def opened(lines: AnyFrame) -> AnyFrame:
    """The lines behind a handle, narrowed; a frame that is none is given back. For panels only."""
    if not isinstance(lines, ReceiptLines):
        return lines
    frame, _, narrowed, _ = _held(lines)
    return frame if _is_whole(narrowed) else _narrow(_narrowable(frame), narrowed).to_native()


def part(
    lines: AnyFrame,
    *,
    start: date | None = None,
    end: date | None = None,
    stores: pl.Series | None = None,
    products: pl.Series | None = None,
    without: pl.Series | None = None,
    leaving: pl.Series | None = None,
    customers: pl.Series | None = None,
) -> ReceiptLines:
    """The lines from `start` to `end`, of some stores, products and customers, without some receipts: a handle again.

    Parameters
    ----------
    lines : receipt lines, a frame of any engine or a handle; needs the columns that are asked about.
    start, end : first and last day included; none leaves that end open.
    stores, products, customers : ids to keep; none keeps all.
    without : receipts to leave out. leaving : products to leave out; lines of no known product stay.
    """
    frame, cells, before, told = _held(lines) if isinstance(lines, ReceiptLines) else (lines, None, Narrowed(), "")
    first, last = (None if day is None else day_number(day) for day in (start, end))
    receipts, goods = (None if ids is None or ids.is_empty() else ids for ids in (without, leaving))
    narrowed = before.and_(Narrowed(first, last, stores, products, receipts, goods, customers))
    return ReceiptLines(frame, cells, narrowed, told=told)


def told(lines: ReceiptLines) -> tuple[str, Narrowed]:
    """Which lines these are, without reading them, whatever order ids came in: what is made of them is kept under it.

    Raises
    ------
    TypeError
        If nobody has said it.
    """
    _, _, narrowed, said = _held(lines)
    if not said:
        raise TypeError("nobody has said what decides which receipt lines these are")
    kept = {name: ids for name in ("stores", "products", "customers") if (ids := getattr(narrowed, name)) is not None}
    return said, replace(narrowed, **{name: ids.unique().sort() for name, ids in kept.items()})


def services(lines: AnyFrame) -> tuple[ReceiptLines, ReceiptLines] | None:
    """Lines that leave products out: with these after all, and of these alone; none where all products are in."""
    if not isinstance(lines, ReceiptLines):
        return None
    frame, cells, narrowed, said = _held(lines)
    if narrowed.leaving is None:
        return None
    every, only = replace(narrowed, leaving=None), Narrowed(products=narrowed.leaving)
    alone = ReceiptLines(frame, cells, every.and_(only), told=said)
    return ReceiptLines(frame, cells, every, told=said), alone


def cells_of(lines: AnyFrame, name: str) -> pl.LazyFrame | None:
    """The stored reduction `name` of the lines as they were narrowed; none where it cannot stand for them.

    Of `store_product_day` a cell may stand there with its sums and against them, where receipts were left out: whoever
    reads it sums, and leaves out what has no lines.
    """
    if not isinstance(lines, ReceiptLines):
        return None
    frame, cells, narrowed, _ = _held(lines)
    if cells is None or not _stand_for(name, cells, narrowed):
        return None
    left = narrowed.without
    found: pl.LazyFrame = _narrow(nw.from_native(cells.find(name)), replace(narrowed, without=None)).to_native()
    if left is None:
        return found
    if name == RECEIPT:
        return found.filter(~pl.col("receipt_id").is_in(left.implode()))
    apart = _narrow(_narrowable(frame), replace(narrowed, without=None)).to_native()
    leaving = reductions.prepared(apart.filter(pl.col("receipt_id").is_in(left.implode())))
    off: pl.LazyFrame = reductions.store_product_days(leaving).to_native()
    against = off.select(*reductions.GOODS_KEYS, *(-pl.col(c) for c in reductions.GOODS_SUMS))
    return pl.concat([found.select(against.collect_schema().names()), against], how="vertical_relaxed")


def _stand_for(name: str, cells: Cells, narrowed: Narrowed) -> bool:
    """Whether a reduction knows what its lines were narrowed to."""
    if name == GOODS:
        return not cells.by_card and narrowed.customers is None
    if narrowed.leaving is not None:
        return False
    if name in {FEED, STORE}:
        if cells.by_card or narrowed.customers is not None or (name == STORE and cells.nameless):
            return False
        return narrowed.products is None and narrowed.without is None
    return narrowed.products is None and (narrowed.without is None or name == RECEIPT)


def odd_days(lines: AnyFrame) -> list[int]:
    """Days whose receipts are not told from cells."""
    cells = _held(lines)[1] if isinstance(lines, ReceiptLines) else None
    return [] if cells is None else sorted(cells.odd)


def among(lines: nw.LazyFrame[Any], column: str, ids: pl.Series, *, others: bool = False) -> nw.LazyFrame[Any]:
    """The lines whose `column` is one of `ids`, or with `others` none of them; unknown ones are in neither."""
    native = lines.to_native()
    if isinstance(native, pl.LazyFrame):
        inside = pl.col(column).is_in(ids.implode())
        return nw.from_native(native.filter(~inside if others else inside))
    found = nw.col(column).is_in(ids.to_list())
    return lines.filter(~found if others else found)


def _held(lines: ReceiptLines) -> tuple[AnyFrame, Cells | None, Narrowed, str]:
    held: tuple[AnyFrame, Cells | None, Narrowed, str] = getattr(lines, "_ReceiptLines__held")  # noqa: B009
    return held


def _narrow(kept: nw.LazyFrame[Any], to: Narrowed) -> nw.LazyFrame[Any]:
    if to.start is not None:
        kept = kept.filter(nw.col("day_n") >= to.start)
    if to.end is not None:
        kept = kept.filter(nw.col("day_n") <= to.end)
    for column, ids in (("store_id", to.stores), ("product_id", to.products), ("customer_id", to.customers)):
        kept = kept if ids is None else among(kept, column, ids)
    if to.leaving is not None:
        native = kept.to_native()
        if isinstance(native, pl.LazyFrame):
            inside = pl.col("product_id").is_in(to.leaving.implode())
            kept = nw.from_native(native.filter(~inside.fill_null(value=False)))
        else:
            kept = kept.filter(~nw.col("product_id").is_in(to.leaving.to_list()) | nw.col("product_id").is_null())
    return kept if to.without is None else among(kept, "receipt_id", to.without, others=True)


def _either(one: pl.Series | None, other: pl.Series | None) -> pl.Series | None:
    left = [ids for ids in (one, other) if ids is not None]
    return pl.concat(left).unique().sort() if left else None  # in one order: what is remembered is named by them


def _both(one: pl.Series | None, other: pl.Series | None) -> pl.Series | None:
    if one is None or other is None:
        return other if one is None else one
    return one.filter(one.is_in(other.implode()))


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


def _is_whole(narrowed: Narrowed) -> bool:
    return all(getattr(narrowed, name) is None for name in Narrowed.__slots__)
