"""Values that stand in another source: its files are read once, and become the table of values of an expression."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from crmlib.core.errors import SourceError, mask
from crmlib.data.judge import mapping
from crmlib.data.read import cells, files, readers, values
from crmlib.data.sources import Expression, Lookup, Source

KEY, FOUND = "__key", "__found"


def resolved(source: Source, entries: Mapping[str, Source], *, root: Path) -> Source:
    """The source with every lookup turned into a table of values, read from the files that `entries` names.

    Raises
    ------
    SourceError
        `ingest.missing_column`, `ingest.lookup_twice`, and what reading the files raises.
    """
    if not any(source.lookups()):
        return source
    columns = {name: _resolved(e, entries, root, name) for name, e in source.columns.items()}
    return source.model_copy(update={"columns": columns})


def _resolved(expression: Expression, entries: Mapping[str, Source], root: Path, column: str) -> Expression:
    made: dict[str, object] = {
        way: tuple(_resolved(part, entries, root, column) for part in parts)
        for way in ("product", "sum", "quotient")
        if (parts := getattr(expression, way)) is not None
    }
    if expression.lookup is not None:
        made["map"] = _table(entries[expression.lookup.source], expression.lookup, join=expression.join, root=root)
    return expression.model_copy(update=made)


def _table(other: Source, lookup: Lookup, *, join: str, root: Path) -> dict[str, str | None]:
    """Key → value of all files of the other source; keys without a value are there, with nothing."""
    needed = (*lookup.key, lookup.value)
    found: list[pl.DataFrame] = []
    for file in files.find(other, root=root):
        for part in readers.read(file.path, source=other, name=file.name):
            mapping.check_present(part, needed)
            rows = cells.filled_down(part.rows, [c for c in other.fill_down if c in part.rows.columns])
            texts = rows.select(cells.text_of(pl.col(c), rows.schema[c]).alias(c) for c in dict.fromkeys(needed))
            key = pl.concat_str([pl.col(c) for c in lookup.key], separator=join)
            found.append(texts.select(key.alias(KEY), pl.col(lookup.value).alias(FOUND)).drop_nulls(KEY).unique())
    pairs = pl.concat(found).unique(maintain_order=True)
    if other.decimal != ".":
        pairs = pairs.with_columns(values.number(pl.col(FOUND), decimal=other.decimal).cast(pl.String).alias(FOUND))
    several = pairs.drop_nulls().filter(pl.col(KEY).is_duplicated())
    if several.height:
        keys = several[KEY].unique(maintain_order=True)
        raise SourceError(
            "ingest.lookup_twice",
            values={"source": lookup.source, "count": len(keys), "by": ", ".join(lookup.key), "value": lookup.value},
            examples=[mask(key) for key in keys.head(5)],
        )
    # a key with and without a value has it
    return dict(pairs.sort(FOUND, nulls_last=False).iter_rows())
