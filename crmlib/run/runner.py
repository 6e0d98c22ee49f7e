"""Runs reports: one process each, a deadline each, published whole or not at all, noted in the ledger."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

import psutil

import crmlib
from crmlib.core.errors import RunError
from crmlib.run import publish, warm, worker
from crmlib.run.ledger import Ledger, State
from crmlib.run.plan import Job
from crmlib.run.workspace import Workspace

_POLL_SECONDS = 0.05
_GRACE_SECONDS = 30  # beyond the notebook's own deadline, for start, page and shutdown


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one job: state, seconds, peak memory of its processes [MB], and the message if it failed."""

    job: Job
    state: State
    seconds: float
    peak_mb: float
    message: str = ""


@dataclass(frozen=True, slots=True)
class Options:
    """How to run: several at once, again although nothing changed, and whose clock."""

    workers: int = 2
    force: bool = False
    seed: int = 20_260_101


def run(
    jobs: Sequence[Job],
    *,
    workspace: Workspace,
    versions: Mapping[str, int],
    clock: Callable[[], datetime],
    options: Options,
    on_end: Callable[[Outcome], None],
) -> list[Outcome]:
    """Run the jobs and return their outcomes in the order of the jobs; `on_end` is called as each one ends.

    A job whose code, data and parameters stand in the ledger as done, and whose page is there, is skipped.
    """
    ledger = Ledger(workspace.ledger)
    ledger.recover(now=clock())
    code = code_version(workspace)
    one = partial(
        _run_one, workspace=workspace, ledger=ledger, versions=versions, code=code, clock=clock, options=options
    )

    def and_tell(job: Job) -> Outcome:
        outcome = one(job)
        on_end(outcome)
        return outcome

    with ThreadPoolExecutor(max_workers=max(1, options.workers)) as pool:
        return list(pool.map(and_tell, jobs))


def code_version(workspace: Workspace) -> str:
    """Version of the package and a hash over its modules, templates and words and over the notebooks."""
    package = Path(crmlib.__file__).parent
    digest = hashlib.sha256()
    sources = [p for p in package.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    for path in sorted([*sources, *workspace.notebooks.glob("*.ipynb")]):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return f"{crmlib.__version__}+{digest.hexdigest()[:8]}"


def _run_one(  # the steps of one run, in order
    job: Job,
    *,
    workspace: Workspace,
    ledger: Ledger,
    versions: Mapping[str, int],
    code: str,
    clock: Callable[[], datetime],
    options: Options,
) -> Outcome:
    input_hash = _input_hash(job, versions, code)
    started = time.monotonic()
    with _lock(workspace.reports / job.output) as free:
        if not free:
            return Outcome(job, "skipped", 0.0, 0.0, "another process is making this page")
        done = ledger.last_done(job.output)
        page = workspace.reports / job.output / "index.html"
        if not options.force and done and done["input_hash"] == input_hash and page.is_file():
            return Outcome(job, "skipped", 0.0, 0.0, "nothing changed")
        run_id = uuid4().hex[:12]
        ledger.add(
            run_id,
            report=job.report,
            variant=job.variant,
            output=job.output,
            parameters=job.parameters,
            input_hash=input_hash,
            code_version=code,
            data_versions=versions,
            now=clock(),
        )
        ledger.start(run_id, now=clock())
        out = publish.staging(workspace.reports, job.output, run_id)
        problem, peak = _in_process(
            job, workspace=workspace, run_id=run_id, out=out, code=code, clock=clock, options=options
        )
        seconds = time.monotonic() - started
        if problem:
            publish.discard(workspace.reports, job.output, run_id)
            ledger.end(run_id, state="failed", now=clock(), seconds=seconds, peak_mb=peak, message=problem)
            return Outcome(job, "failed", seconds, peak, problem)
        verdicts = _verdicts(out)
        state: State = "warn" if "fail" in verdicts.values() else "ok"
        page_hash = publish.fingerprint(out)
        publish.publish(workspace.reports, job.output, run_id)
        ledger.end(
            run_id,
            state=state,
            now=clock(),
            seconds=seconds,
            peak_mb=peak,
            verdicts=verdicts,
            output_hash=page_hash,
        )
        return Outcome(job, state, seconds, peak)


def _in_process(
    job: Job,
    *,
    workspace: Workspace,
    run_id: str,
    out: Path,
    code: str,
    clock: Callable[[], datetime],
    options: Options,
) -> tuple[str, float]:
    """Execute the notebook in a process of its own; the problem's text ('' if none) and peak memory [MB]."""
    notebook = workspace.notebooks / f"{job.report}.ipynb"
    if not notebook.is_file():
        return f"given: no notebook {notebook}\nexpected: a notebook of the report's name\nmend: check `report:`", 0.0
    run_file = out / "run.json"
    content = {
        "face": "html",
        "clock": clock().isoformat(),
        "seed": options.seed,
        "run_id": run_id,
        "code": code,
        "lake": str(workspace.lake),
        "out": str(out),
        "root": str(workspace.root),
        "notebook": str(notebook),
        "previous_manifest": _previous(workspace.reports, job),
        "deadline_seconds": job.deadline_seconds,
        "parameters": job.parameters,
        "languages": list(job.languages),
    }
    run_file.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    process = _start(run_file, workspace)
    peak = _watch(process, deadline=time.monotonic() + job.deadline_seconds + _GRACE_SECONDS)
    problem = _problem(out, job)
    for leftover in ("run.json", "problem.json", worker.DONE):
        (out / leftover).unlink(missing_ok=True)
    return problem, peak


def _start(run_file: Path, workspace: Workspace) -> subprocess.Popen[bytes] | warm.Child:
    """The run's process: forked from the warm parent if there is one, else a new one."""
    env = os.environ | {"POLARS_MAX_THREADS": os.environ.get("POLARS_MAX_THREADS", "2")}
    argv = ["crmlib-run", str(run_file)]
    address = os.environ.get(warm.VARIABLE, "")
    child = warm.fork(address, role="run", argv=argv, env=env, cwd=str(workspace.root)) if address else None
    return child or subprocess.Popen(
        [sys.executable, "-m", "crmlib.run.worker", str(run_file)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=env,
    )


def _watch(process: subprocess.Popen[bytes] | warm.Child, *, deadline: float) -> float:
    """Wait for a run and its kernel, ending both at the deadline; return their peak memory [MB]."""
    peak = 0.0
    while process.alive() if isinstance(process, warm.Child) else process.poll() is None:
        family = _family(process.pid)
        peak = max(peak, sum(_memory(p) for p in family) / 1e6)
        if time.monotonic() > deadline:
            for member in reversed(family):
                _end(member)
        time.sleep(_POLL_SECONDS)
    if isinstance(process, warm.Child):
        process.close()
    return peak


def _problem(out: Path, job: Job) -> str:
    """Why there is no page, or '' if there is one: the worker leaves `done` or what went wrong."""
    told = out / "problem.json"
    if told.is_file():
        return str(json.loads(told.read_text(encoding="utf-8"))["text"])
    if not (out / worker.DONE).is_file():
        return (
            "given: the run's process was ended before it finished\n"
            f"expected: a page within {job.deadline_seconds} seconds\n"
            "mend: check memory and deadline_seconds, then run again"
        )
    if not (out / "index.html").is_file():
        return (
            f"given: notebook {job.report} ran, but wrote no page\n"
            "expected: page.close() in the last cell\nmend: add it to the notebook"
        )
    return ""


def _verdicts(out: Path) -> dict[str, str]:
    """Status of each finding, from the page's manifest."""
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    return {str(f["key"]): str(f["status"]) for f in manifest.get("findings", [])}


def _input_hash(job: Job, versions: Mapping[str, int], code: str) -> str:
    facts = {"parameters": job.parameters, "report": job.report, "data": dict(versions), "code": code}
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def _previous(reports: Path, job: Job) -> str | None:
    """Manifest of the last earlier day of this variant and language."""
    variant = (reports / job.output).parent.parent
    if not variant.is_dir():
        return None
    earlier = sorted(d.name for d in variant.iterdir() if not d.is_symlink() and d.name < job.as_of.isoformat())
    found = [variant / day / str(job.parameters["language"]) / "manifest.json" for day in earlier]
    existing = [path for path in found if path.is_file()]
    return str(existing[-1].resolve()) if existing else None


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _end(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


_THREAD_LOCK = threading.Lock()


@contextmanager
def _lock(output: Path) -> Iterator[bool]:
    """One writer per output, across processes; yields whether we are it. The kernel drops the lock if we die."""
    lock = output.parent / f".{output.name}.lock"
    with _THREAD_LOCK:
        lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def refuse_unwritable(reports: Path) -> None:
    """Say so before any work if the reports folder cannot be written.

    Raises
    ------
    RunError
        `run.unwritable`.
    """
    try:
        reports.mkdir(parents=True, exist_ok=True)
        probe = reports / f".probe.{os.getpid()}"
        probe.write_text("")
        probe.unlink()
    except OSError as problem:
        raise RunError(
            "run.unwritable",
            given=f"{reports}: {problem.strerror}",
            expected="a folder that can be written, with space left",
            mend="free space or rights, or choose another folder with --out",
            values={"folder": str(reports), "problem": str(problem.strerror)},
        ) from None
