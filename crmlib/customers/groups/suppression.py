"""Which cells of a profile must be hidden, so that no small count of persons is shown or can be worked out.

A trait's values are rows, the group and the rest two columns; row totals and column totals are known to the reader. A
cell is hidden where fewer than `LEAST` persons of the group have the value, or one to four of the rest. A hidden cell
can then be narrowed down from the totals: among hidden rows H with totals u and the group's hidden sum S,

    max(0, S - sum of the other u in H)  <=  g_i  <=  min(u_i, S).

Further cells, smallest first, are hidden until each of these intervals is at least `LEAST` wide (complementary
suppression), or as wide as the group's or the rest's own size allows.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]

LEAST = 5
"""Cells with fewer persons are hidden."""


def hidden(in_group: Ints, in_all: Ints) -> Bools:
    """Rows of one trait whose count in the group must not be shown; shape (values,).

    Parameters
    ----------
    in_group, in_all : persons with each value, in the group and in all; shape (values,).

    Examples
    --------
    >>> hidden(np.array([2, 40, 9, 300]), np.array([50, 60, 90, 900])).tolist()
    [True, False, True, False]
    """
    rest = in_all - in_group
    found: Bools = (in_group < LEAST) | ((rest > 0) & (rest < LEAST))
    for row in np.argsort(in_group, kind="stable"):
        if not found.any() or _widths(in_group, in_all, found).min() >= LEAST:
            break
        found[row] = True
    return found


def _widths(in_group: Ints, in_all: Ints, found: Bools) -> Ints:
    """Width of what the totals say of each hidden cell; shape (hidden,)."""
    u, s = in_all[found], in_group[found].sum()
    return np.asarray(np.minimum(u, s) - np.maximum(0, s - (u.sum() - u)))
