"""Parameters of the margin page."""

from __future__ import annotations

from pydantic import Field

from crmlib.report.form.base import ReportParameters


class Margin(ReportParameters):
    """What the margin page can be asked.

    Parameters
    ----------
    days : length of the window that ends with the page's day; what sold in it counts as carried.
    capacity : most rows on the action list.
    """

    days: int = Field(default=28, ge=7, le=366)
    capacity: int = Field(default=15, ge=1, le=200)
