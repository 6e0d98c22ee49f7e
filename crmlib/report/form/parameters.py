"""One pydantic model per report: the same check for YAML, the command line, a cell, a form and an address."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from crmlib.core.errors import ParameterError
from crmlib.kit.words import Words
from crmlib.report.form.base import ReportParameters

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


def known() -> tuple[str, ...]:
    """Names of all reports, in alphabetical order.

    Examples
    --------
    >>> "customer_value" in known()
    True
    """
    return tuple(sorted(name for name, room in rooms().items() if (room / "parameters.py").is_file()))


def rooms() -> dict[str, Path]:
    """The folder of every report's room in the package, found by name and not imported."""
    spec = find_spec("crmlib.pages")
    places = spec.submodule_search_locations if spec is not None else None
    return {m.name: Path(place, m.name) for place in places or () for m in pkgutil.iter_modules([place]) if m.ispkg}


def model(report: str) -> type[ReportParameters]:
    """The parameters of `report`.

    Raises
    ------
    ParameterError
        `report.unknown`, with the nearest name.

    Examples
    --------
    >>> model("customer_value").__name__
    'CustomerValue'
    """
    if report not in known():
        raise ParameterError(
            "report.unknown",
            values={"report": report, "known": ", ".join(known()), "nearest": _nearest(report, known()) or known()[0]},
        )
    module = importlib.import_module(f"crmlib.pages.{report}.parameters")
    return next(
        thing
        for _, thing in inspect.getmembers(module, inspect.isclass)
        if issubclass(thing, ReportParameters) and thing.__module__ == module.__name__
    )


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
        "unknown": lambda: {"nearest": _nearest(name, kind.model_fields) or ""},
        "choice": lambda: {"choices": str(facts.get("expected", "")).replace("'", "").replace(" or ", ", ")},
        "least": lambda: {"limit": str(facts.get("ge", facts.get("gt")))},
        "most": lambda: {"limit": str(facts.get("le", facts.get("lt")))},
        "long": lambda: {"limit": str(facts.get("max_length"))},
    }.get(what, dict)()
    if what == "unknown" and values["nearest"]:
        what = "unknown_near"
    return Issue(name=name, given=given, kind=what, values=values)


def _nearest(name: str, names: Any) -> str | None:
    found = difflib.get_close_matches(name.lower(), list(names), n=1, cutoff=0.5)
    return found[0] if found else None
