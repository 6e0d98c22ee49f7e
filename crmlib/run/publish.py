"""A finished run becomes the readable report in one step, or not at all.

A run writes into `reports/<report>/<variant>/<as_of>/.runs/<run_id>/`. Publishing flushes it to disk and then points
the name `<language>` (a symbolic link) at it by an atomic rename; `latest` follows in the same way. Whatever is killed
in between, the link names a whole report: the old one or the new one. Days that have had their time go by rule.
A run that failed leaves `failed/<language>/`, the page that says why, until the next one succeeds.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

RUNS = ".runs"
FAILED = "failed"
ERROR = "error.html"
_KEPT = (ERROR, "notebook.ipynb")
GONE = ".gone"
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def staging(reports: Path, output: str, run_id: str) -> Path:
    """The new, empty folder a run writes into."""
    made = folder(reports, output, run_id)
    made.mkdir(parents=True)
    return made


def folder(reports: Path, output: str, run_id: str) -> Path:
    """Where a run writes."""
    return (reports / output).parent / RUNS / run_id


def publish(reports: Path, output: str, run_id: str) -> Path:
    """Make the run's folder the report at `output`; the previous one is removed afterwards."""
    link = reports / output
    made = folder(reports, output, run_id)
    _flush(made)
    before = link.resolve() if link.is_symlink() else None
    _point(link, Path(RUNS) / run_id)
    _point(link.parent.parent / "latest", Path(_newest(link.parent)))
    shutil.rmtree(failure_of(reports, output), ignore_errors=True)
    if before is not None and before != made.resolve() and before.parent.name == RUNS:
        shutil.rmtree(before, ignore_errors=True)
    return link


def failure_of(reports: Path, output: str) -> Path:
    """The folder of the last failure at `output`; not there if the last run succeeded."""
    link = reports / output
    return link.parent / FAILED / link.name


def keep_failure(reports: Path, output: str, run_id: str, *, page: str) -> None:
    """Keep of a failed run its page and the notebook as far as it came."""
    made, place = folder(reports, output, run_id), failure_of(reports, output)
    made.mkdir(parents=True, exist_ok=True)
    (made / ERROR).write_text(page, encoding="utf-8")
    for other in [path for path in made.iterdir() if path.name not in _KEPT]:
        shutil.rmtree(other) if other.is_dir() else other.unlink()
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(exist_ok=True)
    made.rename(place)


def discard(reports: Path, output: str, run_id: str) -> None:
    """Remove what an unfinished run left."""
    shutil.rmtree(folder(reports, output, run_id), ignore_errors=True)


def retain(reports: Path, output: str, *, keep_days: int, at_least: int) -> list[str]:
    """Remove the days of this variant that have had their time; return their names, newest first.

    A day stays if it is among the newest `at_least`, or at most `keep_days` days before the newest one, or the one just
    made, or being made by somebody.
    """
    made = (reports / output).parent
    variant = made.parent
    days = sorted((d.name for d in variant.iterdir() if _DAY.fullmatch(d.name) and not d.is_symlink()), reverse=True)
    oldest = date.fromisoformat(days[0]) - timedelta(days=keep_days)
    old = [d for d in days[at_least:] if date.fromisoformat(d) < oldest and d != made.name]
    return [day for day in old if _remove(variant / day)]


def _remove(day: Path) -> bool:
    """Take a day away in one step and then delete it, unless one of its pages is being made."""
    with ExitStack() as held:
        for lock in day.glob(".*.lock"):
            handle = held.enter_context(lock.open("w"))
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        gone = day.parent / GONE / f"{day.name}.{uuid4().hex[:8]}"
        gone.parent.mkdir(exist_ok=True)
        day.rename(gone)
    shutil.rmtree(gone.parent, ignore_errors=True)
    return True


def sweep(reports: Path, *, active: Callable[[], frozenset[str]]) -> int:
    """Remove run folders that no link names and that no `active` run (ids) is writing; return how many.

    The order matters: folders are listed, then the active runs, then the links. A run is noted before its folder
    exists and its page is linked before it is noted as ended, so that no run can slip through between two steps.
    """
    places = [runs for runs in reports.glob(f"*/*/*/{RUNS}") if not runs.parent.is_symlink()]
    found = [run for runs in places for run in runs.iterdir()]
    writing = active() if found else frozenset()
    removed = 0
    for run in found:
        linked = {link.resolve() for link in run.parent.parent.iterdir() if link.is_symlink()}
        if run.name not in writing and run.resolve() not in linked:
            shutil.rmtree(run, ignore_errors=True)
            removed += 1
    for gone in reports.glob(f"*/*/{GONE}"):
        shutil.rmtree(gone, ignore_errors=True)
    return removed


def fingerprint(page: Path) -> str:
    """Hash of the page's bytes (`index.html`), the same for the same inputs."""
    return hashlib.sha256((page / "index.html").read_bytes()).hexdigest()


def _newest(as_of_folder: Path) -> str:
    """Name of the latest day of this variant that has a page."""
    days = [d.name for d in as_of_folder.parent.iterdir() if not d.is_symlink() and any(d.glob("*/index.html"))]
    return max(days, default=as_of_folder.name)


def _point(link: Path, target: Path) -> None:
    fresh = link.with_name(f".{link.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)
    _sync(link.parent)


def _flush(made: Path) -> None:
    for path in made.rglob("*"):
        if path.is_file():
            _sync(path)
    for path in [made, *(p for p in made.rglob("*") if p.is_dir())]:
        _sync(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
