"""What was used of what: debits of a ledger pair with its credits, the oldest-expiring first.

Without pairing a balance falls to nothing on the day on which its oldest points expire, though most of them were used
long before. A debit that names its credit (a return that takes its points back) takes that one first.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from crmlib.core.apportion import Ints
from crmlib.core.dates import a_day
from crmlib.core.frames import AnyFrame, timed, whole

FAR = 10**6  # later than any day of expiry [days since 1970]


@dataclass(frozen=True, slots=True)
class Pairing:
    """Who used what.

    Parameters
    ----------
    moves : the ledger's rows in the order given, `row` counts them from 0.
    pairs : credit, debit (row numbers), amount > 0.
    rest : row, rest: credits not used up (> 0) and debits that found no credit (< 0). Per key the rests sum to the
        balance.
    """

    moves: pl.DataFrame
    pairs: pl.DataFrame
    rest: pl.DataFrame


def pair(
    moves: AnyFrame,
    *,
    key: Sequence[str],
    amount: str,
    at: str = "at",
    expires: str | None = None,
    entry: str | None = None,
    ref: str | None = None,
) -> Pairing:
    """Pair debits with credits per key: by day of expiry, then by time; without a day of expiry last.

    A debit pairs with credits of later times only where the key is overdrawn. Rows of one moment: credits first.

    Parameters
    ----------
    moves : key columns, `at`, `amount` [signed whole units]; optional `expires` (date).
    entry, ref : columns of a row's own id and of the id that it takes back, if there are such.

    Examples
    --------
    >>> moves = pl.DataFrame({"card": ["a"] * 3, "at": [date(2026, 1, d) for d in (1, 2, 3)], "points": [10, 5, -12]})
    >>> made = pair(moves, key=["card"], amount="points")
    >>> made.pairs.rows(), made.rest.rows()
    ([(0, 2, 10), (1, 2, 2)], [(1, 3)])
    """
    optional = [c for c in (expires, entry, ref) if c]
    table = whole(timed(moves, at=at, needs=[*key, amount, *optional], name="moves"), [amount], name="moves")
    table = table.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    sorted_ = _sorted(table, list(key), amount=amount, at=at, expires=expires, entry=entry, ref=ref)
    slow = _needs_order(sorted_)
    parts = [_by_sums(sorted_.filter(~slow)), _by_queue(sorted_.filter(slow))]
    pairs = pl.concat(parts).sort("debit", "credit", maintain_order=True)
    used = (
        pl.concat([pairs.select(row="credit", used="amount"), pairs.select(row="debit", used=-pl.col("amount"))])
        .group_by("row")
        .agg(pl.col("used").sum())
    )
    rest = table.select("row", rest=amount).join(used, on="row", how="left", maintain_order="left")
    rest = rest.select("row", rest=pl.col("rest") - pl.col("used").fill_null(0)).filter(pl.col("rest") != 0)
    return Pairing(table, pairs, rest)


def aged(
    made: Pairing, *, key: Sequence[str], as_of: date, edges: Sequence[int], at: str = "at", by: str | None = None
) -> pl.DataFrame:
    """A ledger's balance by age: key, bucket (0 = up to the first edge), amount; the buckets sum to the balance.

    Parameters
    ----------
    edges : last day of age of every bucket but the last, e.g. ``[30, 90]`` [days].
    by : date column from which days are counted instead of `at`, e.g. the promised day (negative: still to come);
        rows without it have bucket null. Debits without a credit have bucket −1.
    """
    day, start = a_day(as_of, name="as_of"), pl.col(by or at).cast(pl.Date)
    rows = made.rest.join(made.moves, on="row", maintain_order="left")
    age = (pl.lit(day) - start).dt.total_days()
    bucket = pl.sum_horizontal(*[(age > edge).cast(pl.Int32) for edge in edges], pl.lit(0, dtype=pl.Int32))
    bucket = pl.when(pl.col("rest") < 0).then(-1).when(start.is_not_null()).then(bucket).cast(pl.Int32)
    grouped = rows.with_columns(bucket=bucket).group_by(*key, "bucket").agg(amount=pl.col("rest").sum())
    return grouped.sort(*key, "bucket")


def _sorted(
    table: pl.DataFrame,
    key: list[str],
    *,
    amount: str,
    at: str,
    expires: str | None,
    entry: str | None,
    ref: str | None,
) -> pl.DataFrame:
    """row, k (key number), amount, until (day of expiry, FAR without), back (row that is taken back), in time order."""
    until = pl.col(expires).cast(pl.Date).to_physical().cast(pl.Int64) if expires else pl.lit(None, dtype=pl.Int64)
    number = pl.struct(key).rank("dense").cast(pl.Int64) - 1
    rows = table.select(
        "row",
        k=number,
        at=at,
        amount=amount,
        until=until.fill_null(FAR),
        me=entry or pl.lit(None),
        ref=ref or pl.lit(None),
    )
    rows = rows.filter(pl.col("amount") != 0)
    if entry and ref:
        credits = rows.filter((pl.col("amount") > 0) & pl.col("me").is_not_null())
        own = credits.select("k", ref="me", back="row").unique(["k", "ref"], keep="first", maintain_order=True)
        rows = rows.join(own, on=["k", "ref"], how="left", maintain_order="left")
        rows = rows.with_columns(back=pl.when(pl.col("amount") < 0).then("back"))
    else:
        rows = rows.with_columns(back=pl.lit(None, dtype=pl.Int64))
    return rows.sort("k", "at", pl.col("amount") < 0, "row").select("row", "k", "amount", "until", "back")


def _needs_order(rows: pl.DataFrame) -> pl.Series:
    """Keys that running sums cannot pair: a later credit expires earlier, or a credit is taken back by name."""
    credits = rows.filter(pl.col("amount") > 0)
    falls = credits.filter((pl.col("until") < pl.col("until").shift(1).over("k")).fill_null(value=False))["k"]
    named = rows.filter(pl.col("back").is_not_null())["k"]
    return rows["k"].is_in(pl.concat([falls, named]).unique().implode())


def _by_sums(rows: pl.DataFrame) -> pl.DataFrame:
    """Credits and debits laid end to end on one line per key; where a piece of each overlaps, they pair."""
    k, amount = rows["k"].to_numpy(), rows["amount"].to_numpy()
    row, is_credit = rows["row"].to_numpy(), rows["amount"].to_numpy() > 0
    if not k.size:
        return _pairs([], [], [])
    keys = int(k.max()) + 1
    totals = [np.bincount(k[side], weights=np.abs(amount[side]), minlength=keys) for side in (is_credit, ~is_credit)]
    width = np.maximum(*totals).astype(np.int64)
    offset = np.cumsum(width) - width
    (c_start, c_end), (d_start, d_end) = (
        _laid(k[side], np.abs(amount[side]), offset) for side in (is_credit, ~is_credit)
    )
    points = np.unique(np.concatenate([c_start, c_end, d_start, d_end]))
    begin, length = points[:-1], np.diff(points)
    c, d = np.searchsorted(c_end, begin, side="right"), np.searchsorted(d_end, begin, side="right")
    both = (c < c_end.size) & (d < d_end.size)
    c, d, begin, length = c[both], d[both], begin[both], length[both]
    hit = (c_start[c] <= begin) & (d_start[d] <= begin)
    return _pairs(row[is_credit][c[hit]], row[~is_credit][d[hit]], length[hit])


def _laid(k: Ints, amount: Ints, offset: Ints) -> tuple[Ints, Ints]:
    """Where each amount begins and ends when those of a key stand one after the other from the key's offset on."""
    total = np.cumsum(amount)
    before = total - amount
    first = np.concatenate([[True], k[1:] != k[:-1]]) if k.size else np.zeros(0, dtype=bool)
    base = np.maximum.accumulate(np.where(first, before, 0)) if k.size else before
    start = before - base + offset[k]
    return start, start + amount


def _by_queue(rows: pl.DataFrame) -> pl.DataFrame:
    """The same entry by entry, for keys in which the order of expiry is not the order of time."""
    found: tuple[list[int], list[int], list[int]] = ([], [], [])
    for part in rows.partition_by("k", maintain_order=True):
        _walk(part, found)
    return _pairs(*found)


def _walk(part: pl.DataFrame, found: tuple[list[int], list[int], list[int]]) -> None:
    left: dict[int, int] = {}
    queue: list[tuple[int, int, int]] = []
    waiting: list[list[int]] = []  # debits of an overdrawn key: row, amount

    def take(credit: int, debit: int, wanted: int) -> int:
        part_ = min(left[credit], wanted)
        if part_:
            left[credit] -= part_
            for values, value in zip(found, (credit, debit, part_), strict=True):
                values.append(value)
        return wanted - part_

    for order, (row, _, amount, until, back) in enumerate(part.iter_rows()):
        if amount > 0:
            left[row] = amount
            heapq.heappush(queue, (until, order, row))
        else:
            wanted = take(back, row, -amount) if back in left else -amount
            waiting.append([row, wanted])
        while waiting and queue:
            credit, debit = queue[0][2], waiting[0]
            debit[1] = take(credit, debit[0], debit[1])
            if not left[credit]:
                heapq.heappop(queue)
            if not debit[1]:
                waiting.pop(0)


def _pairs(credit: Sequence[int] | Ints, debit: Sequence[int] | Ints, amount: Sequence[int] | Ints) -> pl.DataFrame:
    return pl.DataFrame(
        {"credit": credit, "debit": debit, "amount": amount},
        schema={"credit": pl.Int64, "debit": pl.Int64, "amount": pl.Int64},
    )
