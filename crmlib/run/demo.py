"""A workspace of one's own to try: notebooks and parameter files beside the raw exports of a simulated company."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

from crmlib.core.errors import RunError

PACKED = Path(__file__).parents[1] / "workspace"
"""Where an installed package keeps the notebooks and parameter files; a clone has them at its top."""
FOLDERS = ("notebooks", "params")
CUSTOMERS, STORES, DAYS, SEED, END = 5_000, 26, 730, 7, date(2026, 10, 31)


def lay(folder: Path) -> Path:
    """Write the workspace into `folder`, which must be empty or not there; the sources file of its raw exports.

    Raises
    ------
    RunError
        `run.demo_folder` if something stands there already.
    """
    from crmlib.simulate import company  # noqa: PLC0415

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError("run.demo_folder", values={"folder": str(folder)})
    top = PACKED if PACKED.is_dir() else Path(__file__).parents[2]
    for name in FOLDERS:
        shutil.copytree(top / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    (folder / "reports").mkdir()
    raw = folder / "raw"
    company(customers=CUSTOMERS, stores=STORES, days=DAYS, seed=SEED, out=raw, end=END)
    return raw / "sources.yml"
