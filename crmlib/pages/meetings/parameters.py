"""Parameters of the meetings report."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from crmlib.report.form.base import ReportParameters
from crmlib.report.form.picks import Pick


class Meetings(ReportParameters):
    """What the meetings report can be asked.

    Parameters
    ----------
    meeting : number of the meeting; empty = the last one that was held.
    wanted : effect on comers that should be seen, in percentage points.
    capacity : most guests on the list.
    """

    meeting: Annotated[str | None, Pick("meetings", "meeting_id", label=("at", "kind", "place"), latest="at")] = Field(
        default=None, max_length=40
    )
    wanted: int = Field(default=10, ge=1, le=50)
    capacity: int = Field(default=40, ge=1, le=500)
