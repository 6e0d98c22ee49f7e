"""Parameters of the churn review."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from crmlib.report.form.base import ReportParameters

DAYS = {"weekly": 7, "monthly": 28}


class ChurnReview(ReportParameters):
    """What the churn review can be asked.

    Parameters
    ----------
    rhythm : length of a period: a week, or four weeks.
    periods : how many periods the flow table shows.
    active_days : days without a visit after which a member is lost.
    horizon : days after which a loss is final; 0 lets the data choose (at least 91).
    window : days in which a return counts for a win-back list.
    """

    rhythm: Literal["weekly", "monthly"] = "monthly"
    periods: int = Field(default=12, ge=2, le=26)
    active_days: int = Field(default=270, ge=30, le=730)
    horizon: int = Field(default=0, ge=0, le=365)
    window: int = Field(default=56, ge=7, le=182)

    @property
    def days(self) -> int:
        """Days of one period."""
        return DAYS[self.rhythm]
