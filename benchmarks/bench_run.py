"""Runs: warm against cold, the runner against a bare script, one worker against two; a soak of forks; kill -9.

python benchmarks/bench_run.py --lake .crmlib [--forks 1000] [--kills 100]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from crmlib.data import Lake
from crmlib.run import plan, runner, warm, workspace
from crmlib.run.ledger import Ledger

ROOT = Path(__file__).parents[1]
PARAMS = ROOT / "params" / "customer_value" / "monthly.yml"


def jobs_of(lake: Path, count: int) -> list[plan.Job]:
    """`count` pages of the customer value report that differ in one parameter."""
    latest = plan.latest_day(Lake(lake))
    return [
        replace(job, output=job.output.replace("/monthly", f"/monthly-{n}"))
        for n in range(count)
        for job in plan.jobs_of(PARAMS, latest=latest, overrides={"capacity": str(10 + n), "language": "zh"})
    ]


def run(lake: Path, jobs: list[plan.Job], *, workers: int) -> float:
    """Wall seconds of making the jobs into a new folder."""
    with tempfile.TemporaryDirectory() as out:
        space = workspace.Workspace(ROOT, lake, Path(out))
        started = time.monotonic()
        outcomes = runner.run(
            jobs,
            workspace=space,
            versions={},
            clock=lambda: datetime.now(UTC),
            options=runner.Options(workers=workers),
            on_end=lambda outcome: None,
        )
        assert all(o.state in {"ok", "warn"} for o in outcomes), [o.message for o in outcomes]
        return time.monotonic() - started


def bare_script(lake: Path) -> float:
    """Wall seconds of the same cells as a plain script."""
    notebook = json.loads((ROOT / "notebooks" / "customer_value.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    started = time.monotonic()
    env = {**os.environ, "CRMLIB_LAKE": str(lake)}
    subprocess.run([sys.executable, "-c", "\n".join(cells)], env=env, check=True, capture_output=True)
    return time.monotonic() - started


def kills(lake: Path, count: int) -> tuple[int, int]:
    """Kill the runner at random moments; how often a page was torn, and how often the ledger was wrong afterwards."""
    torn = wrong = 0
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "crmlib.cli", "run", str(PARAMS), "--out", out, "--lake", str(lake), "--force"]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        rng = random.Random(1)
        for _ in range(count):
            process = subprocess.Popen(
                command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
            )
            time.sleep(rng.uniform(0.5, 14))
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for page in Path(out).glob("*/*/*/zh/index.html"):
                torn += not page.read_text(encoding="utf-8").rstrip().endswith("</html>")
            ledger = Ledger(Path(out) / ".ledger.sqlite")
            ledger.recover(now=datetime.now(UTC))
            wrong += bool({"queued", "running"} & set(ledger.runs()["state"]))
    return torn, wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lake", type=Path, default=ROOT / ".crmlib")
    parser.add_argument("--forks", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=100)
    options = parser.parse_args()
    lake = options.lake.resolve()

    rows = [("bare script", bare_script(lake)), ("cold run", run(lake, jobs_of(lake, 1), workers=1))]
    with warm.parent() as variables:
        os.environ.update(variables)
        rows.append(("warm run", run(lake, jobs_of(lake, 1), workers=1)))
        rows.append(("10 warm runs, 1 worker", run(lake, jobs_of(lake, 10), workers=1)))
        rows.append(("10 warm runs, 2 workers", run(lake, jobs_of(lake, 10), workers=2)))
        hung = 0
        started = time.monotonic()
        for _ in range(options.forks):
            child = warm.fork(variables[warm.VARIABLE], role="run", argv=["x", "/none.json"], env={}, cwd="/")
            assert child is not None
            end = time.monotonic() + 20
            while child.alive() and time.monotonic() < end:
                time.sleep(0.002)
            hung += child.alive()
            child.close()
        forks = time.monotonic() - started
        for name in variables:
            os.environ.pop(name)
    print(
        f"\nload of the machine at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; wall times grow with it"
    )
    print("\n| what | wall s |\n|---|---|")
    for name, seconds in rows:
        print(f"| {name} | {seconds:.2f} |")
    print(f"\n{options.forks} forks in {forks:.1f} s, {hung} hung")
    if options.kills:
        torn, wrong = kills(lake, options.kills)
        print(f"{options.kills} kill -9: {torn} torn pages, {wrong} untrue ledgers")


if __name__ == "__main__":
    main()
