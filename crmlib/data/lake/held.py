"""Where a table may hold the keys of a batch, without reading its keys again for every batch.

A first load comes in hundreds of batches, nearly all of them new, and each asked every stored key: a time that grows
with the square of the lines. So a run remembers a fingerprint of each key once, with its month, in sorted order, and
reads only those keys and months that a batch shares with it; a fingerprint of a key that left its file, or of another
key, costs a look and no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from crmlib.data.lake import delta
from crmlib.data.lake.lake import MONTH, month_of

MOST = 60_000_000
"""So many fingerprints of 8 bytes are held at most; of a larger table every batch asks all stored keys."""
OF_MONTH = np.uint64((1 << 12) - 1)
"""The lower bits of a fingerprint say its month; the others are of the key's hash."""

Prints = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Places:
    """What of a batch may be there: the months (`2026-05`, in order) and the keys."""

    months: list[str]
    keys: pl.Series


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
        self._levels: list[Prints] = []  # each sorted, and less than half as long as the one before it
        self._months: dict[str, int] = {}
        self._version, self._written = -1, (-1, np.empty(0, np.uint64))
        self._batches, self._large = 0, False

    def places(self, path: Path, keys: pl.Series, *, version: int | None = None) -> Places | None:
        """What of `keys` the table's files may hold, and in which months; none where it is not known.

        The first batch of a run is not told: one alone is not worth the fingerprints.
        """
        self._batches += 1
        if self._batches == 1 or self._large or not delta.local(path):
            return None
        self._add(path, version)
        if sum(map(len, self._levels)) > MOST or len(self._months) > OF_MONTH:
            self._levels, self._large = [], True
            return None
        asked = keys.filter(_begins(keys))
        prints = asked.hash().to_numpy() & ~OF_MONTH
        order = np.argsort(prints)
        prints, hit, months = prints[order], np.zeros(len(order), dtype=bool), set[int]()
        for level in self._levels:
            first, end = np.searchsorted(level, prints), np.searchsorted(level, prints | OF_MONTH, side="right")
            hit |= end > first
            for a, b in zip(first[end > first], end[end > first], strict=True):
                months.update((level[a:b] & OF_MONTH).tolist())
        return Places(sorted(m for m, at in self._months.items() if at in months), asked.gather(order[hit]).unique())

    def wrote(self, rows: pl.DataFrame, *, version: int) -> None:
        """Note what a batch added, with their `day`, as this version of the table: its files need not be read."""
        heads = rows.select(self._column, "day").filter(_begins(rows[self._column]))
        self._written = version, self._prints(heads[self._column], month_of(heads["day"]))

    def _prints(self, keys: pl.Series, months: pl.Series) -> Prints:
        named = months.unique().drop_nulls().to_list()
        for month in named:
            self._months.setdefault(month, len(self._months))
        at = months.replace_strict(named, [self._months[m] for m in named], return_dtype=pl.UInt64)
        prints = (keys.hash().to_numpy() & ~OF_MONTH) | (at.to_numpy() & OF_MONTH)
        return np.sort(prints)

    def _add(self, path: Path, version: int | None) -> None:
        """The keys of the files that came since: as they were noted, or read."""
        table = delta.opened(path, at=version)
        now = table.version()
        if now == self._version:
            return
        added = pl.DataFrame(table.get_add_actions(flatten=True).select(["path", f"partition.{MONTH}"])).rows()
        came = [(file, month) for file, month in added if file not in self._files]
        self._files.update(file for file, _ in came)
        if (now, now - 1) == (self._written[0], self._version):
            self._hold(self._written[1])
        else:
            for file, month in came:
                rows = pl.scan_parquet(path / file, hive_partitioning=False)
                if self._source is not None:
                    rows = rows.filter(pl.col("src_name") == self._source)
                found = rows.select(self._column).unique().collect(engine="streaming")[self._column]
                self._hold(self._prints(found, pl.Series([month]).new_from_index(0, found.len())))
        self._version, self._written = now, (-1, self._written[1][:0])

    def _hold(self, prints: Prints) -> None:
        """Keep them sorted, in levels that double: each fingerprint is moved a few times in all."""
        while self._levels and len(self._levels[-1]) < 2 * len(prints):
            prints = np.sort(np.concatenate([self._levels.pop(), prints]), kind="stable")  # two runs: merged
        if len(prints):
            self._levels.append(prints)


def _begins(keys: pl.Series) -> pl.Series:
    """Where another key begins: rows of one mostly stand together."""
    return keys.ne_missing(keys.shift()) if keys.null_count() == 0 else pl.Series([True]).new_from_index(0, len(keys))
