"""Parameters of the report on cards, vouchers and held goods."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from crmlib.report.form.base import ReportParameters


class Cards(ReportParameters):
    """What the report on cards can be asked.

    Parameters
    ----------
    issuer : kind of issuer, by which the deposit is counted: group 20 %, brand 30 %, large scale 40 %.
    capacity : most rows of the list.
    """

    issuer: Literal["group", "brand", "scale"] = "brand"
    capacity: int = Field(default=40, ge=1, le=500)
