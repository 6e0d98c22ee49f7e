"""Parameters of the promotion plan."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from crmlib.report.form.base import ReportParameters
from crmlib.report.form.picks import Pick


class PromotionPlan(ReportParameters):
    """What the promotion plan can be asked.

    Parameters
    ----------
    category : second-level category; empty = the one that sold most lately.
    mechanic, depth [percent off], days, lead_days [days from the report's day to the first one].
    display_yuan : display and print for the whole promotion [currency units].
    service : chance that the stock suffices.
    """

    category: Annotated[str | None, Pick("products", "category_2")] = Field(default=None, max_length=40)
    mechanic: Literal["rate", "price", "nth_unit", "gift"] = "rate"
    depth: int = Field(default=15, ge=1, le=60)
    days: int = Field(default=14, ge=1, le=60)
    lead_days: int = Field(default=14, ge=1, le=120)
    display_yuan: int = Field(default=0, ge=0, le=10_000_000)
    service: float = Field(default=0.95, ge=0.5, le=0.999)
