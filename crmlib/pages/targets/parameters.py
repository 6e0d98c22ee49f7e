"""Parameters of the targets page."""

from __future__ import annotations

from pydantic import Field

from crmlib.report.form.base import ReportParameters

MINOR_PER_TOTAL = 1_000_000  # the total is given in 10,000 yuan


class Targets(ReportParameters):
    """What the targets page can be asked.

    Parameters
    ----------
    total : next year's sales to be split, in 10,000 yuan; 0 is this year's target.
    step : every part of it is a multiple of so many yuan.
    capacity : most stores on the action list.
    """

    total: float = Field(default=0, ge=0, le=10_000_000)
    step: int = Field(default=100, ge=1, le=1_000_000)
    capacity: int = Field(default=10, ge=1, le=100)
