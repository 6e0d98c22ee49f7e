"""How much has ended, by each cause, by each age: Aalen–Johansen with delayed entry and exact ties.

Symbols: n(t) cases at risk at age t (entry ≤ t ≤ exit), d_k(t) ends by cause k at t, S(t) = Π (1 − Σ d_k/n) still open,
F_k(t) = Σ_{u ≤ t} S(u⁻) d_k(u)/n(u). Σ_k F_k + S = 1. Delayed entry matters where the log of ends begins later than the
log of beginnings: who ended before the log began is in no table, so nobody counts before the age at which the log sees
them. With one cause F is 1 − Kaplan–Meier. Sources: Aalen & Johansen (1978); variance: Marubini & Valsecchi (1995).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars

Array = npt.NDArray[Any]
Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Incidence:
    """The curves as arrays.

    Parameters
    ----------
    times : distinct ages at which something ended, ascending, shape (m,).
    at_risk : n at these ages, shape (m,).
    ended : ends by cause, shape (causes, m).
    open : S just after these ages, shape (m,).
    share : F by cause, shape (causes, m).
    """

    times: Array
    at_risk: Array
    ended: Array
    open: Array
    share: Array

    def at(self, age: float | Array) -> Array:
        """F by cause at an age or ages; 0 before the first end; shape (causes,) or (causes, len(age))."""
        return _step(self.share, self.times, age, before=0.0)

    def open_at(self, age: float | Array) -> Array:
        """S at an age or ages."""
        return _open_at(self, age)

    def quantile(self, q: float, *, cause: int = 1) -> float | None:
        """First age by which a share `q` has ended by `cause` (1, 2, …); none where it is not reached."""
        return _quantile(self.times, self.share[cause - 1], q)

    def within(self, age: Array, ahead: float, *, cause: int = 1) -> Array:
        """P(ends by `cause` within `ahead` | still open at `age`), shape of `age`; 0 where nobody was ever so old."""
        return _within(self, age, ahead, cause)


def incidence(time: Array, event: Array, *, entry: Array | None = None, causes: int = 1) -> Incidence:
    """Estimate the curves.

    Parameters
    ----------
    time : age at the end, or at the last look [any unit], shape (n,).
    event : 0 still open, k ended by cause k ≤ `causes`, shape (n,).
    entry : age from which the case is watched, shape (n,); 0 if none. Cases with entry > time were never watched.

    Examples
    --------
    >>> curves = incidence(np.array([1, 2, 3, 4]), np.array([1, 2, 1, 0]), causes=2)
    >>> curves.at(3).tolist(), float(curves.open_at(3))
    ([0.5, 0.25], 0.25)
    """
    if entry is not None:
        seen = entry <= time
        time, event, entry = time[seen], event[seen], entry[seen]
    if _on_a_grid(time) and (entry is None or _on_a_grid(entry)):
        times, at_risk, ended = _counted_by_bins(time, event, entry, causes)
    else:
        times, at_risk, ended = _counted_by_sorting(time, event, entry, causes)
    left = 1 - ended.sum(axis=0) / at_risk
    still = np.cumprod(left)
    before = np.concatenate([[1.0], still[:-1]])
    return Incidence(times, at_risk, ended, still, np.cumsum(before * ended / at_risk, axis=1))


def _on_a_grid(time: Array) -> bool:
    """Whether ages are whole numbers whose range is worth one bin each."""
    return (
        time.dtype.kind in "iu" and time.size > 0 and int(time.min()) >= 0 and int(time.max()) <= 4 * time.size + 1000
    )


def _counted_by_bins(time: Array, event: Array, entry: Array | None, causes: int) -> tuple[Array, Array, Array]:
    size = int(time.max()) + 1
    left = np.bincount(time, minlength=size)
    wide = np.bincount(time * (causes + 1) + event, minlength=size * (causes + 1)).reshape(size, causes + 1)
    entered = np.bincount(entry, minlength=size) if entry is not None else None
    came = len(time) if entered is None else np.cumsum(entered)
    at_risk = came - np.concatenate([[0], np.cumsum(left)[:-1]])
    ended = wide[:, 1:].T
    times = np.flatnonzero(ended.sum(axis=0))
    return times.astype(float), at_risk[times], ended[:, times]


def _counted_by_sorting(time: Array, event: Array, entry: Array | None, causes: int) -> tuple[Array, Array, Array]:
    order = np.argsort(time)
    ages, codes = time[order], event[order]
    later = ages[1:] > ages[:-1]
    if later.all():
        return _counted_one_by_one(ages, codes, entry, causes)
    first = np.flatnonzero(np.concatenate([[True], later]))
    counts = np.zeros((causes, len(first)), dtype=np.int64)
    for k in range(causes):
        counts[k] = np.add.reduceat(codes == k + 1, first, dtype=np.int64)
    ended = counts.sum(axis=0) > 0
    times = ages[first[ended]]
    came = len(time) if entry is None else np.searchsorted(np.sort(entry), times, side="right")
    return times, came - first[ended], counts[:, ended]


def _counted_one_by_one(ages: Array, codes: Array, entry: Array | None, causes: int) -> tuple[Array, Array, Array]:
    """As by sorting where no two ages are the same: every end is a time of its own."""
    ended = np.flatnonzero(codes)
    times, own = ages[ended], codes[ended]
    counts = np.zeros((causes, len(ended)), dtype=np.int64)
    for k in range(causes):
        np.equal(own, k + 1, out=counts[k], casting="unsafe")
    came = len(ages) if entry is None else np.searchsorted(np.sort(entry), times, side="right")
    return times, came - ended, counts


def _step(values: Array, times: Array, age: float | Array, *, before: float) -> Array:
    padded = np.concatenate([np.full((len(values), 1), before), values], axis=1)
    return np.asarray(padded[:, np.searchsorted(times, age, side="right")])


def _open_at(curves: Incidence, age: float | Array) -> Array:
    return np.asarray(_step(curves.open[None, :], curves.times, age, before=1.0)[0])


def _quantile(times: Array, share: Array, q: float) -> float | None:
    where = int(np.searchsorted(share, q - 1e-12, side="left"))
    return float(times[where]) if where < len(times) else None


def _within(curves: Incidence, age: Array, ahead: float, cause: int) -> Array:
    gain = curves.at(np.asarray(age) + ahead)[cause - 1] - curves.at(age)[cause - 1]
    still = curves.open_at(age)
    return np.asarray(np.where(still > 0, gain / np.where(still > 0, still, 1), 0.0))


def standard_error(curves: Incidence) -> Array:
    """Standard error of F by cause (delta method), shape (causes, m)."""
    n, total = curves.at_risk, curves.ended.sum(axis=0)
    left = n - total
    before = np.concatenate([[1.0], curves.open[:-1]])
    a = np.where(left > 0, total / (n * np.maximum(left, 1)), 0.0)
    b = before**2 * curves.ended * (n - curves.ended) / n**3.0
    c = before * curves.ended / n**2.0
    F = curves.share
    first = F**2 * np.cumsum(a) - 2 * F * np.cumsum(a * F, axis=1) + np.cumsum(a * F**2, axis=1)
    variance = first + np.cumsum(b, axis=1) - 2 * (F * np.cumsum(c, axis=1) - np.cumsum(c * F, axis=1))
    return np.asarray(np.sqrt(np.maximum(variance, 0)))


def cumulative_incidence(
    frame: AnyFrame,
    *,
    causes: Sequence[str],
    time: str = "days",
    event: str = "event",
    entry: str | None = None,
) -> pl.DataFrame:
    """Share that has ended by each cause by each age, as a table.

    Parameters
    ----------
    frame : one row per case: `time` to the end or to the last look, `event` 0 still open, k for causes[k-1].
    entry : column of the age from which the case is watched.

    Returns
    -------
    cause, time, share, low, high (95 %), at_risk; sorted by cause as given and time.

    Raises
    ------
    ModelError
        `cases.no_events` if codes do not fit the causes or nothing has ended yet.

    Examples
    --------
    >>> people = pl.DataFrame({"days": [1, 2, 3, 4], "event": [1, 2, 1, 0]})
    >>> cumulative_incidence(people, causes=("lost", "won")).select("cause", "time", "share").rows()[:2]
    [('lost', 1.0, 0.25), ('lost', 2.0, 0.25)]
    """
    data = to_polars(frame, needs=[time, event, *([entry] if entry else [])], name="times to an end")
    seen = sorted(set(data[event].to_list()))
    if not set(seen) <= set(range(len(causes) + 1)) or not any(seen):
        raise ModelError("cases.no_events", values={"rows": data.height, "causes": len(causes)})
    since = None if entry is None else data[entry].to_numpy()
    curves = incidence(data[time].to_numpy(), data[event].to_numpy(), entry=since, causes=len(causes))
    return pl.concat(_rows(cause, k, curves) for k, cause in enumerate(causes) if curves.ended[k].any())


def _rows(cause: str, k: int, curves: Incidence) -> pl.DataFrame:
    share, spread = curves.share[k], Z95 * standard_error(curves)[k]
    columns = {
        "time": curves.times.astype(float),
        "share": share,
        "low": np.clip(share - spread, 0, 1),
        "high": np.clip(share + spread, 0, 1),
    }
    return pl.DataFrame({"cause": [cause] * len(share), **columns, "at_risk": curves.at_risk})


def at(table: pl.DataFrame, *, cause: str, days: float) -> tuple[float, float, float]:
    """Share ended by `cause` within `days`, with its interval, from `cumulative_incidence`."""
    rows = table.filter((pl.col("cause") == cause) & (pl.col("time") <= days))
    if rows.is_empty():
        return 0.0, 0.0, 0.0
    last = rows.row(-1, named=True)
    return last["share"], last["low"], last["high"]


def median_time(table: pl.DataFrame, *, cause: str) -> float | None:
    """Day by which half of all are ended by `cause`; none if fewer than half ever are."""
    rows = table.filter((pl.col("cause") == cause) & (pl.col("share") >= 0.5))
    return None if rows.is_empty() else float(rows["time"].to_list()[0])
