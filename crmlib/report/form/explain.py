"""An error in the reader's language: what was given, what was expected, how to mend it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from crmlib.core.errors import CrmError
from crmlib.kit.words import Words
from crmlib.report.form.parameters import Issue, sentence

_PARTS = ("given", "expected", "mend")
_EMPTY = re.compile(r"\s?[(\uff08][^()\uff08\uff09]*[:\uff1a]\s*[)\uff09]")
"""A remark in brackets whose value is empty, such as the nearest name where none is near."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The three parts, the code, and at most five masked examples."""

    code: str
    given: str
    expected: str
    mend: str
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.given}\n{self.expected}\n{self.mend}"


def explain(error: BaseException, words: Words) -> Explanation:
    """`error` in words: those of the text files, where they have its code, else the error's own English.

    An error that is not meant for users keeps its message to itself, because it may hold values of rows.

    Examples
    --------
    >>> explain(ZeroDivisionError("secret"), Words("en")).given
    'an unexpected error while making the report (ZeroDivisionError)'
    >>> own = CrmError("demo.empty", given="no rows", expected="some", mend="check the export")
    >>> explain(own, Words("zh")).mend
    'check the export'
    """
    if not isinstance(error, CrmError):
        given, expected, mend = (words(f"page.error.unexpected.{p}", kind=type(error).__name__) for p in _PARTS)
        return Explanation("unexpected", given, expected, mend)
    given, expected, mend = (_part(error, part, words) for part in _PARTS)
    return Explanation(error.code, given, expected, mend, error.examples)


def _part(error: CrmError, part: str, words: Words) -> str:
    domain, _, rest = error.code.partition(".")
    key = f"{domain}.error.{rest}.{part}"
    if not words.has(key):
        return str(getattr(error, part))
    try:
        sentence = words(key, **{name: _in_words(value, words) for name, value in error.values.items()})
    except (KeyError, IndexError, ValueError):  # the sentence wants a value that this error does not carry
        return str(getattr(error, part))
    return _EMPTY.sub("", sentence)


def _in_words(value: object, words: Words) -> object:
    if isinstance(value, tuple | list):
        return words("page.join").join(str(_in_words(v, words)) for v in value)
    if isinstance(value, Issue):
        return f"{value.name} = {value.given}: {sentence(value, words)}"
    return value
