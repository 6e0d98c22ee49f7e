"""The reductions of a lake are the same bytes whoever makes them; an engine that is not there is refused in words."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crmlib.core.errors import LakeError, RunError
from crmlib.data.lake import delta, reduced
from crmlib.data.lake.lake import Lake
from crmlib.kit.words import LANGUAGES, Words
from crmlib.panels import engines, reductions
from crmlib.run import doctor, workspace
from crmlib.run import ingest as ingesting
from crmlib.run.failures import told
from tests.panels import histories
from tests.panels.test_reductions import equal, kept, whole


@pytest.fixture(scope="module", autouse=True)
def a_main_module_with_a_file() -> Iterator[None]:
    """Without one, as in a worker of xdist, Spark's client takes itself for a run of its own doctests, and exits."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys.modules["__main__"], "__file__", "worker", raising=False)
        yield


@contextmanager
def connected(name: str) -> Iterator[engines.Engine]:
    """The engine, for as long as it is used."""
    on = engines.connect(name)
    assert on is not None
    yield on
    on.close()


@pytest.fixture(scope="module")
def sail() -> Iterator[str]:
    """Address of a Spark Connect server in this process that needs no Java."""
    spark = pytest.importorskip(
        "pysail.spark", reason="pysail, the Spark Connect server of the tests, is not installed"
    )
    pytest.importorskip("pyspark.sql", reason="the client of Spark Connect is not installed")
    server = spark.SparkConnectServer()
    server.start()
    yield f"{engines.CONNECT}127.0.0.1:{server.listening_address[1]}"
    server.stop()


@pytest.fixture
def server() -> str:
    """Address of a real Spark that somebody started (`tests/spark.sh` does, where Java is)."""
    address = os.environ.get("CRMLIB_TEST_SPARK", "")
    if not address:
        pytest.skip("no Spark server: tests/spark.sh starts one and names it in CRMLIB_TEST_SPARK")
    return address


@pytest.fixture(params=["duckdb", "sail", "server"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param if request.param == "duckdb" else request.getfixturevalue(request.param))


def test_every_engine_makes_the_same_bytes_after_corrections_late_rows_and_withdrawn_lines(
    engine: str, tmp_path: Path
) -> None:
    rng, lake = np.random.default_rng(3), Lake(tmp_path)
    with connected(engine) as on:
        for number in range(3):
            histories.night(lake, rng, number)
            built, days = reduced.reduce(lake, by=reductions, on=on)
            assert days > 0 and equal(kept(lake, built), whole(lake))
            assert built.odd == reductions.odd_days(whole(lake)["receipt"])


def test_an_engine_reads_files_of_before_the_contract_grew(engine: str, tmp_path: Path) -> None:
    lake = histories.made(tmp_path, 4, 1)
    path = lake.table_path("receipt_lines")
    older = delta.scan(path).drop("unit", "cost_minor").collect()
    facts = '{"currency": "CNY", "time_zone": "Asia/Shanghai"}'
    other = Lake(tmp_path / "older")
    delta.append(other.table_path("receipt_lines"), older, batch=delta.Batch("a"), partition="month", description=facts)
    with connected(engine) as on:
        built, _ = reduced.reduce(other, by=reductions, on=on)
    assert equal(kept(other, built), whole(other))
    assert set(kept(other, built)["store_product_day"]["unit"]) == {"piece"}


def test_the_hour_of_a_sale_is_that_of_the_shop_not_of_the_engine(engine: str, tmp_path: Path) -> None:
    lake = histories.made(tmp_path, 5, 1)
    hours = lake.table("receipt_lines").select(pl.col("sold_at").dt.hour()).collect()["sold_at"]
    with connected(engine) as on:
        built, _ = reduced.reduce(lake, by=reductions, on=on)
    assert set(kept(lake, built)["receipt"]["hour"]) == set(hours)


def test_the_doctor_finds_every_panel_equal_on_every_engine(engine: str, tmp_path: Path) -> None:
    space = workspace.Workspace(tmp_path, tmp_path / "lake", tmp_path / "reports")
    (check,) = doctor.examine(space, engine=engine, now=histories.NIGHT)
    assert (check.state, check.values.get("found")) == ("ok", "")


def test_an_engine_that_fails_half_way_leaves_the_old_reductions(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = histories.made(tmp_path, 6, 1)
    before, _ = reduced.reduce(lake, by=reductions)
    histories.night(lake, np.random.default_rng(9), 1)
    monkeypatch.setattr(lake.__class__, "time_zone", property(lambda _: "No/Where"))
    with connected(engine) as on, pytest.raises(LakeError) as failed:
        reduced._made(lake, before, version=1, form_=before.form, by=reductions, on=on)
    assert failed.value.code == "lake.engine_failed"
    assert reduced.entries(lake) == [before]


def nobody() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"{engines.CONNECT}127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.parametrize(("name", "code"), [("sparkk", "engine_unknown"), ("nobody", "engine_unreachable")])
def test_an_engine_that_is_unknown_or_not_there_is_refused_and_an_ingest_goes_on(
    name: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "nobody":
        pytest.importorskip("pyspark.sql", reason="the client of Spark Connect is not installed")
        name = nobody()
    with pytest.raises(LakeError) as refused:
        engines.connect(name)
    assert refused.value.code == f"lake.{code}"
    for language in LANGUAGES:
        assert told(refused.value, words=Words(language))
    lake, said = histories.made(tmp_path, 7, 1), list[str]()
    monkeypatch.setenv(workspace.ENGINE_VARIABLE, name)
    ingesting._reduce_quietly(lake, say=said.append, words=Words("en"))
    assert name in said[0] and reduced.entries(lake) == []


def test_an_engine_whose_package_is_not_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    for name, extra in (("duckdb", "crmlib[duckdb]"), ("sc://spark:15002", "crmlib[spark]")):
        with pytest.raises(LakeError, match=r"not installed") as absent:
            engines.connect(name)
        assert extra in str(absent.value)


def test_the_workspace_names_its_engine_in_a_file_a_variable_or_an_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(workspace.ENGINE_VARIABLE, raising=False)
    for folder in ("notebooks", "params"):
        (tmp_path / folder).mkdir()
    assert workspace.engine(start=tmp_path) == "polars"
    (tmp_path / workspace.SETTINGS).write_text('engine = "sc://lake:15002"\n')
    assert workspace.engine(start=tmp_path / "params") == "sc://lake:15002"
    monkeypatch.setenv(workspace.ENGINE_VARIABLE, "duckdb")
    assert workspace.engine(start=tmp_path) == "duckdb"
    assert workspace.engine(start=tmp_path, chosen="polars") == "polars"


@pytest.mark.parametrize("text", ["engine = 3", "engin = 'duckdb'", "engine = "])
def test_settings_that_say_something_else_are_refused(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(workspace.ENGINE_VARIABLE, raising=False)
    for folder in ("notebooks", "params"):
        (tmp_path / folder).mkdir()
    (tmp_path / workspace.SETTINGS).write_text(text)
    with pytest.raises(RunError) as refused:
        workspace.engine(start=tmp_path)
    assert refused.value.code == "run.settings"
