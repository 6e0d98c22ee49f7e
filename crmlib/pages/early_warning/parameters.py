"""Parameters of the early-warning list."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from crmlib.report.form.base import ReportParameters


class EarlyWarning(ReportParameters):
    """What the early-warning list can be asked.

    Parameters
    ----------
    rhythm : how often the list is made; entries are those who turned overdue since the last one.
    capacity : most customers an owner can call from one list.
    tiers : which tiers are watched: A and B, A to C, or all.
    horizon : days without a visit that count as lost; 0 lets the data choose (at least 91).

    Examples
    --------
    >>> EarlyWarning(tiers="ABC").watched
    ('A', 'B', 'C')
    """

    rhythm: Literal["daily", "weekly", "monthly"] = "weekly"
    capacity: int = Field(default=10, ge=1, le=200)
    tiers: Literal["AB", "ABC", "ABCD"] = "AB"
    horizon: int = Field(default=0, ge=0, le=365)

    @property
    def watched(self) -> tuple[str, ...]:
        """The tiers one by one."""
        return tuple(self.tiers)
