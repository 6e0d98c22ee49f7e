"""Parameters of the funnel report."""

from __future__ import annotations

from pydantic import Field

from crmlib.pages.shared.open_deals import AHEAD, WINDOW
from crmlib.report.form.base import ReportParameters


class Funnel(ReportParameters):
    """What the funnel report can be asked.

    Parameters
    ----------
    ahead : days of the forecast; a full quarter, since deals are closed where quotas are due.
    window : the forecast learns from the ends of so many days, full quarters.
    capacity : most deals on the list.
    """

    ahead: int = Field(default=AHEAD, ge=28, le=366)
    window: int = Field(default=WINDOW, ge=91, le=731)
    capacity: int = Field(default=40, ge=1, le=500)
