"""Models that draw less, for tests in which a page's readers, words and mornings are looked at, and no estimate is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from crmlib.clv.forecast import intervals
from crmlib.clv.seasonal import lifetime_calendar

DRAWS, SAMPLE = 20, 200


def draws(patch: pytest.MonkeyPatch) -> None:
    """Intervals of 20 draws instead of 200, seasons of 200 members instead of 1,000: two thirds of that page."""
    spaced = intervals.spaced

    def few(theta: npt.NDArray[np.float64], n: int) -> npt.NDArray[np.float64]:
        return spaced(theta, min(n, DRAWS))

    patch.setattr(intervals, "spaced", few)
    patch.setattr(lifetime_calendar, "SAMPLE", SAMPLE)
