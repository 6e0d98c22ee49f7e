"""The form of a lake: a number that says which version of crmlib reads it, so that an older one refuses in time.

The number goes up when a lake is written in a way that an older version would misread; a lake without one is of form 1.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from crmlib.core.errors import LakeError

FILE = "form.json"
FORM = 1
"""What this version writes, and the newest that it reads."""


def check(lake: Path, *, by: str) -> bool:
    """Whether the lake says its form; `by` is the version of crmlib that asks.

    Raises
    ------
    LakeError
        `lake.newer` where a later version wrote it; `lake.form_damaged` where the file cannot be read.
    """
    file = lake / FILE
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        form, writer = int(said["form"]), str(said["by"])
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise LakeError("lake.form_damaged", values={"file": str(file), "problem": str(problem)[:120]}) from None
    if form > FORM:
        raise LakeError(
            "lake.newer",
            values={"lake": str(lake), "form": form, "writer": writer, "most": FORM, "version": by},
        )
    return True


def note(lake: Path, *, by: str) -> None:
    """Write the form of this version into a lake that says none, by one rename; raises as `check` does."""
    if check(lake, by=by):
        return
    draft = lake / f".{FILE}.{os.getpid()}"
    draft.write_text(json.dumps({"form": FORM, "by": by}) + "\n", encoding="ascii")
    draft.replace(lake / FILE)
