"""Parameters of the service report."""

from __future__ import annotations

from pydantic import Field

from crmlib.report.form.base import ReportParameters


class Service(ReportParameters):
    """What the service report can be asked.

    Parameters
    ----------
    target : share of promises that is to be kept.
    pick_up : seconds within which a call is to be answered.
    service_level : share of calls to be answered within them.
    capacity : most overdue tickets on the list.
    """

    target: float = Field(default=0.9, ge=0.5, le=0.99)
    pick_up: int = Field(default=20, ge=5, le=300)
    service_level: float = Field(default=0.8, ge=0.5, le=0.99)
    capacity: int = Field(default=40, ge=1, le=500)
