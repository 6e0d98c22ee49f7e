"""A year of mornings of a small company that does not stand still: every report, every month, in both languages.

python benchmarks/bench_mornings.py [--months 13] [--every-slot | --every 3] [--minutes 60] [--lake FOLDER]
    [--only REPORT …]

The slots are those of `params/`, as the scheduler finds them for a clock that walks the months; of each parameter file
the first slot of a month is made (`--every-slot`: all of them; `--every 3`: that of every third month, in turn, so that
each month has a third of the reports), in turn as Chinese and English page of the company and of one region. In the
company (the sample, one member in sixteen) a shop opens, another closes, a region is renamed, a feed stops for ten days
and comes back corrected. Pages are made in this process without drawing and without tables, as in
`tests/run/test_year.py`; whole passes with processes, drawing and the portal are `bench_year.py`'s. Printed: pages,
refusals (each kind once), what the rules found; at the end early pages are made again and compared: a page of a past
day is what it was. Exit code 1 if a rule was broken.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from crmlib import data
from crmlib.core.errors import CrmError
from crmlib.data import Lake
from crmlib.report.html import sheets
from crmlib.report.record import compare, manifest
from crmlib.report.record.manifest import Manifest
from crmlib.run import plan, schedule
from crmlib.run.schedule import Due, Slots
from tests.report import quick
from tests.run import test_year as light

LAST = date(2026, 11, 1)
VARIANTS = (("zh", False), ("en", True), ("en", False), ("zh", True))
"""Language, and whether of one region: in turn."""
OPENED, CLOSED = date(2026, 2, 9), date(2026, 5, 20)
GAP, CORRECTED = (date(2026, 7, 10), date(2026, 7, 20)), date(2026, 8, 1)
RENAMED = date(2026, 4, 1)
EARLY = 12
"""So many of the first pages are made again at the end."""


@dataclass(slots=True)
class Walk:
    """A small company, its pages so far, and what was wrong with them."""

    lake: Lake
    late: pl.DataFrame
    region: str
    place: Path
    patch: pytest.MonkeyPatch
    told: list[str] = field(default_factory=list)
    last: dict[tuple[str, str, bool], Path] = field(default_factory=dict)
    turn: Counter[str] = field(default_factory=Counter)
    made: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    early: list[tuple[Due, dict[str, object], Path]] = field(default_factory=list)
    figures: int = 0

    def wrong(self, what: str) -> None:
        """Note and say what broke a rule, at its first time."""
        self.broken[what] += 1
        if self.broken[what] == 1:
            print(f"BROKEN {what}", flush=True)

    def happen(self, day: date, done: set[str]) -> None:
        """What happened before this morning, once each."""
        if day >= RENAMED and "renamed" not in done:
            done.add("renamed")
            for name in ("stores", "customers"):
                frame = self.lake.table(name).collect().with_columns(pl.col("region").replace({"西南": "西部"}))
                light.stored(self.lake, name, frame, f"renamed-{name}", whole=True)
        if day >= CORRECTED and "corrected" not in done:
            done.add("corrected")
            light.stored(self.lake, "receipt_lines", self.late, "late")

    def page(self, due: Due) -> None:
        """One slot in the variant whose turn it is, judged by the rules."""
        read = plan.read(due.file)
        language, regional = VARIANTS[self.turn[str(due.file)] % len(VARIANTS)]
        self.turn[str(due.file)] += 1
        given = {name: value for name, value in read.parameters.items() if not isinstance(value, list)}
        given |= {"language": language} | ({"region": self.region} if regional else {})
        out = self.place / f"{self.turn.total():05d}"
        key = (str(due.file), language, regional)
        record = self.make(due, given, out, self.last.get(key))
        if record is None:
            return
        self.made[read.report] += 1
        self.judge(read.report, language, record)
        if key in self.last:
            self.true(read.report, manifest.load(self.last[key]), record)
        self.last[key] = out / "manifest.json"
        if len(self.early) < EARLY and due.as_of < GAP[0]:
            self.early.append((due, given, out / "manifest.json"))

    def make(self, due: Due, given: dict[str, object], out: Path, last: Path | None) -> Manifest | None:
        """The record of a page, none where it was refused."""
        report = plan.read(due.file).report
        notebook = next(path for path in light.NOTEBOOKS_ALL if path.stem == report)
        self.told.clear()
        try:
            light.made(
                notebook, self.lake, out, day=due.as_of, language=str(given["language"]), last=last or out / "none",
                patch=self.patch, more=given,
            )  # fmt: skip
        except CrmError as problem:
            said = str(problem)
            self.refused[f"{report}: {said.splitlines()[0]}"] += 1
            if said.count("\n") != 2 or "mend: " not in said:
                self.wrong(f"{report}: refused without three parts: {said[:80]}")
            return None
        except Exception as problem:  # whatever it comes to, the walk goes on
            self.wrong(f"{report} {due.as_of}: {type(problem).__name__}: {str(problem)[:120]}")
            return None
        return manifest.load(out / "manifest.json")

    def judge(self, report: str, language: str, record: Manifest) -> None:
        """No machine words, the page's own language, an answer."""
        if not record.answer:
            self.wrong(f"{report}: no answer")
        for line in [*self.told, record.answer, *(f.headline for f in record.findings)]:
            if light.MACHINE.search(line):
                self.wrong(f"{report} {language}: machine word in: {line[:120]}")
            if language == "zh" and not light.CHINESE.search(line):
                self.wrong(f"{report}: no Chinese in: {line[:120]}")

    def true(self, report: str, before: Manifest | None, after: Manifest) -> None:
        """Every changed figure stands in both records as the line says."""
        old = {f.key: f for f in before.figures} if before else {}
        for figure in after.figures:
            for line in [x for x in self.told if x.startswith(figure.label) and figure.key in old]:
                self.figures += 1
                if figure.value not in line or old[figure.key].value not in line:
                    self.wrong(f"{report}: untrue change: {line[:120]}")

    def again(self) -> int:
        """Make the first pages again; how many have the figures they had."""
        same = 0
        for number, (due, given, old) in enumerate(self.early):
            record, before = self.make(due, given, self.place / f"again-{number}", None), manifest.load(old)
            if record is None or before is None or record.figures != before.figures:
                self.wrong(f"{plan.read(due.file).report}: of {due.as_of}, made again, is another page")
            else:
                same += 1
        return same


def company(work: Path, whole: Lake) -> tuple[Lake, pl.DataFrame, str]:
    """The sample made small: lines of one member in sixteen, a shop not yet open, one that will close, a gap."""
    lake, late = Lake(work / "lake"), pl.DataFrame()
    stores = whole.table("stores").collect()
    opened, closed = stores.filter(pl.col("kind") == "own")["store_id"][:2]
    for name in whole.tables():
        frame = whole.table(name).collect()
        if name == "receipt_lines":
            frame = frame.filter(quick.some(members=16, others=16))
            frame = frame.filter((pl.col("store_id") != opened) | (pl.col("day") >= OPENED))
            frame = frame.filter((pl.col("store_id") != closed) | (pl.col("day") <= CLOSED))
            gap = pl.col("day").is_between(*GAP)
            late, frame = frame.filter(gap), frame.filter(~gap)
        light.stored(lake, name, frame, f"first-{name}")
    sizes = stores.group_by("region").len().sort("len", "region")
    return lake, late, str(sizes["region"][-1])


def slots(months: int, *, every: bool, step: int, only: list[str], ledger: Path) -> list[Due]:
    """All slots of the months, by the scheduler's own finding, oldest first; of a file each `step`th month, in turn."""
    books, files = Slots(ledger), [f for f in plan.files([ROOT / "params"]) if plan.read(f).schedule]
    now = datetime(LAST.year, LAST.month, LAST.day, tzinfo=UTC) - timedelta(days=round(30.4 * months))
    found, had = list[Due](), set[tuple[str, int, int]]()
    turn = {file: at for at, file in enumerate(files)}
    while now.date() <= LAST:
        for due in schedule.due(files, slots=books, root=ROOT, now=now):
            books.note(schedule.name_of(due.file, ROOT), due.slot, state="done", now=now)
            month = (str(due.file), due.slot.year, due.slot.month)
            mine = (turn[due.file] + due.slot.year * 12 + due.slot.month) % step == 0
            if mine and (every or month not in had) and (not only or plan.read(due.file).report in only):
                found.append(due)
            had.add(month)
        now += timedelta(days=1)
    return found


def sample(work: Path) -> Lake:
    """The sample company, ingested."""
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        data.ingest_all(
            Path("data_samples/sources.yml"), lake=Lake(work / "whole"), now=datetime(2026, 11, 22, tzinfo=UTC)
        )
    finally:
        os.chdir(before)
    return Lake(work / "whole")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--months", type=int, default=13)
    parser.add_argument("--every-slot", action="store_true")
    parser.add_argument("--every", type=int, default=1, help="of each file only every so many months, in turn")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--lake", type=Path, help="a lake of the sample, where one is made already")
    parser.add_argument("--only", nargs="*", default=[])
    chosen = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="crmlib-mornings-"))
    lake, late, region = company(work, Lake(chosen.lake) if chosen.lake else sample(work))
    began, busy, days = time.monotonic(), time.process_time(), defaultdict[date, int](int)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "read", cache(plan.read))
        wanted = slots(
            chosen.months, every=chosen.every_slot, step=chosen.every, only=chosen.only, ledger=work / "slots.sqlite"
        )
        quick.draws(patch)
        quick.undrawn(patch)
        quick.unset(patch)
        patch.setattr(sheets, "xlsx", lambda *_, **__: b"")
        walk, done, changes = Walk(lake, late, region, work / "pages", patch), set[str](), compare.changes

        def heard(*arguments: Any, **named: Any) -> tuple[str, ...]:
            walk.told[:] = changes(*arguments, **named)
            return tuple(walk.told)

        patch.setattr(compare, "changes", heard)
        for due in wanted:
            if time.monotonic() - began > 60 * chosen.minutes:
                break
            walk.happen(due.slot.date(), done)
            walk.page(due)
            days[due.slot.date()] += 1
            if sum(days.values()) % 50 == 0:
                print(
                    f"{due.slot.date()}: {sum(days.values())} of {len(wanted)} slots, {time.monotonic() - began:.0f} s",
                    flush=True,
                )
        same = walk.again()
    for what, times in walk.refused.most_common():
        print(f"refused {times} times: {what}")
    for what, times in walk.broken.most_common():
        print(f"BROKEN {what} ({times})")
    print(
        f"{sum(days.values())} of {len(wanted)} slots on {len(days)} mornings: {sum(walk.made.values())} pages of"
        f" {len(walk.made)} reports, {sum(walk.refused.values())} refused; {walk.figures} changed figures compared;"
        f" {same} of {len(walk.early)} early pages the same when made again; rules broken: {walk.broken.total()};"
        f" {time.process_time() - busy:.0f} s of the processor, {time.monotonic() - began:.0f} s"
    )
    sys.exit(1 if walk.broken else 0)


if __name__ == "__main__":
    main()
