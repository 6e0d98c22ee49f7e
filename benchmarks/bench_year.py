"""A year of mornings: the scheduler's clock walks 13 months over the sample; what is due is made, and read by rules.

python benchmarks/bench_year.py [--months 13] [--every 1] [--minutes 15] [--work FOLDER] [--only REPORT …]

The sample company is ingested once; every parameter file of `params/` and one regional variant of each report is
scheduled as it stands, in both languages. Each morning is one pass. Printed: passes, slots, pages, refusals (each kind
once), what the rules found, and the ledger's truth. Exit code 1 if a rule was broken. It takes hours at full length:
`--every 30` looks at one morning of thirty, `--minutes` begins none after so long, and the last line says how far it
came.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from functools import partial
from html import unescape
from pathlib import Path

import polars as pl
import yaml

from crmlib import data
from crmlib.data import Lake
from crmlib.kit.words import Words
from crmlib.run import scheduler
from crmlib.run.ledger import Ledger
from crmlib.run.plan import NO_REPORTS
from crmlib.run.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
LAST = date(2026, 11, 1)
MACHINE = re.compile(r"\b[a-z]+_[a-z_]+\b|\{\w*\}|\bnan\b|\bNone\b(?! of )")
CHANGED = re.compile(r'<section class="changed"[^>]*>(.*?)</section>', re.S)


def workspace(work: Path, *, only: list[str]) -> tuple[Workspace, str]:
    """A copy of notebooks and parameters, with a regional variant of each report, and the sample in a lake."""
    space = Workspace(work, work / "lake", work / "reports")
    shutil.copytree(ROOT / "notebooks", space.notebooks)
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        data.ingest_all(Path("data_samples/sources.yml"), lake=Lake(space.lake), now=datetime(2026, 11, 22, tzinfo=UTC))
    finally:
        os.chdir(before)
    sizes = Lake(space.lake).table("stores").group_by("region").len().sort("len", "region").collect()
    region = str(sizes["region"][-1])
    for file in sorted((ROOT / "params").glob("*/*.yml")):
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        if file.name in NO_REPORTS or (only and content["report"] not in only):
            continue
        folder = space.params / file.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file.name).write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        regional = {**content, "parameters": {**(content.get("parameters") or {}), "region": region}}
        (folder / f"regional-{file.name}").write_text(yaml.safe_dump(regional, allow_unicode=True), encoding="utf-8")
    return space, region


def read_by_rules(space: Workspace, since: float) -> Counter[str]:
    """What the pages made since then break: machine words (a feed is called as its owner called it), empty answers."""
    broken, feeds = Counter[str](), set(Lake(space.lake).ingests()["source"])
    for page in space.reports.glob("*/*/*/*/index.html"):
        if page.parent.is_symlink() and page.stat().st_mtime >= since and page.parts[-3] != "latest":
            record = json.loads((page.parent / "manifest.json").read_text(encoding="utf-8"))
            found = CHANGED.search(page.read_text(encoding="utf-8"))
            changed = unescape(re.sub(r"<[^>]+>", " ", found[1])) if found else ""
            for text in (changed, record["answer"], *(f["headline"] for f in record["findings"])):
                for word in set(MACHINE.findall(text)) - feeds:
                    broken[f"{record['report']} {record['language']}: machine word {word!r}"] += 1
            if not record["answer"]:
                broken[f"{record['report']}: no answer"] += 1
    return broken


def _same(now: datetime) -> datetime:
    return now


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--months", type=int, default=13)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--work", type=Path)
    parser.add_argument("--only", nargs="*", default=[])
    arguments = parser.parse_args()
    work = arguments.work or Path(tempfile.mkdtemp(prefix="crmlib-year-"))
    space, region = workspace(work, only=arguments.only)
    now = datetime(LAST.year, LAST.month, LAST.day, 23, 30, tzinfo=UTC) - timedelta(days=round(30.4 * arguments.months))
    said, broken, slots, began = list[str](), Counter[str](), 0, time.monotonic()
    mornings = -(-((LAST - now.date()).days + 1) // arguments.every)
    walked = 0
    while now.date() <= LAST and time.monotonic() - began < 60 * arguments.minutes:
        since = time.time()
        clock = partial(_same, now)
        one = scheduler.one_pass([space.params], space=space, clock=clock, say=said.append, words=Words("en"))
        if one.taken:
            slots += len(one.taken)
            broken += read_by_rules(space, since)
            print(f"{now.date()}: {len(one.taken)} slots, {time.monotonic() - began:.0f} s", flush=True)
        now += timedelta(days=arguments.every)
        walked += 1
    runs = Ledger(space.ledger).runs()
    states = dict(runs.group_by("state").len().iter_rows())
    print(f"{slots} slots, region {region}; runs {states}; work in {work}")
    failed = runs.filter(pl.col("state") == "failed").select("report", "message").unique()
    for report, message in failed.iter_rows():
        print(f"refused or failed: {report}: {str(message).splitlines()[0]}")
    for what, times in broken.most_common():
        print(f"BROKEN {what} ({times})")
    untrue = runs.filter(pl.col("state").is_in(["queued", "running"])).height
    unexpected = runs.filter(pl.col("message").str.contains("unexpected error")).height
    print(f"left running: {untrue}; unexpected errors: {unexpected}; rules broken: {broken.total()}")
    print(f"{walked} of {mornings} mornings, one of {arguments.every} days, {time.monotonic() - began:.0f} s")
    sys.exit(1 if untrue or unexpected or broken else 0)


if __name__ == "__main__":
    main()
