"""The study of the list results: without a register it says what to connect; with one it reads the lists out."""

from __future__ import annotations

import inspect
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from crmlib.core.contracts import CONTRACTS
from crmlib.data.lake.filed import file_rows, settle
from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import Answer, Finding
from crmlib.outreach.register import Terms
from crmlib.pages.list_results import findings
from crmlib.pages.list_results.study import Study
from crmlib.run.lists import book
from tests.report import world

_SHOWN = inspect.getmembers(findings, inspect.isfunction)
SECTIONS = [f for name, f in _SHOWN if hasattr(f, "__wrapped__") and name not in {"answer", "limits"}]
BEFORE = datetime(2026, 4, 1, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
def study(lake: Lake) -> Study:
    return Study(world.opened(lake, report="list_results"))


@pytest.mark.parametrize("make", SECTIONS, ids=lambda f: f.__name__)
def test_a_section_without_the_register_says_so(make: object, study: Study) -> None:
    found = make(study)  # type: ignore[operator]
    assert isinstance(found, Finding)
    assert (found.status, found.table.height) == ("none", 0)
    assert found.note_sure == study.words("page.unavailable.sure")


def test_without_the_register_the_answer_names_what_to_connect(study: Study) -> None:
    said = findings.answer(study)
    assert isinstance(said, Answer)
    assert all(study.words(f"page.source.{t}") in said.sentence for t in findings.NEEDS)


@pytest.fixture(scope="module")
def kept(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake with one list of all members, sent in April and over, and one drawn and not sent."""
    made = Lake(shutil.copytree(lake.path, tmp_path_factory.mktemp("lists") / "lake"))
    ids = [f"C{i:04d}" for i in range(60)]
    members = pl.DataFrame({"customer_id": ids, "region": ["华东", "华南"] * 30, "tags": [[]] * 60})
    file_rows(made, CONTRACTS["customers"], members, batch="m", source="crm", by="crm", now=BEFORE)
    people = pl.DataFrame({"recipient_id": ids})
    for name in ("L-sent", "L-drawn"):
        terms = Terms(name, name, "repeat", "store", "li", control_bp=5000, cost_fixed_minor=100)
        book.file(made, people, terms, at=BEFORE, by="li")
    listed = book.find(made, "L-sent")
    for days, state in ((1, "approved"), (2, "sending"), (3, "sent")):
        listed = book.move(made, listed, state, at=BEFORE + timedelta(days=days), by="wang")  # type: ignore[arg-type]
    return made


def test_a_closed_list_is_read_out_and_a_drawn_one_waits(kept: Lake) -> None:
    study = Study(world.opened(kept, report="list_results", variables={"margin": 0.3}))
    assert study.lists.select("list_id", "closed", "n_contact", "n_control").rows() == [("L-sent", True, 30, 30)]
    assert study.lists["effect"][0] is not None
    assert study.waiting["list_id"].to_list() == ["L-drawn"]
    assert all(f.status != "none" or f.table.height for f in (findings.money(study), findings.checks(study)))
    assert findings.programme(study).note_sure == study.words("page.unavailable.sure")


def test_a_page_of_the_day_before_sending_knows_nothing_of_it(kept: Lake) -> None:
    early = Study(world.opened(kept, report="list_results", variables={"as_of": "2026-04-02"}))
    assert early.lists.is_empty()
    assert set(early.waiting["state"]) == {"drawn", "approved"}


def test_a_region_sees_its_own_members_of_each_list_and_no_fixed_costs(kept: Lake) -> None:
    east = Study(world.opened(kept, report="list_results", variables={"region": "华东", "margin": 0.3}))
    assert int(east.lists["n_contact"][0]) + int(east.lists["n_control"][0]) == 30
    assert east.lists["cost_minor"].to_list() == [0]
    assert east.words("list_results.limits.region") in findings.limits(east).sentences


def test_whoever_edits_the_rows_of_a_list_gets_no_effect_told(kept: Lake, tmp_path: Path) -> None:
    edited = Lake(shutil.copytree(kept.path, tmp_path / "lake"))
    rows = edited.table("outreach").filter(pl.col("list_id") == "L-sent").collect()
    settle(edited, CONTRACTS["outreach"], rows.head(-2), where={"list_id": "L-sent", "version": 1}, by="x", now=BEFORE)
    study = Study(world.opened(edited, report="list_results", variables={"margin": 0.3}))
    assert study.lists.select("verdict", "effect", "net_minor").rows() == [("edited", None, None)]
    assert findings.checks(study).status == "fail"


@pytest.mark.parametrize("year", [2026, 2030])  # 2030: no season has begun
def test_with_too_few_held_out_the_season_says_how_many_it_takes_and_the_answer_stays(
    kept: Lake, tmp_path: Path, year: int
) -> None:
    lake = Lake(shutil.copytree(kept.path, tmp_path / "lake"))
    days = {"starts_on": [date(year, 1, 1)], "ends_on": [date(year, 12, 31)]}
    season = pl.DataFrame({"season_id": ["S"], "holdout_bp": [300], "key_id": ["k"], **days})
    file_rows(lake, CONTRACTS["seasons"], season, batch="s", source="crm", by="crm", now=BEFORE)
    study = Study(world.opened(lake, report="list_results", variables={"margin": 0.3}))
    found = findings.programme(study)
    assert (found.status, found.note_seen) == (
        "none", study.words("page.unavailable.why.outreach.no_season_holdout.seen", held=0, least=30),
    )  # fmt: skip
    assert study.words("list_results.figure.no_season") in {f.comparison for f in findings.answer(study).figures}
