"""Parameters of the care report."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from crmlib.report.form.base import ReportParameters
from crmlib.report.form.picks import Pick


class Care(ReportParameters):
    """What the care report can be asked.

    Parameters
    ----------
    person : number of one adviser; everybody without it.
    each : calls a day of an adviser for whom the staff list says nothing.
    points_life : days after which points expire that say no day themselves.
    capacity : most tasks on the list.
    """

    person: Annotated[str | None, Pick("care_tasks", "owner_staff", label=("name",), of="staff.staff_id")] = Field(
        default=None, max_length=32
    )
    each: int = Field(default=15, ge=1, le=100)
    points_life: int = Field(default=365, ge=30, le=1500)
    capacity: int = Field(default=50, ge=1, le=50)
