"""Who did what with a list, one line each; and files with phones, which go after thirty days."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

FILE, FOLDER = "lists.jsonl", "handoff"
KEEP = timedelta(days=30)
"""A file that was handed off is deleted after so long."""


def note(lake: Path, *, what: str, by: str, at: datetime, **facts: Any) -> None:
    """Add a line; the file is its owner's only."""
    line = json.dumps({"at": at.astimezone(UTC).isoformat(), "by": by, "what": what, **facts}, ensure_ascii=False)
    handle = os.open(lake / FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(line + "\n")


def lines(lake: Path) -> Iterator[dict[str, Any]]:
    """All lines, oldest first; one that was cut short by a crash is left out."""
    path = lake / FILE
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue


def sweep(lake: Path, *, now: datetime) -> int:
    """Delete files that were handed off more than thirty days ago, and say so; how many."""
    gone = {line["file"] for line in lines(lake) if line["what"] == "deleted"}
    old = [
        line for line in lines(lake)
        if line["what"] == "handed off" and line["file"] not in gone
        and now - datetime.fromisoformat(line["at"]) > KEEP
    ]  # fmt: skip
    for line in old:
        (lake / FOLDER / line["file"]).unlink(missing_ok=True)
        note(lake, what="deleted", by="crmlib", at=now, list=line["list"], file=line["file"])
    return len(old)
