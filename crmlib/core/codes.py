"""Places of ids among the different ones: what is counted or sorted is then a whole number."""

from __future__ import annotations

import numpy as np
import polars as pl

from crmlib.core.apportion import Ints

FEW = 4
"""With so many rows to one value, values are looked up; with fewer, they are ranked."""


def coded(values: pl.Series) -> tuple[Ints, pl.Series]:
    """Place of each value among the different ones (sorted), and these; nulls have place -1.

    Lines mostly come basket by basket and member by member, so only the first of a run of equal values is looked up.

    Examples
    --------
    >>> place, names = coded(pl.Series(["b", "a", None, "b"]))
    >>> place.tolist(), names.to_list()
    ([1, 0, -1, 1], ['a', 'b'])
    """
    if values.is_empty():
        return np.zeros(0, dtype=np.int64), values
    run = values.rle_id().to_numpy().astype(np.int64)
    short = int(run[-1]) + 1 <= values.len() // 2
    heads = values.gather(np.flatnonzero(np.diff(run, prepend=-1) != 0)) if short else values
    names = heads.drop_nulls().unique().sort()
    if isinstance(values.dtype, pl.Enum):
        place = _places(names, heads)
    elif values.dtype == pl.String and names.len() * FEW <= heads.len():
        place = heads.cast(pl.Enum(names)).to_physical().cast(pl.Int64)
    else:
        place = heads.rank("dense").cast(pl.Int64) - 1
    found = place.fill_null(-1).to_numpy()
    return (found[run] if short else found), names


def _places(names: pl.Series, values: pl.Series) -> pl.Series:
    """The place among `names` (sorted) of values of an Enum."""
    known = names.to_physical().to_numpy()
    place = np.zeros(int(known.max(initial=0)) + 1, dtype=np.int64)
    place[known] = np.arange(known.size)
    found = pl.Series(place[values.to_physical().fill_null(0).to_numpy()])
    return found.set(values.is_null(), None) if values.null_count() else found
