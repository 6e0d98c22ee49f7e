"""Lakes of earlier versions are opened by this one, and a lake that was copied back is the lake that it was."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

import polars as pl
import pytest

from crmlib import data
from crmlib.core.errors import LakeError
from crmlib.data.lake import form, pseudonyms, reduced
from crmlib.panels import reductions

OLDER = sorted((Path(__file__).parent / "lakes").glob("*.tar.gz"))
"""One small lake of each version, as that version wrote it: never made anew."""


@pytest.fixture(params=OLDER, ids=[p.name.removesuffix(".tar.gz") for p in OLDER])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> data.Lake:
    with tarfile.open(request.param) as packed:
        packed.extractall(tmp_path, filter="data")
    return data.Lake(tmp_path / "lake")


def test_an_older_lake_is_read_in_the_contracts_of_today(lake: data.Lake) -> None:
    lines = lake.table("receipt_lines").collect().sort("line_id")
    assert lines["net_minor"].to_list() == [2000, 750, 1000, -1000]
    assert lines["sold_at"].dt.hour().to_list() == [9, 9, 18, 12] and set(lines["unit"]) == {"piece"}
    assert lake.table("stores").collect().sort("store_id")["region"].to_list() == ["East", "West"]
    assert lake.quarantine().select("rule").collect().height == 1
    (ingest,) = lake.ingests("receipt_lines").iter_rows(named=True)
    assert (ingest["read"], ingest["kept"], ingest["quarantined"]) == (5, 4, 1)


def test_its_reductions_are_used_or_made_anew_and_are_those_of_its_lines(lake: data.Lake) -> None:
    built, _ = reduced.reduce(lake, by=reductions)
    whole = reductions.reduced_span(lake.table("receipt_lines"), stamped=lake.ingests("receipt_lines")["at"].to_list())
    for name, frame in whole.items():
        assert reductions.typed(name, reduced.scan(lake, built, name).collect()).equals(frame)
    assert data.check_lake(lake.path).ok and all(same for _, same, _, _ in reduced.verify(lake, by=reductions))


def test_a_backup_that_is_copied_back_is_the_same_lake_with_the_same_pseudonyms(
    lake: data.Lake, tmp_path: Path
) -> None:
    ids = pl.Series(["C1", "C2"])
    before = lake.pseudonyms(ids).to_list()
    shutil.copytree(lake.path, tmp_path / "backup")
    shutil.rmtree(lake.path)
    shutil.copytree(tmp_path / "backup", tmp_path / "elsewhere")
    again = data.Lake(tmp_path / "elsewhere")
    assert again.pseudonyms(ids).to_list() == before and data.check_lake(again.path).ok
    assert again.table("receipt_lines").collect().height == 4


def test_a_backup_without_the_key_or_without_a_file_is_told(lake: data.Lake) -> None:
    lake.pseudonyms(pl.Series(["C1"]))
    (lake.path / pseudonyms.KEY).unlink()
    with pytest.raises(LakeError) as lost:
        lake.pseudonyms(pl.Series(["C1"]))
    assert lost.value.code == "lake.key_lost"
    next((lake.path / "tables" / "receipt_lines").rglob("*.parquet")).unlink()
    assert not data.check_lake(lake.path).ok


def test_a_lake_of_a_later_version_is_refused_whatever_is_asked_and_nothing_changes(lake: data.Lake) -> None:
    (lake.path / form.FILE).write_text(json.dumps({"form": form.FORM + 1, "by": "9.9"}))
    before = {p: p.read_bytes() for p in lake.path.rglob("*") if p.is_file()}

    def write() -> None:
        with data.Lake(lake.path).writing():
            pass

    for ask in (
        lambda: data.Lake(lake.path).tables(),
        lambda: data.Lake(lake.path).table("stores"),
        lambda: data.check_lake(lake.path),
        write,
    ):
        with pytest.raises(LakeError) as refused:
            ask()
        assert refused.value.code == "lake.newer" and "9.9" in str(refused.value)
    after = {p: p.read_bytes() for p in lake.path.rglob("*") if p.is_file() and not p.name.startswith(".lock")}
    assert after == before


@pytest.mark.parametrize("text", ["", "{", "[]", '{"form": "two"}', '{"form": 1}'])
def test_a_form_that_was_restored_by_half_is_told(lake: data.Lake, text: str) -> None:
    (lake.path / form.FILE).write_text(text)
    with pytest.raises(LakeError) as refused:
        lake.table("stores")
    assert refused.value.code == "lake.form_damaged" and str(refused.value).count("\n") == 2


def test_whoever_writes_first_notes_the_form_and_a_later_write_leaves_it(lake: data.Lake) -> None:
    assert not (lake.path / form.FILE).exists()  # these lakes are from before there were forms
    with lake.writing():
        pass
    (lake.path / form.FILE).write_text(json.dumps({"form": form.FORM, "by": "0.0.1"}))
    with lake.writing():
        pass
    assert json.loads((lake.path / form.FILE).read_text()) == {"form": form.FORM, "by": "0.0.1"}


@pytest.mark.parametrize(
    "protocol",
    [
        {"minReaderVersion": 9, "minWriterVersion": 9},
        {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["later"], "writerFeatures": ["later"]},
    ],
)
def test_a_table_of_a_later_protocol_is_not_called_damaged(lake: data.Lake, protocol: dict[str, object]) -> None:
    log = lake.table_path("stores") / "_delta_log" / "00000000000000000000.json"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    log.write_text("\n".join(json.dumps(x | {"protocol": protocol} if "protocol" in x else x) for x in lines))
    with pytest.raises(LakeError) as refused:
        lake.table("stores")
    assert refused.value.code == "lake.newer_table"
    assert lake.table("receipt_lines").collect().height == 4, "another table is read as before"


def test_a_backup_of_which_half_came_back_names_what_is_missing(lake: data.Lake) -> None:
    table = lake.table_path("receipt_lines")
    shutil.rmtree(table / "_delta_log")
    told = data.check_lake(lake.path)
    assert not told.ok and "receipt_lines" in str(told.checks)
    with pytest.raises(LakeError) as refused:
        lake.table("receipt_lines")
    assert refused.value.code == "lake.no_table" and "stores" in str(refused.value)
