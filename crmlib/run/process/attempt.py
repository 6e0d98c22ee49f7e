"""One attempt at a page: a process of its own, watched until its end, its deadline or its limit of memory."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl
import psutil

from crmlib.core.allocators import GIVE_BACK
from crmlib.core.errors import CrmError, RunError
from crmlib.data.lake import reduced
from crmlib.data.lake.lake import Lake
from crmlib.panels import reductions
from crmlib.report.failure import ERROR_RECORD
from crmlib.run import disk
from crmlib.run.failures import Failure, failure, recorded
from crmlib.run.process import ask as warm
from crmlib.run.process import worker

RUN_FILE = "run.json"
_LOOK_SECONDS = 0.2
_GRACE_SECONDS = 30  # beyond the notebook's own deadline, for start, page and shutdown
Why = Literal["", "deadline", "memory"]
_NONE: Why = ""


@dataclass(frozen=True, slots=True)
class Task:
    """What an attempt needs. Plain values: it may be sent to another process, or a machine that has the same folders.

    Parameters
    ----------
    out : folder that holds the run file and receives the page.
    root : folder of the project.
    memory_mb : limit for all processes of the run together [MB].
    threads : cores that the run may keep busy; POLARS_MAX_THREADS of the runner, where it is set, goes before.
    """

    out: Path
    root: Path
    report: str
    deadline_seconds: int
    memory_mb: int
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended.

    Parameters
    ----------
    problem : none if the page is there.
    again : whether another attempt may end better.
    peak_mb : most memory of all its processes together [MB].
    """

    problem: Failure | None
    again: bool
    peak_mb: float


def execute(task: Task) -> Ended:
    """Execute the notebook of a task in a process of its own and wait for its end."""
    process = _start(task)
    deadline = time.monotonic() + task.deadline_seconds + _GRACE_SECONDS
    why, peak = _watch(process, kernel=task.out / worker.KERNEL, deadline=deadline, limit=task.memory_mb * 1e6)
    problem, again = _judged(task, why)
    for leftover in (RUN_FILE, ERROR_RECORD, worker.PROBLEM, worker.DONE, worker.KERNEL):
        (task.out / leftover).unlink(missing_ok=True)
    return Ended(failure(problem) if isinstance(problem, CrmError) else problem, again, peak)


def _start(task: Task) -> subprocess.Popen[bytes] | warm.Child:
    """The run's process: forked from the warm parent if there is one, else a new one."""
    run_file = str(task.out / RUN_FILE)
    env = {"POLARS_MAX_THREADS": str(task.threads), **GIVE_BACK, **os.environ}
    address = os.environ.get(warm.VARIABLE, "")
    argv = ["crmlib-run", run_file]
    child = warm.fork(address, role="run", argv=argv, env=env, cwd=str(task.root)) if address else None
    return child or subprocess.Popen(
        [sys.executable, "-m", "crmlib.run.process.worker", run_file],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=env,
    )


def _watch(
    process: subprocess.Popen[bytes] | warm.Child, *, kernel: Path, deadline: float, limit: float
) -> tuple[Why, float]:
    """Wait for a run and its kernel, ending both at the deadline or beyond `limit` bytes; why, and peak memory [MB]."""
    peak, why = 0.0, _NONE
    ended = False
    while not ended:
        members = family(process.pid, kernel)
        held = sum(_resident(p) for p in members)
        if held > limit:  # forks share pages, which resident size counts once for each: look closer, it takes longer
            held = sum(_own(p) for p in members)
        peak = max(peak, held / 1e6)
        why = why or ("memory" if held > limit else "deadline" if time.monotonic() > deadline else "")
        if why:
            for member in reversed(members):
                _end(member)
        ended = _wait(process, _LOOK_SECONDS)
    if isinstance(process, warm.Child):
        process.close()
    return why, peak


def _wait(process: subprocess.Popen[bytes] | warm.Child, seconds: float) -> bool:
    """Wait for the end of a process, no longer than `seconds`; whether it has ended."""
    if isinstance(process, warm.Child):
        return process.wait(seconds)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _judged(task: Task, why: Why) -> tuple[CrmError | Failure | None, bool]:
    """What went wrong, and whether it may go right next time: the worker leaves `done` or what it was told."""
    told = task.out / worker.PROBLEM
    if why:
        return _limit(task, why), False
    if told.is_file():
        return _told(task, told)
    if not (task.out / worker.DONE).is_file():
        if disk.full(task.out):
            return disk.unwritable(task.out, os.strerror(errno.ENOSPC)), False
        return died(task.report), True
    if not (task.out / "index.html").is_file():
        return RunError("run.no_page", values={"report": task.report}), False
    return None, False


def _told(task: Task, file: Path) -> tuple[CrmError | Failure, bool]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:  # half a file: the disk was full
        return disk.unwritable(task.out, os.strerror(errno.ENOSPC)), False
    number = content["errno"]
    if number in disk.FULL:
        return disk.unwritable(task.out, os.strerror(number)), False
    if content["code"] == "CellTimeoutError":
        return _limit(task, "deadline"), False
    detail = ": ".join(part for part in (str(content.get("where", "")), str(content["text"])) if part)
    unexpected = type(str(content["code"]), (Exception,), {})()
    said = recorded(task.out / ERROR_RECORD, detail=detail) or failure(unexpected, detail=detail)
    return said, bool(content["again"])


def _limit(task: Task, why: Why) -> RunError:
    lines = _lines_not_reduced(task)
    if why == "memory":
        if lines:
            return RunError("run.memory_lines", values={"report": task.report, "limit": task.memory_mb, "lines": lines})
        return RunError("run.memory", values={"report": task.report, "limit": task.memory_mb})
    if lines:
        return RunError(
            "run.deadline_lines", values={"report": task.report, "limit": task.deadline_seconds, "lines": lines}
        )
    return RunError("run.deadline", values={"report": task.report, "limit": task.deadline_seconds})


def _lines_not_reduced(task: Task) -> int:
    """Receipt lines that the page had to read one by one: all of them where no reductions of the newest are made."""
    try:
        said = json.loads((task.out / RUN_FILE).read_text(encoding="utf-8"))
        lake = Lake(said["lake"])
        if not lake.has(reduced.LINES):
            return 0
        if reduced.of_version(lake, lake.versions()[reduced.LINES], by=reductions) is not None:
            return 0
        return int(lake.table(reduced.LINES).select(pl.len()).collect().item())
    except (CrmError, OSError, ValueError, KeyError):  # the limit was hit all the same
        return 0


def died(report: str) -> RunError:
    """The error of a run whose process went away without a word."""
    return RunError("run.died", values={"report": report})


def family(pid: int, kernel: Path | None = None) -> list[psutil.Process]:
    """A process and all it started, with the kernel that was forked for it elsewhere (its id is in the file)."""
    try:
        first = psutil.Process(pid)
        members = [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
    try:
        if kernel is not None and kernel.is_file():
            forked = psutil.Process(int(kernel.read_text(encoding="ascii")))
            if forked.create_time() >= first.create_time():  # an older one only has the same number
                members += [forked, *forked.children(recursive=True)]
    except (psutil.NoSuchProcess, ValueError, OSError):  # not written yet, or gone already
        return members
    return members


def _resident(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss)
    except psutil.Error:
        return 0.0


def _own(process: psutil.Process) -> float:
    """Memory of a process, with shared pages divided among those that share them, where the system tells."""
    try:
        full = process.memory_full_info()
    except psutil.Error:
        return 0.0
    return float(getattr(full, "pss", full.rss))


def _end(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return
