"""Parameters of the customer lifetime value report."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from crmlib.report.form.base import ReportParameters


class CustomerLifetime(ReportParameters):
    """What the customer lifetime value report can be asked.

    Parameters
    ----------
    months : length of the forecast.
    discount_percent : discount rate per year [%].
    margin_percent : margin per unit of sales [%]; none takes it from the costs of the lines.
    capacity : most people on the action list.
    model : the lifetime model, or the best of those in the back-test.
    """

    months: int = Field(default=12, ge=1, le=60)
    discount_percent: float = Field(default=8.0, ge=0, le=50)
    margin_percent: float | None = Field(default=None, ge=1, le=100)
    capacity: int = Field(default=50, ge=1, le=500)
    model: Literal["auto", "bg_nbd", "mbg_nbd", "pareto_nbd", "bg_cnbd", "mbg_cnbd"] = "auto"

    @property
    def annual_rate(self) -> float:
        """The discount rate as a share."""
        return self.discount_percent / 100.0

    @property
    def margin(self) -> float | None:
        """The margin rate as a share, or none."""
        return None if self.margin_percent is None else self.margin_percent / 100.0
