"""Errors in the reader's language."""

from __future__ import annotations

from crmlib.core.errors import CrmError
from crmlib.text import Words


def told(problem: CrmError, *, words: Words) -> str:
    """The three parts of an error in the reader's language; English where no other wording is known."""
    domain, _, rest = problem.code.partition(".")
    keys = [f"{domain}.error.{rest}.{part}" for part in ("given", "expected", "mend")]
    if words.language == "en" or not all(words.has(key) for key in keys):
        return str(problem)
    try:
        parts = [words(key, **problem.values) for key in keys]
    except (KeyError, IndexError):  # a value the sentence wants was not given: the English text is always whole
        return str(problem)
    examples = words("cli.examples", keys=", ".join(problem.examples)) if problem.examples else ""
    labels = [words(f"cli.part.{part}") for part in ("given", "expected", "mend")]
    return "\n".join(
        f"{label}{text}{examples if i == 0 else ''}" for i, (label, text) in enumerate(zip(labels, parts, strict=True))
    )
