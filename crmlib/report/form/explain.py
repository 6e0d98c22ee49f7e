"""An error in the reader's language: what was given, what was expected, how to mend it."""

from __future__ import annotations

from dataclasses import dataclass

from crmlib.core import refusals
from crmlib.core.errors import CrmError
from crmlib.kit.words import Words
from crmlib.report.form.parameters import Issue, worded


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
    >>> own = CrmError("demo.empty", said=("no rows", "some", "check the export"))
    >>> explain(own, Words("zh")).mend
    'check the export'
    """
    if not isinstance(error, CrmError):
        given, expected, mend = (words(f"page.error.unexpected.{p}", kind=type(error).__name__) for p in refusals.PARTS)
        return Explanation("unexpected", given, expected, mend)
    given, expected, mend = (_part(error, number, words) for number in range(3))
    return Explanation(error.code, f"{error.place}: {given}" if error.place else given, expected, mend, error.examples)


def _part(error: CrmError, number: int, words: Words) -> str:
    domain, _, rest = error.code.partition(".")
    key = f"{domain}.error.{rest}.{refusals.PARTS[number]}"
    if error.said or not words.has(key):
        return error.parts()[number]
    values = {name: _in_words(value, words) for name, value in error.values.items()}
    return refusals.filled(words.sentence(key), values, rule=words.format.plural)


def _in_words(value: object, words: Words) -> object:
    if isinstance(value, tuple | list):
        return words("page.join").join(str(_in_words(v, words)) for v in value)
    return worded(value, words) if isinstance(value, Issue) else value
