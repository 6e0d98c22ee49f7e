"""Parameters of the festival report."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from crmlib.report.form.base import ReportParameters


class Festival(ReportParameters):
    """What the festival report can be asked.

    Parameters
    ----------
    festival : which; ``auto`` is the one that is near, else the last one while goods of it lie, else the next.
    lead : days from order to delivery.
    capacity : most rows of the list.
    """

    festival: Literal["auto", "spring_festival", "dragon_boat", "mid_autumn"] = "auto"
    lead: int = Field(default=7, ge=1, le=60)
    capacity: int = Field(default=40, ge=1, le=500)
