"""A first draft of a sources file: look at the file, map its columns, say what is still open.

`look` samples head, middle and tail and finds encoding, delimiter, sheet and header; `columns` finds the contract's
columns by words (`words.toml`, Chinese and English) and by content. `run.draft` writes it down in words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crmlib.core.errors import SourceError
from crmlib.data.draft.columns import Line, Mapped, best_table, mapped, words
from crmlib.data.draft.look import Look, look

MOST_TORN = 0.2
"""Share of torn lines above which a file without a column that is known is no table."""

__all__ = ["Draft", "Line", "Look", "Mapped", "draft"]


@dataclass(frozen=True, slots=True)
class Draft:
    """One source's entry: its name, what was seen of the file, and its columns."""

    name: str
    seen: Look
    mapped: Mapped

    @property
    def ready(self) -> bool:
        """Whether every required column was found."""
        return not self.mapped.missing


def draft(files: Sequence[Path], *, table: str | None = None) -> list[Draft]:
    """Look at each file and draft its entry.

    Parameters
    ----------
    table : the contract; by default the one that most columns fit.

    Raises
    ------
    SourceError
        `draft.no_table` where a file shows no columns at all, and what reading it raises.
    """
    made: list[Draft] = []
    for file in files:
        seen = look(file)
        if seen.rows.is_empty() or seen.rows.width < 2:
            raise SourceError("draft.no_table", values={"file": file.name})
        chosen = table or best_table(seen.rows)
        found = mapped(seen.rows, chosen)
        if seen.torn > MOST_TORN and not found.lines:  # lines of a letter
            raise SourceError("draft.no_table", values={"file": file.name})
        name = re.sub(r"\W+", "_", file.name.split(".")[0]).strip("_").lower() or "source"
        taken = {d.name for d in made}
        made.append(Draft(name if name not in taken else f"{name}_{len(made) + 1}", seen, found))
    return made


def lacking(drafts: Sequence[Draft]) -> dict[str, tuple[str, ...]]:
    """What each report would lack: report → columns of sales that no draft has."""
    found = {line.column for d in drafts if d.mapped.table == "receipt_lines" for line in d.mapped.lines}
    named: dict[str, list[str]] = words()["reports"]
    return {report: tuple(c for c in needs if c not in found) for report, needs in named.items()}
