"""Every refusal of churn is worded in both languages."""

from __future__ import annotations

import re

import pytest

from crmlib.kit.words import LANGUAGES, Words


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_has_its_three_sentences_in_both_languages(language, root):
    words = Words(language)
    codes = set()
    for path in (root / "crmlib" / "churn").rglob("*.py"):
        codes |= set(re.findall(r'"churn\.([a-z_]+)",\n', path.read_text(encoding="utf-8")))
    assert len(codes) >= 18
    missing = [c for c in codes for part in ("given", "expected", "mend") if not words.has(f"churn.error.{c}.{part}")]
    assert missing == []
