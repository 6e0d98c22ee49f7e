"""Parameters of the customer value report."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from crmlib.pages.shared.shares import checked_shares
from crmlib.report.form.base import ReportParameters
from crmlib.scoring.pyramid import parse_shares


class CustomerValue(ReportParameters):
    """What the customer value report can be asked.

    Parameters
    ----------
    shares : cumulative percent of members from the top: ``1/5/20`` is A to 1 %, B to 5 %, C to 20 %, D the rest.
    months : length of the period that ends with `as_of`.
    calendar : a year between the same points of two lunar years, or whole calendar months.
    compare : the period to compare with: just before, or the same days a year ago.
    margin : y of the value matrix, margin in money or as a rate.
    capacity : most people on the action list.
    """

    shares: Annotated[str, Field(max_length=40), AfterValidator(checked_shares)] = "1/5/20"
    months: int = Field(default=12, ge=1, le=36)
    calendar: Literal["lunar", "months"] = "lunar"
    compare: Literal["last_year", "just_before"] = "just_before"
    margin: Literal["amount", "rate"] = "rate"
    capacity: int = Field(default=30, ge=1, le=500)

    @property
    def shares_bp(self) -> tuple[int, ...]:
        """`shares` in basis points."""
        return parse_shares(self.shares)

    @property
    def definition(self) -> str:
        """What frozen tiers and cuts of an earlier run must share with this one."""
        return f"{self.shares.replace(' ', '')};months={self.months};{self.calendar};region={self.region or ''}"
