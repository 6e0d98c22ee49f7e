"""What a person at the terminal sees: a progress bar, the ledger as a table."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import polars as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from crmlib.kit.words import Words
from crmlib.run import publish
from crmlib.run.runner import Outcome


class Progress:
    """A bar over the jobs, and one line as each ends."""

    def __init__(self, total: int, *, words: Words) -> None:
        self._words = words
        self._console = Console(stderr=False, highlight=False)
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            disable=not sys.stdout.isatty(),
        )
        self._task = self._bar.add_task(words("cli.rendering"), total=total)

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def ended(self, outcome: Outcome) -> None:
        """Note one finished job."""
        state = self._words(f"cli.state.{outcome.state}")
        line = f"{state:>6}  {outcome.seconds:6.1f} s  {outcome.job.output}"
        self._console.print(line, markup=False, soft_wrap=True)
        self._bar.advance(self._task)


COLUMNS = ("queued_at", "state", "seconds", "peak_mb", "attempts", "output", "verdicts", "message")


def print_runs(runs: pl.DataFrame, *, reports: Path, words: Words) -> None:
    """The ledger's rows: a table on a terminal, lines of columns divided by tabs where the output goes elsewhere.

    A failed run names the page that says why, as long as it is there.
    """
    rows = [_shown(row, reports=reports, words=words) for row in runs.iter_rows(named=True)]
    head = [words(f"cli.runs.{column}") for column in COLUMNS]
    if not sys.stdout.isatty():
        for cells in (head, *rows):
            print("\t".join(cells))
        return
    table = Table(box=None)
    for name in head:
        table.add_column(name, overflow="fold")
    for cells in rows:
        table.add_row(*cells)
    Console(highlight=False, markup=False).print(table)


def _shown(row: Mapping[str, Any], *, reports: Path, words: Words) -> list[str]:
    at = datetime.fromisoformat(row["queued_at"]).astimezone()
    verdicts = Counter(json.loads(row["verdicts"] or "{}").values())
    said = " ".join(str(row["message"] or "").split())
    page = publish.failure_of(reports, row["output"]) / publish.ERROR
    if row["state"] == "failed" and page.is_file():
        said = f"{said} {page}"
    cells = [
        f"{at:%Y-%m-%d %H:%M:%S}",
        words(f"cli.state.{row['state']}"),
        "" if row["seconds"] is None else f"{row['seconds']:.1f}",
        "" if row["peak_mb"] is None else f"{row['peak_mb']:.0f}",
        str(row["attempts"] or ""),
        row["output"],
        " ".join(f"{status}:{count}" for status, count in sorted(verdicts.items())),
        said,
    ]
    return ["".join(c if c.isprintable() else " " for c in cell) for cell in cells]
