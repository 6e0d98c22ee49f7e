"""How long until somebody followed up is lost, when others are won meanwhile: Aalen–Johansen.

Winning ends the chance of being lost. Kaplan–Meier would treat the won as if they could still be lost, and say 45 %
where 23 % are; the mean over the lost alone forgets everybody not lost yet. So: cumulative incidence, right-censored.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from crmlib.churn.metrics import Array
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars

Z95 = 1.959963984540054


def cumulative_incidence(
    frame: AnyFrame, *, time: str = "days", event: str = "event", causes: Sequence[str] = ("lost", "won")
) -> pl.DataFrame:
    """Share that has ended by each cause by each time.

    Parameters
    ----------
    frame : one row per person: `time` to the event or to the end of watching, `event` 0 still open, k for causes[k-1].

    Returns
    -------
    cause, time, share, low, high (95 %), at_risk; sorted by cause as given and time.

    Examples
    --------
    >>> people = pl.DataFrame({"days": [1, 2, 3, 4], "event": [1, 2, 1, 0]})
    >>> cumulative_incidence(people).select("cause", "time", "share").rows()[:2]
    [('lost', 1.0, 0.25), ('lost', 2.0, 0.25)]
    """
    data = to_polars(frame, needs=[time, event], name="times to loss")
    seen = sorted(set(data[event].to_list()))
    if not set(seen) <= set(range(len(causes) + 1)) or not any(seen):
        raise ModelError(
            "churn.no_events",
            given=f"{data.height} people, event codes {seen}",
            expected=f"codes 0 to {len(causes)}, at least one above 0",
            mend="code open cases as 0 and each cause by its number; wait until somebody was won or lost",
            values={"rows": data.height},
        )
    days = data[time].to_numpy().astype(float)
    codes = data[event].to_numpy()
    times = np.unique(days[codes > 0])
    at_risk = len(days) - np.searchsorted(np.sort(days), times, side="left")
    ended = np.array([[((days == t) & (codes == k + 1)).sum() for t in times] for k in range(len(causes))], dtype=float)
    parts = [
        _one(cause, times, ended[k], ended.sum(axis=0), at_risk) for k, cause in enumerate(causes) if ended[k].any()
    ]
    return pl.concat(parts)


def at(incidence: pl.DataFrame, *, cause: str, days: float) -> tuple[float, float, float]:
    """Share ended by `cause` within `days`, with its interval."""
    rows = incidence.filter((pl.col("cause") == cause) & (pl.col("time") <= days))
    if rows.is_empty():
        return 0.0, 0.0, 0.0
    last = rows.row(-1, named=True)
    return last["share"], last["low"], last["high"]


def median_time(incidence: pl.DataFrame, *, cause: str) -> float | None:
    """Day by which half of all are ended by `cause`; none if fewer than half ever are."""
    rows = incidence.filter((pl.col("cause") == cause) & (pl.col("share") >= 0.5))
    return None if rows.is_empty() else float(rows["time"].to_list()[0])


def _one(cause: str, times: Array, own: Array, ended: Array, at_risk: Array) -> pl.DataFrame:
    """Incidence of one cause with the delta-method variance (Marubini & Valsecchi 1995), from counts per time."""
    left = at_risk - ended
    before = np.concatenate([[1.0], np.cumprod(left / at_risk)[:-1]])
    share = np.cumsum(before * own / at_risk)
    a = np.where(left > 0, ended / (at_risk * np.maximum(left, 1)), 0.0)
    b = before**2 * own * (at_risk - own) / at_risk**3
    c = before * own / at_risk**2
    first = share**2 * np.cumsum(a) - 2 * share * np.cumsum(a * share) + np.cumsum(a * share**2)
    variance = first + np.cumsum(b) - 2 * (share * np.cumsum(c) - np.cumsum(c * share))
    spread = Z95 * np.sqrt(np.maximum(variance, 0))
    columns = {
        "time": times,
        "share": share,
        "low": np.clip(share - spread, 0, 1),
        "high": np.clip(share + spread, 0, 1),
    }
    return pl.DataFrame({"cause": [cause] * len(times), **columns, "at_risk": at_risk})
