"""Parameters of the promotion review."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from crmlib.report.form.base import ReportParameters
from crmlib.report.form.picks import Pick


class PromotionReview(ReportParameters):
    """What the promotion review can be asked.

    Parameters
    ----------
    promotion : id of the promotion to look at closely; empty = the largest that ended lately and can be judged.
    recent_days : events that ended within so many days are on the action list.
    rounds : placebo rounds behind the intervals.
    """

    promotion: Annotated[
        str | None, Pick("promotions", "promotion_id", label=("name", "starts_at"), latest="starts_at")
    ] = Field(default=None, max_length=40)
    recent_days: int = Field(default=180, ge=30, le=730)
    rounds: int = Field(default=4, ge=2, le=12)
