"""Which earlier page a page asked for in the browser is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from crmlib.report.record import manifest
from crmlib.report.record.manifest import Manifest

MANIFEST = "manifest.json"
UNCOMPARED = frozenset(("as_of", "language"))
"""Parameters in which a page and the one it is compared with may differ."""


def asked(parameters: Mapping[str, object]) -> dict[str, object]:
    """The parameters, without those that differ from run to run and from language to language."""
    return {name: value for name, value in parameters.items() if name not in UNCOMPARED}


def newest_before(
    reports: Path, *, report: str, language: str, as_of: date, parameters: Mapping[str, object]
) -> Path | None:
    """Manifest of the newest published page of `report` with a day before `as_of` and the same parameters.

    Parameters
    ----------
    reports : folder of published pages, ``<report>/<variant>/<as_of>/<language>/``.
    """
    found = [
        path
        for path in reports.glob(f"{report}/*/*/{language}/{MANIFEST}")
        if day_of(path) is not None and str(day_of(path)) < as_of.isoformat()
    ]
    for path in sorted(found, key=lambda p: (str(day_of(p)), str(p)), reverse=True):
        record = manifest.load(path)
        if record is not None and same(record, parameters):
            return path
    return None


def same(record: Manifest, parameters: Mapping[str, object]) -> bool:
    """Whether a page was made with the same parameters, so that the two can be compared."""
    return asked(record.parameters) == asked(parameters)


def day_of(path: Path) -> date | None:
    """The day of a published page, from the place of its record; none for `latest`."""
    try:
        return date.fromisoformat(path.parent.parent.name)
    except ValueError:
        return None
