"""A first draft of a sources file: look at the file, map its columns, say what is still open.

`look` samples head, middle and tail and finds encoding, delimiter, sheet and header; `columns` finds the contract's
columns by words (`words.toml`, Chinese and English; `presets.toml`, exports of shop systems) and by content, `times`
how times are written, `orders` how the lines of an order lie. `run.draft` writes it down in words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from crmlib.core.errors import SourceError
from crmlib.data.draft import headless, things
from crmlib.data.draft.columns import best_table, mapped
from crmlib.data.draft.line import Line, Mapped, Open
from crmlib.data.draft.look import NOTHING, Look, Said, look
from crmlib.data.draft.vocabulary import words

TILL = (None, "receipt_lines")
MOST_TORN = 0.2
"""Share of torn lines above which a file without a column that is known is no table."""

__all__ = ["NOTHING", "Draft", "Line", "Look", "Mapped", "Open", "Said", "answered", "draft", "lacking"]


@dataclass(frozen=True, slots=True)
class Draft:
    """One source's entry: its name, what was seen of its first file, its columns, and its other files."""

    name: str
    seen: Look
    mapped: Mapped
    others: tuple[Path, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """All files of the source."""
        return (self.seen.path, *self.others)

    @property
    def ready(self) -> bool:
        """Whether every required column was found."""
        return not self.mapped.missing


def draft(files: Sequence[Path], *, table: str | None = None, said: Said = NOTHING) -> list[Draft]:
    """Look at each file and draft its entry; files laid out alike, with the same columns, are one source.

    Parameters
    ----------
    table : the contract; by default the one that most columns fit; said : how the files are laid out.

    Raises
    ------
    SourceError
        `draft.no_table` where a file shows no columns at all, `draft.folder`, and what reading it raises.
    """
    made: list[Draft] = []
    for file in files:
        seen = look(file, said)
        if seen.rows.is_empty() or seen.rows.width < 2:
            raise SourceError("draft.no_table", values={"file": file.name})
        alike = next((n for n, one in enumerate(made) if _alike(one.seen, seen)), None)
        if alike is not None:
            made[alike] = replace(made[alike], others=(*made[alike].others, file))
            continue
        found = _mapped(seen, table)
        if seen.torn > MOST_TORN and not found.lines:  # lines of a letter
            raise SourceError("draft.no_table", values={"file": file.name})
        name = re.sub(r"\W+", "_", file.name.split(".")[0]).strip("_").lower() or "source"
        taken = {d.name for d in made}
        made.append(Draft(name if name not in taken else f"{name}_{len(made) + 1}", seen, found))
    return [*made, *_things(made)]


def _things(made: Sequence[Draft]) -> Iterator[Draft]:
    """Goods, stores and members that stand on a till's own lines, where no file of their own is given."""
    given = {one.mapped.table for one in made}
    for one in (one for one in made if one.mapped.table == "receipt_lines" and one.ready):
        for found in things.on_lines(one.seen, one.mapped):
            if found.table not in given:
                yield Draft(f"{one.name}_{found.table}", one.seen, found, one.others)


def _mapped(seen: Look, table: str | None) -> Mapped:
    """The columns by their heads; of a file without heads those of a list or a till by what stands in them."""
    if seen.header >= 0:
        found = mapped(seen.rows, table or best_table(seen.rows, also=seen.also), also=seen.also)
        return _without_head(seen, found)
    kind, given = headless.listed(seen.rows)
    if table not in {None, kind} or not kind:
        kind, given = table or "receipt_lines", headless.guessed(seen.rows) if table in TILL else {}
    found = mapped(seen.rows, kind, given=given)
    told = tuple(replace(line, why="content") if line.why == "head" else line for line in found.lines)
    return replace(found, lines=told)


def _without_head(seen: Look, found: Mapped) -> Mapped:
    """The head's lines under the names are no rows."""
    if seen.no_sale is None:
        return found
    column, words_ = seen.no_sale
    return replace(found, exclude={**found.exclude, "head": {column: words_}})


def _alike(one: Look, other: Look) -> bool:
    """Whether two files are laid out alike, with the same names."""
    same = ("encoding", "delimiter", "header", "sheet")
    named = one.header >= 0 and one.path.suffix.lower() == other.path.suffix.lower()
    return named and one.rows.columns == other.rows.columns and all(getattr(one, s) == getattr(other, s) for s in same)


def answered(
    one: Draft, given: Mapping[str, str], *, dates: Mapping[str, str] | None = None, currency: str = ""
) -> Draft:
    """The draft with what a person said: heads by contract column, formats of dates, the currency."""
    found = mapped(one.seen.rows, one.mapped.table, given=given, currency=currency, also=one.seen.also)
    found = _without_head(one.seen, found)
    lines = {line.column: line for line in found.lines}
    open_ = list(found.open_)
    for column, form in (dates or {}).items():
        head = given[column]
        key = "month_of" if column == "birth_month" else "from"
        lines[column] = Line(column, {key: head, "date": form}, "said", {"head": head})
        open_ = [one for one in open_ if one.head != head]
    missing = tuple(c for c in found.missing if c not in lines)
    return replace(one, mapped=replace(found, lines=tuple(lines.values()), missing=missing, open_=tuple(open_)))


def lacking(drafts: Sequence[Draft]) -> dict[str, tuple[str, ...]]:
    """What each report would lack: report → columns of sales that no draft has."""
    found = {line.column for d in drafts if d.mapped.table == "receipt_lines" for line in d.mapped.lines}
    named: dict[str, list[str]] = words()["reports"]
    return {report: tuple(c for c in needs if c not in found) for report, needs in named.items()}
