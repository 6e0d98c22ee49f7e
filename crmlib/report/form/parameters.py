"""One pydantic model per report: the same check for YAML, the command line, a cell, a form and an address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from crmlib.core.errors import ParameterError
from crmlib.kit.words import Words
from crmlib.report.form.base import ReportParameters
from crmlib.report.registry import known, model, nearest

__all__ = ["Issue", "ReportParameters", "check", "known", "model", "sentence"]

_SIMPLE = {
    "extra_forbidden": "unknown",
    "literal_error": "choice",
    "greater_than_equal": "least",
    "greater_than": "least",
    "less_than_equal": "most",
    "less_than": "most",
    "string_too_long": "long",
}
_BY_PREFIX = {"date": "date", "int": "whole", "float": "number", "bool": "choice"}


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing wrong with one parameter: a kind (text key ``page.issue.<kind>``) and the words for its sentence."""

    name: str
    given: str
    kind: str
    values: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return worded(self, Words("en"))


def check(report: str, values: Mapping[str, object]) -> ReportParameters:
    """`values` as the parameters of `report`.

    Raises
    ------
    ParameterError
        `report.parameters` with one `Issue` per wrong name or value in ``values["issues"]``.

    Examples
    --------
    >>> check("customer_value", {"months": "6"}).months
    6
    >>> check("customer_value", {"month": 6})  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    crmlib.core.errors.ParameterError: given: parameters: month = 6: there is no parameter of this name; ...
    expected: names and values that the report knows
    mend: correct them as said above and make the page again
    """
    kind = model(report)
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        raise _refusal([_issue(e, kind) for e in error.errors(include_url=False)]) from None


def sentence(issue: Issue, words: Words) -> str:
    """What is wrong, in one sentence of the reader's language."""
    return words(f"page.issue.{issue.kind}", **issue.values)


def worded(issue: Issue, words: Words) -> str:
    """An issue with its name and what was given."""
    return f"{issue.name} = {issue.given}: {sentence(issue, words)}"


def _refusal(issues: Sequence[Issue]) -> ParameterError:
    return ParameterError("report.parameters", values={"issues": tuple(issues)})


def _issue(error: Any, kind: type[ReportParameters]) -> Issue:
    name = str(error["loc"][0]) if error["loc"] else ""
    given = str(error.get("input"))[:60]
    what = _SIMPLE.get(error["type"]) or _BY_PREFIX.get(error["type"].split("_")[0], "other")
    facts = error.get("ctx", {})
    values = {
        "unknown": lambda: {"nearest": nearest(name, kind.model_fields) or ""},
        "choice": lambda: {"choices": str(facts.get("expected", "")).replace("'", "").replace(" or ", ", ")},
        "least": lambda: {"limit": str(facts.get("ge", facts.get("gt")))},
        "most": lambda: {"limit": str(facts.get("le", facts.get("lt")))},
        "long": lambda: {"limit": str(facts.get("max_length"))},
    }.get(what, dict)()
    if what == "unknown" and values["nearest"]:
        what = "unknown_near"
    return Issue(name=name, given=given, kind=what, values=values)
