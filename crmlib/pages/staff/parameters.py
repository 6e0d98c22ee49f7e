"""Parameters of the staff report."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from crmlib.report.form.base import ReportParameters
from crmlib.report.form.picks import Pick


class Staff(ReportParameters):
    """What the staff report can be asked.

    Parameters
    ----------
    person : number of one person, whose score sheet is shown; everybody without it.
    kind : which work reports are laid beside what was counted.
    minutes : minutes that a task takes, against those on the roster.
    capacity : most things on the hand-over list.
    """

    person: Annotated[str | None, Pick("person_targets", "staff_id", label=("name",), of="staff.staff_id")] = Field(
        default=None, max_length=32
    )
    kind: Literal["day", "week", "month"] = "week"
    minutes: int = Field(default=15, ge=1, le=240)
    capacity: int = Field(default=50, ge=1, le=50)
