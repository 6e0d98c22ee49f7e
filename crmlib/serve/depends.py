"""What a page depends on besides its parameters: data, states, earlier pages, code. Looked at, never read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from crmlib.data.lake.delta import LOG
from crmlib.report import registry


def stand(lake: Path, reports: Path, report: str, notebook: Path) -> tuple[tuple[str, int], ...]:
    """Places and when each was last written [ns]: the same stand, the same page.

    A page about pages depends on all of them.

    A table changes with each commit (a file more in its log), a variant with each day published, a day with each
    language. An own report has words and a class of parameters beside its notebook.
    """
    logs = [*lake.glob(f"tables/*/{LOG}"), *lake.glob(f"state/*/{LOG}")]
    read = "*" if registry.reads_pages(report) else report
    pages = [*reports.glob(f"{read}/*"), *reports.glob(f"{read}/*/*")]
    own = notebook.parent.name == notebook.stem
    beside = [*notebook.parent.glob("*.toml"), *notebook.parent.glob("*.py")] if own else []
    return tuple(sorted(_written([*logs, *pages, notebook, *beside])))


def _written(places: Iterable[Path]) -> Iterator[tuple[str, int]]:
    for place in places:
        try:
            yield str(place), os.lstat(place).st_mtime_ns
        except OSError:  # gone in the meantime: that, too, is another stand
            yield str(place), -1
