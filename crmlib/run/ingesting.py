"""Ingest and check as the command line shows them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from crmlib import data


def run(source: str, *, sources: Path, lake: data.Lake, now: datetime, say: Callable[[str], None]) -> None:
    """Ingest one source, or all of the file, and print each sum."""
    if source == "all":
        results = data.ingest_all(sources, lake=lake, now=now)
    else:
        results = [data.ingest(source, sources=sources, lake=lake, now=now)]
    for result in results:
        for line in result.describe():
            say(line)


def check_lake(place: Path, *, say: Callable[[str], None]) -> bool:
    """Verify the lake, print what was found, and return whether it is sound."""
    report = data.check_lake(place)
    for line in report.describe():
        say(line)
    return report.sound
