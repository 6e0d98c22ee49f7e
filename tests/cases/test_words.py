"""Every refusal has its three parts in both languages, with the values that it raises."""

from __future__ import annotations

import ast
import string
from pathlib import Path

import pytest

from crmlib.kit.words.sentences import Words
from tests.parsed import parsed

ROOT = Path(__file__).parents[2] / "crmlib"
FILES = [*sorted((ROOT / "cases").glob("*.py")), ROOT / "core" / "incidence.py", ROOT / "core" / "renewal.py"]


def raised() -> dict[str, set[str]]:
    """Codes and the names of their values (empty where values are made elsewhere)."""
    found: dict[str, set[str]] = {}
    for path in FILES:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ModelError":
                code = node.args[0].value  # type: ignore[attr-defined]
                given = next((k.value for k in node.keywords if k.arg == "values"), None)
                names = {k.value for k in given.keys} if isinstance(given, ast.Dict) else set()  # type: ignore[union-attr]
                found.setdefault(code, set()).update(names)
    return found


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_refusal_can_be_told(language):
    words, codes = Words(language), raised()
    assert len(codes) > 25
    for code, names in codes.items():
        domain, _, name = code.partition(".")
        for part in ("given", "expected", "mend"):
            key = f"{domain}.error.{name}.{part}"
            assert words.has(key), key
            wanted = {n for _, n, _, _ in string.Formatter().parse(words.sentence(key)) if n}
            assert not names or wanted <= names, key
