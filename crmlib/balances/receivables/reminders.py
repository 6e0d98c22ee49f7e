"""Whom to call: chance of being late × amount × days still late, in yuan-days that a call can save.

The chance is beta-binomial: a partner's own record, shrunk to that of all by as much as partners differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaln

from crmlib.balances.receivables.delay import Delay, residual_days
from crmlib.core.apportion import Floats, Ints

HORIZON = 120.0  # days
OWN_WEIGHT = 5.0  # instalments of all partners that count as much as the prior mean of a partner's delay


@dataclass(frozen=True, slots=True)
class Record:
    """a, b: prior of the chance to be late; late, speed: each partner's own chance and relative delay, (partners,)."""

    a: float
    b: float
    late: Floats
    speed: Floats


def record(late: Ints, settled: Ints, late_days: Floats) -> Record:
    """What partners have shown so far.

    Parameters
    ----------
    late, settled : instalments paid late, and all that were due, by partner, shape (partners,).
    late_days : days late, summed over the late ones, shape (partners,).
    """

    def loss(log_ab: Floats) -> float:
        a, b = np.exp(log_ab)
        return -float((betaln(a + late, b + settled - late) - betaln(a, b)).sum())

    mean = (late.sum() + 0.5) / (settled.sum() + 1.0)
    start = np.log(np.array([4 * mean, 4 * (1 - mean)]))
    a, b = (float(x) for x in np.exp(np.clip(minimize(loss, start, method="Nelder-Mead").x, -6, 8)))
    usual = late_days.sum() / max(float(late.sum()), 1.0)
    own = (late_days + OWN_WEIGHT * usual) / (late + OWN_WEIGHT)
    return Record(a, b, (a + late) / (a + b + settled), own / max(usual, 1e-9))


def yuan_days(
    amount: Floats, partner: Ints, days_late: Floats, known: Record, delay: Delay, *, horizon: float = HORIZON
) -> Floats:
    """Amount × days for which it is expected to be late from now on, per open instalment, shape (n,).

    Days beyond `horizon` count for nobody: a call cannot save them.

    Parameters
    ----------
    amount : open [minor units]. partner : its number in `known`. days_late : ≤ 0 where not yet due.
    delay : share unpaid by days after the due day, of those paid late (and those still open and late).
    """
    speed, overdue = known.speed[partner], days_late > 0
    scaled = np.where(overdue, np.maximum(days_late, 0.0) / np.maximum(speed, 1e-9), 0.0)
    steps = np.stack([np.round(scaled), np.round(horizon / speed)])
    grid, place = np.unique(steps, axis=1, return_inverse=True)
    left = np.array([residual_days(delay, late=day, until=day + reach) for day, reach in grid.T])[place] * speed
    return np.asarray(np.where(overdue, 1.0, known.late[partner]) * amount * left)
