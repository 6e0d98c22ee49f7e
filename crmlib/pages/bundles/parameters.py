"""Parameters of the bundles report."""

from __future__ import annotations

from pydantic import Field

from crmlib.report.form.base import ReportParameters


class Bundles(ReportParameters):
    """What the bundles report can be asked.

    Parameters
    ----------
    months : receipts of so many months are looked at.
    discount : off the bundle's list price [percent].
    most : so many bundles are listed to try.
    """

    months: int = Field(default=12, ge=1, le=24)
    discount: int = Field(default=10, ge=1, le=50)
    most: int = Field(default=10, ge=1, le=50)

    @property
    def discount_bp(self) -> int:
        """`discount` in basis points."""
        return 100 * self.discount
