"""What a person or a pipe sees of runs."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from crmlib.kit.words import Words
from crmlib.run import publish
from crmlib.run.ledger import Ledger
from crmlib.run.plan import Job
from crmlib.run.progress import COLUMNS, Progress, print_runs
from crmlib.run.runner import Outcome

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LONG = f"customer_value/monthly-{'x' * 90}/2026-01-01/zh"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    kept = Ledger(tmp_path / "ledger.sqlite")
    for run_id, report, state in (("a", "customer_value", "ok"), ("b", "data_health", "failed")):
        output = f"{report}/daily/2026-01-01/zh"
        kept.add(
            run_id, report=report, variant="daily", output=output, parameters={}, input_hash="h", code_version="1",
            data_versions={}, now=NOW,
        )  # fmt: skip
        message = "given: x\nexpected: y\nmend: z" if state == "failed" else None
        kept.end(run_id, state=state, now=NOW, seconds=1.0, verdicts={"k": "ok", "l": "ok"}, message=message)  # type: ignore[arg-type]
    return kept


def test_in_a_pipe_each_run_is_one_line_of_columns_and_a_failure_names_its_page(
    ledger: Ledger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = publish.failure_of(tmp_path, "data_health/daily/2026-01-01/zh") / publish.ERROR
    page.parent.mkdir(parents=True)
    page.touch()
    print_runs(ledger.runs(), reports=tmp_path, words=Words("zh"))
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 3 and {len(cells) for cells in lines} == {len(COLUMNS)}
    assert lines[1][1] == "失败" and lines[1][-1] == f"given: x expected: y mend: z {page}"
    assert lines[2][1:3] == ["完成", "1.0"] and lines[2][-2] == "ok:2"


def test_runs_are_found_by_report_and_by_failure(ledger: Ledger) -> None:
    assert ledger.runs(report="customer_value")["run_id"].to_list() == ["a"]
    assert ledger.runs(failed=True)["run_id"].to_list() == ["b"]
    assert ledger.runs(last=1)["run_id"].to_list() == ["b"]


def test_progress_in_a_pipe_is_one_line_per_page_however_long(capsys: pytest.CaptureFixture[str]) -> None:
    job = Job("customer_value", "monthly", {}, date(2026, 1, 1), LONG, ("zh",), 60)
    with Progress(1, words=Words("en")) as progress:
        progress.ended(Outcome(job, "ok", 1.25, 10.0))
    assert capsys.readouterr().out.splitlines() == [f"    ok     1.2 s  {LONG}"]
