"""One process, one run: papermill executes the notebook; the page writes itself into the run's folder.

Started as ``python -m crmlib.run.worker RUN.json``. Prints nothing; the end of a run is told by a file
beside the run file: `done`, or `problem.json` with what went wrong.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from crmlib.core.errors import CrmError

DONE = "done"
"""The file that says a run came to its end."""
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def main(run_file: str) -> int:
    """Execute the run described by `run_file`; 0 if the page was written."""
    path = Path(run_file).resolve()
    run = json.loads(path.read_text(encoding="utf-8"))
    _die_with_parent()
    out = Path(run["out"])
    # Papermill formats both paths with the parameters: fixed names in a folder of our own leave nothing to format.
    os.chdir(out)
    shutil.copyfile(run["notebook"], "source.ipynb")
    os.environ["CRMLIB_RUN"] = str(path)
    try:
        _execute(run)
    except CrmError as problem:
        return _report(path, {"code": problem.code, "text": str(problem)})
    except Exception as problem:  # whatever a notebook may raise
        return _report(path, {"code": getattr(problem, "ename", type(problem).__name__), "text": _told(problem)})
    finally:
        Path("source.ipynb").unlink(missing_ok=True)
    Path(DONE).touch()
    return 0


def _execute(run: dict[str, Any]) -> None:
    import papermill  # noqa: PLC0415  (seconds of imports that a refused run need not pay)

    papermill.execute_notebook(
        "source.ipynb",
        "notebook.ipynb",
        parameters=run["parameters"],
        kernel_name="python3",
        language="python",
        progress_bar=False,
        log_output=False,
        cwd=run["root"],
        start_timeout=60,
        execution_timeout=run["deadline_seconds"],
    )


def _told(problem: Exception) -> str:
    """The message of an exception; of one raised in a notebook only its last words, not the stack."""
    name, value = str(getattr(problem, "ename", "")), str(getattr(problem, "evalue", ""))
    text = value if value.startswith("given: ") else f"{name}: {value}" if name else str(problem)
    return _ANSI.sub("", text).strip().removesuffix(":")


def _report(run_file: Path, problem: dict[str, str]) -> int:
    run_file.with_name("problem.json").write_text(json.dumps(problem, ensure_ascii=False), encoding="utf-8")
    return 1


def _die_with_parent() -> None:
    """On Linux, ask to be ended when the runner is: a killed runner leaves no report behind that still computes."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415

        ctypes.CDLL(None).prctl(1, 15)  # PR_SET_PDEATHSIG, SIGTERM


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
