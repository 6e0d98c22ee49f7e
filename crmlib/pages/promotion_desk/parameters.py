"""Parameters of the promotion desk."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from crmlib.report import Choice
from crmlib.report.form.base import ReportParameters


class PromotionDesk(ReportParameters):
    """What the promotion desk can be asked.

    Parameters
    ----------
    past_days, ahead_days : days that the calendar looks back and ahead.
    soon_days : what begins within so many days needs a decision now.
    draft : mechanic of an offer to be tried on real baskets; none for no draft.
    draft_category : second-level category it is for; empty for all goods. draft_except : third-level one it leaves out.
    draft_store : name of the one store it is for; empty for all of the page.
    draft_first, draft_days : first day (tomorrow if empty) and how many days. draft_from_hour, draft_to_hour : hours.
    draft_price_yuan : special price of each piece [currency units].
    draft_limit : pieces per member and day of a rate or special price; 0 for no limit.
    draft_pay : percent of the price that is paid (of the n-th piece, where it is one).
    draft_units : n of the n-th piece, or from how many pieces on.
    draft_threshold_yuan, draft_off_yuan : spend so much, save so much [currency units].
    draft_every : for every full threshold, or once.
    """

    past_days: int = Field(default=45, ge=7, le=365)
    ahead_days: int = Field(default=100, ge=14, le=365)
    soon_days: int = Field(default=14, ge=3, le=60)
    draft: Literal["none", "rate", "price", "nth_unit", "multi_rate", "threshold_off", "threshold_rate"] = "none"
    draft_category: Annotated[str | None, Choice("products.category_2")] = Field(default=None, max_length=40)
    draft_except: Annotated[str | None, Choice("products.category_3")] = Field(default=None, max_length=40)
    draft_store: Annotated[str | None, Choice("stores.name")] = Field(default=None, max_length=80)
    draft_first: date | None = None
    draft_days: int = Field(default=7, ge=1, le=90)
    draft_from_hour: int = Field(default=0, ge=0, le=23)
    draft_to_hour: int = Field(default=24, ge=1, le=24)
    draft_price_yuan: float = Field(default=9.9, gt=0, le=100_000)
    draft_limit: int = Field(default=0, ge=0, le=999)
    draft_pay: int = Field(default=88, ge=1, le=99)
    draft_units: int = Field(default=2, ge=2, le=20)
    draft_threshold_yuan: int = Field(default=100, ge=1, le=100_000)
    draft_off_yuan: int = Field(default=10, ge=1, le=100_000)
    draft_every: bool = False
