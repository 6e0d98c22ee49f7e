"""Sentences with named values, whose nouns follow the number that they stand with.

``{count} {count:plural:member|members}`` gives one text per plural form of the language, in the order of its record
(English: one, other); a value that is no number, and a form that is not written, take the last.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from string import Formatter
from typing import Any, TypeAlias

PLURAL = "plural:"
_HAN = r"[\u4e00-\u9fff]"
_BESIDE = re.compile(rf"(?<={_HAN}) (?=\{{)|(?<=\}}) (?={_HAN})")
"""The space between Chinese text and a value: it sets figures apart, and has no place before or after Chinese."""
_MARK = "\x1f"
_CLOSED = re.compile(rf"(?<={_HAN}){_MARK}(?={_HAN})")

Rule: TypeAlias = Callable[[Decimal], int]
"""Number as it is written → place of its form among those of the language."""


def english(number: Decimal) -> int:
    """One, other: 1 member, but 1.0 members."""
    return int(number != 1 or number.as_tuple().exponent != 0)


def fill(sentence: str, values: Mapping[str, object], *, rule: Rule = english) -> str:
    """`sentence` with its values.

    Raises
    ------
    KeyError
        A value is missing.

    Examples
    --------
    >>> [fill("{n} {n:plural:member|members}", {"n": n}) for n in (0, "1", "1,000", "about 1")]
    ['0 members', '1 member', '1,000 members', 'about 1 members']
    """
    marked = _BESIDE.sub(_MARK, sentence)
    filled = _Counting(rule).vformat(marked, (), values) if f":{PLURAL}" in marked else marked.format(**values)
    return _CLOSED.sub("", filled).replace(_MARK, " ") if _MARK in marked else filled


class _Counting(Formatter):
    def __init__(self, rule: Rule) -> None:
        self.rule = rule

    def format_field(self, value: Any, format_spec: str) -> str:
        """The form of a plural; anything else as `format` has it."""
        if not format_spec.startswith(PLURAL):
            return str(format(value, format_spec))
        forms = format_spec.removeprefix(PLURAL).split("|")
        number = _number(value)
        return forms[-1] if number is None else forms[min(self.rule(number), len(forms) - 1)]


def _number(value: object) -> Decimal | None:
    try:
        return Decimal(str(value).replace(",", ""))
    except InvalidOperation:
        return None
