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
        self._version = -1
        self._written: dict[int, Prints] = {}  # the keys that batches added, by the version that they made
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
            self._levels, self._written, self._large = [], {}, True
            return None
        asked = keys.filter(_begins(keys))
        at, months = _shared(self._levels, _prints(asked))
        return Places(sorted(m for m, number in self._months.items() if number in months), asked.gather(at).unique())

    def wrote(self, rows: pl.DataFrame, *, version: int) -> None:
        """Note what a batch added, with their `day`, as this version of the table: its files need not be read."""
        if not self._large and version not in self._written:  # a batch that was there before made none
            heads = rows.select(self._column, "day").filter(_begins(rows[self._column]))
            self._written[version] = self._of_months(heads[self._column], month_of(heads["day"]))

    def _of_months(self, keys: pl.Series, months: pl.Series) -> Prints:
        for month in months.unique().drop_nulls().to_list():
            self._months.setdefault(month, len(self._months))
        return _prints(keys, months.replace_strict(self._months, return_dtype=pl.UInt64))

    def _add(self, path: Path, at: int | None) -> None:
        """The keys of the files that came since: as they were noted, or read."""
        table = delta.opened(path, at=at)
        now = table.version()
        if now == self._version:
            return
        added = pl.DataFrame(table.get_add_actions(flatten=True).select(["path", f"partition.{MONTH}"])).rows()
        came = [(file, month) for file, month in added if file not in self._files]
        self._files.update(file for file, _ in came)
        since = range(self._version + 1, now + 1)
        if since and all(version in self._written for version in since):
            for version in since:
                _hold(self._levels, self._written.pop(version))
        else:
            for file, month in came:
                rows = pl.scan_parquet(path / file, hive_partitioning=False)
                if self._source is not None:
                    rows = rows.filter(pl.col("src_name") == self._source)
                found = rows.select(self._column).unique().collect(engine="streaming")[self._column]
                _hold(self._levels, self._of_months(found, pl.Series([month]).new_from_index(0, found.len())))
        self._version = now


def _prints(keys: pl.Series, months: pl.Series | None = None) -> Prints:
    """Fingerprints of keys, sorted with the numbers of their months; without these, in the order of the keys."""
    prints: Prints = keys.hash().to_numpy() & ~OF_MONTH
    return prints if months is None else np.sort(prints | (months.to_numpy() & OF_MONTH))


def _hold(levels: list[Prints], prints: Prints) -> None:
    """Keep fingerprints sorted, in levels that double: each is moved a few times in all."""
    while levels and len(levels[-1]) < 2 * len(prints):
        prints = np.sort(np.concatenate([levels.pop(), prints]), kind="stable")  # two runs: merged
    if len(prints):
        levels.append(prints)


def _shared(levels: list[Prints], prints: Prints) -> tuple[pl.Series, set[int]]:
    """Which of some fingerprints are in the levels, and the numbers of the months there."""
    order = np.argsort(prints)
    asked, hit, months = prints[order], np.zeros(len(order), dtype=bool), set[int]()
    for level in levels:
        first, end = np.searchsorted(level, asked), np.searchsorted(level, asked | OF_MONTH, side="right")
        hit |= end > first
        for a, b in zip(first[end > first], end[end > first], strict=True):
            months.update((level[a:b] & OF_MONTH).tolist())
    return pl.Series(order[hit]), months


def _begins(keys: pl.Series) -> pl.Series:
    """Where another key begins: rows of one mostly stand together."""
    return keys.ne_missing(keys.shift()) if keys.null_count() == 0 else pl.Series([True]).new_from_index(0, len(keys))
