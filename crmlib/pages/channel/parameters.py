"""Parameters of the channel report."""

from __future__ import annotations

from pydantic import Field

from crmlib.report.form.base import ReportParameters


class Channel(ReportParameters):
    """What the channel report can be asked.

    Parameters
    ----------
    cover : days of stock above which a partner holds too much.
    target : share of order lines to come on time in full.
    capacity : most lines on the list.
    """

    cover: int = Field(default=60, ge=7, le=365)
    target: float = Field(default=0.9, ge=0.5, le=0.99)
    capacity: int = Field(default=40, ge=1, le=500)
