"""A finished run becomes the readable report in one step, or not at all.

A run writes into `reports/<report>/<variant>/<as_of>/.runs/<run_id>/`. Publishing flushes it to disk and then points
the name `<language>` (a symbolic link) at it by an atomic rename; `latest` follows in the same way. Whatever is killed
in between, the link names a whole report: the old one or the new one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

RUNS = ".runs"


def staging(reports: Path, output: str, run_id: str) -> Path:
    """The new, empty folder a run writes into."""
    folder = (reports / output).parent / RUNS / run_id
    folder.mkdir(parents=True)
    return folder


def publish(reports: Path, output: str, run_id: str) -> Path:
    """Make the run's folder the report at `output`; the previous one is removed afterwards."""
    link = reports / output
    folder = link.parent / RUNS / run_id
    _flush(folder)
    before = link.resolve() if link.is_symlink() else None
    _point(link, Path(RUNS) / run_id)
    _point(link.parent.parent / "latest", Path(_newest(link.parent)))
    if before is not None and before != folder.resolve() and before.parent.name == RUNS:
        shutil.rmtree(before, ignore_errors=True)
    return link


def discard(reports: Path, output: str, run_id: str) -> None:
    """Remove what an unfinished run left."""
    shutil.rmtree((reports / output).parent / RUNS / run_id, ignore_errors=True)


def sweep(reports: Path, *, keep: frozenset[str]) -> int:
    """Remove run folders that no link names and that are not being written (`keep`, run ids); return how many."""
    removed = 0
    for runs in reports.glob(f"*/*/*/{RUNS}"):
        linked = {link.resolve() for link in runs.parent.iterdir() if link.is_symlink()}
        for folder in runs.iterdir():
            if folder.resolve() not in linked and folder.name not in keep:
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
    return removed


def fingerprint(folder: Path) -> str:
    """Hash of the page's bytes (`index.html`), the same for the same inputs."""
    return hashlib.sha256((folder / "index.html").read_bytes()).hexdigest()


def _newest(as_of_folder: Path) -> str:
    """Name of the latest day of this variant that has a page."""
    days = [d.name for d in as_of_folder.parent.iterdir() if d.is_dir() and not d.is_symlink() and d.name[0] != "."]
    return max(days, default=as_of_folder.name)


def _point(link: Path, target: Path) -> None:
    fresh = link.with_name(f".{link.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)
    _sync(link.parent)


def _flush(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            _sync(path)
    for path in [folder, *(p for p in folder.rglob("*") if p.is_dir())]:
        _sync(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
