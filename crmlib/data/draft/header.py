"""Where the names of a file's columns stand: on one line, on two, or nowhere."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from crmlib.data.draft.vocabulary import plain, vocabulary

TITLES = 20
"""Lines that titles may take above the names of the columns."""
LINES = 4
"""Lines that names may take: groups, names, names in another language, units."""
FULL, MOSTLY = 0.6, 0.9
ENOUGH = 3
"""Lines below that tell what a column holds."""
NUMBER = r"[-+\d.,:/ \u00a5\uffe5$%]+"


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a file's columns, as ingest reads them.

    Parameters
    ----------
    at : index of their line, -1 where there is none; names : one per column.
    also : what the lines above and below say of a column beside its name: its group, or its name in merged cells.
    below : lines of the head under the names; no_sale : column and words by which these are told from sales.
    """

    at: int
    names: tuple[str, ...] = ()
    also: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    below: int = 0
    no_sale: tuple[str, tuple[str, ...]] | None = None


def find(lines: Sequence[Sequence[str]], width: int) -> Names:
    """The names among the first lines: the first one as full as the others whose fields are all words.

    Where several such lines stand on end above columns of digits, the one with the most known words is the names'.
    """
    filled = [sum(map(bool, line)) for line in lines]
    full = max(max(filled, default=0) * FULL, 1)
    first = next((at for at, count in enumerate(filled[:TITLES]) if count >= full), None)
    if first is None or not _words(lines[first]):
        return Names(-1)
    last = _last(lines, first)
    if last == first and _is_data(lines, first):
        return Names(-1)
    top = first - 1 if first and filled[first - 1] > 1 and _words(lines[first - 1]) else first
    told = {at: _named(lines, at, top, width) for at in range(first, last + 1)}
    best = max(told, key=lambda at: (_known(told[at]), filled[at], at == first))
    under = lines[best + 1 : last + 1]
    rule = _no_sale(lines, best, last, told[best].names) if under else None
    if under and rule is None:
        best, under = last, []  # no word tells the lines below from others
    return Names(best, told[best].names, told[best].also, len(under), rule)


def at(lines: Sequence[Sequence[str]], index: int, width: int) -> Names:
    """The names of the line that a person says; none where it is below 0."""
    return _named(lines, index, index, width) if 0 <= index < len(lines) else Names(-1)


def distinct(names: Sequence[str]) -> list[str]:
    """Names as ingest calls them: empty and repeated ones by their position."""
    names = list(names)
    while len(names) > 1 and not names[-1]:
        names = names[:-1]
    several = {n for n, times in Counter(names).items() if times > 1 or not n}
    return [f"{n}#{at}" if n in several else n for at, n in enumerate(names, 1)]


def _words(line: Sequence[str]) -> bool:
    """Whether all fields are words."""
    return all(not re.fullmatch(NUMBER, cell) for cell in line if cell)


def _column(lines: Sequence[Sequence[str]], column: int) -> list[str]:
    return [line[column] for line in lines if column < len(line) and line[column]]


def _last(lines: Sequence[Sequence[str]], first: int) -> int:
    """The last line of names: those below have digits where it has words only."""
    width = max(map(len, lines))
    last = first
    for at in range(first + 1, min(first + LINES, len(lines) - ENOUGH)):
        rest = [_column(lines[at + 1 :], c) for c in range(width)]
        coded = [c for c, cells in enumerate(rest) if _with_digits(cells)]
        here = [lines[at][c] for c in coded if c < len(lines[at]) and lines[at][c]]
        if len(here) < min(2, len(coded)) or not here or any(re.search(r"\d", cell) for cell in here):
            return last
        last = at
    return last


def _with_digits(cells: Sequence[str]) -> bool:
    return len(cells) >= ENOUGH and sum(bool(re.search(r"\d", c)) for c in cells) >= MOSTLY * len(cells)


def _is_data(lines: Sequence[Sequence[str]], at: int) -> bool:
    """Whether the first line is like those below: codes of one shape, or words that come again."""
    if sum(plain(cell) in vocabulary() for cell in lines[at] if cell) > 1:
        return False
    if len(set(filter(None, lines[at]))) < sum(map(bool, lines[at])):
        return True
    below = [line for line in lines[at + 1 :] if list(line) != list(lines[at])]
    if len(below) < ENOUGH:
        return False
    for column, cell in enumerate(lines[at]):
        rest = _column(below, column)
        shaped = sum(_shape(other) == _shape(cell) for other in rest)
        if cell and (cell in rest or (re.search(r"\d", cell) and rest and shaped >= MOSTLY * len(rest))):
            return True
    return False


def _shape(cell: str) -> str:
    return re.sub(r"[^\W\d_]", "a", re.sub(r"\d+", "9", cell))


def _named(lines: Sequence[Sequence[str]], at: int, top: int, width: int) -> Names:
    """The names of one line, with what the line above (`top` is the first one) says of each."""
    names = distinct(lines[at])
    names += [f"#{n + 1}" for n in range(len(names), width)]
    also: dict[str, tuple[str, ...]] = {}
    above = list(lines[at - 1]) if at > top else []
    group = ""
    for column, name in enumerate(names):
        own = lines[at][column] if column < len(lines[at]) else ""
        over = above[column] if column < len(above) else ""
        group = over or (group if own else "")
        told = (group + own if group else "", "" if own else over)
        if any(told):
            also[name] = tuple(dict.fromkeys(word for word in told if word))
    return Names(at, tuple(names), also)


def _known(names: Names) -> int:
    """How many columns have a known name, repeated ones among them."""
    told = [(name, name.rpartition("#")[0], *names.also.get(name, ())) for name in names.names]
    return sum(any(plain(word) in vocabulary() for word in each if word) for each in told)


def _no_sale(
    lines: Sequence[Sequence[str]], best: int, last: int, names: Sequence[str]
) -> tuple[str, tuple[str, ...]] | None:
    """A column of digits in which every line of the head below the names has a word."""
    for column, name in enumerate(names):
        words = _column(lines[best + 1 : last + 1], column)
        if len(words) == last - best and _with_digits(_column(lines[last + 1 :], column)):
            return name, tuple(dict.fromkeys(words))
    return None
