"""Parameters of the promotion desk."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from crmlib.report.form.base import ReportParameters


class PromotionDesk(ReportParameters):
    """What the promotion desk can be asked.

    Parameters
    ----------
    past_days, ahead_days : days that the calendar looks back and ahead.
    soon_days : what begins within so many days needs a decision now.
    draft : mechanic of an offer to be tried on real baskets; none for no draft.
    draft_category : second-level category it is for; empty for all goods.
    draft_pay : percent of the price that is paid (of the n-th piece, where it is one).
    draft_units : n of the n-th piece, or from how many pieces on.
    draft_threshold_yuan, draft_off_yuan : spend so much, save so much [currency units].
    draft_every : for every full threshold, or once.
    """

    past_days: int = Field(default=45, ge=7, le=365)
    ahead_days: int = Field(default=100, ge=14, le=365)
    soon_days: int = Field(default=14, ge=3, le=60)
    draft: Literal["none", "rate", "nth_unit", "multi_rate", "threshold_off", "threshold_rate"] = "none"
    draft_category: str | None = Field(default=None, max_length=40)
    draft_pay: int = Field(default=88, ge=1, le=99)
    draft_units: int = Field(default=2, ge=2, le=20)
    draft_threshold_yuan: int = Field(default=100, ge=1, le=100_000)
    draft_off_yuan: int = Field(default=10, ge=1, le=100_000)
    draft_every: bool = False
