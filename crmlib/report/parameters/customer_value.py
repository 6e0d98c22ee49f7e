"""Parameters of the customer value report."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from crmlib.report.parameters.base import ReportParameters


def basis_points(shares: str) -> tuple[int, ...]:
    """Tier shares of a text like ``"1/5/20"`` (percent of members, increasing) in basis points.

    Examples
    --------
    >>> basis_points("1 / 4.5 / 20")
    (100, 450, 2000)
    """
    points = tuple(round(100 * float(part.strip().removesuffix("%"))) for part in shares.split("/"))
    if not (1 <= len(points) <= 5 and all(0 < p < 10_000 for p in points) and sum(points) < 10_000):
        raise ValueError(f"shares {shares!r} are not one to five percentages with a sum below 100")
    return points


def _checked(shares: str) -> str:
    basis_points(shares)
    return shares


class CustomerValue(ReportParameters):
    """What the customer value report can be asked.

    Parameters
    ----------
    shares : percent of members in tier A, B, C, … from the top; the rest is the last tier.
    months : length of the period that ends with `as_of`.
    compare : the period to compare with: the same months a year ago, or the months just before.
    capacity : most people on the action list.
    """

    shares: Annotated[str, Field(max_length=40), AfterValidator(_checked)] = "1/5/20"
    months: int = Field(default=12, ge=1, le=36)
    compare: Literal["last_year", "just_before"] = "just_before"
    capacity: int = Field(default=50, ge=1, le=500)

    @property
    def shares_bp(self) -> tuple[int, ...]:
        """`shares` in basis points."""
        return basis_points(self.shares)
