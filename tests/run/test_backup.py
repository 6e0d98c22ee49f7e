"""What docs/security.md says to back up brings everything back: lake, key, users, ledger, queue, slots."""

from __future__ import annotations

import json
import re
import shutil
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from crmlib.core.errors import RunError
from crmlib.data import Lake, check_lake
from crmlib.run.ledger import Ledger
from crmlib.run.outbox import Announcement, Outbox
from crmlib.run.schedule import Slots
from crmlib.serve import server, users
from tests.docs.pages import ROOT

NOW = datetime(2026, 11, 22, tzinfo=UTC)
WORD = "three horses in a boat"
OLDEST = sorted((ROOT / "tests" / "data" / "lakes").glob("*.tar.gz"))[0]


@pytest.fixture
def company(tmp_path: Path) -> Path:
    """A folder with everything that a company has after a year: what is in it is told by `found`."""
    with tarfile.open(OLDEST) as packed:
        packed.extractall(tmp_path / "company", filter="data")
    lake, reports = Lake(tmp_path / "company" / "lake"), tmp_path / "company" / "reports"
    lake.pseudonyms(pl.Series(["C1"]))
    lake.write_state("overdue", pl.DataFrame({"customer_id": ["C1"]}))
    users.add(lake.path / "users.toml", "boss", password=WORD, regions=(), reports=())
    (lake.path / "audit.jsonl").write_text(json.dumps({"user": "boss", "outcome": "entered"}) + "\n")
    reports.mkdir()
    ledger = reports / ".ledger.sqlite"
    Slots(ledger).claim("params/a/b.yml", NOW, now=NOW, tries=0)
    Slots(ledger).note("params/a/b.yml", NOW, state="done", now=NOW, content="x")
    Outbox(ledger).put([Announcement("a/b", "a", "zh", "failed", failed=True, fingerprint="f")], now=NOW)
    return tmp_path / "company"


def found(company: Path) -> dict[str, Any]:
    lake, ledger = Lake(company / "lake"), company / "reports" / ".ledger.sqlite"
    door = users.Door(lake.path / "users.toml", lambda: 0.0)
    return {
        "pseudonyms": lake.pseudonyms(pl.Series(["C1", "C2"])).to_list(),
        "lines": lake.table("receipt_lines").collect().height,
        "state": lake.state("overdue"),
        "entered": door.enter("boss", WORD, address="127.0.0.1") is not None,
        "runs": Ledger(ledger).runs().height,
        "taken again": Slots(ledger).claim("params/a/b.yml", NOW, now=NOW + timedelta(minutes=1), tries=0),
        "whole": check_lake(lake.path).ok,
    }  # fmt: skip


def named() -> set[str]:
    """What docs/security.md says to back up, in both languages."""
    parts = []
    for page, head in (("security.md", "## Back up"), ("security.zh.md", "## 备份什么")):
        text = (ROOT / "docs" / page).read_text(encoding="utf-8").split(head)[1].split("\n## ")[0]
        parts.append(set(re.findall(r"`([^`]+)`", text)) - {"remembered/"})
    assert parts[0] == parts[1]
    return parts[0]


def test_what_the_docs_name_brings_everything_back(company: Path, tmp_path: Path) -> None:
    before = found(company)
    assert before["entered"] and before["whole"] and not before["taken again"]
    again = tmp_path / "again"
    for name in named() - {"reports/"}:
        for part in ("lake", "reports"):
            source, target = company / part / name, again / part / name
            if source.is_dir():
                shutil.copytree(source, target)
            elif source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
    shutil.rmtree(company)
    after = found(again)
    state = after.pop("state")
    assert state.equals(before.pop("state")) and after == before


def test_a_lake_that_came_back_without_its_users_does_not_stand_open(company: Path) -> None:
    space: Any = SimpleNamespace(lake=company / "lake")
    assert not server.guard(space, clock=lambda: NOW).door.open()
    (company / "lake" / "users.toml").unlink()
    with pytest.raises(RunError) as refused:
        server.guard(space, clock=lambda: NOW)
    assert refused.value.code == "run.users_lost" and str(refused.value).count("\n") == 2
    (company / "lake" / "audit.jsonl").unlink()  # on purpose
    assert server.guard(space, clock=lambda: NOW).door.open()
