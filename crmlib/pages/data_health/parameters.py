"""Parameters of the data health report."""

from __future__ import annotations

from pydantic import Field

from crmlib.report.form.base import ReportParameters


class DataHealth(ReportParameters):
    """What the data health report can be asked.

    Parameters
    ----------
    months : months of card share shown.
    receipts_day : more receipts than this on one day with one card is nobody's shopping.
    """

    months: int = Field(default=12, ge=2, le=36)
    receipts_day: int = Field(default=8, ge=2, le=100)
