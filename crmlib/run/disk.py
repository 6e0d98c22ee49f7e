"""A disk that is full or a folder that cannot be written, told as three sentences."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from crmlib.core.errors import RunError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
"""Numbers of the errors that say: there is no room, or no writing here."""
LEAST_BYTES = 1 << 20
"""A page needs about this much; with less a run is not worth starting."""


def refuse_unwritable(folder: Path) -> None:
    """Say so before any work if the folder cannot be written or has no room for a page.

    Raises
    ------
    RunError
        `run.unwritable`.
    """
    probe = folder / f".probe.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_text("")
        probe.unlink()
        if full(folder):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as problem:
        raise unwritable(folder, problem.strerror or str(problem)) from None


def full(folder: Path) -> bool:
    """Whether there is no room for a page in the folder's file system."""
    return shutil.disk_usage(folder).free < LEAST_BYTES


def unwritable(place: Path, problem: str) -> RunError:
    """The error to raise; `problem` as the machine says it."""
    return RunError("run.unwritable", values={"folder": str(place), "problem": problem})
