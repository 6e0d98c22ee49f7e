"""Parameter files: grids, overrides, the latest day, refusals before anything starts."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from crmlib.core.errors import LakeError, ParameterError, RunError
from crmlib.data import Lake
from crmlib.run import plan

LATEST = date(2026, 10, 31)


def write(folder: Path, text: str, name: str = "weekly.yml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def jobs(folder: Path, text: str, **overrides: str) -> list[plan.Job]:
    return plan.jobs_of(write(folder, text), latest=LATEST, overrides=overrides)


def test_a_list_makes_a_grid_with_a_place_for_each_page(tmp_path: Path) -> None:
    found = jobs(tmp_path, "report: customer_value\nparameters:\n  language: [zh, en]\n  months: [6, 12]\n")
    assert [job.output for job in found] == [
        "customer_value/weekly-months-6/2026-10-31/zh",
        "customer_value/weekly-months-12/2026-10-31/zh",
        "customer_value/weekly-months-6/2026-10-31/en",
        "customer_value/weekly-months-12/2026-10-31/en",
    ]
    assert {job.languages for job in found} == {("zh", "en")}


def test_latest_becomes_the_last_day_of_the_lake(tmp_path: Path) -> None:
    (job,) = jobs(tmp_path, "report: customer_value\nparameters: {as_of: latest}\n")
    assert (job.as_of, job.parameters["as_of"]) == (LATEST, "2026-10-31")


def test_set_overrides_the_file_and_text_is_read_by_the_model(tmp_path: Path) -> None:
    (job,) = jobs(tmp_path, "report: customer_value\n", months="6", as_of="2026-01-31")
    assert (job.parameters["months"], job.as_of) == (6, date(2026, 1, 31))


def test_an_unknown_parameter_is_refused_with_the_nearest_name_and_the_file(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="did you mean months") as caught:
        jobs(tmp_path, "report: customer_value\nparameters: {month: 6}\n")
    assert "weekly.yml" in str(caught.value)


def test_an_unknown_report_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="customer_valu"):
        jobs(tmp_path, "report: customer_valu\n")


@pytest.mark.parametrize(
    "text", ["reprot: customer_value\n", "[]\n", "report: ../secret\n", "report: customer_value\ndeadline_seconds: 0\n"]
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, text: str) -> None:
    with pytest.raises(ParameterError) as caught:
        jobs(tmp_path, text)
    assert caught.value.code == "run.bad_params"


def test_broken_yaml_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    for path in (write(tmp_path, "report: [\n"), tmp_path / "none.yml"):
        with pytest.raises(ParameterError) as caught:
            plan.jobs_of(path, latest=LATEST, overrides={})
        assert caught.value.code == "run.unreadable_params"


def test_no_value_leads_out_of_the_reports_folder(tmp_path: Path) -> None:
    text = "report: customer_value\nparameters:\n  region: ['../../etc', '{x.__class__}']\n"
    for job in jobs(tmp_path, text):
        assert ".." not in job.output.split("/")
        assert len(job.output.split("/")) == 4


def test_two_pages_in_one_place_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="more than once"):
        jobs(tmp_path, "report: customer_value\nparameters: {language: [zh, zh]}\n")


def test_an_empty_lake_has_no_latest_day(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="ingest"):
        plan.latest_day(Lake(tmp_path))


def test_folders_are_searched_and_empty_ones_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    path = write(tmp_path / "a", "report: customer_value\n")
    write(tmp_path, "x: 1\n", name="sources.yml")
    assert plan.files([tmp_path]) == [path]
    (tmp_path / "b").mkdir()
    with pytest.raises(ParameterError, match="parameter file"):
        plan.files([tmp_path / "b"])


def test_the_rules_of_lists_are_no_report(tmp_path: Path) -> None:
    (tmp_path / "contact_rules.yml").write_text("days_off: [6]\n")
    (tmp_path / "points").mkdir()
    (tmp_path / "points" / "a.yml").write_text("report: points\n")
    assert [p.name for p in plan.files([tmp_path])] == ["a.yml"]
