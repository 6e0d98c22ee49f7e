"""What a run depends on, and what its process is told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import crmlib
from crmlib.core.errors import ParameterError
from crmlib.report import registry
from crmlib.report.record.newest import newest
from crmlib.run.plan import Job
from crmlib.run.workspace import Workspace


def code_version(workspace: Workspace) -> str:
    """Version of the package and a hash over its modules, templates and words and over the notebooks."""
    package = Path(crmlib.__file__).parent
    digest = hashlib.sha256()
    sources = [p for p in package.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    for path in sorted([*sources, *workspace.notebooks.glob("*.ipynb")]):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return f"{crmlib.__version__}+{digest.hexdigest()[:8]}"


def input_hash(job: Job, versions: Mapping[str, int], code: str, reports: Path) -> str:
    """A hash of everything that makes a page what it is: the same hash, the same bytes."""
    facts = {"parameters": job.parameters, "report": job.report, "data": dict(versions), "code": code}
    if registry.reads_pages(job.report):
        facts["pages"] = _pages(job, reports)
    if own := _own_files(job.report):
        facts["own"] = own
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def _pages(job: Job, reports: Path) -> dict[str, str]:
    """The pages that a page about pages would read now, by what they say."""
    language = str(job.parameters["language"])
    found = newest(reports, language=language, until=job.as_of, seen=lambda _: True, skip=job.report)
    return {page.output: page.record.page_sha256 for page in found}


def _own_files(report: str) -> str:
    """A hash of what a report outside the package is made of; empty for the package's."""
    try:
        files = registry.find(report).files()
    except ParameterError:
        return ""
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest() if files else ""


def run_file(
    job: Job, *, space: Workspace, run_id: str, out: Path, notebook: Path, now: datetime, seed: int
) -> dict[str, object]:
    """What the notebook's process is told."""
    return {
        "face": "html",
        "clock": now.isoformat(),
        "seed": seed,
        "run_id": run_id,
        "lake": str(space.lake),
        "out": str(out),
        "root": str(space.root),
        "notebook": str(notebook),
        "previous_manifest": _previous(space.reports, job),
        "reports": str(space.reports) if registry.reads_pages(job.report) else None,
        "deadline_seconds": job.deadline_seconds,
        "parameters": job.parameters,
        "languages": list(job.languages),
    }


def _previous(reports: Path, job: Job) -> str | None:
    """Manifest of the last earlier day of this variant and language."""
    variant = (reports / job.output).parent.parent
    if not variant.is_dir():
        return None
    earlier = sorted(d.name for d in variant.iterdir() if not d.is_symlink() and d.name < job.as_of.isoformat())
    found = [variant / day / str(job.parameters["language"]) / "manifest.json" for day in earlier]
    existing = [path for path in found if path.is_file()]
    return str(existing[-1].resolve()) if existing else None
