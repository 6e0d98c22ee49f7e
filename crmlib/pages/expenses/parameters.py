"""Parameters of the expenses report."""

from __future__ import annotations

from pydantic import Field

from crmlib.report.form.base import ReportParameters


class Expenses(ReportParameters):
    """What the expenses report can be asked.

    Parameters
    ----------
    capacity : most rows of the list.
    """

    capacity: int = Field(default=30, ge=1, le=500)
