"""Parameters of the list results."""

from __future__ import annotations

from pydantic import Field

from crmlib.report.form.base import ReportParameters


class ListResults(ReportParameters):
    """What the list results can be asked.

    Parameters
    ----------
    months : lists sent in so many months up to the page's day.
    margin : margin of a yuan of sales; of last year's costs without it.
    """

    months: int = Field(default=12, ge=1, le=60)
    margin: float | None = Field(default=None, gt=0, le=1)
