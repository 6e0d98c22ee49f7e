"""Which face of a report this is, and what it was given: by a runner, by Voilà, or by an analyst's own kernel."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl

import crmlib
from crmlib.core import places
from crmlib.core.errors import RunError

Face = Literal["lab", "voila", "html"]
RUN_VARIABLE = "CRMLIB_RUN"
LAKE_VARIABLE = "CRMLIB_LAKE"
REPORTS_VARIABLE = "CRMLIB_REPORTS"
REGIONS_VARIABLE = "CRMLIB_REGIONS"
"""Regions the signed-in reader may see, a JSON list set by the server, never taken from an address."""
OPENS_VARIABLE = "CRMLIB_OPENS"
"""Reports the signed-in reader may open, a JSON list set by the server."""
PERSON_VARIABLE = "CRMLIB_PERSON"
"""Staff number of a signed-in reader who sees the own figures and customers only, set by the server."""
LISTS_VARIABLE = "CRMLIB_LISTS"
"""Folder where a server wants the workbooks of a page: they are asked for at /lists/<its name>/ later."""
DEFAULT_LAKE = ".crmlib"
SEED = 20_260_101
"""Of every run and every app, so that a published page and the app show the same numbers."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a report needs to know besides its parameters.

    Parameters
    ----------
    face : JupyterLab, Voilà or a file.
    now : the clock of this run.
    seed : of the run's random numbers.
    run_id : name of the run in the ledger.
    lake : folder of the lake.
    previous : manifest of the last run of the same variant.
    reports : folder of published pages, where a page asked for in a browser finds what to compare itself with.
    out : folder that the page is written to; none means it is only shown.
    query : parameters of the address, in order; only Voilà has them.
    regions : the regions the reader may see; none means all.
    opens : the reports the reader may open; none means all.
    person : staff number of a reader who sees the own figures and customers only; empty: a head.
    lists : folder for the lists of a served page; none puts them into the page.
    languages : languages this run is made in side by side (``<as_of>/<language>/``).
    code : version of the code, as the runner knows it; the package's own otherwise.
    """

    face: Face
    now: datetime
    seed: int = SEED
    run_id: str = ""
    lake: Path = Path(DEFAULT_LAKE)
    previous: Path | None = None
    reports: Path | None = None
    out: Path | None = None
    query: tuple[tuple[str, str], ...] = ()
    regions: tuple[str, ...] | None = None
    opens: tuple[str, ...] | None = None
    person: str = ""
    lists: Path | None = None
    languages: tuple[str, ...] = ()
    code: str = crmlib.__version__

    def leave(self, name: str, content: Mapping[str, Any]) -> str:
        """Leave `content` beside the lists of a served page, for what its reader does next; the key, or empty.

        Only the server reads it, only for the reader of this page, and only for as long as it keeps the lists.
        """
        if self.lists is None:
            return ""
        (self.lists / f"{name}.json").write_text(json.dumps(content, default=str), encoding="utf-8")
        return self.lists.name


def from_environment(environment: Mapping[str, str] | None = None, *, now: datetime | None = None) -> Context:
    """The context of this process.

    Parameters
    ----------
    environment : variables; those of the process unless given.
    now : the clock where no runner sets it.

    Examples
    --------
    >>> from datetime import UTC
    >>> voila = {"SERVER_SOFTWARE": "voila/0.5.13", "QUERY_STRING": "months=6", "CRMLIB_LAKE": "/data/lake"}
    >>> context = from_environment(voila, now=datetime(2026, 1, 1, tzinfo=UTC))
    >>> context.face, context.query, context.lake.as_posix()
    ('voila', (('months', '6'),), '/data/lake')
    """
    env = os.environ if environment is None else environment
    if env.get(RUN_VARIABLE):
        return from_run(Path(env[RUN_VARIABLE]))
    clock = now or datetime.now().astimezone()
    lake = _lake(Path(env.get(LAKE_VARIABLE) or DEFAULT_LAKE))
    if env.get("SERVER_SOFTWARE", "").startswith("voila/"):
        query = tuple(parse_qsl(env.get("QUERY_STRING", ""), keep_blank_values=True))
        regions, opens = env.get(REGIONS_VARIABLE), env.get(OPENS_VARIABLE)
        return Context(
            face="voila",
            now=clock,
            lake=lake,
            query=query,
            reports=Path(env[REPORTS_VARIABLE]) if env.get(REPORTS_VARIABLE) else None,
            regions=None if regions is None else tuple(json.loads(regions)),
            opens=None if opens is None else tuple(json.loads(opens)),
            person=env.get(PERSON_VARIABLE, ""),
            lists=Path(env[LISTS_VARIABLE]) if env.get(LISTS_VARIABLE) else None,
        )
    return Context(face="lab", now=clock, lake=lake)


def _lake(given: Path) -> Path:
    """The folder of the lake: one that is not there as seen from here is meant as seen from the project's folder.

    A notebook's kernel stands in the notebook's folder, wherever JupyterLab was started.
    """
    project = places.root()
    if given.is_absolute() or given.is_dir() or project is None:
        return given
    return project / given


def from_run(path: Path) -> Context:
    """The context that a runner wrote to `path` (run.json).

    Raises
    ------
    RunError
        `run.unreadable` if the file is missing or not what a runner writes.
    """
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
        regions, previous, out = run.get("regions"), run.get("previous_manifest"), run.get("out")
        return Context(
            face=run.get("face", "html"),
            now=datetime.fromisoformat(run["clock"]),
            seed=int(run.get("seed", SEED)),
            run_id=str(run.get("run_id", "")),
            lake=Path(run["lake"]),
            previous=Path(previous) if previous else None,
            reports=Path(run["reports"]) if run.get("reports") else None,
            out=Path(out) if out else None,
            query=tuple((str(k), str(v)) for k, v in run.get("query", [])),
            regions=None if regions is None else tuple(regions),
            languages=tuple(run.get("languages", ())),
            code=str(run.get("code") or crmlib.__version__),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(
            "run.unreadable", values={"file": path.name, "reason": f"{type(error).__name__}: {error}"}
        ) from None
