"""The sentences of every refusal, as data: `<language>/<domain>.toml`, one table per code, three parts in each.

`CrmError` reads them when it is shown; `kit.words` puts them beside the other sentences of a language
(``<domain>.error.<code>.<part>``). A value is named in braces, with a format where it needs one (``{share:.0%}``).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from crmlib.core.sentences import Rule, english, fill

PARTS = ("given", "expected", "mend")
FOLDER = Path(__file__).parent
_EMPTY = re.compile(r"\s?[(\uff08][^()\uff08\uff09]*(?:[:\uff1a]\s*|''\?)[)\uff09]")
"""A remark in brackets whose value is empty, such as the nearest name where none is near."""


@cache
def sentences(domain: str, *, language: str = "en") -> Mapping[str, Mapping[str, str]]:
    """Code without its domain → part → sentence; empty for a domain that has none.

    Examples
    --------
    >>> sentences("frame")["choice"]["expected"]
    'one of {known}'
    >>> sentences("no_such_domain")
    {}
    """
    file = FOLDER / language / f"{domain}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def told(code: str, values: Mapping[str, object]) -> tuple[str, str, str]:
    """The three English parts of `code` filled with `values`; a code without sentences is told by its name and values.

    Examples
    --------
    >>> told("frame.choice", {"name": "ties", "given": "down", "known": ("up", "down")})
    ('ties = down', 'one of up, down', 'choose one of these')
    >>> told("demo.unknown", {"rows": 3})[0]
    'demo.unknown (rows = 3)'
    """
    domain, _, rest = code.partition(".")
    parts = sentences(domain).get(rest)
    shown = {name: joined(value) for name, value in values.items()}
    if parts is None:
        facts = ", ".join(f"{name} = {value}" for name, value in shown.items())
        return f"{code} ({facts})" if facts else code, "-", "-"
    given, expected, mend = (filled(parts[part], shown) for part in PARTS)
    return given, expected, mend


def filled(sentence: str, values: Mapping[str, object], *, rule: Rule = english) -> str:
    """`sentence` with its values; unfilled where one is missing, because an error must not hide behind another."""
    try:
        return _EMPTY.sub("", fill(sentence, values, rule=rule))
    except (KeyError, IndexError, ValueError, TypeError):
        return sentence


def joined(value: object, *, by: str = ", ") -> object:
    """A sequence as one text, anything else as it is."""
    return by.join(map(str, value)) if isinstance(value, tuple | list) else value
