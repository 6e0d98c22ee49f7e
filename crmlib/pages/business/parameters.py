"""Parameters of the page of business customers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from crmlib.report.form.base import ReportParameters
from crmlib.report.form.picks import Pick


class Business(ReportParameters):
    """What the page of business customers can be asked.

    Parameters
    ----------
    partner : number of the customer shown from all sides; without it the first of the list.
    capacity : most customers on the list.
    """

    partner: Annotated[str, Pick("partners", "partner_id", label=("name",))] = Field(default="", max_length=40)
    capacity: int = Field(default=20, ge=1, le=500)
