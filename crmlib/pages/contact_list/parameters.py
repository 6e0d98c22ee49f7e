"""Parameters of the contact list."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from crmlib.report.form.base import ReportParameters


class ContactList(ReportParameters):
    """What the contact list can be asked.

    Parameters
    ----------
    rhythm : how often the list is made.
    each : most members of one owner.
    tiers : classes of past spend whose late members are on it.

    Examples
    --------
    >>> ContactList(tiers="AB").watched
    ('A', 'B')
    """

    rhythm: Literal["daily", "weekly", "monthly"] = "weekly"
    each: int = Field(default=10, ge=1, le=200)
    tiers: Literal["AB", "ABC", "ABCD"] = "AB"

    @property
    def watched(self) -> tuple[str, ...]:
        """The tiers one by one."""
        return tuple(self.tiers)
