"""Where a table may hold the keys of a batch, without reading its keys again for every batch.

A first load comes in hundreds of batches, nearly all of them new, and each asked every stored key: a time that grows
with the square of the lines. So a run remembers a fingerprint of each key once, month by month, and reads the months
that hold one of the batch's; a fingerprint of a key that left its file, or of another key, costs a look and no more.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from crmlib.data.lake import delta
from crmlib.data.lake.lake import MONTH

MOST = 60_000_000
"""So many fingerprints of 8 bytes are held at most; of a larger table every batch asks all stored keys."""


class Held:
    """Fingerprints of the keys in one table's files, kept up with the table for the time of a run.

    Parameters
    ----------
    column : the key, or its first column.
    source : only rows of this source (`src_name`); of all without it.
    """

    def __init__(self, column: str, *, source: str | None = None) -> None:
        self._column, self._source = column, source
        self._files: set[str] = set()
        self._keys, self._where = pl.Series(dtype=pl.UInt64), pl.Series(dtype=pl.UInt16)
        self._months: list[str] = []  # `_where` of a key is the place of its month here
        self._batches, self._large = 0, False

    def months(self, path: Path, keys: pl.Series, *, version: int | None = None) -> list[str] | None:
        """The months (`2026-05`) whose files may hold one of `keys`, in order; none where it is not known.

        The first batch of a run is not told: one alone is not worth the fingerprints.
        """
        self._batches += 1
        if self._batches == 1 or self._large or not delta.local(path):
            return None
        self._add(path, version)
        if self._keys.len() > MOST:
            self._keys, self._where, self._large = self._keys.clear(), self._where.clear(), True
            return None
        hit = self._keys.is_in(keys.unique().hash().implode())
        return sorted(self._months[at] for at in self._where.filter(hit).unique())

    def _add(self, path: Path, version: int | None) -> None:
        """Read the keys of the files that came since."""
        added = delta.opened(path, at=version).get_add_actions(flatten=True).select(["path", f"partition.{MONTH}"])
        for file, month in pl.DataFrame(added).iter_rows():
            if file in self._files:
                continue
            self._files.add(file)
            rows = pl.scan_parquet(path / file, hive_partitioning=False)
            if self._source is not None:
                rows = rows.filter(pl.col("src_name") == self._source)
            found = rows.select(self._column).unique().collect(engine="streaming")[self._column].hash()
            if month not in self._months:
                self._months.append(month)
            at = pl.Series([self._months.index(month)], dtype=pl.UInt16)
            self._keys.append(found)
            self._where.append(at.new_from_index(0, found.len()))
