"""Rows that were not stored are listed with their reason: masked, and whole only for those with the right."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crmlib import cli
from crmlib.core.errors import CrmError, LakeError, ParameterError
from crmlib.data import Lake, ingest_all
from crmlib.data.lake import pseudonyms
from crmlib.kit.words import Words
from crmlib.run import set_apart
from tests.data.conftest import NOW

SOURCES = """
members:
  table: customers
  files: m.csv
  columns: {customer_id: 卡号, gender: {from: 性别, map: {女: female}}, region: 区}
people:
  table: people
  files: m.csv
  columns: {customer_id: 卡号, phone: 手机}
"""
LINES = ("卡号,性别,区,手机", "M1,女,东,13800000001", "M2,保密,东,13800000002", "M1,女,东,13900000009")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    (tmp_path / "m.csv").write_text("\n".join(LINES), encoding="utf-8")
    (tmp_path / "sources.yml").write_text(SOURCES, encoding="utf-8")
    made = Lake(tmp_path / "lake")
    ingest_all(tmp_path / "sources.yml", lake=made, now=NOW)
    return made


def listed(lake: Lake, *, raw: bool = False, source: str | None = None, kind: str | None = None, last: int = 50) -> str:
    said: list[str] = []
    words = Words("en")
    set_apart.show(lake.path, source=source, kind=kind, raw=raw, last=last, say=said.append, words=words)
    return "\n".join(said)


def test_every_row_is_told_with_its_place_and_rule_and_its_value_masked(lake):
    told = listed(lake)
    assert "quarantined  members  m.csv:3  Gender: not in the table of values  保#" in told
    assert "conflict  people  m.csv:4  key comes again in the same file  = m.csv:2" in told
    assert "duplicate  members  m.csv:4" in told
    assert "3 of 3 rows set apart" in told
    assert "保密" not in told
    assert "139000" not in told


def test_those_with_the_right_see_values_and_lines(lake):
    told = listed(lake, raw=True)
    assert "保密  M2,保密,东,13800000002" in told
    assert "13900000009" in told


def test_one_source_one_kind_and_the_newest_ones_can_be_chosen(lake):
    assert "people" not in listed(lake, source="members")
    assert listed(lake, kind="conflict").count("m.csv:") == 2  # its own place and that of the first
    assert "1 of 3 rows" in listed(lake, last=1)


def test_whole_values_need_the_right_to_the_key_of_the_lake(lake, monkeypatch):
    pseudonyms.key_of(lake.path)
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != pseudonyms.KEY)
    with pytest.raises(LakeError, match="leave out --raw") as caught:
        listed(lake, raw=True)
    assert caught.value.code == "lake.no_right"
    assert "3 of 3" in listed(lake)


@pytest.mark.parametrize(
    ("kind", "options"),
    [(ParameterError, {"source": "nobody"}), (ParameterError, {"kind": "lost"})],
)
def test_what_is_not_there_is_refused(lake, kind: type[CrmError], options):
    with pytest.raises(kind):
        listed(lake, **options)
    with pytest.raises(LakeError, match="no such folder"):
        listed(Lake(lake.path / "nowhere"))


@pytest.mark.parametrize("command", [["check"], ["set-apart"], ["doctor"]])
def test_a_lake_is_named_in_the_same_way_in_every_command(lake, command):
    done = CliRunner().invoke(cli.app, [*command, "--lake", str(lake.path)])
    assert str(lake.path) in done.output or "m.csv" in done.output


def test_check_with_a_lake_and_no_files_verifies_that_lake(lake, monkeypatch):
    monkeypatch.setenv("CRMLIB_LANGUAGE", "en")
    done = CliRunner().invoke(cli.app, ["check", "--lake", str(lake.path)])
    assert (done.exit_code, f"The lake {lake.path} is sound" in done.output) == (0, True)
