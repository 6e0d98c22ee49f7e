"""Runs: warm against cold, the runner against a bare script, one worker against two; a soak of forks.

python benchmarks/bench_run.py --lake .crmlib [--forks 1000] [--grid 10]

Wall seconds grow with whatever else the machine does; CPU seconds (of everything that was started) hardly do.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psutil

from crmlib.data import Lake
from crmlib.run import plan, runner, workspace
from crmlib.run.process import ask as warm

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "notebooks" / "customer_value.ipynb"
PARAMS = ROOT / "params" / "customer_value" / "monthly.yml"


def jobs_of(lake: Path, count: int) -> list[plan.Job]:
    """`count` pages of the customer value report that differ in one parameter."""
    latest = plan.latest_day(Lake(lake))
    return [
        replace(job, output=job.output.replace("/monthly", f"/monthly-{n}"))
        for n in range(count)
        for job in plan.jobs_of(PARAMS, latest=latest, overrides={"capacity": str(10 + n), "language": "zh"})
    ]


@dataclass(frozen=True, slots=True)
class Cost:
    """Wall and CPU seconds of one contestant."""

    wall: float
    cpu: float


def measured(work: Callable[[], object]) -> Cost:
    """What `work` costs, with what the processes it talks to (warm parent, drawing engines) use for it."""
    begun, before = time.monotonic(), _used()
    work()
    return Cost(time.monotonic() - begun, _used() - before)


def _used() -> float:
    """CPU seconds of this process, of the ended ones below it, and of those that live."""
    time.sleep(0.3)  # the ended ones are being taken note of
    own = sum(os.times()[:4])
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            own += sum(process.cpu_times()[:4])
    return own


def run(lake: Path, jobs: list[plan.Job], *, workers: int) -> None:
    """Make the jobs into a new folder."""
    with tempfile.TemporaryDirectory() as out:
        space = workspace.Workspace(ROOT, lake, Path(out))
        outcomes = runner.run(
            jobs,
            workspace=space,
            versions={},
            clock=lambda: datetime.now(UTC),
            options=runner.Options(workers=workers),
            on_end=lambda outcome: None,
        )
        assert all(o.state in {"ok", "warn"} for o in outcomes), [o.message for o in outcomes]


def on_one_core(work: Callable[[], object]) -> Callable[[], object]:
    """The same work with this process, and all that it starts from now on, on one core."""

    def confined() -> None:
        every = os.sched_getaffinity(0)
        try:
            _confine({min(every)})
            work()
        finally:
            _confine(every)

    return confined


def _confine(cores: set[int]) -> None:
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        with suppress(psutil.Error, ProcessLookupError):
            for thread in process.threads():
                os.sched_setaffinity(thread.id, cores)


def bare_script(lake: Path) -> None:
    """The same cells as a plain script."""
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    cells = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    env = {**os.environ, "CRMLIB_LAKE": str(lake)}
    subprocess.run([sys.executable, "-c", "\n".join(cells)], env=env, check=True, capture_output=True)


def soak(address: str, count: int) -> tuple[float, int]:
    """Seconds of so many forks one after the other, and how many hung."""
    hung, started = 0, time.monotonic()
    for _ in range(count):
        child = warm.fork(address, role="run", argv=["x", "/none.json"], env={}, cwd="/")
        assert child is not None
        hung += not child.wait(20)
        child.close()
    return time.monotonic() - started, hung


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lake", type=Path, default=ROOT / ".crmlib")
    parser.add_argument("--forks", type=int, default=1000)
    parser.add_argument("--grid", type=int, default=10)
    options = parser.parse_args()
    lake, grid = options.lake.resolve(), options.grid

    rows = {
        "bare script": measured(lambda: bare_script(lake)),
        "cold run": measured(lambda: run(lake, jobs_of(lake, 1), workers=1)),
    }
    with warm.parent(notebooks=[NOTEBOOK]) as variables:
        os.environ.update(variables)
        run(lake, jobs_of(lake, 1), workers=1)  # the drawing engines start
        rows["warm run"] = measured(lambda: run(lake, jobs_of(lake, 1), workers=1))
        one = partial(run, lake, jobs_of(lake, grid), workers=1)
        rows[f"{grid} warm runs, 1 worker on 1 core"] = measured(on_one_core(one))
        rows[f"{grid} warm runs, 1 worker on all cores"] = measured(one)
        rows[f"{grid} warm runs, 2 workers"] = measured(lambda: run(lake, jobs_of(lake, grid), workers=2))
        forks, hung = soak(variables[warm.VARIABLE], options.forks)
        for name in variables:
            os.environ.pop(name)
    load = os.getloadavg()[0]
    print(f"\nload of the machine at the end: {load:.1f} on {os.cpu_count()} cores; wall times grow with it")
    print("\n| what | wall s | CPU s |\n|---|---|---|")
    for name, cost in rows.items():
        print(f"| {name} | {cost.wall:.2f} | {cost.cpu:.2f} |")
    alone, both, two = (cost for name, cost in rows.items() if "warm runs" in name)
    warm_share = rows["warm run"].wall / rows["cold run"].wall
    print(
        f"\nwarm / cold: {warm_share:.2f}; cold / bare script: {rows['cold run'].wall / rows['bare script'].wall:.2f}"
    )
    print(f"2 workers against 1 on one core: {alone.wall / two.wall:.2f} x; on all cores: {both.wall / two.wall:.2f} x")
    print(f"{options.forks} forks in {forks:.1f} s, {hung} hung")


if __name__ == "__main__":
    main()
