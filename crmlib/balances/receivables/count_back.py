"""Days outstanding by count-back: how many of the last days' sales are what is owed.

Owed ÷ mean daily sales of a month, quarter or year follows the season of sales and not the payers.
"""

from __future__ import annotations

import numpy as np

from crmlib.core.apportion import Floats


def days_outstanding(owed: float, amounts: Floats, *, days: Floats | None = None) -> float:
    """Days of sales, counted back from the last one, that sum to what is owed; infinite if all of them are less.

    Parameters
    ----------
    amounts : credit sales of consecutive periods, the last one last, shape (periods,).
    days : days of each period; 1 each without it.

    Examples
    --------
    >>> round(days_outstanding(212.0, np.array([70.0, 80.0, 100.0]), days=np.array([30.0, 30.0, 30.0])), 2)
    73.71
    """
    back = np.maximum(amounts[::-1].astype(float), 0.0)
    length = np.ones(back.size) if days is None else days[::-1].astype(float)
    if owed <= 0:
        return 0.0
    total = np.cumsum(back)
    found = np.flatnonzero(total >= owed)
    if not found.size:
        return float(np.inf)
    last = int(found[0])
    before = total[last] - back[last]
    return float(length[:last].sum() + length[last] * (owed - before) / back[last])


def cash_cycle(stock_days: float, receivable_days: float, payable_days: float) -> float:
    """Days from paying for goods to being paid for them; each term by count-back through its own flow.

    Stock through cost of goods sold, receivables through credit sales, payables through purchases.

    Examples
    --------
    >>> cash_cycle(40.0, 45.0, 30.0)
    55.0
    """
    return stock_days + receivable_days - payable_days
