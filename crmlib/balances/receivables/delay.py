"""How long payment takes, with those that have not paid counted for what they show: Kaplan & Meier (1958).

The mean of the paid ones alone is too short: who pays late has not paid yet.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crmlib.core.apportion import Floats


@dataclass(frozen=True, slots=True)
class Delay:
    """days: ends of the steps, rising, shape (steps,); unpaid: share still unpaid after each, same shape."""

    days: Floats
    unpaid: Floats


def kaplan_meier(days: Floats, paid: Floats, *, weight: Floats | None = None) -> Delay:
    """Share unpaid by days since issue (or since due).

    Parameters
    ----------
    days : days to payment, or until today where unpaid, shape (n,). paid : 1 paid, 0 not yet, same shape.
    weight : e.g. amounts, so that the share is of money; 1 each without it.

    Examples
    --------
    >>> kaplan_meier(np.array([10.0, 20.0, 20.0, 40.0]), np.array([1.0, 1.0, 0.0, 1.0])).unpaid
    array([0.75, 0.5 , 0.  ])
    """
    mass = np.ones(days.size) if weight is None else weight.astype(float)
    steps, place = np.unique(days, return_inverse=True)
    events = np.bincount(place, weights=mass * (paid > 0), minlength=steps.size)
    leaving = np.bincount(place, weights=mass, minlength=steps.size)
    at_risk = leaving[::-1].cumsum()[::-1]
    left = np.cumprod(1.0 - events / np.maximum(at_risk, 1e-300))
    kept = events > 0
    return Delay(steps[kept].astype(float), left[kept])


def mean_days(found: Delay, *, until: float | None = None) -> float:
    """Mean delay up to `until` (the last step without it): area under the share unpaid."""
    return residual_days(found, late=0.0, until=until)


def residual_days(found: Delay, *, late: float, until: float | None = None) -> float:
    """Days still to come, on average, for what is unpaid after `late` days, up to `until` (the last step without it).

    What is unpaid for longer than anybody was before is taken to stay so until then.

    Examples
    --------
    >>> made = Delay(np.array([10.0, 30.0]), np.array([0.5, 0.0]))
    >>> mean_days(made), residual_days(made, late=10.0)
    (20.0, 20.0)
    """
    end = float(found.days[-1]) if until is None and found.days.size else float(until or 0.0)
    if end <= late:
        return 0.0
    inside = (found.days > late) & (found.days < end)
    edges = np.concatenate([[late], found.days[inside], [end]])
    at = np.searchsorted(found.days, edges[:-1], side="right")
    share = np.concatenate([[1.0], found.unpaid])[at]
    return float((share * np.diff(edges)).sum() / share[0]) if share[0] > 0 else end - late
