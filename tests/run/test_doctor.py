"""The doctor finds what is wrong, and nothing where nothing is."""

from __future__ import annotations

import shutil
from collections import namedtuple
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from crmlib.core.errors import ParameterError
from crmlib.kit.words import LANGUAGES, Words
from crmlib.run import doctor
from crmlib.run.workspace import Workspace

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, tmp_path / "lake", tmp_path / "reports")


def test_every_installed_engine_agrees_and_every_sentence_can_be_said(space: Workspace) -> None:
    found = list(doctor.examine(space, engine=None, now=NOW))
    states = {(one.key, one.values.get("engine")): one.state for one in found}
    assert all(states["engine", name] == "ok" for name in ("polars", "pandas", "pyarrow", "duckdb"))
    assert (states["lake", None], states["ledger", None]) == ("absent", "absent")
    for language in LANGUAGES:
        said = [Words(language)(f"cli.doctor.{one.key}.{one.state}", **one.values) for one in found]
        assert all(said)


def test_an_engine_with_other_numbers_is_found(space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    on = doctor._on

    def off_by_one(engine: str, frame: pl.DataFrame) -> Any:
        return on(engine, frame.with_columns(pl.col("cost_minor") + 1) if engine == "duckdb" else frame)

    monkeypatch.setattr(doctor, "_on", off_by_one)
    (check,) = doctor.examine(space, engine="duckdb", now=NOW)
    assert (check.state, check.values["found"]) == ("bad", "customer_period, store_day")


def test_an_engine_that_nobody_knows_is_refused(space: Workspace) -> None:
    with pytest.raises(ParameterError, match="engine = sparkk"):
        list(doctor.examine(space, engine="sparkk", now=NOW))


def test_a_full_disk_and_a_damaged_ledger_are_found(space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage(1, 1, 10_000_000))
    assert doctor._disk(space.lake).state == "bad"
    space.reports.mkdir()
    space.ledger.write_bytes(b"garbage" * 1000)
    assert doctor._ledger(space).state == "bad"


def test_spark_is_handed_whole_numbers_as_whole_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    session = SimpleNamespace(createDataFrame=lambda table: table)
    sql = SimpleNamespace(SparkSession=SimpleNamespace(builder=SimpleNamespace(getOrCreate=lambda: session)))
    monkeypatch.setattr("importlib.import_module", lambda name: {"pyspark.sql": sql}[name])
    given = doctor._on("spark", doctor.fixture())
    assert given.schema.field("cost_minor").type == pa.int64() and given["cost_minor"].null_count > 0
