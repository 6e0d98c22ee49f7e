"""What a person at the terminal sees: a progress bar, the ledger as a table."""

from __future__ import annotations

import sys
from types import TracebackType

import polars as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from crmlib.run.runner import Outcome
from crmlib.text import Words


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
        self._console.print(f"{state:>6}  {outcome.seconds:6.1f} s  {outcome.job.output}", markup=False)
        self._bar.advance(self._task)


def print_runs(runs: pl.DataFrame) -> None:
    """The ledger's rows as a table."""
    columns = ("queued_at", "state", "seconds", "peak_mb", "attempts", "output", "message")
    table = Table(*columns, box=None)
    for row in runs.select(columns).iter_rows():
        table.add_row(*("" if v is None else f"{v:.1f}" if isinstance(v, float) else str(v)[:60] for v in row))
    Console(highlight=False, markup=False).print(table)
