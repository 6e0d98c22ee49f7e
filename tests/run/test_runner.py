"""Runs in processes of their own: published, skipped, failed, timed out, killed."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import nbformat
import polars as pl
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from crmlib.core.errors import RunError
from crmlib.data.lake import reduced
from crmlib.kit.words import LANGUAGES, Language, Words
from crmlib.panels import reductions
from crmlib.report.record.manifest import Manifest, dump
from crmlib.run import disk, portal, publish, runner
from crmlib.run.failures import failure
from crmlib.run.ledger import Ledger
from crmlib.run.plan import Job, Keep
from crmlib.run.process import attempt, worker
from crmlib.run.workspace import Workspace
from tests.panels import histories
from tests.waiting import HANG, gone, until

pytestmark = pytest.mark.long
PAGE = """
import json, os, pathlib
out = pathlib.Path(json.load(open(os.environ["CRMLIB_RUN"]))["out"])
(out / "index.html").write_text("page " + text)
(out / "manifest.json").write_text(json.dumps({"findings": [{"key": "k", "status": "ok"}]}))
"""


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "params").mkdir()
    return Workspace(tmp_path, tmp_path / "lake", tmp_path / "reports")


def notebook(space: Workspace, code: str) -> None:
    parameters = new_code_cell('as_of = ""\nlanguage = "zh"\ntext = ""', metadata={"tags": ["parameters"]})
    nbformat.write(new_notebook(cells=[parameters, new_code_cell(code)]), space.notebooks / "demo.ipynb")


def job(text: str = "one", *, deadline: int = 60, day: str = "2026-01-31", **more: Any) -> Job:
    values = {"as_of": day, "language": "zh", "text": text}
    return Job("demo", "weekly", values, date.fromisoformat(day), f"demo/weekly/{day}/zh", ("zh",), deadline, **more)


def run(
    space: Workspace, *jobs: Job, force: bool = False, executor: Executor | None = None, language: Language = "en"
) -> list[runner.Outcome]:
    return runner.run(
        jobs,
        workspace=space,
        versions={"receipt_lines": 1},
        clock=lambda: datetime.now(UTC),
        options=runner.Options(workers=1, force=force, pause_seconds=0, language=language),
        on_end=lambda outcome: None,
        executor=executor,
    )


def page(space: Workspace) -> str:
    return (space.reports / "demo/weekly/2026-01-31/zh/index.html").read_text()


def portal_page(space: Workspace) -> str:
    return portal.page(space.reports, language="zh", now=datetime.now(UTC))


def attempts(space: Workspace) -> list[int]:
    return Ledger(space.ledger).runs()["attempts"].to_list()


def test_pages_in_the_first_language_are_made_before_the_others(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they remember is there for the others; side by side each would make it."""
    notebook(space, PAGE)
    asked = [
        Job("demo", name, {"language": spoken}, date(2026, 1, 31), f"demo/{name}/2026-01-31/{spoken}", ("zh", "en"), 60)
        for name in ("one", "two")
        for spoken in ("zh", "en")
    ]
    made: list[str] = []

    def noted(job: Job, batch: object) -> runner.Outcome:
        made.append(f"{job.variant} {job.parameters['language']}")
        return runner.Outcome(job, "skipped", 0.0, 0.0, "")

    monkeypatch.setattr(runner, "_run_one", noted)
    told = run(space, *asked)
    assert made == ["one zh", "two zh", "one en", "two en"]
    assert [outcome.job for outcome in told] == asked


def test_a_page_is_published_then_skipped_then_made_again_when_parameters_change(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "code_version", lambda workspace: "1")
    notebook(space, PAGE)
    assert run(space, job())[0].state == "ok"
    assert page(space) == "page one"
    assert run(space, job())[0].state == "skipped"
    assert run(space, job("two"))[0].state == "ok"
    assert page(space) == "page two"
    ledger = Ledger(space.ledger).runs()
    assert ledger["state"].to_list() == ["ok", "ok"]
    assert ledger["peak_mb"].min() > 10
    assert json.loads(ledger["verdicts"][0]) == {"k": "ok"}


def test_a_failing_notebook_keeps_the_old_page_and_tells_why_without_a_stack_trace(space: Workspace) -> None:
    notebook(space, PAGE)
    run(space, job())
    notebook(space, "raise ValueError('given: x')")
    (outcome,) = run(space, job("two"))
    assert (outcome.state, page(space)) == ("failed", "page one")
    assert "given: x" in outcome.message
    assert "Traceback" not in outcome.message


def test_a_failure_has_a_page_of_its_own_until_the_next_run_succeeds(space: Workspace) -> None:
    kept = space.reports / "demo/weekly/2026-01-31/failed/zh"
    notebook(space, PAGE)
    run(space, job())
    notebook(space, "raise ValueError('13800138000')")
    run(space, job("two"))
    html = (kept / "error.html").read_text(encoding="utf-8")
    assert "ValueError" in html and 'lang="zh-CN"' in html and "13800138000" not in html
    assert "13800138000" in (kept / "notebook.ipynb").read_text(encoding="utf-8")
    assert sorted(path.name for path in kept.iterdir()) == ["error.html", "notebook.ipynb"]
    assert (space.reports / "demo/weekly/latest").resolve().name == "2026-01-31"
    assert 'href="demo/weekly/2026-01-31/failed/zh/error.html"' in portal_page(space)
    notebook(space, PAGE)
    run(space, job("three"))
    assert not kept.exists() and "error.html" not in portal_page(space)


def test_latest_is_never_a_day_that_has_only_a_failure(space: Workspace) -> None:
    notebook(space, "raise ValueError")
    run(space, job(day="2026-02-28"))
    notebook(space, PAGE)
    run(space, job())
    assert (space.reports / "demo/weekly/latest").resolve().name == "2026-01-31"


def test_an_error_of_a_notebook_is_told_in_the_language_asked_for(space: Workspace) -> None:
    notebook(space, "from crmlib import report\nreport.open('customer_value', globals())")
    messages = {language: run(space, job(), language=language)[0].message for language in LANGUAGES}
    assert messages["en"].startswith("given: the lake has no table receipt_lines\nexpected: ")
    assert messages["zh"].startswith("收到：") and "receipt_lines" in messages["zh"]
    assert "\nmend: " not in messages["zh"] and messages["zh"].count("\n") == 2


def test_a_notebook_that_writes_no_page_has_failed(space: Workspace) -> None:
    notebook(space, "1")
    assert "page.close()" in run(space, job())[0].message


def test_a_hanging_notebook_hits_its_deadline(space: Workspace) -> None:
    notebook(space, "import time; time.sleep(600)")
    (outcome,) = run(space, job(deadline=3))
    assert outcome.state == "failed"
    assert outcome.seconds < 600  # what it would have slept
    assert "within 3 seconds" in outcome.message
    assert attempts(space) == [1]


def test_a_report_without_a_notebook_is_told(space: Workspace) -> None:
    assert "no notebook" in run(space, job())[0].message


def test_a_killed_runner_leaves_the_old_page_no_orphans_and_a_true_ledger(space: Workspace) -> None:
    notebook(space, PAGE)
    run(space, job())
    notebook(space, "import time; time.sleep(600)")
    code = (
        "from tests.run.test_runner import *\n"
        "from pathlib import Path\n"
        f"root = Path({str(space.root)!r})\n"
        "run(Workspace(root, root / 'lake', root / 'reports'), job('two', deadline=600))\n"
    )
    root = Path(__file__).parents[2]
    victim = subprocess.Popen([sys.executable, "-c", code], cwd=root)
    until(lambda: "running" in Ledger(space.ledger).runs()["state"].to_list())
    until(lambda: len(attempt.family(victim.pid)) > 1)
    children = attempt.family(victim.pid)[1:]
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    assert page(space) == "page one"
    notebook(space, PAGE)
    assert run(space, job("three"))[0].state == "ok"
    assert page(space) == "page three"
    states = Ledger(space.ledger).runs()["state"].to_list()
    assert sorted(states) == ["interrupted", "ok", "ok"]
    until(lambda: gone(children))


LOSE = """
import pathlib
for path in pathlib.Path("reports").glob(".ledger.sqlite*"):
    {loss}
"""


@pytest.mark.parametrize("loss", ["path.unlink()", "path.write_bytes(b'garbage' * 2000)"])
def test_a_ledger_lost_during_a_run_costs_no_page_and_the_next_run_goes_on(space: Workspace, loss: str) -> None:
    notebook(space, PAGE)
    run(space, job())
    notebook(space, LOSE.format(loss=loss) + PAGE)
    (outcome,) = run(space, job("two"))
    assert page(space) == "page two"
    assert outcome.state == "ok" if "unlink" in loss else "mend: " in outcome.message
    notebook(space, PAGE)
    assert run(space, job("three"))[0].state == "ok"
    last = Ledger(space.ledger).runs().row(0, named=True)
    assert (last["state"], json.loads(last["parameters"])["text"]) == ("ok", "three")
    assert len(list(space.reports.glob("*.damaged-*"))) == (0 if "unlink" in loss else 1)


ONCE = """
import os, pathlib, signal
mark = pathlib.Path("mark")
first = not mark.exists()
mark.touch()
if first:
    {fault}
"""


def test_a_kernel_that_dies_is_tried_again_and_the_ledger_says_so(space: Workspace) -> None:
    notebook(space, ONCE.format(fault="os.kill(os.getpid(), signal.SIGKILL)") + PAGE)
    assert run(space, job())[0].state == "ok"
    assert (page(space), attempts(space)) == ("page one", [2])


def test_a_mistake_is_not_tried_again(space: Workspace) -> None:
    notebook(space, ONCE.format(fault="raise ValueError('wrong')") + PAGE)
    (outcome,) = run(space, job())
    assert (outcome.state, attempts(space)) == ("failed", [1])


class Fails(Executor):
    """An executor on which every attempt ends in the same way."""

    def __init__(self, ended: attempt.Ended) -> None:
        self.ended, self.tasks = ended, list[attempt.Task]()

    def submit(self, execute: Any, task: attempt.Task, /) -> Future[Any]:  # type: ignore[override]
        self.tasks.append(task)
        future: Future[Any] = Future()
        future.set_result(self.ended)
        return future


def test_after_two_retries_the_run_has_failed(space: Workspace) -> None:
    notebook(space, PAGE)
    lost = Fails(attempt.Ended(failure(attempt.died("demo")), again=True, peak_mb=7.0))
    (outcome,) = run(space, job(), executor=lost)
    assert (outcome.state, len(lost.tasks), attempts(space)) == ("failed", 3, [3])
    assert "mend: check the machine's memory" in outcome.message
    assert not list(space.reports.glob(f"*/*/*/{publish.RUNS}/*"))


def test_a_run_that_holds_too_much_memory_is_ended_and_the_old_page_stays(space: Workspace) -> None:
    notebook(space, PAGE)
    run(space, job())
    notebook(space, "import time; held = b'x' * 900_000_000; time.sleep(600)")
    (outcome,) = run(space, job("two", memory_mb=600))
    assert (outcome.state, page(space), attempts(space)) == ("failed", "page one", [1, 1])
    assert "held more than 600 MB" in outcome.message and "mend: " in outcome.message
    assert outcome.peak_mb > 600


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_limit_hit_while_all_lines_are_read_says_to_make_their_reductions(
    space: Workspace, language: Language
) -> None:
    lake = histories.made(space.lake, 3, 1)
    count = Words(language).format.count(lake.table("receipt_lines").select(pl.len()).collect().item())
    notebook(space, "import time; time.sleep(600)")
    (small,) = run(space, job(memory_mb=20), language=language)
    (slow,) = run(space, job("two", deadline=1), language=language)
    assert all(f" {count} " in said.message and "crmlib reduce" in said.message for said in (small, slow))
    reduced.reduce(lake, by=reductions)
    (small,) = run(space, job("three", memory_mb=20), language=language)
    assert "memory_mb" in small.message and "crmlib reduce" not in small.message


def test_old_days_go_after_publishing(space: Workspace) -> None:
    notebook(space, PAGE)
    keep = Keep(days=10, at_least=1)
    run(space, job(day="2026-01-01", keep=keep))
    run(space, job(day="2026-01-31", keep=keep))
    assert sorted(d.name for d in (space.reports / "demo/weekly").iterdir()) == ["2026-01-31", "latest"]


def test_what_a_dead_run_left_is_swept(space: Workspace) -> None:
    orphan = publish.staging(space.reports, job().output, "dead")
    run(space)
    assert not orphan.exists()


def test_attempts_are_made_on_any_executor(space: Workspace) -> None:
    notebook(space, PAGE)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        (outcome,) = run(space, job(), executor=pool)
    assert (outcome.state, page(space)) == ("ok", "page one")
    assert outcome.peak_mb > 10


def test_a_worker_of_a_dask_cluster_dies_half_way_and_its_page_is_made_on_another(space: Workspace) -> None:
    """A real scheduler and two workers on loopback; whichever takes the first attempt is killed while it runs."""
    distributed = pytest.importorskip("distributed", reason="dask.distributed is optional and not installed")
    notebook(
        space,
        f"import pathlib, time\nmark = pathlib.Path({str(space.root / 'begun')!r})\n"
        "first = not mark.exists()\nmark.write_text('x')\ntime.sleep(600 if first else 0)\n" + PAGE,
    )
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
        ThreadPoolExecutor(1) as beside,
    ):
        client.wait_for_workers(2)
        made = beside.submit(run, space, job(), executor=client.get_executor(retries=2))
        busy = _busy_worker(client, space.root / "begun")
        os.kill(client.run(os.getpid, workers=[busy])[busy], signal.SIGKILL)
        outcomes = made.result(timeout=HANG)
    assert [outcome.state for outcome in outcomes] == ["ok"]
    assert page(space) == "page one"


def _busy_worker(client: Any, mark: Path) -> str:
    """Address of the worker that runs an attempt, once the notebook has begun."""

    def busy() -> list[str]:
        return [str(address) for address, tasks in client.processing().items() if tasks]

    until(lambda: busy() and mark.exists())
    return busy()[0]


def test_a_disk_that_fills_up_while_a_notebook_writes_is_told_in_three_parts(space: Workspace) -> None:
    notebook(space, PAGE)
    run(space, job())
    notebook(space, "with open('/dev/full', 'w') as full:\n    full.write('x')")
    (outcome,) = run(space, job("two"))
    assert (outcome.state, page(space), attempts(space)) == ("failed", "page one", [1, 1])
    assert outcome.message.startswith("given: ") and "No space left on device" in outcome.message
    assert "mend: free space" in outcome.message


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
@pytest.mark.parametrize("step", ["staging", "publish"])
def test_a_disk_that_refuses_a_step_of_the_runner_leaves_the_old_page(
    space: Workspace, monkeypatch: pytest.MonkeyPatch, number: int, step: str
) -> None:
    notebook(space, PAGE)
    fine = Fails(attempt.Ended(None, again=False, peak_mb=1.0))
    out = publish.staging(space.reports, job().output, "old")
    (out / "index.html").write_text("page one")
    publish.publish(space.reports, job().output, "old")

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(publish, step, refuse)
    monkeypatch.setattr(runner, "_verdicts", lambda out: {})
    monkeypatch.setattr(publish, "fingerprint", lambda out: "x")
    (outcome,) = run(space, job("two"), executor=fine)
    assert (outcome.state, page(space)) == ("failed", "page one")
    assert os.strerror(number) in outcome.message and "mend: " in outcome.message
    assert Ledger(space.ledger).runs()["state"].to_list() == ["failed"]


@pytest.fixture
def small_disk(space: Workspace) -> Iterator[Path]:
    """Reports on a file system of 4 MB; only whoever runs the machine may make one."""
    space.reports.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(space.reports)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system can be mounted only with the rights to do so")
    yield space.reports
    subprocess.run(["umount", str(space.reports)], check=True)


def test_on_a_disk_that_is_really_full_the_old_page_stays_and_the_next_run_goes_on(
    space: Workspace, small_disk: Path
) -> None:
    notebook(space, PAGE)
    assert run(space, job())[0].state == "ok"
    ballast = small_disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    with pytest.raises(RunError, match="mend: free space"):
        disk.refuse_unwritable(small_disk)
    with pytest.raises(RunError, match="mend: free space"):
        run(space, job("two"))
    assert page(space) == "page one"
    ballast.unlink()
    assert run(space, job("two"))[0].state == "ok"
    assert page(space) == "page two"


def test_problems_are_told_in_the_language_asked_for(space: Workspace) -> None:
    (outcome,) = run(space, job(), language="zh")
    assert outcome.message.startswith("收到：没有笔记本")


class FromNotebookError(Exception):
    """As papermill tells of what a cell raised."""

    def __init__(self, ename: str, evalue: str) -> None:
        self.ename, self.evalue = ename, evalue


@pytest.mark.parametrize(
    ("problem", "again"),
    [
        (RuntimeError("Kernel didn't respond in 60 seconds"), True),
        (FromNotebookError("OperationalError", "database is locked"), True),
        (FromNotebookError("OperationalError", "could not connect to server"), True),
        (FromNotebookError("OperationalError", 'near "selec": syntax error'), False),
        (FromNotebookError("OSError", "[Errno 116] Stale file handle: x"), True),
        (FromNotebookError("ComputeError", "Input/output error (os error 5)"), True),
        (FromNotebookError("ConnectionResetError", "[Errno 104] reset"), True),
        (FromNotebookError("FileNotFoundError", "[Errno 2] No such file"), False),
        (FromNotebookError("LakeError", "given: a lock\nexpected: none\nmend: database is locked (os error 5)"), False),
        (RunError("x", said=("[Errno 5]", "", "")), False),
        (ValueError("kernel"), False),
    ],
)
def test_only_what_may_pass_is_worth_another_attempt(problem: Exception, again: bool) -> None:
    assert worker.may_pass(problem) is again


def test_a_page_about_pages_is_made_after_them_and_again_only_when_one_of_them_changed(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crmlib.report.registry.reads_pages", lambda report: report == "about")
    made: list[str] = []

    def pretend(one: Job, batch: Any, run_id: str) -> tuple[attempt.Ended, int]:
        made.append(one.report)
        out = publish.staging(space.reports, one.output, run_id)
        (out / "index.html").write_text("page")
        text = str(one.parameters["text"])
        record = Manifest(
            one.report, "zh", "t", "q", str(one.as_of), "ok", text, {}, (), (), {}, "CNY", "1", 1, run_id, "t", text
        )
        (out / "manifest.json").write_text(dump(record))
        return attempt.Ended(None, again=False, peak_mb=0.0), 1

    monkeypatch.setattr(runner, "_attempts", pretend)
    about = replace(job(), report="about", output="about/daily/2026-01-31/zh")
    run(space, about, job())
    assert made == ["demo", "about"]
    run(space, about, job())
    assert made == ["demo", "about"]
    run(space, about, job("two"))
    assert made[2:] == ["demo", "about"]
