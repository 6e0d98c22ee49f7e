"""Every refusal: raised by code and values, said by three sentences in each language, once."""

from __future__ import annotations

import ast
import pickle
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from crmlib.core import refusals
from crmlib.core.errors import ContractError, CrmError, ParameterError
from tests.parsed import parsed

PACKAGE = Path(refusals.__file__).parents[2]
CODE = re.compile(r"[a-z]\w*\.[a-z]\w*")

PASSED_ON: dict[str, set[str]] = {
    "balances.": {"rows", "table", "key", "amount"},
    "promotion.r": {"count"},
    "promotion.offer_": {"count", "offers"},
    "promotion.out_of_": {"category", "first_day", "last_day"},
    "promotion.no_slot": {"category", "first_day", "last_day"},
    "promotion.state_": {"promotion_id", "state", "to", "known"},
    "promotion.budget_": {"promotion_id", "asked", "have", "source"},
    "clv.no_": {"q", "least"},
    "lake.": {"name", "path", "reason"},
    "ingest.is_": {"file", "kind"},
    "ingest.protected": {"file", "kind"},
    "ingest.locked_archive": {"file", "kind"},
    "ingest.broken_workbook": {"file", "kind"},
    "ingest.missing_column": {"file", "missing", "near", "present"},
    "sources.": {
        "place", "line", "reason", "name", "near", "known", "table", "missing", "currency", "source", "value", "zone",
        "pattern", "groups", "count",
    },
    "report.": {"region", "known", "issues", "where", "problem", "text"},
    "run.unknown_": {"name", "known", "near"},
}  # fmt: skip
"""Codes handed to a function that raises them, by their beginnings, and the values that it gives."""

NOT_SHOWN = {
    "report.as_of": {"issues"},
    "report.region": {"issues"},
    "report.forbidden": {"issues"},
    "report.not_offered": {"issues"},
    "report.forbidden_person": {"issues"},
}
"""Values for a program: the form shows them at the field."""


def _told(language: str) -> dict[str, dict[str, str]]:
    files = sorted((refusals.FOLDER / language).glob("*.toml"))
    read = {file.stem: tomllib.loads(file.read_text(encoding="utf-8")) for file in files}
    return {f"{domain}.{code}": parts for domain, codes in read.items() for code, parts in codes.items()}


TOLD = {language: _told(language) for language in ("zh", "en")}


def _names(parts: dict[str, str]) -> set[str]:
    return {name for text in parts.values() for _, name, _, _ in Formatter().parse(text) if name is not None}


NODES = [
    (file.relative_to(PACKAGE).as_posix(), node)
    for file in sorted(PACKAGE.rglob("*.py"))
    for node in ast.walk(parsed(file))
    if isinstance(node, ast.Call | ast.Constant)
]
CALLS = [(f"{file}:{node.lineno}", node) for file, node in NODES if isinstance(node, ast.Call)]


def _raised() -> Iterator[tuple[str, str, set[str]]]:
    """Where, code, names of values; of errors whose code and values stand in one call."""
    for where, call in CALLS:
        code = call.args[0] if call.args else None
        if not ast.unparse(call.func).endswith("Error") or not isinstance(code, ast.Constant):
            continue
        if isinstance(code.value, str) and CODE.fullmatch(code.value):
            values = next((k.value for k in call.keywords if k.arg == "values"), None)
            names = [ast.literal_eval(k) for k in values.keys if k] if isinstance(values, ast.Dict) else []
            if values is None or isinstance(values, ast.Dict):
                yield where, code.value, set(names)


RAISED = list(_raised())


def _literals() -> set[str]:
    texts = {node.value for _, node in NODES if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {text for text in texts if CODE.fullmatch(text)}


def test_the_languages_tell_the_same_refusals_in_three_parts_each() -> None:
    assert TOLD["zh"].keys() == TOLD["en"].keys()
    assert {code for told in TOLD.values() for code, parts in told.items() if tuple(parts) != refusals.PARTS} == set()


def test_the_languages_name_the_same_values() -> None:
    differ = {code: _names(parts) ^ _names(TOLD["zh"][code]) for code, parts in TOLD["en"].items()}
    assert {code: names for code, names in differ.items() if names} == {}


def test_every_code_raised_has_sentences_with_exactly_its_values() -> None:
    assert len(RAISED) > 250
    unknown = [(where, code) for where, code, _ in RAISED if code not in TOLD["en"]]
    assert unknown == []
    wrong = [
        (where, code, (_names(TOLD["en"][code]) | NOT_SHOWN.get(code, set())) ^ names)
        for where, code, names in RAISED
        if (_names(TOLD["en"][code]) | NOT_SHOWN.get(code, set())) != names
    ]
    assert wrong == []


def test_codes_that_a_function_is_told_to_raise_have_sentences_of_its_values() -> None:
    direct = {code for _, code, _ in RAISED}
    passed = {code: _names(parts) for code, parts in TOLD["en"].items() if code not in direct}
    given = {c: [names for start, names in PASSED_ON.items() if c.startswith(start)] for c in passed}
    assert [c for c, names in passed.items() if not given[c] or not names <= set().union(*given[c])] == []


def test_no_sentence_is_told_by_nobody() -> None:
    assert TOLD["en"].keys() - _literals() == set()


def test_no_sentence_of_a_refusal_stands_in_the_code() -> None:
    spoken = [
        where
        for where, call in CALLS
        if ast.unparse(call.func).endswith("Error")
        and {k.arg for k in call.keywords} & {"given", "expected", "mend", "said"}
    ]
    assert [where for where in spoken if not where.startswith("run/plan.py")] == []  # passes on an own report's


def test_an_error_is_told_in_english_with_place_and_examples_and_survives_a_process() -> None:
    error = ContractError(
        "frame.repeated_key", values={"name": "x", "rows": 2, "key": "id"}, examples="abcdef", place="f"
    )
    told = "given: f: x: 2 rows repeat a id; for example a, b, c, d, e\nexpected: one row per id\n"
    assert str(error) == told + "mend: keep one row of each, or sum them up first"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize("values", [{}, {"rows": object()}])
def test_a_value_that_is_missing_never_hides_the_error(values: dict[str, object]) -> None:
    assert "{name}" in ParameterError("frame.choice", values=values).given
    assert CrmError("no.such_code", values={"rows": 3}).given == "no.such_code (rows = 3)"
