"""Parameters of reports: the same check for every way in, messages a planner can act on."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.core.errors import ParameterError
from crmlib.kit.words import LANGUAGES, Words
from crmlib.report import registry
from crmlib.report.form import parameters
from crmlib.report.form.parameters import Issue, ReportParameters


def issues(**values: object) -> dict[str, Issue]:
    with pytest.raises(ParameterError) as caught:
        parameters.check("customer_value", values)
    found = caught.value.values["issues"]
    assert isinstance(found, tuple)
    return {issue.name: issue for issue in found}


def test_a_mistyped_name_is_refused_and_the_nearest_one_offered() -> None:
    assert issues(month=6)["month"].values["nearest"] == "months"
    assert issues(zzz=1)["zzz"].kind == "unknown"


def test_all_wrong_values_are_told_at_once() -> None:
    found = issues(months=99, compare="never", as_of="2026-13-01", capacity=0, shares="5/1")
    assert {name: issue.kind for name, issue in found.items()} == {
        "months": "most",
        "compare": "choice",
        "as_of": "date",
        "capacity": "least",
        "shares": "other",
    }
    assert found["months"].values == {"limit": "36"}


def test_a_blank_field_means_the_default() -> None:
    checked: Any = parameters.check("customer_value", {"months": "", "region": " ", "as_of": "", "shares": "2/10"})
    assert (checked.months, checked.region, checked.as_of, checked.shares) == (12, None, None, "2/10")


def test_text_of_a_form_and_values_of_a_cell_give_the_same_parameters() -> None:
    typed = parameters.check("customer_value", {"as_of": "2026-06-30", "months": "6", "language": "en"})
    assert typed == parameters.check("customer_value", {"as_of": date(2026, 6, 30), "months": 6, "language": "en"})


@given(st.dictionaries(st.sampled_from(["months", "as_of", "region", "shares", "x"]), st.text(max_size=30), max_size=4))
def test_whatever_is_typed_ends_in_parameters_or_in_issues(values: dict[str, str]) -> None:
    try:
        checked = parameters.check("customer_value", values)
    except ParameterError as error:
        assert error.values["issues"]
    else:
        assert isinstance(checked, ReportParameters)


def test_an_unknown_report_names_the_nearest() -> None:
    with pytest.raises(ParameterError) as caught:
        parameters.model("customer_valeu")
    assert caught.value.values["nearest"] == "customer_value"


@pytest.mark.parametrize("report", sorted(registry.package_rooms()))
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_report_has_its_words_for_title_question_and_every_field(report: str, language: str) -> None:
    words = Words(language)  # type: ignore[arg-type]
    fields = parameters.model(report).model_fields
    missing = [key for key in (f"{report}.title", f"{report}.question") if not words.has(key)]
    for name in fields:
        keys = [f"{owner}.parameter.{name}.label" for owner in (report, "page")]
        missing += [] if any(words.has(key) for key in keys) else [keys[0]]
    assert not missing


@pytest.mark.parametrize("report", sorted(registry.package_rooms()))
def test_every_field_is_a_scalar_that_a_form_can_hold(report: str) -> None:
    for name, value in parameters.model(report)().model_dump(mode="json").items():
        assert value is None or isinstance(value, str | int | float | bool), name
        assert name not in ("template", "theme"), "Voila reads these names"
