"""No sentence stands unused: every key is asked for in the code, by its name, by its pattern or by its section."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from crmlib.kit.words.sentences import _files, keys
from tests.parsed import parsed

PACKAGE = Path(__file__).parents[2] / "crmlib"
NOTES = r"(title|headline|seen|sure|do|unavailable)(\..+)?"
"""What `Finding.worded` and `Finding.unavailable` look up under a section."""
ASKED_BY_NAME = r"(parameter\..+|title|question|error\..+|limits\..+)"
"""Asked by the form, the head, the refusals and the pages' limits under names that the code makes up."""
WAITING = {"calendar"}
"""Words of days and slots that the core tells as codes; no page shows them yet."""
HOLE = r"[\w.]+"


def pattern(node: ast.JoinedStr) -> str:
    """What an f-string can become; nothing if it does not begin with a name of its own."""
    parts = [re.escape(str(v.value)) if isinstance(v, ast.Constant) else HOLE for v in node.values]
    return "".join(parts) if re.match(r"[a-z_0-9]+\\\.", parts[0]) else ""


@cache
def asked() -> tuple[frozenset[str], tuple[str, ...]]:
    """Texts of the code, and patterns of its f-strings."""
    texts, patterns = set(), set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                patterns.add(pattern(node))
            elif isinstance(node, ast.keyword) and node.arg == "names" and isinstance(node.value, ast.Dict):
                told = [v.value for v in node.value.values if isinstance(v, ast.Constant)]
                patterns |= {re.escape(str(place)) + r"\." + HOLE for place in told}  # codes of a column in words
    for path in [*PACKAGE.rglob("*.j2"), *PACKAGE.rglob("*.js")]:
        for text, more in re.findall(r'"([a-z_0-9.]+)"( ~)?', path.read_text(encoding="utf-8")):
            (patterns if more else texts).add(re.escape(text) + HOLE if more else text)
    vocabulary = tomllib.loads((PACKAGE / "kit" / "columns.toml").read_text(encoding="utf-8"))
    for column in vocabulary.values():
        patterns |= {re.sub(r"\{\w+\}", lambda _: HOLE, place) + r"\." + HOLE for place in column.get("values", [])}
    return frozenset(texts), tuple(sorted(patterns - {""}))


def unused(domain: str) -> list[str]:
    texts, patterns = asked()
    own = [p for p in patterns if p.startswith((domain, "["))]
    sections = [re.escape(t) for t in texts if t.startswith(f"{domain}.")] + own
    known = re.compile("|".join([*own, *(rf"{s}\.{NOTES}" for s in sections), rf"{domain}\.{ASKED_BY_NAME}"]))
    prefixes = tuple(t for t in texts if t.startswith(f"{domain}.") and t.endswith("."))
    return sorted(
        key
        for key in keys("zh")
        if key.startswith(f"{domain}.")
        and key not in texts
        and not known.fullmatch(key)
        and not (prefixes and key.startswith(prefixes))
    )


@pytest.mark.parametrize("domain", sorted(set(_files("zh")) - WAITING))
def test_every_sentence_is_asked_for(domain: str) -> None:
    assert unused(domain) == []


def test_a_sentence_that_nobody_asks_for_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    more = keys("zh") | {"customer_value.matrix.seen_never", "customer_value.nobody.asks"}
    monkeypatch.setattr("tests.kit.test_used_words.keys", lambda language: more)
    assert {"customer_value.matrix.seen_never", "customer_value.nobody.asks"} <= set(unused("customer_value"))
