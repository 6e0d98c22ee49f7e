"""Parameters of the site selection report."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from crmlib.report.form.base import ReportParameters
from crmlib.sites.plan import Goal

MINOR_PER_BUDGET = 1_000_000  # the budget is given in 10,000 yuan


class SiteSelection(ReportParameters):
    """What the site selection report can be asked.

    Parameters
    ----------
    k : open at most so many sites.
    margin_percent : gross margin of a new store's sales.
    spacing_km : least distance between new sites; 0 for none.
    budget : most to invest in all [10,000 yuan]; 0 for no limit.
    rent_growth_percent : a year.
    per_head : what a head could spend in shops of the kind in a year, rivals included [yuan].
    rivals : whether the table of competitors is used, or none are known.
    """

    k: int = Field(default=3, ge=1, le=20)
    margin_percent: float = Field(default=35, ge=5, le=80)
    spacing_km: float = Field(default=1.0, ge=0, le=20)
    budget: float = Field(default=0, ge=0, le=1_000_000)
    rent_growth_percent: float = Field(default=3, ge=0, le=20)
    per_head: float = Field(default=22, ge=1, le=100_000)
    rivals: Literal["table", "none_known"] = "table"

    @property
    def goal(self) -> Goal:
        """The choice that is asked for."""
        return Goal(
            k=self.k,
            margin=self.margin_percent / 100,
            spacing_km=self.spacing_km,
            budget_minor=round(self.budget * MINOR_PER_BUDGET) or None,
            rent_growth=self.rent_growth_percent / 100,
        )

    @property
    def per_head_minor(self) -> int:
        """Spending per head in minor units."""
        return round(self.per_head * 100)
