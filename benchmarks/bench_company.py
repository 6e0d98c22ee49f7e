"""Pages at the size of a company: ingest, reductions, pages with and without them, and kill -9 while they are made.

python benchmarks/bench_company.py FOLDER [--customers 200000] [--stores 120] [--pages ...] [--kills 25]

The world and its lake are made in FOLDER, or reused. 200,000 customers in 120 shops are 9.6 M lines in two years.
With --morning the day after the last comes in, and the pages of every morning are made, on a copy of links.
With --grown N the lake has the lines of the lake named by --of N times (`company_world`), without any raw file; panels
alone: `company_panels.py`.
Prints CPU seconds (children included), the peak of the largest process [GB] and wall seconds.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl

sys.path.insert(0, str(Path(__file__).parent))
import company_world

from crmlib.data.lake import reduced
from crmlib.data.lake.lake import Lake
from crmlib.panels import reductions

ROOT = Path(__file__).parents[1]
CRMLIB = [sys.executable, "-m", "crmlib.cli"]
DAILY = tuple(sorted(f"{p.parent.name}/{p.stem}" for p in (ROOT / "params").glob("*/daily.yml")))
PAGES = ("data_health/daily", "promotion_review/monthly", "customer_value/monthly", "churn_review/weekly")
MEASURE = (
    "import resource, subprocess, sys, time; t = time.monotonic(); code = subprocess.run(sys.argv[1:],"
    " stdout=subprocess.DEVNULL).returncode; u = resource.getrusage(resource.RUSAGE_CHILDREN);"
    " print(u.ru_utime + u.ru_stime, u.ru_maxrss / 2**20, time.monotonic() - t, code)"
)
KILLED = (
    "import sys; from crmlib.data.lake import lake, reduced; from crmlib.panels import reductions;"
    "reduced.LINES_AT_ONCE = int(sys.argv[2]); print('imported', flush=True);"
    "reduced.reduce(lake.Lake(sys.argv[1]), by=reductions)"
)
DAYS = 2
"""Days that the killed run takes at once: a month is then of four commits, as with a company."""


def measured(*arguments: str | Path) -> str:
    """A command's CPU seconds, peak and wall, as cells of a table."""
    command = [sys.executable, "-c", MEASURE, *CRMLIB, *map(str, arguments)]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    cpu, peak, wall = (float(x) for x in said[-4:-1])
    return f"{cpu:.0f} | {peak:.2f} | {wall:.0f} | {'ok' if said[-1] == '0' else 'code ' + said[-1]}"


def world(folder: Path, customers: int, stores: int) -> Lake:
    """The raw exports and the lake, made once."""
    raw, lake = folder / "raw", Lake(folder / "lake")
    if not (raw / "sources.yml").exists():
        size = ("--customers", str(customers), "--stores", str(stores), "--days", "730", "--seed", "11")
        print("| simulate |", measured("simulate", *size, "--out", raw), "|")
    if not lake.has("receipt_lines"):
        print(
            "| ingest with reductions |",
            measured("ingest", "all", "--sources", raw / "sources.yml", "--lake", lake.path),
            "|",
        )
    return lake


def pages(lake: Lake, folder: Path, names: list[str]) -> None:
    """Each page without anything remembered: from the lines, then from the reductions."""
    built, aside = lake.path / reduced.FOLDER / reduced.BUILT, folder / "built.json"
    for kind in ("lines", "reductions"):
        if kind == "lines":
            built.replace(aside)
        for name in names:
            for made in (lake.path / "remembered", folder / "out"):
                shutil.rmtree(made, ignore_errors=True)
            run = ("run", f"params/{name}.yml", "--lake", lake.path, "--out", folder / "out", "--workers", "1")
            print(f"| {name} from {kind} |", measured(*run, "--set", "language=zh", "--force"), "|", flush=True)
        if kind == "lines":
            aside.replace(built)


def morning(lake: Lake, folder: Path) -> None:
    """Yesterday's lines come in with their reductions, then every daily page, two languages; models remembered."""
    copy = Lake(folder / "morning" / "lake")
    shutil.rmtree(copy.path.parent, ignore_errors=True)
    shutil.copytree(lake.path, copy.path, copy_function=os.link)
    sources, rows = company_world.next_day(copy, copy.path.parent / "raw")
    began = time.monotonic()
    came = ("ingest", "till", "--sources", sources, "--lake", copy.path)
    print(f"| {rows:,} lines of yesterday and their reductions |", measured(*came), "|", flush=True)
    files = (f"params/{name}.yml" for name in DAILY)
    run = ("run", *files, "--lake", copy.path, "--out", copy.path.parent / "out", "--workers", "2")
    print(f"| {len(DAILY)} daily pages, two languages |", measured(*run), "|", flush=True)
    print(f"the whole morning: {time.monotonic() - began:.0f} s by the clock")


def kills(lake: Lake, folder: Path, times: int) -> None:
    """Kill the making of reductions at random moments; then make them, and compare every cell with the lines."""
    copy = Lake(folder / "killed")
    shutil.rmtree(copy.path, ignore_errors=True)
    shutil.copytree(lake.path, copy.path, ignore=shutil.ignore_patterns("remembered", reduced.FOLDER))
    rows, days = copy.table("receipt_lines").select(pl.len(), pl.col("day").n_unique().alias("days")).collect().row(0)
    reduced.LINES_AT_ONCE = DAYS * rows // days
    rng, began = random.Random(1), time.monotonic()
    reduced.reduce(copy, by=reductions)
    whole, torn = time.monotonic() - began, 0
    shutil.rmtree(copy.path / reduced.FOLDER)
    for _ in range(times):
        child = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(copy.path), str(reduced.LINES_AT_ONCE)], stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(rng.uniform(0.0, 1.2) * whole)
        if child.poll() is None:
            os.kill(child.pid, signal.SIGKILL)
        child.wait()
        for built in reduced.entries(copy):
            sums = (
                reduced.scan(copy, built, n).select(pl.col("lines").sum()).collect().item() for n in reductions.COLUMNS
            )
            torn += len(set(sums)) > 1
        if reduced.entries(copy) and rng.random() < 0.5:
            shutil.rmtree(copy.path / reduced.FOLDER)
    reduced.reduce(copy, by=reductions)
    wrong = [name for name, same, _, _ in reduced.verify(copy, by=reductions, most=40) if not same]
    print(f"killed {times} times while reductions were made: {torn} read torn, {len(wrong)} wrong afterwards {wrong}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--customers", type=int, default=200_000)
    parser.add_argument("--stores", type=int, default=120)
    parser.add_argument("--pages", nargs="*", default=list(PAGES))
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--grown", type=int, default=0, help="how many times the lines of --of, instead of raw exports")
    parser.add_argument("--of", type=Path, default=ROOT / ".crmlib", help="the small lake")
    parser.add_argument("--morning", action="store_true", help="nothing but a morning, of a lake that is there")
    chosen = parser.parse_args()
    print("| work | CPU s | peak GB | wall s | |\n|---|---|---|---|---|")
    folder = chosen.folder.resolve()
    if chosen.grown:
        lake = company_world.grown(Lake(chosen.of), folder / "lake", times=chosen.grown)
    else:
        lake = world(folder, chosen.customers, chosen.stores)
    if chosen.morning:
        return morning(lake, folder)
    rows = lake.table("receipt_lines").select(pl.len()).collect().item()
    shutil.rmtree(lake.path / reduced.FOLDER, ignore_errors=True)
    print("| reductions alone |", measured("reduce", "--lake", lake.path), "|")
    pages(lake, chosen.folder, chosen.pages)
    print(f"\n{rows:,} lines")
    built = reduced.entries(lake)[-1]
    for name in reductions.COLUMNS:
        cells = reduced.scan(lake, built, name).select(pl.len()).collect().item()
        print(f"{name}: {cells:,} cells, {cells / rows:.3f} of the lines")
    if chosen.kills:
        kills(lake, chosen.folder, chosen.kills)
    print(f"this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB")


if __name__ == "__main__":
    main()
