"""Which cells an event touches, in which role, and which are left to learn the counterfactual from.

A treated store-product loses its event weeks, one week of waiting before and the product's dip weeks after; siblings
in the same stores lose the event weeks (cannibalised), its halo partner too. Each touched cell belongs to one event:
roles in the order event, dip, waiting, sibling, halo; then the earlier event of the list.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from crmlib.core.errors import ContractError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.promotion.arrays import Bools
from crmlib.promotion.lift.panel import Index, Panel, positions, refusal

ROLES = ("event", "dip", "waiting", "sibling", "halo")
EVENT, DIP, WAITING, SIBLING, HALO = range(5)
_NEEDS = ("event_id", "store_id", "product_id", "first_week_n", "last_week_n")


@dataclass(frozen=True, slots=True)
class Treated:
    """One row per event, store and product; `event` is a position in `ids`; weeks are positions, both included."""

    ids: pl.Series
    event: Index
    store: Index
    product: Index
    first: Index
    last: Index


@dataclass(frozen=True, slots=True)
class Footprint:
    """Touched cells, one row each: flat position in the panel, event, role, number of promoted siblings.

    For a cell in its event, only siblings on promotion by another event count: what the goods of one event take from
    one another is part of what that event did, not of the base without it.
    clean : cells no event touches and that are known, shape (stores, products, weeks).
    """

    cell: Index
    event: Index
    role: Index
    siblings: Index
    clean: Bools


def treated(events: AnyFrame, *, panel: Panel) -> Treated:
    """Read events: event_id, store_id, product_id, first_week_n, last_week_n (both included).

    Raises
    ------
    ContractError
        promotion.r2 (end before start, unknown store or product, weeks outside the panel),
        promotion.r9 (two events on one store and product at once: their effects cannot be told apart).
    """
    table = to_polars(events, needs=_NEEDS, name="events").sort("event_id", "store_id", "product_id", "first_week_n")
    ids = table["event_id"].unique().sort()
    rows = Treated(
        ids=ids,
        event=positions(table["event_id"], ids),
        store=positions(table["store_id"], panel.stores),
        product=positions(table["product_id"], panel.products),
        first=table["first_week_n"].to_numpy().astype(np.int64) - panel.first_week,
        last=table["last_week_n"].to_numpy().astype(np.int64) - panel.first_week,
    )
    outside = (rows.first < 0) | (rows.last >= panel.weeks)
    bad = table.filter((rows.last < rows.first) | (rows.store < 0) | (rows.product < 0) | outside)
    if bad.height:
        raise refusal("promotion.r2", bad, key="event_id")
    _refuse_overlaps(rows, panel)
    return rows


def footprint(rows: Treated, *, panel: Panel) -> Footprint:
    """Cells touched by the events, and the clean rest."""
    shape = panel.units.shape
    own = np.arange(rows.event.size)
    sibling, mate = _siblings(rows, panel)
    halo, partner = _halo(rows, panel)
    dip_end = rows.last + panel.dip_weeks[rows.product]
    parts = (
        _cells(rows, own, product=rows.product, first=rows.first, last=rows.last, shape=shape),
        _cells(rows, own, product=rows.product, first=rows.last + 1, last=dip_end, shape=shape),
        _cells(rows, own, product=rows.product, first=rows.first - 1, last=rows.first - 1, shape=shape),
        _cells(rows, sibling, product=mate, first=rows.first[sibling], last=rows.last[sibling], shape=shape),
        _cells(rows, halo, product=partner, first=rows.first[halo], last=rows.last[halo], shape=shape),
    )
    cell, event = (np.concatenate([p[i] for p in parts]) for i in (0, 1))
    role = np.repeat(np.arange(len(ROLES)), [p[0].size for p in parts])
    _, first = np.unique(cell, return_index=True)  # parts stand in order of precedence
    first = np.sort(first)
    touched = np.zeros(panel.known.size, dtype=np.bool_)
    touched[cell] = True
    siblings = _counts(parts[SIBLING][0], shape)[cell[first]].astype(np.int64)
    together = _of_same_event(cell[first], event[first], parts[SIBLING], events=len(rows.ids))
    return Footprint(
        cell=cell[first],
        event=event[first],
        role=role[first],
        siblings=np.where(role[first] == EVENT, siblings - together, siblings),
        clean=panel.known & ~touched.reshape(shape),
    )


def _cells(
    rows: Treated, row: Index, *, product: Index, first: Index, last: Index, shape: tuple[int, ...]
) -> tuple[Index, Index]:
    """Flat positions and events of the cells from `first` to `last` week of every row, cut at the panel's edges."""
    low, high = np.maximum(first, 0), np.minimum(last, shape[2] - 1)
    lengths = np.maximum(high - low + 1, 0)
    each = np.repeat(np.arange(row.size), lengths)
    offset = np.arange(each.size) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    store = rows.store[row][each]
    flat = (store * shape[1] + product[each]) * shape[2] + low[each] + offset
    return flat, rows.event[row][each]


def _siblings(rows: Treated, panel: Panel) -> tuple[Index, Index]:
    """Pairs (row of `rows`, sibling product)."""
    same = (panel.group[:, None] == panel.group[None, :]) & (panel.group[:, None] >= 0)
    np.fill_diagonal(same, val=False)
    row, sibling = np.nonzero(same[rows.product])
    return row, sibling


def _halo(rows: Treated, panel: Panel) -> tuple[Index, Index]:
    partner = panel.partner[rows.product]
    row = np.flatnonzero(partner >= 0)
    return row, partner[row]


def _counts(cells: Index, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """How often each cell stands in `cells`, flat: how many siblings are on promotion there."""
    count = np.zeros(int(np.prod(shape)), dtype=np.uint8)
    np.add.at(count, cells, 1)
    return count


def _of_same_event(cell: Index, event: Index, pairs: tuple[Index, Index], *, events: int) -> Index:
    """How many of the promoted siblings of each cell are promoted by the cell's own event."""
    keys, counts = np.unique(pairs[0] * events + pairs[1], return_counts=True)
    if not keys.size:
        return np.zeros(cell.size, dtype=np.int64)
    wanted = cell * events + event
    place = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
    return np.where(keys[place] == wanted, counts[place], 0).astype(np.int64)


def _refuse_overlaps(rows: Treated, panel: Panel) -> None:
    own = np.arange(rows.event.size)
    flat, event = _cells(rows, own, product=rows.product, first=rows.first, last=rows.last, shape=panel.units.shape)
    cells, counts = np.unique(flat, return_counts=True)
    twice = np.isin(flat, cells[counts > 1])
    if twice.any():
        names = rows.ids.gather(np.unique(event[twice])).to_list()
        raise ContractError(
            "promotion.r9",
            values={"count": int((counts > 1).sum()), "events": len(names)},
            examples=[str(n) for n in names],
        )
