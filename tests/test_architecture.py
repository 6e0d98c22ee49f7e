"""ARCHITECTURE.md is compared with the code: every path it names stands, every room is named, walks are short."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "ARCHITECTURE.md").read_text(encoding="utf-8")


def test_every_path_it_names_stands(page: str, root: Path) -> None:
    named = set(re.findall(r"`((?:crmlib|params|notebooks|docs|tests)/[\w./]+)`", page))
    assert len(named) > 40
    assert {name for name in named if not (root / name).exists()} == set()


def test_every_room_of_the_package_has_its_line(page: str, root: Path) -> None:
    rooms = {f"crmlib/{p.parent.name}" for p in (root / "crmlib").glob("*/__init__.py")}
    assert rooms == set(re.findall(r"^\| `(crmlib/\w+)` \|", page, flags=re.MULTILINE))


def test_its_layers_are_those_that_the_linter_holds(page: str, root: Path) -> None:
    contracts = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(c["layers"] for c in contracts if c["name"] == "layers")
    held = [re.sub(r"crmlib\.|[()]", "", layer) for layer in layers]
    said = re.search(r"```\n(cli → .*)\n```", page)
    assert said is not None
    questions = next(layer for layer in held if "scoring" in layer)
    assert said[1].replace("questions", questions).split(" → ") == held


def test_a_walk_goes_through_nine_rooms_at_most(page: str) -> None:
    for title in ("A line of a receipt to a page", "A parameter from YAML to a notebook", "A finding to HTML"):
        section = page.split(f"## {title}")[1].split("\n## ", maxsplit=1)[0]
        steps = re.findall(r"^\d+\. ", section, flags=re.MULTILINE)
        assert 3 <= len(steps) <= 9, title


def test_contributors_find_what_they_need(root: Path) -> None:
    for name in ("LICENSE", "CONTRIBUTING.md", ".github/PULL_REQUEST_TEMPLATE.md", ".github/ISSUE_TEMPLATE/fault.md"):
        assert (root / name).read_text(encoding="utf-8").strip(), name
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`?make (\w+)", (root / "CONTRIBUTING.md").read_text(encoding="utf-8")):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
