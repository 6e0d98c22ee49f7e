"""Parameters of the promotion watch."""

from __future__ import annotations

from pydantic import Field

from crmlib.report.form.base import ReportParameters


class PromotionWatch(ReportParameters):
    """What the promotion watch can be asked.

    Parameters
    ----------
    promotion : id; empty = the latest one running on the report's day, else the last that started.
    """

    promotion: str | None = Field(default=None, max_length=40)
