"""Which feeds came: what each source's last ingest came to, and the reports that wait for one that failed.

A report needs the lines of receipts and the tables without which its answer cannot be said (`report.answered`). Where
the last ingest of a source of these tables failed, a pass does not make it: yesterday's page stays, the portal and a
message say what is waited for, and the slot is taken again later. `feeds: any` in its schedule makes it all the same.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from crmlib.core.errors import RunError
from crmlib.report import registry

FILE = "feeds.json"


@dataclass(frozen=True, slots=True)
class Feed:
    """A source's last ingest: its table, when, and whether it was stored (nothing new is stored, too)."""

    source: str
    table: str
    at: str
    came: bool


def read(lake: Path) -> dict[str, Feed]:
    """What is known of each source; nothing where nothing was noted, or the file cannot be read."""
    with suppress(OSError, ValueError, TypeError):
        found = json.loads((lake / FILE).read_text(encoding="utf-8"))
        return {one["source"]: Feed(**one) for one in found}
    return {}


def note(lake: Path, came: Iterable[tuple[str, str, bool]], *, now: datetime) -> None:
    """Write down what the ingest of each (source, table, came) came to; the other sources stay as they are."""
    known = read(lake) | {s: Feed(s, t, now.isoformat(timespec="minutes"), c) for s, t, c in came}
    draft = lake / f".{FILE}.{os.getpid()}"
    lake.mkdir(parents=True, exist_ok=True)
    draft.write_text(json.dumps([asdict(f) for f in known.values()], ensure_ascii=False), encoding="utf-8")
    draft.replace(lake / FILE)


def failed(lake: Path, tables: Collection[str]) -> list[Feed]:
    """Sources of these tables whose last ingest failed."""
    return [feed for feed in read(lake).values() if feed.table in tables and not feed.came]


def check(lake: Path, report: str) -> None:
    """Refuse to make a report whose feeds have not come.

    Raises
    ------
    RunError
        `run.feed_failed`.
    """
    missing = failed(lake, registry.needs(report))
    if missing:
        names = ", ".join(f"{feed.source} ({feed.table})" for feed in missing)
        since = min(feed.at for feed in missing)
        raise RunError("run.feed_failed", values={"report": report, "feeds": names, "at": since})
