"""One source to ingest, and what its commit says of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl

from crmlib.data import gone
from crmlib.data.lake import delta
from crmlib.data.lake.held import Held
from crmlib.data.lake.lake import Lake
from crmlib.data.read.files import InputFile
from crmlib.data.result import RULES_SCHEMA, TERMS, IngestResult
from crmlib.data.sources import Source


@dataclass(frozen=True, slots=True)
class Task:
    """One source to ingest, with everything the steps need.

    `again` are the files that were read before with another content, `absent` those that were read and are not there;
    `reading` gathers what was read, `held` what batches learn of the table's keys. `piece` names the piece of a file
    that is too large for one batch, `last` tells its last piece, and `seen` is the table's version before the first one
    (-1: none): what the lake may hold of a piece's keys, it held then.
    """

    name: str
    source: Source
    inputs: tuple[InputFile, ...]
    known: tuple[InputFile, ...]
    mapping: str
    before: str
    currency: str | None
    now: datetime
    again: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    reading: gone.Reading = field(default_factory=gone.Reading)
    held: Held | None = None
    piece: str = ""
    last: bool = True
    seen: int | None = None

    @property
    def by_receipt(self) -> bool:
        """Whether lines have no numbers of their own: they are counted within their receipt, which comes whole."""
        return self.source.contract.key == ("line_id",) and "line_id" not in self.source.columns

    @property
    def batch(self) -> str:
        """Id of the batch: the same files under the same mapping after the same batch are the same batch."""
        text = json.dumps([self.name, self.mapping, self.before, [[f.name, f.digest] for f in self.inputs], self.piece])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def nothing_new(task: Task, lake: Lake) -> IngestResult:
    """What an ingest without anything new comes to."""
    path = lake.table_path(task.source.table)
    return IngestResult(
        source=task.name,
        table=task.source.table,
        batch="",
        at=task.now.astimezone(UTC),
        version=delta.version(path) if delta.exists(path) else -1,
        currency=task.currency,
        read=0,
        kept=0,
        replaced=0,
        duplicate=0,
        conflict=0,
        quarantined=0,
        excluded=0,
        withdrawn=0,
        files=(),
        known_files=tuple(f.name for f in task.known),
        rules=pl.DataFrame(schema=RULES_SCHEMA),
    )


def record(task: Task, result: IngestResult) -> dict[str, object]:
    """What the commit says of the batch: counts, rules, files with their digests, the mapping it was read by."""
    return {
        "source": task.name,
        "table": result.table,
        "at": result.at.isoformat(),
        "currency": task.currency,
        "read": result.read,
        **{term: getattr(result, term) for term in TERMS},
        "withdrawn": result.withdrawn,
        "files": {f.name: f.digest for f in task.inputs if task.last},  # half a file is no file that is known
        "mapping": task.mapping,
        "rules": result.rules.to_dicts(),
    }


def facts(task: Task) -> dict[str, object]:
    """What a commit says of the whole lake."""
    return {"currency": task.currency, "time_zone": task.source.time_zone}
