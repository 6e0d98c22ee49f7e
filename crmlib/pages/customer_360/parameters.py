"""Parameters of the page of one customer."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from crmlib.report.form.base import ReportParameters


class Customer360(ReportParameters):
    """What the page of one customer can be asked.

    Parameters
    ----------
    customer : pseudonym from a list; without it the member with the most margin at risk.
    months : length of the period that ends with `as_of`.
    level : how fine categories are.
    """

    customer: str = Field(default="", max_length=16, pattern=r"^[A-Za-z0-9]*$")
    months: int = Field(default=12, ge=1, le=36)
    level: Literal["category_1", "category_2", "category_3"] = "category_1"
