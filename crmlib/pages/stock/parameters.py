"""Parameters of the stock report."""

from __future__ import annotations

from pydantic import Field

from crmlib.report.form.base import ReportParameters


class Stock(ReportParameters):
    """What the stock report can be asked.

    Parameters
    ----------
    cover : days of sales that a shelf should hold, on top of the lead time.
    lead : days from order to delivery.
    short_life : lots that end within this many days are judged.
    transport : cost of moving one piece or kilogram to another shop [yuan].
    gift_share : what a piece given to customers is worth, of its price [%].
    capacity : most rows of the list.
    """

    cover: int = Field(default=21, ge=1, le=90)
    lead: int = Field(default=7, ge=1, le=30)
    short_life: int = Field(default=30, ge=1, le=120)
    transport: int = Field(default=2, ge=0, le=100)
    gift_share: int = Field(default=10, ge=0, le=100)
    capacity: int = Field(default=40, ge=1, le=500)
