"""What every command does alike: find the lake, speak the terminal's language, tell what failed."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from crmlib.core.errors import CrmError
from crmlib.kit.words import Language, Words

if TYPE_CHECKING:
    from crmlib.run.plan import Job
    from crmlib.run.runner import Outcome


def jobs_of(
    files: list[Path], *, store: object, overrides: list[str] | None
) -> tuple[list[Job], list[tuple[Path, CrmError]]]:
    """The jobs of the sound files, and what is wrong with the others; if none is sound, the first problem is raised."""
    from crmlib.data import Lake
    from crmlib.run import plan

    assert isinstance(store, Lake)
    jobs, broken = plan.collected(
        plan.files(files), latest=plan.latest_day(store), overrides=plan.pairs(overrides or [])
    )
    if broken and not jobs:
        tell_broken(broken[1:])
        raise broken[0][1]
    return jobs, broken


def lake_folder(lake: Path | None) -> Path:
    """The lake that is meant: the option, else CRMLIB_LAKE, else the folder beside the project."""
    from crmlib.run.workspace import LAKE_VARIABLE

    return lake or Path(os.environ.get(LAKE_VARIABLE, ".crmlib"))


def tell_failures(outcomes: list[Outcome], broken: list[tuple[Path, CrmError]]) -> None:
    """Print why pages were not made, and end with code 1 if any was not."""
    tell_broken(broken)
    failed = [o for o in outcomes if o.state == "failed"]
    for outcome in failed:
        print(f"\n{outcome.job.output}\n{outcome.message}", file=sys.stderr)
    if failed or broken:
        raise typer.Exit(1)


def tell_broken(broken: list[tuple[Path, CrmError]]) -> None:
    """Print what is wrong with parameter files."""
    from crmlib.run.failures import told

    for path, problem in broken:
        print(f"\n{path}\n{told(problem, words=words())}", file=sys.stderr)


def language() -> Language:
    """The terminal's language: CRMLIB_LANGUAGE, else that of the system."""
    chosen = os.environ.get("CRMLIB_LANGUAGE") or os.environ.get("LC_ALL") or os.environ.get("LANG", "")
    return "zh" if chosen.lower().startswith("zh") else "en"


def words() -> Words:
    """The words of the terminal's language."""
    return Words(language())


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


def now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)
