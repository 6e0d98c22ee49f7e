"""Runs in processes of their own: published, skipped, failed, timed out, killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from crmlib.run import runner
from crmlib.run.ledger import Ledger
from crmlib.run.plan import Job
from crmlib.run.workspace import Workspace

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


def job(text: str = "one", *, deadline: int = 60) -> Job:
    values = {"as_of": "2026-01-31", "language": "zh", "text": text}
    return Job("demo", "weekly", values, date(2026, 1, 31), "demo/weekly/2026-01-31/zh", ("zh",), deadline)


def run(space: Workspace, *jobs: Job, force: bool = False) -> list[runner.Outcome]:
    return runner.run(
        jobs,
        workspace=space,
        versions={"receipt_lines": 1},
        clock=lambda: datetime.now(UTC),
        options=runner.Options(workers=1, force=force),
        on_end=lambda outcome: None,
    )


def page(space: Workspace) -> str:
    return (space.reports / "demo/weekly/2026-01-31/zh/index.html").read_text()


def test_a_page_is_published_then_skipped_then_made_again_when_parameters_change(space: Workspace) -> None:
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


def test_a_notebook_that_writes_no_page_has_failed(space: Workspace) -> None:
    notebook(space, "1")
    assert "page.close()" in run(space, job())[0].message


def test_a_hanging_notebook_hits_its_deadline(space: Workspace) -> None:
    notebook(space, "import time; time.sleep(600)")
    (outcome,) = run(space, job(deadline=3))
    assert outcome.state == "failed"
    assert outcome.seconds < 60


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
    for _ in range(300):
        if "running" in Ledger(space.ledger).runs()["state"].to_list():
            break
        time.sleep(0.1)
    time.sleep(1)
    children = runner._family(victim.pid)[1:]
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    assert page(space) == "page one"
    notebook(space, PAGE)
    assert run(space, job("three"))[0].state == "ok"
    assert page(space) == "page three"
    states = Ledger(space.ledger).runs()["state"].to_list()
    assert sorted(states) == ["interrupted", "ok", "ok"]
    for _ in range(200):
        if not any(c.is_running() and c.status() != "zombie" for c in children):
            break
        time.sleep(0.1)
    assert not any(c.is_running() and c.status() != "zombie" for c in children)
