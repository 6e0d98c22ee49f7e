"""Where the project around this process lies, and which reports somebody keeps in it: found by name, never imported."""

from __future__ import annotations

import os
import re
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

ROOT_VARIABLE = "CRMLIB_ROOT"
"""Folder of the project; without it the nearest one upwards of where the process stands."""
ENTRY_POINTS = "crmlib.reports"
"""Group of entry points of other packages: name of a report → the package that is its room."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")


def root(start: Path | None = None) -> Path | None:
    """The project: `CRMLIB_ROOT`, else the nearest folder from `start` upwards with `notebooks/` and `params/`."""
    if start is None and os.environ.get(ROOT_VARIABLE):
        return Path(os.environ[ROOT_VARIABLE])
    start = (start or Path.cwd()).resolve()
    found = (f for f in (start, *start.parents) if (f / "notebooks").is_dir() and (f / "params").is_dir())
    return next(found, None)


def own_room(name: str, *, project: Path | None = None) -> Path | None:
    """The folder of an analyst's own report: ``notebooks/<name>/``, if there is one."""
    project = project or root()
    if project is None or not _NAME.fullmatch(name):
        return None
    folder = project / "notebooks" / name
    return folder if folder.is_dir() else None


def own_rooms(*, project: Path | None = None) -> dict[str, Path]:
    """All folders of own reports, by name."""
    project = project or root()
    if project is None or not (project / "notebooks").is_dir():
        return {}
    inside = sorted((project / "notebooks").iterdir())
    return {folder.name: folder for folder in inside if _NAME.fullmatch(folder.name) and folder.is_dir()}


@cache
def installed_rooms() -> dict[str, Path]:
    """Folders of reports that other packages bring (entry points `crmlib.reports`), found without importing them.

    Examples
    --------
    >>> "customer_value" in installed_rooms()
    False
    """
    found: dict[str, Path] = {}
    for entry in entry_points(group=ENTRY_POINTS):
        top, _, rest = entry.module.partition(".")
        spec = find_spec(top)
        places = spec.submodule_search_locations if spec is not None else None
        for place in places or ():
            folder = Path(place, *rest.split(".")) if rest else Path(place)
            if _NAME.fullmatch(entry.name) and folder.is_dir():
                found[entry.name] = folder
    return found


def room_beside(name: str) -> Path | None:
    """The room of a report that is not of this package: an own one, else an installed one."""
    return own_room(name) or installed_rooms().get(name)
