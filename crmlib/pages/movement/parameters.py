"""Parameters of the movement report."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from crmlib.report.form.base import ReportParameters


class Movement(ReportParameters):
    """What the movement report can be asked.

    Parameters
    ----------
    months : length of the period that ends on the page's day; it is compared with the same months a year before.
    group : between which groups sales move.
    most : so many members are listed.
    """

    months: int = Field(default=12, ge=1, le=12)
    group: Literal["category", "store", "brand"] = "category"
    most: int = Field(default=25, ge=1, le=500)
