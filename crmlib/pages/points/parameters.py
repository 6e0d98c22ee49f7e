"""Parameters of the points report."""

from __future__ import annotations

from pydantic import Field

from crmlib.report.form.base import ReportParameters


class Points(ReportParameters):
    """What the points report can be asked.

    Parameters
    ----------
    life : months after which points that were not used count as never used.
    capacity : most members on the list.
    """

    life: int = Field(default=12, ge=3, le=36)
    capacity: int = Field(default=40, ge=1, le=500)
