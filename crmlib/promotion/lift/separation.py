"""Which cells a Poisson model with store × product and product × week effects can tell anything about.

A store that sold a product only in weeks when the others did not has an effect that runs to infinity: its unsold cells
want a mean of 0, which no finite effect gives, and scaling creeps there as 1 / sweeps. Such cells are separated
(Correia, Guimaraes & Zylkin 2019, arXiv:1903.01633). Between two effects it can be seen from the pattern alone: draw an
arrow store → week for every cell and week → store for every sold one; a cell can have a positive mean with the same
sums only if an arrow round leads back (Haberman 1974, The Analysis of Frequency Data, for tables), so an unsold cell
between two strongly connected parts is separated, and two parts share no scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from crmlib.core.shapes import check_shapes
from crmlib.promotion.arrays import Bools
from crmlib.promotion.lift.panel import Index


@dataclass(frozen=True, slots=True)
class Separation:
    """Cells, shape (s, p, w).

    empty : clean cells whose mean is 0 whatever the finite effects: they are left out of the fit.
    unknown : other cells whose store × product and product × week effects share no scale: they have no base.
    """

    empty: Bools
    unknown: Bools


def separate(sold: Bools, clean: Bools, *, live: Bools) -> Separation:
    """Find the separated cells of each product.

    Parameters
    ----------
    sold : clean cells with sales. clean : cells to learn from. live : cells none of whose effects is 0 for want of any
        sale; all of shape (s, p, w).

    Examples
    --------
    Two stores, one product; the second store sold only in the week that the first one did not know:

    >>> clean = np.array([[[True, True, False]], [[True, True, True]]])
    >>> sold = np.array([[[True, True, False]], [[False, False, True]]])
    >>> found = separate(sold, clean, live=np.ones((2, 1, 3), dtype=bool))
    >>> found.empty[1, 0].tolist(), found.unknown[0, 0].tolist()
    ([True, True, False], [False, False, True])
    """
    axes = "stores products weeks"
    check_shapes(clean=(clean, axes), sold=(sold, axes), live=(live, axes))
    stores, products, weeks = clean.shape
    parts = _joined(sold)
    ours, theirs = _levels(parts, (stores, products, weeks))
    open_ = clean & live & ~sold & (ours != theirs)
    if open_.any():
        s, p, w = np.nonzero(open_)
        start, end = ours[s, p, 0], theirs[0, p, w]
        parts = _components(start, end, size=int(parts.max()) + 1, connection="strong")[parts]
        ours, theirs = _levels(parts, (stores, products, weeks))
    apart = live & (ours != theirs)
    return Separation(apart & clean, apart & ~clean)


def _joined(sold: Bools) -> Index:
    """Part of each store × product, then of each product × week: a sold cell joins its two."""
    stores, products, weeks = sold.shape
    s, p, w = np.nonzero(sold)
    pairs = stores * products
    return _components(s * products + p, pairs + p * weeks + w, size=pairs + products * weeks, connection="weak")


def _levels(parts: Index, shape: tuple[int, int, int]) -> tuple[Index, Index]:
    stores, products, weeks = shape
    pairs = stores * products
    return parts[:pairs].reshape(stores, products, 1), parts[pairs:].reshape(1, products, weeks)


def _components(start: Index, end: Index, *, size: int, connection: Literal["weak", "strong"]) -> Index:
    graph = coo_array((np.ones(start.size, dtype=bool), (start, end)), shape=(size, size)).tocsr()
    return np.asarray(connected_components(graph, directed=True, connection=connection)[1], dtype=np.int64)
