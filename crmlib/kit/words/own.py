"""Words of a report outside the package: zh.toml and en.toml of its room, else what its notebook says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from crmlib.core.errors import ParameterError
from crmlib.kit import notebook as notebooks
from crmlib.kit.words.locales import locales

_AT = re.compile(r"at line (\d+)")
TAGS = tuple(locales())


def languages(room: Path, *, name: str) -> tuple[str, ...]:
    """The languages a report can be made in: those of its words, else those of its title.

    A title with two sides of a bar is both; another one is in the language of its characters, and none is in any.
    """
    there = tuple(tag for tag in TAGS if (room / f"{tag}.toml").is_file())
    if there:
        return there
    try:
        title = notebooks.read(room / f"{name}.ipynb").title
    except ParameterError:
        return TAGS
    zh, en = notebooks.split(title)
    return TAGS if zh != en or not title else ("zh",) if notebooks.is_chinese(title) else ("en",)


def words(room: Path, tag: str, *, name: str) -> dict[str, Any]:
    """The sentences of a room, nested as in a file of words: those of the file over those of the notebook.

    Raises
    ------
    ParameterError
        `report.bad_words`, with file and line.
    """
    file = room / f"{tag}.toml"
    said = _said(room, tag, name)
    if not file.is_file():
        return said
    written = read(file)
    parameters = written.get("parameter", {}) if isinstance(written.get("parameter"), dict) else {}
    merged = {name: entry | parameters.get(name, {}) for name, entry in said["parameter"].items()}
    return {**said, **written, "parameter": parameters | merged}


def read(file: Path) -> dict[str, Any]:
    """The content of a file of words.

    Raises
    ------
    ParameterError
        `report.bad_words`, with file and line.
    """
    text = ""
    try:
        text = file.read_text(encoding="utf-8")
        return tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        found = _AT.search(str(problem))
        line = int(found[1]) if found else len(text.splitlines())
        raise notebooks.broken(file, "report.bad_words", line=line, problem=str(problem)) from None


def _said(room: Path, tag: str, name: str) -> dict[str, Any]:
    """What the notebook says; a broken one says its name."""
    side = int(tag != TAGS[0])
    try:
        notebook = notebooks.read(room / f"{name}.ipynb")
        declared = notebooks.declared(notebook) if notebook.parameters is not None else ()
    except ParameterError:
        return {"title": name, "question": "", "parameter": {}}
    parameters = {
        one.name: {key: _plain(text[side]) for key, text in (("label", one.label), ("help", one.help)) if text[side]}
        for one in declared
    }
    title, question = (_plain(notebooks.split(text)[side]) for text in (notebook.title, notebook.question))
    return {"title": title or name, "question": question, "parameter": parameters}


def _plain(text: str) -> str:
    """A text that is no template: its braces stay braces."""
    return text.replace("{", "{{").replace("}", "}}")
