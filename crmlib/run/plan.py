"""Parameter files become jobs, every parameter checked before anything starts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from crmlib import panels
from crmlib.core.errors import CrmError, LakeError, ParameterError, RunError
from crmlib.data import Lake
from crmlib.data.lake.last_day import LastDay, last_ordinary_day
from crmlib.kit.words import LANGUAGES
from crmlib.report import registry, stored
from crmlib.report.form import parameters as report_parameters

Scalar = str | int | float | bool | None
LATEST = "latest"
MEMORY_MB = 4096
"""What the processes of one run may hold together, unless its file says otherwise."""
NO_REPORTS = frozenset({"sources.yml", "delivery.yml", "contact_rules.yml"})
"""Files of `params/` that are no reports."""


class Schedule(BaseModel):
    """When a report is due: a cron expression in the company's time zone, what to do about missed slots, and feeds.

    `feeds`: whether it waits for the feeds it needs (see `crmlib.run.feeds`), or is made with any.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    cron: str
    time_zone: str = "Asia/Shanghai"
    catch_up: Literal["latest", "all", "skip"] = "latest"
    feeds: Literal["needed", "any"] = "needed"

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"no time zone {name!r}; write for example Asia/Shanghai") from None
        return name


class Keep(BaseModel):
    """Which days of a variant stay: those of the last `days` days, and the newest `at_least` however old they are."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    days: int = Field(default=400, ge=1)
    at_least: int = Field(default=12, ge=1)


KEEP = Keep()


class ParamsFile(BaseModel):
    """One `params/<report>/<variant>.yml`. A list as a value makes a grid."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    report: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    schedule: Schedule | None = None
    deadline_seconds: int = Field(default=600, ge=1, le=24 * 3600)
    memory_mb: int = Field(default=MEMORY_MB, ge=256)
    keep: Keep = KEEP
    parameters: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """One page to make: a report with one set of checked, plain parameters, and its place below the reports folder.

    `languages` are all those the file asks for: the page links to its sisters.
    """

    report: str
    variant: str
    parameters: dict[str, Scalar]
    as_of: date
    output: str
    languages: tuple[str, ...]
    deadline_seconds: int
    memory_mb: int = MEMORY_MB
    keep: Keep = KEEP


def read(path: Path) -> ParamsFile:
    """Read and check one parameter file.

    Raises
    ------
    ParameterError
        `run.unreadable_params`, `run.bad_params`: no file, no YAML, unknown keys.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise ParameterError(
            "run.unreadable_params", values={"file": str(path), "problem": _one_line(problem)}
        ) from None
    try:
        return ParamsFile.model_validate(content)
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ParameterError(
            "run.bad_params", values={"file": str(path), "where": where, "problem": first["msg"]}
        ) from None


def jobs_of(path: Path, *, latest: date, overrides: Mapping[str, str]) -> list[Job]:
    """The checked jobs of one parameter file: lists multiplied out, `as_of: latest` replaced by the day `latest`.

    A language that the report has no words for is left out; if none is left, the page is made in the one there is.

    Raises
    ------
    ParameterError
        Unknown names and values out of range, with file and line; the first thing wrong with an own report.
    """
    plan = read(path)
    values = {**plan.parameters, **overrides}
    with _named(path):
        report = registry.find(plan.report)
        for problem in report.problems():
            raise problem
    if "language" in values:
        values["language"] = _spoken(values["language"], report.languages)
    grid = {name: value if isinstance(value, list) else [value] for name, value in values.items()}
    varying = [name for name, options in grid.items() if len(options) > 1 and name not in {"as_of", "language"}]
    languages = tuple(str(language) for language in grid.get("language", ()))
    jobs = []
    for choice in product(*grid.values()):
        given: dict[str, Any] = dict(zip(grid, choice, strict=True))
        if given.get("as_of", LATEST) in {LATEST, None, ""}:
            given["as_of"] = latest
        checked = _checked(path, plan.report, given)
        jobs.append(_job(path, plan, checked, [f"{n}-{given[n]}" for n in varying], languages))
    _refuse_twins(path, jobs)
    return jobs


def collected(
    paths: Sequence[Path], *, latest: date, overrides: Mapping[str, str]
) -> tuple[list[Job], list[tuple[Path, CrmError]]]:
    """The jobs of all files that are sound, and what is wrong with each of the others, which hold up nobody."""
    jobs: list[Job] = []
    problems: list[tuple[Path, CrmError]] = []
    for path in paths:
        try:
            jobs += jobs_of(path, latest=latest, overrides=overrides)
        except CrmError as problem:
            problems.append((path, problem))
    return jobs, problems


def _spoken(asked: Any, there: Sequence[str]) -> Any:
    """The languages asked for that there are; what is no language is left to the check."""
    if not isinstance(asked, list):
        return asked
    kept = [language for language in asked if language not in LANGUAGES or language in there]
    return kept or [there[0]]


def _checked(path: Path, report: str, given: Mapping[str, Any]) -> dict[str, Scalar]:
    with _named(path):
        return report_parameters.check(report, given).model_dump(mode="json")


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """What goes wrong inside, with the file and, for a parameter in it, the line named."""
    try:
        yield
    except ParameterError as problem:
        raise ParameterError(
            problem.code,
            values=problem.values,
            examples=problem.examples,
            place=f"{path}{_line(path, problem)}",
            said=problem.said,
        ) from None


def _line(path: Path, problem: ParameterError) -> str:
    """Where in `path` the first wrong parameter stands."""
    issues = problem.values.get("issues", ())
    names = [str(getattr(issue, "name", "")) for issue in issues] if isinstance(issues, tuple) else []
    if problem.code == "report.unknown":
        names = ["report"]
    lines = path.read_text(encoding="utf-8").splitlines()
    at = next(
        (n for n, text in enumerate(lines, 1) for name in names if re.match(rf"\s*[\"']?{re.escape(name)}\b.*:", text)),
        0,
    )
    return f", line {at}" if at else ""


def _job(
    path: Path, plan: ParamsFile, parameters: dict[str, Scalar], parts: Sequence[str], languages: tuple[str, ...]
) -> Job:
    as_of = date.fromisoformat(str(parameters["as_of"]))
    variant = "-".join(slug(part) for part in [path.stem, *parts])
    output = f"{plan.report}/{variant}/{as_of}/{parameters['language']}"
    return Job(
        plan.report,
        variant,
        parameters,
        as_of,
        output,
        languages,
        plan.deadline_seconds,
        memory_mb=plan.memory_mb,
        keep=plan.keep,
    )


def _refuse_twins(path: Path, jobs: Sequence[Job]) -> None:
    outputs = [job.output for job in jobs]
    twins = sorted({o for o in outputs if outputs.count(o) > 1})
    if twins:
        raise RunError("run.same_output", values={"file": str(path), "count": len(twins)})


def slug(text: str) -> str:
    """A file name that no value can turn into a path."""
    return re.sub(r"[^\w.-]+", "-", text).strip("-.") or "x"


def _one_line(problem: object) -> str:
    return " ".join(str(problem).split())


def files(paths: Sequence[Path]) -> list[Path]:
    """The parameter files among `paths`: files as they are, folders searched for `<report>/<variant>.yml`.

    Raises
    ------
    ParameterError
        `run.no_params` if a path does not exist or a folder has none.
    """
    found: list[Path] = []
    for path in paths:
        inside = [path] if path.is_file() else sorted([*path.glob("*.yml"), *path.glob("*/*.yml")])
        inside = [p for p in inside if p.name not in NO_REPORTS]
        if not inside:
            raise ParameterError("run.no_params", values={"path": str(path)})
        found += inside
    return found


def latest_day(lake: Lake) -> date:
    """The last business day of ordinary volume that the lake holds: what `as_of: latest` means.

    A mistyped date ahead of the sales moves no page (see `crmlib.data.lake.last_day`).

    Raises
    ------
    LakeError
        `run.empty_lake` if nothing was ingested yet.
    """
    found = reach(lake)
    if found is None:
        raise LakeError("run.empty_lake", values={"lake": str(lake.path)})
    return found.day


def reach(lake: Lake) -> LastDay | None:
    """The last day of ordinary volume and the stray ones behind it; none where nothing was sold."""
    if not lake.has("receipt_lines"):
        return None
    counts = panels.day_sums(stored.every_line(lake))
    return last_ordinary_day(counts) if counts.height else None


def pairs(texts: list[str]) -> dict[str, str]:
    """Overrides of the command line, `name=value` each; `cli.set` (ParameterError) for one that is none."""
    wrong = [text for text in texts if "=" not in text]
    if wrong:
        raise ParameterError("cli.set", values={"text": wrong[0]})
    return dict(text.split("=", 1) for text in texts)
