"""A table whose row and column totals are both given: proportional fitting, then whole numbers by maximum flow.

Sources: Deming & Stephan (1940), Annals of Mathematical Statistics 11(4), 427-444 (fitting); Cox & Ernst (1982), INFOR
20(4), 423-432 (controlled rounding: each cell becomes its floor or ceiling, every row and column keeps its total).
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import maximum_flow

from crmlib.core.apportion import Floats, Ints
from crmlib.core.errors import ModelError

ROUNDS, CLOSE = 2_000, 1e-7
"""Fitting ends when every row and column is within CLOSE of a unit of its total, or after ROUNDS."""


def fit(weights: Floats, *, rows: Ints, columns: Ints) -> Floats:
    """Cells proportional to `weights` up to factors of rows and columns, with the given totals, shape (r, c).

    Parameters
    ----------
    weights : ≥ 0, shape (r, c); a cell of 0 stays 0.
    rows, columns : totals ≥ 0, shapes (r,), (c,), of the same sum.

    Raises
    ------
    ModelError
        sales.table_sums: the totals do not agree; sales.table_zeros: the cells of 0 leave no way to reach them.
    """
    if rows.sum() != columns.sum() or min(rows.min(initial=0), columns.min(initial=0)) < 0:
        raise ModelError("sales.table_sums", values={"rows": int(rows.sum()), "columns": int(columns.sum())})
    cells = np.array(weights, dtype=np.float64)
    empty = int(((cells.sum(axis=1) <= 0) & (rows > 0)).sum() + ((cells.sum(axis=0) <= 0) & (columns > 0)).sum())
    if empty:
        raise _zeros(empty)
    for _ in range(ROUNDS):
        cells = cells * _factors(rows, cells.sum(axis=1))[:, None]
        cells = cells * _factors(columns, cells.sum(axis=0))
        if np.abs(cells.sum(axis=1) - rows).max(initial=0) <= CLOSE * max(1.0, float(rows.max(initial=0)) * 1e-3):
            return np.asarray(cells)
    raise _zeros(int((np.abs(cells.sum(axis=1) - rows) > 0.5).sum()))


def rounded(cells: Floats, *, rows: Ints, columns: Ints) -> Ints:
    """Whole cells, each the floor or the ceiling of the given one, with exact row and column totals, shape (r, c).

    Flow runs from a source through the rows' missing units and the cells with a fraction to the columns' missing units;
    capacities are whole, so a whole flow exists wherever the fractional table is one.
    """
    near = np.rint(cells)
    cells = np.where(np.abs(cells - near) < 1e-6, near, cells)  # a whole number is its own floor and ceiling
    floors = np.floor(cells).astype(np.int64)
    lack_rows, lack_columns = rows - floors.sum(axis=1), columns - floors.sum(axis=0)
    r, c = np.nonzero(cells > floors)
    flow = _flow(r, c, lack_rows, lack_columns)
    if flow is None:  # whole to the last digit but off by one: let every cell that is not 0 move up or stay
        r, c = np.nonzero(cells > 0)
        flow = _flow(r, c, lack_rows, lack_columns)
    if flow is None:
        raise _zeros(int((lack_rows != 0).sum()))
    floors[r, c] += flow
    return floors


def _factors(totals: Ints, sums: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(sums > 0, totals / sums, 0.0)


def _flow(r: Ints, c: Ints, lack_rows: Ints, lack_columns: Ints) -> Ints | None:
    """Units that go to the cells (r, c), 0 or 1 each; None where not all of the lack can be placed."""
    if lack_rows.min(initial=0) < 0 or lack_columns.min(initial=0) < 0:
        return None
    n, m = lack_rows.size, lack_columns.size
    source, sink = n + m, n + m + 1
    tail = np.concatenate([np.full(n, source), r, n + np.arange(m)])
    head = np.concatenate([np.arange(n), n + c, np.full(m, sink)])
    room = np.concatenate([lack_rows, np.ones(r.size, dtype=np.int64), lack_columns]).astype(np.int32)
    graph = coo_array((room, (tail, head)), shape=(n + m + 2, n + m + 2)).tocsr()
    found = maximum_flow(graph, source, sink)
    if found.flow_value != lack_rows.sum():
        return None
    return np.asarray(found.flow[r, n + c], dtype=np.int64).ravel() if r.size else np.zeros(0, dtype=np.int64)


def _zeros(rows: int) -> ModelError:
    return ModelError("sales.table_zeros", values={"rows": rows})
