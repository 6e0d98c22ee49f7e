"""Expected loss by roll rates: of what was open 30·k days after the due day, how much is open 30 days later.

A loss is what survives every step to `STEPS`·30 days. Fixed percentages per bucket follow no company's payers.
"""

from __future__ import annotations

import numpy as np

from crmlib.core.apportion import Floats

STEP_DAYS = 30
STEPS = 12


def roll_rates(open_at: Floats, known: Floats) -> Floats:
    """Share of the amount that rolls on from each milestone to the next, shape (milestones − 1,).

    Parameters
    ----------
    open_at : open amount of every instalment on the due day and 30, 60, … days after it, shape (n, milestones); the
        first column is the amount invoiced.
    known : 1 where the milestone is not after today, same shape.

    Examples
    --------
    >>> roll_rates(np.array([[100.0, 40.0, 20.0], [100.0, 60.0, 0.0]]), np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]]))
    array([0.5, 0.5])
    """
    both = known[:, 1:] * known[:, :-1]
    base = (open_at[:, :-1] * both).sum(axis=0)
    rolled = (open_at[:, 1:] * both).sum(axis=0)
    return np.asarray(np.where(base > 0, rolled / np.maximum(base, 1e-300), 1.0))


def milestones(amount: Floats, days_to_pay: Floats, days_known: Floats, *, steps: int = STEPS) -> tuple[Floats, Floats]:
    """`open_at` and `known` of instalments that are paid at once.

    Parameters
    ----------
    amount : of each instalment, shape (n,). days_to_pay : from due day to payment (≤ 0 in time, infinite: not yet).
    days_known : from due day to today. All of shape (n,).

    Returns
    -------
    Columns: amount invoiced, then open at 0, 30, 60, … days late.
    """
    day = STEP_DAYS * np.arange(steps + 1.0)
    unpaid = days_to_pay[:, None] > day
    open_at = np.concatenate([amount[:, None], amount[:, None] * unpaid], axis=1)
    known = np.concatenate([days_known[:, None] >= 0, days_known[:, None] >= day], axis=1)
    return open_at, known.astype(float)


def expected_loss(open_amount: Floats, days_late: Floats, rates: Floats) -> Floats:
    """What of each open instalment will never come: product of the roll rates from where it stands, shape (n,).

    Parameters
    ----------
    days_late : ≤ 0 where not yet due; within a step the rate counts for the part still to come.
    rates : as `roll_rates`: first from invoiced to open on the due day, then 30 days each.
    """
    later = np.concatenate([np.cumprod(rates[::-1])[::-1], [1.0]])  # later[j]: survives every step from j on
    last = rates.size - 1
    place = np.clip(np.floor(days_late / STEP_DAYS), 0, last).astype(np.int64)
    passed = np.clip(days_late / STEP_DAYS - place, 0.0, 1.0)
    step = np.where(place < last, rates[np.minimum(place + 1, last)], 1.0)
    late = later[np.minimum(place + 2, last + 1)] * step ** (1.0 - passed)
    return np.asarray(open_amount * np.where(days_late <= 0, later[0], late))
