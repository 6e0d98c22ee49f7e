"""An analyst's own report: found by its name, checked by cell and line, shown with its own words."""

from __future__ import annotations

from datetime import date
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from crmlib.core import places
from crmlib.core.errors import CrmError, ParameterError
from crmlib.kit.words import Words
from crmlib.report import registry
from crmlib.report.context import from_environment
from crmlib.report.form import parameters
from crmlib.run import plan
from crmlib.run.inputs import input_hash
from tests.own import project

LAST = date(2026, 6, 30)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one own report, and this process standing in it."""
    monkeypatch.chdir(project.make(tmp_path))
    return tmp_path


def rewritten(root: Path, number: int, text: str) -> None:
    """Cell `number` (from 1) of the own notebook with another text."""
    cells = list(project.NOTEBOOK)
    cells[number - 1] = (cells[number - 1][0], text, cells[number - 1][2])
    project.write_notebook(root / "notebooks/own_sales/own_sales.ipynb", tuple(cells))


def problem(root: Path) -> CrmError:
    return next(iter(registry.find("own_sales").problems()))


def test_it_is_found_beside_the_packages_reports(root: Path) -> None:
    assert registry.find("own_sales").origin == "own" and registry.find("customer_value").origin == "package"
    assert {"own_sales", "customer_value"} <= set(registry.known())
    assert registry.servable(project=root) == ["own_sales"]
    assert list(registry.find("own_sales").problems()) == []


def test_types_defaults_ranges_and_choices_come_from_the_cell(root: Path) -> None:
    given = parameters.check("own_sales", {"months": "6", "by": "day", "share": "0.25"})
    assert given.model_dump(mode="json") == {
        "as_of": None, "language": "zh", "region": None, "store": None, "months": 6, "by": "day", "share": 0.25,
    }  # fmt: skip
    for wrong, kind in (({"months": 25}, "most"), ({"by": "week"}, "choice"), ({"mnths": 2}, "unknown_near")):
        with pytest.raises(ParameterError) as caught:
            parameters.check("own_sales", wrong)
        assert [issue.kind for issue in caught.value.values["issues"]] == [kind]  # type: ignore[attr-defined]


def test_words_come_from_title_headings_and_comments(root: Path) -> None:
    zh, en = Words("zh"), Words("en")
    assert (zh("own_sales.title"), en("own_sales.title")) == ("我的销售", "Own sales")
    assert en("own_sales.question") == "What did each shop sell?"
    assert (zh("own_sales.parameter.store.label"), en("own_sales.parameter.store.label")) == ("门店", "Store")
    assert en("own_sales.parameter.months.help") == "how far to look back"


def test_a_file_of_words_goes_before_the_notebook_and_decides_the_languages(root: Path) -> None:
    (root / "notebooks/own_sales/zh.toml").write_text(
        'title = "甲"\n[parameter.store]\nhelp = "乙"\n', encoding="utf-8"
    )
    words = Words("zh")
    assert words("own_sales.title") == "甲"
    assert (words("own_sales.parameter.store.label"), words("own_sales.parameter.store.help")) == ("门店", "乙")
    assert registry.languages("own_sales") == ("zh",)
    jobs = plan.jobs_of(root / "params/own_sales/daily.yml", latest=LAST, overrides={})
    assert [job.output for job in jobs] == ["own_sales/daily/2026-06-30/zh"]
    alone = plan.jobs_of(root / "params/own_sales/daily.yml", latest=LAST, overrides={"language": "en"})
    assert [job.parameters["language"] for job in alone] == ["zh"], "made in the language there is"


@pytest.mark.parametrize(
    ("number", "text", "code", "where"),
    [
        (2, "store = None\nmonths: Range(1, 24) = 90", "report.bad_default", "cell 2, line 2"),
        (2, "store = None\nx = compute()", "report.no_value", "cell 2, line 2"),
        (2, "a = 1\nb: list[int] = None", "report.no_type", "cell 2, line 2"),
        (2, "for x in []: pass", "report.no_value", "cell 2, line 1"),
        (2, "copy = 1", "report.bad_name", "cell 2, line 1"),
        (5, "x = 1\ny = (2", "report.syntax", "cell 5, line 2"),
        (3, "page = report.open('other', globals())", "report.no_open", "cell 3"),
        (7, "page", "report.no_close", "cell 7"),
    ],
)
def test_what_is_wrong_is_named_by_file_cell_and_line(
    root: Path, number: int, text: str, code: str, where: str
) -> None:
    rewritten(root, number, text)
    found = problem(root)
    assert found.code == code
    assert found.given.startswith(f"notebooks/own_sales/own_sales.ipynb, {where}")
    with pytest.raises(ParameterError) as caught:
        plan.jobs_of(root / "params/own_sales/daily.yml", latest=LAST, overrides={})
    assert caught.value.code == code and "own_sales.ipynb" in str(caught.value)


def test_shell_lines_and_magic_are_no_syntax_errors(root: Path) -> None:
    rewritten(root, 5, "%matplotlib inline\n!ls\nfiles = !ls\nif True:\n    %time x = 1\nx?")
    assert list(registry.find("own_sales").problems()) == []


def test_a_notebook_that_is_no_json_and_words_that_are_no_toml_are_named_with_the_line(root: Path) -> None:
    (root / "notebooks/own_sales/en.toml").write_text('title = "x"\nbad', encoding="utf-8")
    assert problem(root).code == "report.bad_words" and "line 2" in problem(root).given
    assert Words("en")("own_sales.title") == "own_sales", "the portal does not fall with it"
    (root / "notebooks/own_sales/own_sales.ipynb").write_text('{\n"cells": [,]}', encoding="utf-8")
    assert problem(root).code == "report.no_json" and "line 2" in problem(root).given


def test_a_wrong_parameter_is_named_with_the_line_of_its_file(root: Path) -> None:
    file = root / "params/own_sales/daily.yml"
    file.write_text("report: own_sales\nparameters:\n  share: 1\n  months: 99\n", encoding="utf-8")
    with pytest.raises(ParameterError) as caught:
        plan.jobs_of(file, latest=LAST, overrides={})
    assert f"{file}, line 4" in caught.value.given


def test_a_broken_report_holds_up_nobody(root: Path) -> None:
    project.make(root, name="own_other")
    rewritten(root, 2, "x = compute()")
    files = plan.files([root / "params"])
    jobs, broken = plan.collected(files, latest=LAST, overrides={})
    assert {job.report for job in jobs} == {"own_other"}
    assert [path.parent.name for path, _ in broken] == ["own_sales"]


def test_an_own_report_goes_before_the_packages_and_its_changes_count_for_it_alone(root: Path) -> None:
    project.make(root, name="data_health")
    assert registry.find("data_health").origin == "own"
    assert Words("en")("data_health.title") == "Own sales"
    jobs = plan.jobs_of(root / "params/own_sales/daily.yml", latest=LAST, overrides={})
    other = plan.jobs_of(root / "params/data_health/daily.yml", latest=LAST, overrides={})
    before = [input_hash(job, {}, "code", root / "reports") for job in (*jobs, *other)]
    rewritten(root, 5, "x = 1")
    after = [input_hash(job, {}, "code", root / "reports") for job in (*jobs, *other)]
    assert [a == b for a, b in zip(before, after, strict=True)] == [False, False, True, True]


def test_a_name_of_the_common_words_is_no_report(root: Path) -> None:
    project.make(root, name="portal")
    assert "portal" not in registry.known()
    assert Words("en")("portal.title") != "Own sales"


def test_parameters_may_stand_in_a_class_beside_the_notebook(root: Path) -> None:
    text = "from crmlib.report.form.base import ReportParameters\n\nclass Mine(ReportParameters):\n    weeks: int = 4\n"
    (root / "notebooks/own_sales/parameters.py").write_text(text, encoding="utf-8")
    assert parameters.check("own_sales", {"weeks": 5}).model_dump()["weeks"] == 5
    (root / "notebooks/own_sales/parameters.py").write_text("x = 1 +", encoding="utf-8")
    assert problem(root).code == "report.bad_module" and "line 1" in problem(root).given


def test_an_installed_report_is_found_by_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project.make(tmp_path / "there", name="their_sales")
    package = tmp_path / "lib" / "theirs"
    (package / "room").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')", encoding="utf-8")
    source = tmp_path / "there/notebooks/their_sales/their_sales.ipynb"
    (package / "room" / "their_sales.ipynb").write_bytes(source.read_bytes())
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    entry = EntryPoint("their_sales", "theirs.room", places.ENTRY_POINTS)
    monkeypatch.setattr(places, "entry_points", lambda group: [entry])
    places.installed_rooms.cache_clear()
    try:
        assert registry.find("their_sales").origin == "installed"
        assert parameters.check("their_sales", {"months": 2}).model_dump()["months"] == 2
        assert Words("en")("their_sales.title") == "Own sales"
    finally:
        places.installed_rooms.cache_clear()


def test_no_text_of_a_notebook_is_taken_for_a_template(root: Path) -> None:
    cells = list(project.NOTEBOOK)
    cells[0] = ("markdown", "# {kind} 销售 | {0} sales", ())
    project.write_notebook(root / "notebooks/own_sales/own_sales.ipynb", tuple(cells))
    assert Words("en")("own_sales.title") == "{0} sales"
    assert Words("en").label("own_sales.title") == "{0} sales"


def test_the_lake_is_found_from_the_notebooks_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / ".crmlib").mkdir()
    monkeypatch.chdir(root / "notebooks/own_sales")
    for env in ({}, {"CRMLIB_LAKE": ".crmlib"}):
        assert from_environment(env).lake == root / ".crmlib"
