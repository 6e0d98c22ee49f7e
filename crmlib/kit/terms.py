"""What the measures mean: one sentence a measure, in each language, for every page and for the page that lists them.

Sentences stand in `words/<language>/terms.toml`, measures under the name of their column, other words of planners under
a name of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from crmlib.kit import columns
from crmlib.kit.words import Language, Words
from crmlib.kit.words.sentences import keys

_COLUMN, _WORD = "terms.column.", "terms.word."
_GROUPS: tuple[tuple[str, tuple[columns.Kind, ...]], ...] = (
    ("money", ("money",)),
    ("share", ("share", "basis_points")),
    ("number", ("count", "units", "number", "days")),
)


@dataclass(frozen=True, slots=True)
class Term:
    """A measure or a word: its key, what it is called and means; `kind` is that of its column, empty for a word."""

    key: str
    name: str
    means: str
    kind: str = ""


@cache
def terms(language: Language) -> Mapping[str, Term]:
    """All of a language by key: a column's name, or `word-` and the name of a word.

    Examples
    --------
    >>> terms("en")["receipts"].means, terms("en")["word-basket"].name
    ('Visits to the till, one per receipt; returns are not counted.', 'Value of a receipt')
    """
    words, found = Words(language), dict[str, Term]()
    for key in sorted(keys(language)):
        if key.startswith(_COLUMN):
            name = key.removeprefix(_COLUMN)
            entry = columns.known(name)
            found[name] = Term(name, words.column(name), words(f"terms.column.{name}"), entry.kind if entry else "")
        elif key.startswith(_WORD) and key.endswith(".means"):
            name = key.removeprefix(_WORD).removesuffix(".means")
            found[f"word-{name}"] = Term(f"word-{name}", words(f"terms.word.{name}.name"), words(key))
    return found


@cache
def named(language: Language) -> Mapping[str, str]:
    """What is called so → its key; a name that two measures bear is left out.

    Examples
    --------
    >>> named("en")["Value of a receipt"], named("en")["Receipts"], named("en").get("Members")
    ('word-basket', 'receipts', None)
    """
    found = terms(language)
    count: dict[str, list[str]] = {}
    for term in found.values():
        count.setdefault(term.name, []).append(term.key)
    return {name: several[0] for name, several in count.items() if len(several) == 1}


def markdown(language: Language) -> str:
    """The page of all definitions."""
    words, found = Words(language), terms(language).values()
    lines = [f"# {words('page.terms.page')}", "", words("page.terms.lead"), ""]
    groups = [("words", [t for t in found if not t.kind])]
    groups += [(name, [t for t in found if t.kind in kinds]) for name, kinds in _GROUPS]
    colon = words("page.terms.colon")
    for group, members in groups:
        # measures of one name and one meaning (a share and its like) are one entry
        said = sorted({(term.name, term.means) for term in members})
        lines += [f"## {words(f'page.terms.group.{group}')}", ""]
        lines += [*(f"- **{name}**{colon}{means}" for name, means in said), ""]
    return "\n".join(lines)
