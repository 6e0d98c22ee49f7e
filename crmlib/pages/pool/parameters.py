"""Parameters of the pool report."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from crmlib.report.form.base import ReportParameters
from crmlib.report.form.picks import Pick


class Pool(ReportParameters):
    """What the pool report can be asked.

    Parameters
    ----------
    person : number of one adviser; everybody without it.
    ahead : days looked ahead for customers who return to the pool.
    capacity : most customers on each list.
    """

    person: Annotated[str | None, Pick("customers", "owner_staff", label=("name",), of="staff.staff_id")] = Field(
        default=None, max_length=32
    )
    ahead: int = Field(default=7, ge=1, le=60)
    capacity: int = Field(default=40, ge=1, le=500)
