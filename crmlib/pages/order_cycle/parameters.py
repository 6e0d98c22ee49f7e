"""Parameters of the order cycle report."""

from __future__ import annotations

from pydantic import Field

from crmlib.report.form.base import ReportParameters


class OrderCycle(ReportParameters):
    """What the order cycle report can be asked.

    Parameters
    ----------
    capacity : most buyers on the call list.
    """

    capacity: int = Field(default=30, ge=1, le=50)
