"""Parameters of the customer profile report."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field

from crmlib.pages.shared.shares import checked_shares
from crmlib.report.form.base import ReportParameters
from crmlib.scoring.pyramid import parse_shares


class CustomerProfile(ReportParameters):
    """What the customer profile report can be asked.

    Parameters
    ----------
    group_by : the trait that makes the group.
    group : its value in words or as the data write it, or several joined by ``+``: ``A+B``, ``female``; of needs the
        number.
    shares : cumulative percent of members in tier A, B, C, … from the top.
    months : length of the period that ends with `as_of`.
    level : how fine categories are.
    capacity : most members on the list.
    """

    group_by: Literal[
        "tier", "age_band", "gender", "region", "occupation", "industry", "education", "household", "income_band",
        "source", "motive", "offers", "favourite_category", "favourite_flavour", "price_level", "need",
    ] = "tier"  # fmt: skip
    group: str = Field(default="A+B", max_length=80)
    shares: Annotated[str, Field(max_length=40), AfterValidator(checked_shares)] = "1/5/20"
    months: int = Field(default=12, ge=1, le=36)
    level: Literal["category_1", "category_2", "category_3"] = "category_1"
    capacity: int = Field(default=1000, ge=1, le=100_000)

    @classmethod
    def traits(cls) -> tuple[str, ...]:
        """The traits that a group can be made by."""
        return get_args(cls.model_fields["group_by"].annotation)

    @property
    def shares_bp(self) -> tuple[int, ...]:
        """`shares` in basis points."""
        return parse_shares(self.shares)

    @property
    def definition(self) -> str:
        """What frozen cuts of an earlier run must share with this one."""
        return f"months={self.months};region={self.region or ''}"
