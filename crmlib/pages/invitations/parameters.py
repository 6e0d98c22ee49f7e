"""Parameters of the invitations report."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from crmlib.report.form.base import ReportParameters


class Invitations(ReportParameters):
    """What the invitations report can be asked.

    Parameters
    ----------
    objective : what the list is for; only earlier lists of the same purpose say what it may bring.
    months : receipts of so many months tell what a member buys.
    capacity : most members drawn, those left alone included.
    planned : effect hoped for [percentage points].
    cost : of one message [fen].
    """

    objective: Literal["repeat", "cross_sell", "launch"] = "repeat"
    months: int = Field(default=12, ge=3, le=24)
    capacity: int = Field(default=1000, ge=50, le=100_000)
    planned: int = Field(default=10, ge=1, le=50)
    cost: int = Field(default=10, ge=0, le=10_000)
