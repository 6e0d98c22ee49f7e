"""Definitions: of columns that there are, one a name, in both languages, short, and in words."""

from __future__ import annotations

import re

import pytest

from crmlib.kit import columns, terms
from crmlib.kit.words import LANGUAGES, Language
from crmlib.run import handbooks

LONGEST = {"zh": 80, "en": 170}
MACHINE = re.compile(r"[a-z]+_[a-z]+|[{}<>]")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_definition_is_of_a_column_or_a_word_and_short_and_without_machine_words(language: Language) -> None:
    found = terms.terms(language)
    measures = [key for key in found if not key.startswith("word-")]
    assert [key for key in measures if columns.known(key) is None] == [] and len(measures) > 50
    assert {t.key: t.means for t in found.values() if MACHINE.search(t.name + t.means)} == {}
    assert {t.key: len(t.means) for t in found.values() if len(t.means) > LONGEST.get(language, 200)} == {}
    assert [t.key for t in found.values() if t.means[-1] not in "。."] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_name_has_one_meaning(language: Language) -> None:
    said: dict[str, set[str]] = {}
    for term in terms.terms(language).values():
        said.setdefault(term.name, set()).add(term.means)
    assert {name: sorted(means) for name, means in said.items() if len(means) > 1} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_of_definitions_lists_every_one_and_is_reached_from_the_handbooks(language: Language) -> None:
    page, found = handbooks.page("definitions", language), terms.terms(language)
    assert [t.key for t in found.values() if f"<strong>{t.name}</strong>" not in page] == []
    assert f"handbook/{language}/definitions.html" in handbooks.links(language)
