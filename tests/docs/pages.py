"""The pages a reader is given: README, contributing, docs, handbooks, the site's first pages; their blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    p
    for pattern in ("*.md", "docs/*.md", "docs/site/*.md", "crmlib/run/handbook/*.md", "data_samples/*.md")
    for p in ROOT.glob(pattern)
)
BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S)
CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code: where it stands, its language, its text."""

    page: Path
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{name_of(self.page)}: {self.text.splitlines()[0] if self.text else ''}"


def blocks(page: Path, *languages: str) -> Iterator[Block]:
    """The blocks of a page, of these languages or of all."""
    for found in BLOCK.finditer(page.read_text(encoding="utf-8")):
        if not languages or found["language"] in languages:
            yield Block(page, found["language"], found["text"])


def prose(page: Path) -> str:
    """A page without its blocks."""
    return BLOCK.sub("", page.read_text(encoding="utf-8"))
