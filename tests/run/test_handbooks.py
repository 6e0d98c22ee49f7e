"""A handbook for each role in each language, that names only what there is, and is read without a login."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.main import get_command

from crmlib.cli import app
from crmlib.kit.words import LANGUAGES, Language
from crmlib.run import handbooks, portal
from crmlib.run.ledger import Ledger

EVERY = [(role, language) for role in handbooks.ROLES for language in LANGUAGES]


@pytest.mark.parametrize(("role", "language"), EVERY)
def test_a_handbook_names_only_commands_and_targets_that_there_are(role: str, language: Language, root: Path) -> None:
    text = handbooks.written(role, language)
    commands = set(getattr(get_command(app), "commands"))  # noqa: B009
    named = {word for word in re.findall(r"crmlib ([a-z][a-z-]+)\b", text) if word not in {"opens", "import"}}
    assert named - commands == set()
    targets = set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)`", text)) - targets == set()
    assert 200 < len(text) < 4_000


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_languages_have_the_same_parts(language: Language) -> None:
    def parts(role: str, code: Language) -> list[str]:
        return re.findall(r"^(#+|\d\.|-)", handbooks.written(role, code), flags=re.MULTILINE)

    assert all(parts(role, language) == parts(role, "zh") for role in handbooks.ROLES)


def test_the_portal_leads_to_every_handbook_and_they_stand_beside_it(tmp_path: Path) -> None:
    runs = Ledger(tmp_path / ".ledger.sqlite").runs()
    for _ in range(2):
        portal.write(tmp_path, runs=runs, now=datetime(2026, 11, 1, tzinfo=UTC))
    for language in LANGUAGES:
        page = (tmp_path / portal.PAGES[language]).read_text(encoding="utf-8")
        for role in handbooks.ROLES:
            address = f"handbook/{language}/{role}.html"
            assert address in page and (tmp_path / address).is_file()


@pytest.mark.parametrize(("role", "language"), EVERY)
def test_a_handbook_loads_nothing_from_outside(role: str, language: Language) -> None:
    html = handbooks.page(role, language)
    assert "<script" not in html and not re.search(r"(src|href)=\"https?:", html)
    assert html.count("<h1>") == 1
