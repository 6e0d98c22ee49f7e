"""Parameters of the sales pulse."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from crmlib.report.form.base import ReportParameters


class SalesPulse(ReportParameters):
    """What the sales pulse can be asked.

    Parameters
    ----------
    period : the page's day, the seven days that end with it, or its month so far.
    capacity : most stores on the action list.
    """

    period: Literal["day", "week", "month"] = "month"
    capacity: int = Field(default=10, ge=1, le=100)
