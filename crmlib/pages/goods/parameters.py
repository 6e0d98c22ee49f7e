"""Parameters of the goods page."""

from __future__ import annotations

from pydantic import Field

from crmlib.report.form.base import ReportParameters


class Goods(ReportParameters):
    """What the goods page can be asked.

    Parameters
    ----------
    days : length of the period that ends with the page's day.
    capacity : most goods on the action list.
    """

    days: int = Field(default=90, ge=7, le=731)
    capacity: int = Field(default=20, ge=1, le=200)
