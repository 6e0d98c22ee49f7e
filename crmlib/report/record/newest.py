"""The newest pages of other reports: what a page about pages is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from crmlib.report.record import manifest
from crmlib.report.record.manifest import FindingRecord, Manifest
from crmlib.report.record.previous import MANIFEST, day_of

PROBLEMS = frozenset({"warn", "fail", "none"})
"""A finding that is all right is nothing to do, however much money it is about."""


@dataclass(frozen=True, slots=True)
class Published:
    """A published page: its place below the reports folder (`report/variant/day/language`) and its record."""

    output: str
    record: Manifest


def newest(
    reports: Path, *, language: str, until: date, seen: Callable[[Manifest], bool], skip: str = ""
) -> tuple[Published, ...]:
    """The newest page of each variant of each report, of a day not after `until`, in the order of their places.

    Parameters
    ----------
    reports : folder of published pages, ``<report>/<variant>/<day>/<language>/``.
    seen : whether the reader may see a page; one that may not be seen is not there, an older one in its stead is.
    skip : a report left out.
    """
    found: dict[tuple[str, str], Published] = {}
    for path in sorted(reports.glob(f"*/*/*/{language}/{MANIFEST}")):
        report, variant, name = path.relative_to(reports).parts[:3]
        day = day_of(path)
        if report == skip or day is None or day > until:
            continue
        record = manifest.load(path)
        if record is not None and seen(record):
            found[report, variant] = Published(f"{report}/{variant}/{name}/{language}", record)
    return tuple(found.values())


def of_regions(
    regions: tuple[str, ...] | None, reports: tuple[str, ...] | None, person: str = ""
) -> Callable[[Manifest], bool]:
    """Whether a page is one of exactly these regions (none: of the whole company) and of a report one may open.

    A reader with a staff number (`person`) sees pages that can be of one person only where they are of that one.
    """

    def seen(record: Manifest) -> bool:
        region = record.parameters.get("region") or None
        ours = region is None if regions is None else region in regions
        own = not person or record.parameters.get("person", person) == person
        return ours and own and (reports is None or record.report in reports)

    return seen


def at_stake(record: Manifest) -> list[FindingRecord]:
    """The findings of a page that are a problem and say how much money it is about."""
    return [f for f in record.findings if f.role == "finding" and f.status in PROBLEMS and f.value_minor]
