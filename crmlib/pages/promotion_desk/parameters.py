"""Parameters of the promotion desk."""

from __future__ import annotations

from pydantic import Field

from crmlib.report.form.base import ReportParameters


class PromotionDesk(ReportParameters):
    """What the promotion desk can be asked.

    Parameters
    ----------
    past_days, ahead_days : days that the calendar looks back and ahead.
    soon_days : what begins within so many days needs a decision now.
    """

    past_days: int = Field(default=45, ge=7, le=365)
    ahead_days: int = Field(default=100, ge=14, le=365)
    soon_days: int = Field(default=14, ge=3, le=60)
