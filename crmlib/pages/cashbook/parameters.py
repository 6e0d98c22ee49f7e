"""Parameters of the cash book."""

from __future__ import annotations

from pydantic import Field

from crmlib.report.form.base import ReportParameters


class Cashbook(ReportParameters):
    """What the cash book can be asked.

    Parameters
    ----------
    bank_within : days within which takings should be at the bank.
    capacity : most rows of the list.
    """

    bank_within: int = Field(default=3, ge=0, le=60)
    capacity: int = Field(default=30, ge=1, le=500)
