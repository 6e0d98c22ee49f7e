"""Runs reports: one process each, within time and memory, published whole or not at all, noted in the ledger."""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

from crmlib.core.errors import CrmError, RunError
from crmlib.kit.words import Language, Words
from crmlib.report import registry
from crmlib.report.failure import run_page
from crmlib.run import disk, publish
from crmlib.run.failures import Failure, failure, lines
from crmlib.run.inputs import code_version, input_hash, run_file
from crmlib.run.ledger import Ledger, State, set_aside_if_damaged
from crmlib.run.plan import Job
from crmlib.run.process import attempt
from crmlib.run.workspace import Workspace

MOST_RETRIES = 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one job: state, seconds, peak memory of its processes [MB], and the message if it failed.

    `stands` marks a page that was skipped because it is there already.
    """

    job: Job
    state: State
    seconds: float
    peak_mb: float
    message: str = ""
    stands: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """How to run: several at once, again although nothing changed, from which seed, telling problems in a language.

    `pause_seconds` is the wait before the first retry; the second waits four times as long.
    """

    workers: int = 2
    force: bool = False
    seed: int = 20_260_101
    language: Language = "en"
    pause_seconds: float = 2.0


@dataclass(frozen=True, slots=True)
class _Batch:
    """What all jobs of one call share."""

    workspace: Workspace
    ledger: Ledger
    versions: Mapping[str, int]
    code: str
    clock: Callable[[], datetime]
    options: Options
    executor: Executor | None
    threads: int


def run(
    jobs: Sequence[Job],
    *,
    workspace: Workspace,
    versions: Mapping[str, int],
    clock: Callable[[], datetime],
    options: Options,
    on_end: Callable[[Outcome], None],
    executor: Executor | None = None,
) -> list[Outcome]:
    """Run the jobs and return their outcomes in the order of the jobs; `on_end` is called as each one ends.

    A job whose code, data and parameters stand in the ledger as done, and whose page is there, is skipped.

    Parameters
    ----------
    executor : where attempts are made, at most `options.workers` at once: processes of this machine by default; a
        `concurrent.futures` pool, or the executor of a `dask.distributed` client whose workers see the same folders.
        Ledger, locks and publishing stay here.
    """
    set_aside_if_damaged(workspace.ledger)
    ledger = Ledger(workspace.ledger)
    ledger.recover(now=clock())
    publish.sweep(workspace.reports, active=ledger.active)
    workers = max(1, min(options.workers, len(jobs)))
    threads = max(1, (os.cpu_count() or 1) // workers)  # more than one run at a time share the cores
    batch = _Batch(workspace, ledger, versions, code_version(workspace), clock, options, executor, threads)

    def and_tell(job: Job) -> Outcome:
        outcome = _run_one(job, batch)
        on_end(outcome)
        return outcome

    last = [registry.reads_pages(job.report) for job in jobs]  # made of the other pages, so made after them
    outcomes: dict[int, Outcome] = {}
    with ThreadPoolExecutor(max_workers=workers) as pool:
        for turn in (False, True):
            mine = sorted(
                (at for at, is_last in enumerate(last) if is_last == turn), key=lambda at: _language(jobs[at])
            )
            outcomes |= zip(mine, pool.map(and_tell, [jobs[at] for at in mine]), strict=True)
    return [outcomes[at] for at in range(len(jobs))]


def _language(job: Job) -> int:
    """Place of a job's language: pages in the first are made first, and what they remember is there for the others."""
    spoken = job.parameters.get("language")
    return job.languages.index(spoken) if spoken in job.languages else 0


def _run_one(job: Job, batch: _Batch) -> Outcome:
    """Make one page, unless somebody else is making it or it is there already."""
    reports = batch.workspace.reports
    digest = input_hash(job, batch.versions, batch.code, reports)
    try:
        with _lock(reports / job.output) as free:
            if not free:
                return Outcome(job, "skipped", 0.0, 0.0, "another process is making this page")
            done = batch.ledger.last_done(job.output)
            page = reports / job.output / "index.html"
            if not batch.options.force and done and done["input_hash"] == digest and page.is_file():
                return Outcome(job, "skipped", 0.0, 0.0, "nothing changed", stands=True)
            return _noted(job, batch, digest)
    except OSError as problem:
        return Outcome(job, "failed", 0.0, 0.0, _message(_unwritable(batch, problem), batch))
    except RunError as problem:  # the ledger cannot be written: the other jobs may still have more luck
        return Outcome(job, "failed", 0.0, 0.0, _message(failure(problem), batch))


def _noted(job: Job, batch: _Batch, digest: str) -> Outcome:
    """Make one page, with a row in the ledger from its beginning to its end."""
    run_id, started, now = uuid4().hex[:12], time.monotonic(), batch.clock
    add = partial(
        batch.ledger.add,
        run_id,
        report=job.report,
        variant=job.variant,
        output=job.output,
        parameters=job.parameters,
        input_hash=digest,
        code_version=batch.code,
        data_versions=batch.versions,
        now=now(),
    )
    add()
    batch.ledger.start(run_id, now=now())
    ended, attempts = _attempts(job, batch, run_id)
    state: State = "failed"
    problem, page_hash, verdicts = ended.problem, None, dict[str, str]()
    if problem is None:
        try:
            page_hash, verdicts = _published(job, batch, run_id)
            state = "warn" if "fail" in verdicts.values() else "ok"
        except OSError as refused:
            problem = _unwritable(batch, refused)
    if problem is not None:
        keep_failure(job, batch.workspace.reports, run_id, problem)
    message = "" if problem is None else _message(problem, batch)
    seconds = time.monotonic() - started
    end = partial(
        batch.ledger.end,
        run_id,
        state=state,
        now=now(),
        seconds=seconds,
        peak_mb=ended.peak_mb,
        verdicts=verdicts,
        output_hash=page_hash,
        message=message or None,
        attempts=attempts,
    )
    if not end():  # the ledger was lost meanwhile: the new one must know, too
        add()
        end()
    return Outcome(job, state, seconds, ended.peak_mb, message)


def _attempts(job: Job, batch: _Batch, run_id: str) -> tuple[attempt.Ended, int]:
    """Try until the page is there or trying again cannot help; how it ended, and how many attempts it took."""
    peak = 0.0
    for count in range(1, MOST_RETRIES + 2):
        try:
            ended = _attempt(job, batch, run_id)
        except OSError as refused:
            return attempt.Ended(_unwritable(batch, refused), again=False, peak_mb=peak), count
        peak = max(peak, ended.peak_mb)
        if not ended.again or count > MOST_RETRIES:
            break
        time.sleep(batch.options.pause_seconds * 4 ** (count - 1))
    return attempt.Ended(ended.problem, ended.again, peak), count


def _attempt(job: Job, batch: _Batch, run_id: str) -> attempt.Ended:
    """Execute the notebook once, in a folder that is empty but for the run file."""
    space = batch.workspace
    notebook = registry.notebook(job.report, project=space.root)
    if not notebook.is_file():
        return attempt.Ended(failure(_no_notebook(notebook)), again=False, peak_mb=0.0)
    publish.discard(space.reports, job.output, run_id)
    out = publish.staging(space.reports, job.output, run_id)
    now, seed = batch.clock(), batch.options.seed
    content = run_file(job, space=space, run_id=run_id, out=out, notebook=notebook, now=now, seed=seed)
    (out / attempt.RUN_FILE).write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    task = attempt.Task(out, space.root, job.report, job.deadline_seconds, job.memory_mb, batch.threads)
    if batch.executor is None:
        return attempt.execute(task)
    try:
        return batch.executor.submit(attempt.execute, task).result()
    except OSError:
        raise
    except Exception as problem:  # a pool or a machine of it went away: another attempt helps if others are left
        died = failure(attempt.died(job.report), detail=f"{type(problem).__name__}: {problem}")
        return attempt.Ended(died, again=not isinstance(problem, BrokenExecutor), peak_mb=0.0)


def _published(job: Job, batch: _Batch, run_id: str) -> tuple[str, dict[str, str]]:
    """Make the finished page the readable one; its hash and the verdicts of its findings."""
    reports = batch.workspace.reports
    out = publish.folder(reports, job.output, run_id)
    verdicts, page_hash = _verdicts(out), publish.fingerprint(out)
    publish.publish(reports, job.output, run_id)
    with suppress(OSError):  # the page is there: old days that cannot be removed now go next time
        publish.retain(reports, job.output, keep_days=job.keep.days, at_least=job.keep.at_least)
    return page_hash, verdicts


def _no_notebook(notebook: Path) -> CrmError:
    return RunError("run.no_notebook", values={"file": str(notebook)})


def _unwritable(batch: _Batch, problem: OSError) -> Failure:
    return failure(disk.unwritable(batch.workspace.reports, problem.strerror or str(problem)))


def keep_failure(job: Job, reports: Path, run_id: str, problem: Failure) -> None:
    """Leave the page that says what went wrong beside the last good one, and nothing else of the run."""
    language = str(job.parameters["language"])
    try:
        page = run_page(job.report, problem.said[language], words=Words(language))
        publish.keep_failure(reports, job.output, run_id, page=page)
    except OSError:  # no room for it: the ledger and the terminal say it too
        publish.discard(reports, job.output, run_id)


def _message(problem: Failure, batch: _Batch) -> str:
    return lines(problem, words=Words(batch.options.language))


def _verdicts(out: Path) -> dict[str, str]:
    """Status of each finding, from the page's manifest."""
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    return {str(f["key"]): str(f["status"]) for f in manifest.get("findings", [])}


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
