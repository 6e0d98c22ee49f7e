"""Errors a user can act on: what was given, what was expected, how to mend it.

Every error carries a code and plain values; the sentences of every language stand in `core.refusals`, once. `str` tells
the English ones; `report` and `cli` tell those of the reader's language.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable, Mapping

from crmlib.core import refusals

MAX_EXAMPLES = 5
_CELL = re.compile(r"<ipython-input|ipykernel_")
"""Names of the files that a kernel makes of its cells."""


class CrmError(Exception):
    """Base of all errors meant for a user: a code, values and at most five masked examples; three parts say it.

    Parameters
    ----------
    code : stable machine name, e.g. ``"ingest.missing_column"``; its sentences stand in `core.refusals`.
    values : plain numbers and names that the sentences use; a sequence is shown joined.
    examples : keys of offending rows, already masked (see `mask`); at most five are kept.
    place : the file that it is about, told before what was given.
    said : the three parts of an own report's error, whose code has no sentences here.

    Examples
    --------
    >>> print(CrmError("clv.no_rows"))
    given: table 'purchase_history', 0 rows
    expected: at least 1 customer
    mend: check the period and the filter: nobody bought before its end
    >>> CrmError("demo.empty", said=("table 'x', 0 rows", "at least 1 row", "check the export")).mend
    'check the export'
    """

    def __init__(
        self,
        code: str,
        *,
        values: Mapping[str, object] | None = None,
        examples: Iterable[str] = (),
        place: str = "",
        said: tuple[str, str, str] | None = None,
    ) -> None:
        self.code = code
        self.values: dict[str, object] = dict(values or {})
        self.examples: tuple[str, ...] = tuple(examples)[:MAX_EXAMPLES]
        self.place = place
        self.said = said
        super().__init__(code)

    @property
    def given(self) -> str:
        """What was given, in English."""
        told = self.parts()[0]
        return f"{self.place}: {told}" if self.place else told

    @property
    def expected(self) -> str:
        """What was expected, in English."""
        return self.parts()[1]

    @property
    def mend(self) -> str:
        """How to mend it, in English."""
        return self.parts()[2]

    def parts(self) -> tuple[str, str, str]:
        """The three parts in English, without the place."""
        return self.said or refusals.told(self.code, self.values)

    def __str__(self) -> str:
        shown = f"; for example {', '.join(self.examples)}" if self.examples else ""
        return f"given: {self.given}{shown}\nexpected: {self.expected}\nmend: {self.mend}"

    def _render_traceback_(self) -> list[str]:
        """In a notebook: the lines of its cells that led here and the three parts, nothing from inside the package."""
        frames = [f for f in traceback.extract_tb(self.__traceback__) if _CELL.search(f.filename)]
        return [*(f"line {frame.lineno}: {frame.line}" for frame in frames), f"{type(self).__name__}:", str(self)]

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.code, self.values, self.examples, self.place, self.said))


def _rebuild(  # noqa: PLR0917
    kind: type[CrmError],
    code: str,
    values: dict[str, object],
    examples: tuple[str, ...],
    place: str,
    said: tuple[str, str, str] | None,
) -> CrmError:
    return kind(code, values=values, examples=examples, place=place, said=said)


class SourceError(CrmError):
    """A file, folder, mapping or database could not be used as a source."""


class ContractError(CrmError):
    """A table breaks its contract: missing columns, wrong types, rows breaking a rule."""


class LakeError(CrmError):
    """The lake is missing, locked, full or damaged."""


class ParameterError(CrmError):
    """A parameter has an unknown name or a value out of its range."""


class ModelError(CrmError):
    """A model refuses its input, or a fit did not succeed."""


class RunError(CrmError):
    """A report run could not start or finish."""


def check_choice(value: object, known: Iterable[str], *, name: str) -> None:
    """Refuse an option that is none of the known ones (`frame.choice`), before it silently means another.

    Examples
    --------
    >>> check_choice("down", ["down", "up"], name="ties")
    """
    names = tuple(known)
    if value not in names:
        raise ParameterError("frame.choice", values={"name": name, "given": str(value)[:40], "known": ", ".join(names)})


def mask(key: object) -> str:
    """Shorten a key for messages: enough to find it again in the source, too little to identify a person.

    Examples
    --------
    >>> mask("13800138000"), mask("A7"), mask(None)
    ('138…00', 'A…', 'null')
    """
    if key is None:
        return "null"
    text = str(key)
    return f"{text[:3]}…{text[-2:]}" if len(text) > 6 else f"{text[:1]}…"
