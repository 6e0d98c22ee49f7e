"""A further language is one record and one file of words per room: shown with a language made of English by accents."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.kit.pseudo import accented


@pytest.fixture(scope="module")
def made(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of the further language, made by a copy of the package that has it."""
    folder = tmp_path_factory.mktemp("third")
    shutil.copytree(root / "crmlib", folder / "code/crmlib", ignore=shutil.ignore_patterns("__pycache__"))
    paths = os.pathsep.join([str(folder / "code"), str(root)])
    command = [sys.executable, str(root / "tests/kit/pseudo.py"), str(folder / "code/crmlib"), str(folder)]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, cwd=folder, check=True)
    return folder


def test_a_page_is_made_in_it(made: Path) -> None:
    page = (made / "reports/data_health/all/2026-06-30/xx/index.html").read_text(encoding="utf-8")
    assert '<html lang="en-XA">' in page
    text = re.sub(r"<(script|style)\b.*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)
    assert accented("Data health") in text and "Data health" not in text
    assert not re.search(r"[\u4e00-\u9fff]{2}", text)
    assert re.findall(r"\b(of|the|are|rows|is|share|month|day)\b", text, flags=re.IGNORECASE) == []


def test_its_workbook_is_in_it(made: Path) -> None:
    book = next((made / "reports/data_health/all/2026-06-30/xx").glob("*.xlsx"))
    with zipfile.ZipFile(book) as parts:
        texts = " ".join(
            parts.read(n).decode() for n in parts.namelist() if n.endswith(("workbook.xml", "Strings.xml"))
        )
    assert re.search("[áéíóú]", texts) and not re.search(r"[\u4e00-\u9fff]{2}", texts)


def test_its_form_refusals_and_portal_are_in_it(made: Path) -> None:
    seen = json.loads((made / "seen.json").read_text(encoding="utf-8"))
    assert all(re.search("[áéíóú]", label) for label in seen["labels"])
    assert "yy" in seen["refusal"] and len(re.findall("[áéíóú]", seen["refusal"])) > 10
    assert accented("Data health") in seen["portal"] and 'lang="en-XA"' in seen["portal"]
