"""Parameters of the bundles report."""

from __future__ import annotations

from pydantic import Field

from crmlib.report.form.base import ReportParameters


class Bundles(ReportParameters):
    """What the bundles report can be asked.

    Parameters
    ----------
    months : receipts of so many months are looked at.
    discount_bp : discount on the bundle's list price [basis points].
    most : so many bundles are listed to try.
    """

    months: int = Field(default=12, ge=1, le=24)
    discount_bp: int = Field(default=1000, ge=100, le=5000)
    most: int = Field(default=10, ge=1, le=50)
