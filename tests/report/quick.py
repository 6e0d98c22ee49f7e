"""Pages made lightly, for tests in which their readers, words and mornings are looked at, and no estimate is."""

from __future__ import annotations

import json
from concurrent.futures import Future
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from crmlib.clv.forecast import intervals
from crmlib.clv.seasonal import lifetime_calendar
from crmlib.report import drawing

DRAWS, SAMPLE = 20, 200


def draws(patch: pytest.MonkeyPatch) -> None:
    """Intervals of 20 draws instead of 200, seasons of 200 members instead of 1,000: two thirds of that page."""
    spaced = intervals.spaced

    def few(theta: npt.NDArray[np.float64], n: int) -> npt.NDArray[np.float64]:
        return spaced(theta, min(n, DRAWS))

    patch.setattr(intervals, "spaced", few)
    patch.setattr(lifetime_calendar, "SAMPLE", SAMPLE)


def undrawn(patch: pytest.MonkeyPatch) -> None:
    """Charts with all their data, neither checked against the schema nor drawn: pictures are other tests' affair."""

    def order(self: drawing.Drawer, chart: Any, *, language: str, key: str = "chart") -> Future[drawing.Drawing]:
        drawn: Future[drawing.Drawing] = Future()
        vega = json.dumps(chart.to_dict(validate=False), default=str, ensure_ascii=False)
        drawn.set_result(drawing.Drawing(svg="<svg></svg>", vega=vega.replace("<", "&lt;")))
        return drawn

    patch.setattr(drawing.Drawer, "order", order)
    patch.setattr(drawing.Drawer, "start", lambda self: None)
