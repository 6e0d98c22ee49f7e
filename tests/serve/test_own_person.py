"""Whoever has a staff number sees the own score sheet and customers; a head sees all."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from crmlib.core.errors import ParameterError
from crmlib.data.lake.lake import Lake
from crmlib.report.context import from_environment
from crmlib.report.record import manifest
from crmlib.report.record.newest import newest, of_regions
from crmlib.serve import users
from crmlib.serve.login import may_see_page
from crmlib.serve.users import User
from tests.report import world
from tests.report.record.test_newest import put, record

LI, HEAD = User("li", "", "", staff="G1"), User("head", "", "")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return world.make_lake(tmp_path_factory.mktemp("lake") / "lake")


@pytest.mark.parametrize("report", ["staff", "care", "pool"])
def test_a_page_of_people_is_of_the_readers_own_number(lake: Lake, report: str) -> None:
    assert world.opened(lake, report=report, person="G1").params.person == "G1"
    assert world.opened(lake, report=report, person="G1", variables={"person": "G1"}).params.person == "G1"
    assert world.opened(lake, report=report).params.person is None, "a head sees everybody"
    assert world.opened(lake, report=report, variables={"person": "G2"}).params.person == "G2"
    with pytest.raises(ParameterError) as error:
        world.opened(lake, report=report, person="G1", face="voila", query=(("person", "G2"),))
    assert error.value.code == "report.forbidden_person"


def test_a_page_that_is_of_nobody_is_as_it_was(lake: Lake) -> None:
    page = world.opened(lake, report="customer_value", person="G1")
    assert not hasattr(page.params, "person")


def test_the_number_comes_from_the_server_and_never_from_the_address() -> None:
    env = {"SERVER_SOFTWARE": "voila/1", "QUERY_STRING": "person=G2", "CRMLIB_PERSON": "G1", "CRMLIB_LAKE": "/x"}
    assert from_environment(env).person == "G1"


def test_finished_pages_of_others_are_neither_opened_nor_named(tmp_path: Path) -> None:
    for variant, person in (("all", None), ("g1", "G1"), ("g2", "G2")):
        made = record("staff", "2026-10-31")
        put(tmp_path, f"staff/{variant}/2026-10-31/zh", made)
        file = tmp_path / f"staff/{variant}/2026-10-31/zh/manifest.json"
        told = json.loads(file.read_text(encoding="utf-8"))
        told["parameters"]["person"] = person
        file.write_text(json.dumps(told), encoding="utf-8")
    put(tmp_path, "sales/weekly/2026-10-31/zh", record("sales", "2026-10-31"))
    assert manifest.load(tmp_path / "staff/g1/2026-10-31/zh/manifest.json") is not None
    seen = [
        page.output.split("/")[1]
        for page in newest(tmp_path, language="zh", until=date(2026, 10, 31), seen=of_regions(None, None, "G1"))
    ]
    assert seen == ["weekly", "g1"]
    may = {v: may_see_page(LI, tmp_path, f"staff/{v}/2026-10-31/zh/index.html") for v in ("all", "g1", "g2", "gone")}
    assert may == {"all": False, "g1": True, "g2": False, "gone": False}
    assert may_see_page(LI, tmp_path, "sales/weekly/2026-10-31/zh/index.html")
    assert may_see_page(HEAD, tmp_path, "staff/all/2026-10-31/zh/index.html")


def test_the_number_is_kept_with_the_user(tmp_path: Path) -> None:
    file = tmp_path / "users.toml"
    users.add(file, "li", password="long enough word", regions=(), reports=(), staff="G1")
    users.add(file, "head", password="long enough word", regions=(), reports=())
    assert {name: user.staff for name, user in users.read(file).items()} == {"li": "G1", "head": ""}
    file.write_text(file.read_text(encoding="utf-8").replace('"G1"', "1"), encoding="utf-8")
    with pytest.raises(Exception, match="staff is a text"):
        users.read(file)
