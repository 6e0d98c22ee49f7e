"""Two mornings, a month apart: every report, found by itself, in a world that does not stand still.

A shop opens, one closes, a region is renamed, a feed stops and comes back corrected. "What changed" is read by a rule.
The whole year, with every slot, variant and language, is walked by `benchmarks/bench_year.py`; here every other report
speaks English on its second morning.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import polars as pl
import pytest

from crmlib.core.errors import CrmError
from crmlib.data import Lake
from crmlib.data.lake import delta
from crmlib.report.context import SEED
from crmlib.report.html import sheets
from crmlib.report.record import compare, manifest
from crmlib.report.record.manifest import Manifest
from tests.report import quick

pytestmark = pytest.mark.long
ROOT = Path(__file__).resolve().parents[2]
TOWN = "site_selection"
"""Its page is about a town, not a morning; it is made in both languages by the tests of notebooks."""
NOTEBOOKS_ALL = sorted((ROOT / "notebooks").rglob("*.ipynb"))
NOTEBOOKS = [path for path in NOTEBOOKS_ALL if path.stem != TOWN]
MORNINGS = (date(2026, 9, 30), date(2026, 10, 31))
FIRST, GAP = date(2025, 8, 1), (date(2026, 8, 10), date(2026, 8, 20))
OPENED, CLOSED = date(2026, 9, 7), date(2026, 9, 20)
MACHINE = re.compile(r"\b[a-z]+_[a-z_]+\b|\{\w*\}|\bnan\b|\bNone\b(?! of )|\binf\b")
CHINESE = re.compile(r"[\u4e00-\u9fff\uff00-\uffef]")
"""Its words or, beside a name such as ROI, its punctuation."""


def plain(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        pl.col(c).cast(pl.String) if isinstance(d, pl.Enum) else pl.col(c).dt.convert_time_zone("UTC")
        for c, d in frame.schema.items()
        if isinstance(d, pl.Enum | pl.Datetime)
    )


def stored(lake: Lake, name: str, frame: pl.DataFrame, batch: str, *, whole: bool = False) -> None:
    record = {"source": name, "table": name, "at": datetime.now(UTC).isoformat(), "read": frame.height}
    record |= {"kept": frame.height, "currency": "CNY", "files": {}, "rules": []}
    record |= dict.fromkeys(("replaced", "duplicate", "quarantined", "excluded", "withdrawn"), 0)
    facts = json.dumps({"currency": "CNY", "time_zone": "Asia/Shanghai"})
    made, path = delta.Batch(batch, record), lake.table_path(name)
    if whole:
        delta.overwrite(path, plain(frame), batch=made, description=facts)
    else:
        delta.append(path, plain(frame), batch=made, partition=None, description=facts)


class Year:
    """A small company as its mornings find it."""

    def __init__(self, place: Path, *, whole: Lake) -> None:
        self.lake, self.reports = Lake(place / "lake"), place / "reports"
        self.stores = whole.table("stores").collect()
        self.customers = whole.table("customers").collect()
        opened, closed = self.stores.filter(pl.col("kind") == "own")["store_id"][:2]
        for name in whole.tables():
            frame = whole.table(name).collect()
            if frame.schema.get("day") == pl.Date:
                frame = frame.filter(pl.col("day") >= FIRST)
            if name == "receipt_lines":
                frame = frame.filter(quick.some(members=8, others=6))
                frame = frame.filter((pl.col("store_id") != opened) | (pl.col("day") >= OPENED))
                frame = frame.filter((pl.col("store_id") != closed) | (pl.col("day") <= CLOSED))
                late = pl.col("day").is_between(*GAP)
                self.late, frame = frame.filter(late), frame.filter(~late)
            stored(self.lake, name, frame, f"first-{name}")

    def turn(self, morning: int) -> None:
        """What happened before this morning."""
        if morning == 1:
            stored(self.lake, "receipt_lines", self.late, "late")
            renamed = pl.col("region").replace({"西南": "西部"})
            stored(self.lake, "stores", self.stores.with_columns(renamed), "renamed-stores", whole=True)
            stored(self.lake, "customers", self.customers.with_columns(renamed), "renamed-customers", whole=True)


@dataclass(frozen=True, slots=True)
class Seen:
    """A page of a morning: its language, its record (none if it refused, and why), and what changed."""

    language: str
    record: Manifest | None
    refused: str
    changed: tuple[str, ...]


Pages = dict[str, list[Seen]]


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory, sample_lake: Lake) -> Pages:
    """All reports on all mornings."""
    company, told, pages = Year(tmp_path_factory.mktemp("year"), whole=sample_lake), list[str](), Pages()
    with pytest.MonkeyPatch.context() as patch:
        changes = compare.changes
        quick.draws(patch)
        quick.undrawn(patch, data=False)
        quick.unset(patch)
        patch.setattr(sheets, "xlsx", lambda *_, **__: b"")

        def heard(*arguments: Any, **named: Any) -> tuple[str, ...]:
            told[:] = changes(*arguments, **named)
            return tuple(told)

        patch.setattr(compare, "changes", heard)
        for number, day in enumerate(MORNINGS):
            company.turn(number)
            for index, notebook in enumerate(NOTEBOOKS):
                told.clear()
                place = company.reports / notebook.stem
                last = place / str(number - 1) / "manifest.json"
                language = "en" if number and index % 2 else "zh"
                refused = ""
                try:
                    made(
                        notebook, company.lake, place / str(number), day=day, language=language, last=last, patch=patch
                    )
                except Exception as problem:  # each report is judged by itself below
                    refused = str(problem) if isinstance(problem, CrmError) else f"{type(problem).__name__}: {problem}"
                record = manifest.load(place / str(number) / "manifest.json")
                pages.setdefault(notebook.stem, []).append(Seen(language, record, refused, tuple(told)))
    return pages


def made(
    notebook: Path,
    lake: Lake,
    out: Path,
    *,
    day: date,
    language: str,
    last: Path,
    patch: pytest.MonkeyPatch,
    more: Mapping[str, object] | None = None,
) -> None:
    clock = datetime(day.year, day.month, day.day, 22, tzinfo=UTC) + timedelta(days=1)
    run = {
        "face": "html", "clock": clock.isoformat(), "seed": SEED, "lake": str(lake.path), "out": str(out),
        "previous_manifest": str(last) if last.is_file() else None,
    }  # fmt: skip
    out.mkdir(parents=True)
    (out / "run.json").write_text(json.dumps(run), encoding="utf-8")
    patch.setenv("CRMLIB_RUN", str(out / "run.json"))
    names: dict[str, object] = {}
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, f"{notebook.stem}:{cell.id}", "exec"), names)
            if "parameters" in cell.metadata.get("tags", []):
                names |= {**(more or {}), "language": language, "as_of": str(day)}


@pytest.mark.parametrize("report", [path.stem for path in NOTEBOOKS])
def test_every_report_is_made_morning_after_morning_and_says_what_changed_in_words(report: str, year: Pages) -> None:
    for seen in year[report]:
        if seen.record is None:  # what is out of season may be refused: in three sentences
            assert seen.refused.count("\n") == 2 and "mend: " in seen.refused
            continue
        for line in [*seen.changed, seen.record.answer, *(f.headline for f in seen.record.findings)]:
            assert not MACHINE.search(line), line
            assert seen.language == "en" or CHINESE.search(line), line
    assert any(seen.record is not None for seen in year[report])


def test_every_changed_figure_is_true_against_both_records(year: Pages) -> None:
    checked = 0
    for first, *more in year.values():
        second = more[0] if more else Seen("", None, "", ())
        if first.record is None or second.record is None or first.language != second.language:
            continue
        old = {f.key: f for f in first.record.figures}
        for figure in second.record.figures:
            for line in [line for line in second.changed if line.startswith(figure.label) and figure.key in old]:
                assert figure.value in line and old[figure.key].value in line, (line, figure, old[figure.key])
                assert old[figure.key].amount != figure.amount
                checked += 1
    assert checked >= 3


def test_mornings_do_change_something(year: Pages) -> None:
    assert sum(bool(seen[-1].changed) for seen in year.values()) >= len(year) // 2
