"""Where a project keeps its notebooks, parameters, reports and lake."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crmlib.core import places
from crmlib.core.errors import RunError
from crmlib.report import registry

if TYPE_CHECKING:
    from crmlib.data import Lake

LAKE_VARIABLE = "CRMLIB_LAKE"
ENGINE_VARIABLE = "CRMLIB_ENGINE"
SETTINGS = "workspace.toml"
"""A file of the project's folder: who makes the reductions, ``engine = "sc://host:15002"``, and where the lake's tables
lie (`crmlib.data.lake.storage`)."""
ELSEWHERE = ("storage", "storage_options")


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folders of one project; `state` holds lake, quarantine, ledger and key and is never committed."""

    root: Path
    lake: Path
    reports: Path

    @property
    def notebooks(self) -> Path:
        """Folder of the report notebooks."""
        return self.root / "notebooks"

    @property
    def params(self) -> Path:
        """Folder of the parameter files."""
        return self.root / "params"

    @property
    def ledger(self) -> Path:
        """The SQLite file that lists every run; it belongs to the folder of reports."""
        return self.reports / ".ledger.sqlite"


def find(*, start: Path, lake: Path | None = None, reports: Path | None = None) -> Workspace:
    """The workspace around `start`: the nearest folder upwards that has `notebooks/` and `params/`.

    `lake` overrides the environment variable CRMLIB_LAKE, which overrides `<root>/.crmlib`.

    Raises
    ------
    RunError
        `run.no_workspace` if no such folder is found.
    """
    start = start.resolve()
    folder = places.root(start)
    if folder is not None:
        chosen = lake or (Path(os.environ[LAKE_VARIABLE]) if LAKE_VARIABLE in os.environ else folder / ".crmlib")
        return Workspace(folder, chosen.resolve(), (reports or folder / "reports").resolve())
    raise RunError("run.no_workspace", values={"folder": str(start)})


def engine(*, start: Path, chosen: str | None = None) -> str:
    """Who makes the reductions: `chosen`, else CRMLIB_ENGINE, else `engine` of workspace.toml, else polars.

    Raises
    ------
    RunError
        `run.settings` if workspace.toml is no TOML, or says something else than an engine's name.
    """
    told = chosen or os.environ.get(ENGINE_VARIABLE)
    folder = places.root(start)
    if told or folder is None or not (folder / SETTINGS).is_file():
        return told or "polars"
    try:
        said = tomllib.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise RunError("run.settings", values={"path": str(folder / SETTINGS), "reason": str(problem)}) from problem
    name, others = said.pop("engine", "polars"), ", ".join(str(k) for k in said if k not in ELSEWHERE)
    if others or not isinstance(name, str):
        raise RunError("run.settings", values={"path": str(folder / SETTINGS), "reason": others or repr(name)})
    return name


def reports(space: Workspace) -> list[str]:
    """Names of the reports that can be opened: those of the notebooks, own ones among them."""
    return registry.servable(project=space.root)


def regions(lake: Lake) -> list[str]:
    """Regions of the stores in the lake; none as long as it has no stores."""
    if not lake.has("stores"):
        return []
    names = lake.table("stores").select("region").drop_nulls().unique().collect()["region"]
    return [str(name) for name in names.sort()]
