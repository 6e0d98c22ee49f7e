"""Failures in the reader's language."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from crmlib.core.errors import CrmError
from crmlib.kit.words import LANGUAGES, Language, Words
from crmlib.report.form.explain import Explanation, explain


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run failed, in every language; `detail` is what only the machine said, for whoever runs it."""

    said: Mapping[Language, Explanation]
    detail: str = ""


def failure(problem: Exception, *, detail: str = "") -> Failure:
    """`problem` in every language."""
    return Failure({language: explain(problem, Words(language)) for language in LANGUAGES}, detail)


def recorded(file: Path, *, detail: str) -> Failure | None:
    """What a notebook's process wrote about its error; none if it did not come to that."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        said = {
            language: Explanation(**content[language] | {"examples": tuple(content[language]["examples"])})
            for language in LANGUAGES
        }
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Failure(said, detail if said[LANGUAGES[0]].code == "unexpected" else "")


def lines(problem: Failure, *, words: Words) -> str:
    """The three parts of a failure, each on a line of its own, and the detail."""
    said = problem.said[words.language]
    examples = words("cli.examples", keys=", ".join(said.examples)) if said.examples else ""
    parts = (f"{said.given}{examples}", said.expected, said.mend)
    labels = [words(f"cli.part.{part}") for part in ("given", "expected", "mend")]
    return "\n".join([f"{label}{text}" for label, text in zip(labels, parts, strict=True)] + [problem.detail]).rstrip()


def told(problem: CrmError, *, words: Words) -> str:
    """The three parts of an error."""
    return lines(failure(problem), words=words)
