"""Parameters of the customer value report."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from crmlib.core.errors import ModelError
from crmlib.report.parameters.base import ReportParameters
from crmlib.scoring.periods import Compare
from crmlib.scoring.pyramid import parse_shares


def _checked(shares: str) -> str:
    try:
        parse_shares(shares)
    except ModelError as error:
        raise ValueError(str(error)) from None
    return shares


class CustomerValue(ReportParameters):
    """What the customer value report can be asked.

    Parameters
    ----------
    shares : cumulative percent of members from the top that tiers A, B, C, … reach; the rest is the last tier.
    months : length of the period that ends with `as_of`; whole years are lunar-aligned.
    compare : the period to compare with: the same days a year ago, or the months just before.
    capacity : most people on the action list.
    """

    shares: Annotated[str, Field(max_length=40), AfterValidator(_checked)] = "1/5/20"
    months: int = Field(default=12, ge=1, le=36)
    compare: Compare = "just_before"
    capacity: int = Field(default=50, ge=1, le=500)

    @property
    def shares_bp(self) -> tuple[int, ...]:
        """`shares` in basis points."""
        return parse_shares(self.shares)
