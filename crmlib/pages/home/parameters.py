"""Parameters of the home page."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from crmlib.report.form.base import ReportParameters


class Home(ReportParameters):
    """What the home page can be asked.

    Parameters
    ----------
    days : how far ahead it looks for what starts and ends [days].
    most : so many things to do are listed.
    """

    reads_pages: ClassVar[bool] = True

    days: int = Field(default=14, ge=1, le=90)
    most: int = Field(default=5, ge=1, le=20)
