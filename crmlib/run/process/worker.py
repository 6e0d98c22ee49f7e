"""One process, one run: papermill executes the notebook; the page writes itself into the run's folder.

Started as ``python -m crmlib.run.process.worker RUN.json``. Prints nothing; the end of a run is told by a file
beside the run file: `done`, or `problem.json` with what went wrong.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from crmlib.core.errors import CrmError, ParameterError
from crmlib.core.places import ROOT_VARIABLE
from crmlib.kit import notebook
from crmlib.run.process.ask import KERNEL_VARIABLE
from crmlib.run.process.die_with_parent import die_with_parent

DONE, PROBLEM, KERNEL = "done", "problem.json", "kernel"
"""Files beside the run file: the run came to its end; what went wrong; the id of the kernel forked for it."""
_PASSING = frozenset(
    {"DeadKernelError", "ConnectionError", "ConnectionResetError", "ConnectionRefusedError", "ConnectionAbortedError"}
)
_PASSING_NUMBERS = frozenset(
    {errno.EIO, errno.EAGAIN, errno.EBUSY, errno.ESTALE, errno.ETIMEDOUT, errno.ENETUNREACH, errno.EHOSTUNREACH}
)
_LOST_DATABASE = re.compile(r"locked|busy|connect|timeout|timed out|closed|gone away|terminat|unavailable", re.I)
_NO_KERNEL = ("Kernel didn't respond", "Kernel died")
_NUMBER = re.compile(r"\[Errno (\d+)\]|\(os error (\d+)\)")  # as Python says it, and as Rust does
_CELL_LINE = re.compile(r"Cell In\s*\[\d+\], line (\d+)")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def main(run_file: str) -> int:
    """Execute the run described by `run_file`; 0 if the page was written."""
    path = Path(run_file).resolve()
    run = json.loads(path.read_text(encoding="utf-8"))
    die_with_parent()
    out = Path(run["out"])
    # Papermill formats both paths with the parameters: fixed names in a folder of our own leave nothing to format.
    os.chdir(out)
    shutil.copyfile(run["notebook"], "source.ipynb")
    os.environ["CRMLIB_RUN"] = str(path)
    os.environ[ROOT_VARIABLE] = str(run["root"])
    os.environ[KERNEL_VARIABLE] = str(out / KERNEL)
    try:
        _execute(run)
    except Exception as problem:  # whatever a notebook may raise
        return _report(path, problem)
    finally:
        Path("source.ipynb").unlink(missing_ok=True)
    Path(DONE).touch()
    return 0


def _execute(run: dict[str, Any]) -> None:
    import papermill  # noqa: PLC0415  (seconds of imports that a refused run need not pay)

    from crmlib.run.process.client import Manager  # noqa: PLC0415

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
        request_save_on_cell_execute=False,  # the notebook is written once, at its end
        kernel_manager_class=Manager,
        shutdown_kernel="immediate",  # what a run keeps is on the disk when its last cell ends
    )


def _told(problem: Exception) -> str:
    """The message of an exception; of one raised in a notebook only its last words, not the stack."""
    name, value = str(getattr(problem, "ename", "")), str(getattr(problem, "evalue", ""))
    text = value if value.startswith("given: ") else f"{name}: {value}" if name else str(problem)
    return _ANSI.sub("", text).strip().removesuffix(":")


def _report(run_file: Path, problem: Exception) -> int:
    text = _told(problem)
    content = {
        "code": getattr(problem, "code", "") or getattr(problem, "ename", "") or type(problem).__name__,
        "text": text,
        "errno": _number(problem, text),
        "again": may_pass(problem),
        "where": _where(run_file, problem),
    }
    run_file.with_name(PROBLEM).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return 1


def _where(run_file: Path, problem: Exception) -> str:
    """Notebook, cell and line of an error raised in a notebook, for whoever runs it; empty for any other."""
    source, trace = getattr(problem, "source", None), getattr(problem, "traceback", None) or []
    if source is None:
        return ""
    try:
        cells = notebook.read(run_file.with_name("source.ipynb")).cells
    except ParameterError:
        return ""
    number = next((cell.number for cell in cells if cell.source.strip() == str(source).strip()), 0)
    lines = _CELL_LINE.findall(_ANSI.sub("", "\n".join(map(str, trace))))
    name = Path(json.loads(run_file.read_text(encoding="utf-8"))["notebook"]).name
    return f"{name}, cell {number}{f', line {lines[-1]}' if lines else ''}" if number else ""


def may_pass(problem: Exception) -> bool:
    """Whether the same run may succeed a moment later: its kernel died, or a database or a disk did not answer.

    Examples
    --------
    >>> may_pass(ConnectionResetError(104, "Connection reset by peer")), may_pass(ValueError("no"))
    (True, False)
    """
    text = _told(problem)
    name = getattr(problem, "ename", "") or type(problem).__name__
    if isinstance(problem, CrmError) or text.startswith("given: "):
        return False
    if name == "OperationalError":  # also what a database says about a wrong statement
        return bool(_LOST_DATABASE.search(text))
    return name in _PASSING or _number(problem, text) in _PASSING_NUMBERS or text.startswith(_NO_KERNEL)


def _number(problem: Exception, text: str) -> int | None:
    """The system's number of an error; one raised in a notebook has it only in its text."""
    if isinstance(problem, OSError) and problem.errno is not None:
        return problem.errno
    found = _NUMBER.search(text)
    return int(found[1] or found[2]) if found else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
