"""A lake whose tables lie in an object store: the same bytes, two writers told apart, refusals, no key told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crmlib.core.errors import LakeError
from crmlib.data import Lake, check_lake
from crmlib.data.lake import compaction, delta, probe, reduced, storage
from crmlib.panels import reductions
from tests.data import s3
from tests.data.conftest import LINES, NOW, Desk
from tests.data.test_damage import said
from tests.panels import histories
from tests.panels.test_reductions import equal, kept, whole

pytestmark = pytest.mark.long


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[s3.Store]:
    with s3.running() as running:
        named(running, monkeypatch)
        yield running


def named(running: s3.Store, monkeypatch: pytest.MonkeyPatch, folder: str = "lake") -> None:
    """The store, named by the environment as in a container."""
    there = {"AWS_ENDPOINT_URL": running.address, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1"}
    for name, value in (there | s3.KEYS).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(storage.VARIABLE, f"s3://bucket/{folder}")


def test_what_is_ingested_corrected_and_compacted_there_is_what_a_folder_holds(
    desk: Desk, store: s3.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.csv("a.csv", *LINES)
    desk.ingest()
    assert not list(desk.lake.path.rglob("*.parquet")) and (desk.lake.path / storage.PIN).is_file()
    assert store.keys(".parquet") and all(key.startswith("bucket/lake/tables/") for key in store.keys(".parquet"))
    desk.csv("b.csv", LINES[0].replace("12.50", "13.50").replace("R1", "R9"), *LINES[2:])
    desk.ingest()
    assert desk.lake.tables() == ["receipt_lines"] and desk.ingest().read == 0
    assert check_lake(desk.lake.path).ok
    there = desk.lake.table("receipt_lines").collect().sort("line_id")
    assert desk.lake.table("receipt_lines", version=0).collect().height == 4
    reduced.reduce(desk.lake, by=reductions)
    assert compaction.compact(desk.lake, by=reductions, most=1) > 0
    built = reduced.of_version(desk.lake, desk.lake.versions()["receipt_lines"], by=reductions)
    assert built is not None and equal(kept(desk.lake, built), whole(desk.lake))
    monkeypatch.delenv(storage.VARIABLE)  # the pin in the folder still says where the tables lie
    assert Lake(desk.lake.path).table("receipt_lines").collect().sort("line_id").equals(there)
    other = Desk(desk.folder, Lake(desk.folder.parent / "other"), desk.sources)
    other.ingest()
    assert other.lake.table("receipt_lines").drop("known_at").collect().sort("line_id").equals(there.drop("known_at"))
    assert desk.lake.vacuum(now=NOW) == 0


def test_reductions_there_are_those_of_all_lines_and_a_damaged_file_is_found(tmp_path: Path, store: s3.Store) -> None:
    rng, lake = np.random.default_rng(3), Lake(tmp_path)
    for number in range(2):
        histories.night(lake, rng, number)
        built, days = reduced.reduce(lake, by=reductions)
        assert days > 0 and equal(kept(lake, built), whole(lake))
    assert all(same for _, same, _, _ in reduced.verify(lake, by=reductions))
    names = pl.DataFrame(delta.opened(lake.table_path("receipt_lines")).get_add_actions(flatten=True))["path"]
    store.drop(f"bucket/lake/tables/receipt_lines/{names[0]}")
    checks = check_lake(lake.path).checks.filter(~pl.col("ok"))
    assert "files" in checks["check"].to_list()


def test_two_writers_of_one_commit_are_told_apart(tmp_path: Path, store: s3.Store) -> None:
    path, frame = tmp_path / "lake" / "tables" / "stock", pl.DataFrame({"a": [0]})
    delta.append(path, frame, batch=delta.Batch(""), partition=None, description="{}")
    begun = threading.Barrier(2)

    def write(value: int) -> None:
        begun.wait()
        for n in range(4):
            rows = pl.DataFrame({"a": [10 * value + n]})
            delta.append(path, rows, batch=delta.Batch(f"{value}-{n}"), partition=None, description="{}")

    writers = [threading.Thread(target=write, args=(value,)) for value in (1, 2)]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    found = delta.scan(path).collect()["a"].sort().to_list()
    assert found == [0, 10, 11, 12, 13, 20, 21, 22, 23]


@pytest.mark.parametrize(("conditional", "answer"), [("ignored", "200"), ("refused", "501")])
def test_a_store_that_writes_over_a_commit_is_refused_before_anything_is_stored(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, conditional: str, answer: str
) -> None:
    with s3.running(conditional) as store:
        named(store, monkeypatch)
        desk.csv("a.csv", *LINES)
        with pytest.raises(LakeError) as refused:
            desk.ingest()
        assert (refused.value.code, refused.value.values["answer"]) == ("lake.storage_unsafe", answer)
        said(refused.value)
        assert not store.keys("") and not (desk.lake.path / storage.PIN).exists()


def test_a_store_that_shuts_half_way_leaves_the_last_whole_version_and_tells_no_key(
    desk: Desk, store: s3.Store
) -> None:
    desk.csv("a.csv", *LINES)
    desk.ingest()
    before = desk.lake.table("receipt_lines").collect()
    desk.csv("b.csv", *(line.replace("R", "X") for line in LINES))
    store.shut(closed=True)
    with pytest.raises(LakeError) as refused:
        desk.ingest()
    said(refused.value)
    told = f"{refused.value} {refused.value.values} {storage.of(desk.lake.path)!r}"
    assert refused.value.code == "lake.storage_unreachable" and s3.KEYS["AWS_SECRET_ACCESS_KEY"] not in told
    assert s3.KEYS["AWS_SECRET_ACCESS_KEY"] not in (desk.lake.path / storage.PIN).read_text()
    store.shut(closed=False)
    assert desk.lake.table("receipt_lines").collect().equals(before)
    assert desk.ingest().kept == 4 and check_lake(desk.lake.path).ok


def test_nobody_answering_is_refused_in_words(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with s3.running() as store:
        named(store, monkeypatch)
    desk.csv("a.csv", *LINES)
    with pytest.raises(LakeError) as refused:
        desk.ingest()
    assert refused.value.code == "lake.storage_unreachable"
    said(refused.value)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('storage = "ftp://x/y"', "storage_setting"),
        ('storage = "s3://me:key@x/y"', "storage_setting"),
        ("storage = 3", "storage_setting"),
        ("storage = ", "storage_setting"),
        ('storage = "s3://b/y"\nstorage_options = 3', "storage_setting"),
        ('storage = "s3://b/y"\n[storage_options]\nAWS_SECRET_ACCESS_KEY = "hidden"', "storage_secret"),
    ],
)
def test_settings_that_are_no_place_or_hold_a_key_are_refused(tmp_path: Path, text: str, code: str) -> None:
    (tmp_path / storage.SETTINGS).write_text(text)
    with pytest.raises(LakeError) as refused:
        Lake(tmp_path / storage.FOLDER).tables()
    assert (
        refused.value.code == f"lake.{code}" and "hidden" not in str(refused.value) and "key@" not in str(refused.value)
    )
    said(refused.value)


def test_a_lake_that_was_begun_elsewhere_is_not_begun_twice(
    desk: Desk, store: s3.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.csv("a.csv", *LINES)
    desk.ingest()
    monkeypatch.setenv(storage.VARIABLE, "s3://bucket/another")
    with pytest.raises(LakeError) as moved:
        desk.lake.tables()
    assert moved.value.code == "lake.storage_moved"
    said(moved.value)
    monkeypatch.delenv(storage.VARIABLE)
    other = Desk(desk.folder, Lake(desk.folder.parent / "other"), desk.sources)
    other.ingest()
    monkeypatch.setenv(storage.VARIABLE, "s3://bucket/another")
    with pytest.raises(LakeError, match="one place"):
        other.lake.tables()


def test_the_workspace_names_its_store_in_a_file(tmp_path: Path) -> None:
    text = 'engine = "polars"\nstorage = "s3://b/lake/"\n[storage_options]\nAWS_REGION = "cn-north-1"\n'
    (tmp_path / storage.SETTINGS).write_text(text)
    found = storage.of(tmp_path / storage.FOLDER)
    assert found is not None and (found.url, found.options) == ("s3://b/lake", {"AWS_REGION": "cn-north-1"})
    assert storage.place(tmp_path / storage.FOLDER / "state" / "cuts")[1] is None
    assert storage.place(tmp_path / storage.FOLDER / "set_apart")[0] == "s3://b/lake/set_apart"
    assert storage.of(tmp_path / "elsewhere") is None


def test_stores_with_keys_of_their_own_kind_are_not_asked() -> None:
    probe.check("gs://bucket/lake", {})
    probe.check("s3://bucket/lake", {"AWS_REGION": "cn-north-1"})
