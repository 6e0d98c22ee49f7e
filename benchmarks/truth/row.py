"""One reference number: where it is printed, what it is, and how ours is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import environ
from pathlib import Path

REAL = Path(environ.get("CRMLIB_REAL_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
"""Real sets that nobody may copy; rows that need an absent one say so."""


@dataclass(frozen=True, slots=True)
class Row:
    """A reference.

    Parameters
    ----------
    source : paper, package or data set with its tool.
    what : the figure.
    reference : as printed.
    ours : makes ours; a missing file makes the verdict "no data".
    within : how far apart they may lie: what the source prints, or the tolerance that the spec asks for.
    higher : a larger figure of ours is no fault but better (log-likelihoods of searched maxima).
    """

    source: str
    what: str
    reference: float
    ours: Callable[[], float]
    within: float
    higher: bool = False

    def judged(self) -> tuple[float | None, str]:
        """Ours and the verdict: same, better, off, or no data."""
        try:
            found = float(self.ours())
        except FileNotFoundError:
            return None, "no data"
        if abs(found - self.reference) <= self.within:
            return found, "same"
        return found, "better" if self.higher and found > self.reference else "OFF"
