"""Parameters of the promotion watch."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from crmlib.report.form.base import ReportParameters
from crmlib.report.form.picks import Pick


class PromotionWatch(ReportParameters):
    """What the promotion watch can be asked.

    Parameters
    ----------
    promotion : id; empty = the latest one running on the report's day, else the last that started.
    """

    promotion: Annotated[
        str | None, Pick("promotions", "promotion_id", label=("name", "starts_at"), latest="starts_at")
    ] = Field(default=None, max_length=40)
