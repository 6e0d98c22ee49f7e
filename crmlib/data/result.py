"""What an ingest did, in numbers that add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import polars as pl

TERMS = ("kept", "replaced", "duplicate", "conflict", "quarantined", "excluded")
RULES_SCHEMA = pl.Schema(
    [("kind", pl.String()), ("rule", pl.String()), ("rows", pl.Int64()), ("net_minor", pl.Int64())]
)


@dataclass(frozen=True, slots=True)
class IngestResult:
    """Counts of one batch: read = kept + replaced + duplicate + conflict + quarantined + excluded.

    Parameters
    ----------
    source, table, batch : what was ingested, where, and the batch's id.
    version : the table's version that holds the batch.
    kept : new rows. `replaced` : rows that took the place of an earlier one with the same key.
    duplicate : rows that were there before. `conflict` : rows whose key stands in the same file with other content;
        the first one stays. `quarantined` : rows that break a rule. `excluded` : no sales, by rule.
    withdrawn : earlier lines that a receipt's new version no longer has (not a term of the sum: they were not read).
    files : names of the files read. `known_files` : files left out because their content is in the lake already.
    read_as : file, encoding and, where the encoding was chosen by it, the share of common characters; text files that
        are not UTF-8.
    rules : kind, rule, rows, and the money of the rows where the table has it.
    gone : what the lake holds and the source no longer has, by file, day and store (`crmlib.data.gone.SCHEMA`).
    """

    source: str
    table: str
    batch: str
    at: datetime
    version: int
    currency: str | None
    read: int
    kept: int
    replaced: int
    duplicate: int
    conflict: int
    quarantined: int
    excluded: int
    withdrawn: int
    files: tuple[str, ...]
    known_files: tuple[str, ...]
    rules: pl.DataFrame
    read_as: tuple[tuple[str, str, float | None], ...] = ()
    gone: pl.DataFrame = field(default_factory=pl.DataFrame)

    @property
    def sum_holds(self) -> bool:
        """Whether every row read is accounted for exactly once."""
        return self.read == sum(int(getattr(self, term)) for term in TERMS)

    @property
    def changed(self) -> bool:
        """Whether the lake has a new version because of this ingest."""
        return bool(self.batch)

    def describe(self) -> pl.DataFrame:
        """The sum term by term, then rule by rule: columns term, rule, rows, net_minor; for printing."""
        terms = pl.DataFrame(
            {"term": ["read", *TERMS], "rows": [self.read, *(getattr(self, t) for t in TERMS)]},
            schema={"term": pl.String, "rows": pl.Int64},
        ).select(
            "term", pl.lit(None, dtype=pl.String).alias("rule"), "rows", pl.lit(None, dtype=pl.Int64).alias("net_minor")
        )
        return pl.concat([terms, self.rules.rename({"kind": "term"})])

    def __str__(self) -> str:
        parts = " + ".join(f"{getattr(self, term):,} {term}" for term in TERMS)
        return f"{self.source} → {self.table}: {self.read:,} read = {parts}"


def total(results: Sequence[IngestResult]) -> IngestResult:
    """The batches of one source as one result; batch and version are those of the last."""
    last = results[-1]
    if len(results) == 1:
        return last
    rules = pl.concat([r.rules for r in results]).group_by("kind", "rule").agg(pl.col("rows", "net_minor").sum())
    return replace(
        last,
        **{term: sum(getattr(r, term) for r in results) for term in ("read", *TERMS, "withdrawn")},
        files=tuple(f for r in results for f in r.files),
        read_as=tuple(dict.fromkeys(f for r in results for f in r.read_as)),
        rules=rules.sort("kind", "rows", "rule", descending=[False, True, False]),
    )
