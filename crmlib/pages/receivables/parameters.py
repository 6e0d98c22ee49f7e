"""Parameters of the receivables report."""

from __future__ import annotations

from pydantic import Field

from crmlib.report.form.base import ReportParameters


class Receivables(ReportParameters):
    """What the receivables report can be asked.

    Parameters
    ----------
    capacity : most instalments to call about.
    """

    capacity: int = Field(default=40, ge=1, le=500)
