"""Sentences by key: common ones (`kit/words/<language>/<domain>.toml`), those of rooms, own reports and refusals."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from crmlib.core import places, refusals
from crmlib.core.errors import ParameterError
from crmlib.core.sentences import fill
from crmlib.kit.words import own
from crmlib.kit.words.format import Format
from crmlib.kit.words.locales import locales

LANGUAGES: tuple[str, ...] = tuple(locales())
if TYPE_CHECKING:
    Language: TypeAlias = str
else:
    Language = Literal[LANGUAGES]


class Words:
    """The words of one language.

    Examples
    --------
    >>> Words("en")("page.answer")
    'Answer'
    >>> Words("en").has("page.no_such_key")
    False
    """

    __slots__ = ("_rooms", "format", "language")

    def __init__(self, language: Language, *, currency: str = "CNY") -> None:
        self.language: Language = language
        self.format = Format(language, currency=currency)
        self._rooms: dict[str, dict[str, str]] = {}

    def __call__(self, key: str, **values: object) -> str:
        """Sentence `key` (``domain.rest.of.key``), with ``{name}`` replaced by the value given for it.

        Values are inserted as they are: format numbers first (`self.format`).

        Raises
        ------
        KeyError
            If the key is unknown or a value is missing: both are programming errors, caught by tests.
        """
        return fill(self.sentence(key), values, rule=self.format.plural)

    def sentence(self, key: str) -> str:
        """Sentence `key` as it stands, its values still named in braces."""
        found = self._found(key)
        if found is None:
            raise KeyError(key)
        return found

    def has(self, key: str) -> bool:
        """Whether `key` exists."""
        return self._found(key) is not None

    def label(self, key: str) -> str | None:
        """What `key` is called: a fixed name; none for an unknown key and for a sentence that wants values.

        Examples
        --------
        >>> Words("en").label("page.answer"), Words("en").label("page.as_of"), Words("en").label("page.no_such_key")
        ('Answer', None, None)
        """
        found = self._found(key)
        return None if found is None or _wants_values(found) else found.format()

    def column(self, name: str) -> str:
        """Label of a machine column name (``column.<name>``); the name itself if no label is known."""
        return _table(self.language).get(f"column.{name}", name)

    def _found(self, key: str) -> str | None:
        """The sentence: that of an own report of this name, else the package's."""
        domain = key.partition(".")[0]
        if domain not in common():
            if domain not in self._rooms:
                self._rooms[domain] = _own(domain, self.language)
            if key in self._rooms[domain]:
                return self._rooms[domain][key]
        return _table(self.language).get(key)


def _wants_values(sentence: str) -> bool:
    return any(name is not None for _, name, _, _ in Formatter().parse(sentence))


@cache
def _table(language: Language) -> dict[str, str]:
    """All sentences of a language under dotted keys; the name of the file or room is the first part."""
    table: dict[str, str] = {}
    for domain, path in _files(language).items():
        table |= _flatten(domain, tomllib.loads(path.read_text(encoding="utf-8")))
    for path in (refusals.FOLDER / language).glob("*.toml"):
        table |= _flatten(f"{path.stem}.error", tomllib.loads(path.read_text(encoding="utf-8")))
    vocabulary = tomllib.loads(Path(__file__).parents[1].joinpath("columns.toml").read_text(encoding="utf-8"))
    return {f"column.{name}": entry.get(language, entry["en"]) for name, entry in vocabulary.items()} | table


@cache
def common() -> frozenset[str]:
    """Domains of the common words: no report can have one of these names."""
    return frozenset(
        {path.stem for path in Path(__file__).parent.glob("*/*.toml")}
        | {p.stem for p in refusals.FOLDER.glob("*/*.toml")}
        | {"column"}
    )


def _own(domain: str, language: Language) -> dict[str, str]:
    """The words of a report outside the package; a broken file has none (the check says what is wrong with it)."""
    room = places.room_beside(domain)
    if room is None:
        return {}
    try:
        return _flatten(domain, own.words(room, language, name=domain))
    except ParameterError:
        return {f"{domain}.title": domain, f"{domain}.question": ""}


def _files(language: Language) -> dict[str, Path]:
    """Domain → its file: the common ones, and those of the rooms, found by name."""
    package = Path(__file__).parents[2]
    common = {path.stem: path for path in package.joinpath("kit", "words", language).glob("*.toml")}
    rooms = {path.parent.name: path for path in package.joinpath("pages").glob(f"*/{language}.toml")}
    return dict(sorted((common | rooms).items()))


def _flatten(prefix: str, node: dict[str, Any]) -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in node.items():
        if isinstance(value, dict):
            flat |= _flatten(f"{prefix}.{key}", value)
        else:
            flat[f"{prefix}.{key}"] = value
    return flat


def keys(language: Language) -> frozenset[str]:
    """All keys of a language (tests compare the two)."""
    return frozenset(_table(language))
