"""What was computed once is not computed again, for the same arguments only, and never wrongly."""

from __future__ import annotations

import ast
import json
import os
import shutil
import stat
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from crmlib import panels
from crmlib.data.lake.lake import Lake
from crmlib.report.memory import remember
from crmlib.report.memory.remember import Later, remembered
from crmlib.report.page import Page
from tests.panels import histories
from tests.report import world

TABLE = pl.DataFrame({"customer_id": ["a", "b"], "net_minor": [100, 200]})
calls: list[str] = []


def sums(table: pl.DataFrame | pl.LazyFrame, *, times: int = 1, rng: np.random.Generator | None = None) -> pl.DataFrame:
    """Some work, with a random number if asked."""
    calls.append("sums")
    noise = 0.0 if rng is None else float(rng.random())
    return table.lazy().select(pl.col("net_minor").sum() * times).collect().with_columns(noise=noise)


def others(table: pl.DataFrame, *, times: int = 1) -> str:
    """Other work on the same."""
    calls.append("others")
    return f"{table.height * times}"


def sold(lines: panels.ReceiptLines) -> int:
    """Work on receipt lines."""
    calls.append("sold")
    return int(panels.store_day(lines)["net_minor"].sum())


def filled(table: pl.DataFrame) -> pl.DataFrame:
    """Work that leaves no value missing, nor the trace of one."""
    calls.append("filled")
    joined = table.join(TABLE.head(1).rename({"net_minor": "more"}), on="customer_id", how="left")
    return joined.select("customer_id", net_minor=pl.col("more").fill_null(0))


def later(rows: Later[pl.DataFrame]) -> int:
    """Work on rows that are made when they are asked for."""
    calls.append("later")
    return rows.value.height


@pytest.fixture(autouse=True)
def of_the_package(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Only functions of the package are remembered; here those of this module pass for such."""
    for one in (sums, others, filled, sold, later):
        monkeypatch.setattr(one, "__module__", "crmlib.tests")
    calls.clear()
    yield
    calls.clear()


def test_the_second_time_nothing_is_computed(tmp_path: Path) -> None:
    first, second = remembered(tmp_path, sums, TABLE, times=2), remembered(tmp_path, sums, TABLE, times=2)
    assert first.equals(second) and calls == ["sums"]


def test_what_counts_is_the_content_not_the_object(tmp_path: Path) -> None:
    remembered(tmp_path, sums, TABLE)
    remembered(tmp_path, sums, pl.concat([TABLE.head(1), TABLE.tail(1)]))
    remembered(tmp_path, sums, TABLE.lazy())
    assert calls == ["sums"]


@pytest.mark.parametrize(
    "changed",
    [
        TABLE.with_columns(net_minor=pl.lit(100)), TABLE.head(1), TABLE.reverse(), TABLE.rename({"customer_id": "id"}),
        TABLE.with_columns(pl.col("net_minor").cast(pl.Int32)), TABLE.with_columns(region=pl.lit("x")),
    ],
)  # fmt: skip
def test_other_rows_columns_or_types_are_another_entry(tmp_path: Path, changed: pl.DataFrame) -> None:
    remembered(tmp_path, sums, TABLE)
    remembered(tmp_path, sums, changed)
    assert len(calls) == 2


def test_other_values_functions_code_and_generators_are_other_entries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remembered(tmp_path, sums, TABLE)
    remembered(tmp_path, sums, TABLE, times=2)
    remembered(tmp_path, sums, TABLE, times=True)
    remembered(tmp_path, others, TABLE)
    remembered(tmp_path, sums, TABLE, rng=np.random.default_rng(1))
    remembered(tmp_path, sums, TABLE, rng=np.random.default_rng(2))
    monkeypatch.setattr(remember, "code", lambda: "another version")
    remembered(tmp_path, sums, TABLE)
    assert len(calls) == 7


def test_what_is_made_later_is_known_by_what_it_is_made_of_and_only_made_to_compute(tmp_path: Path) -> None:
    def rows(of: pl.DataFrame) -> Later[pl.DataFrame]:
        def make() -> pl.DataFrame:
            calls.append("made")
            return of

        return Later(make, of)

    calls.clear()
    assert [remembered(tmp_path, later, rows(TABLE)) for _ in range(3)] == [2, 2, 2]
    assert calls == ["later", "made"]
    assert remembered(tmp_path, later, rows(TABLE.head(1))) == 1
    assert calls == ["later", "made"] * 2
    one = rows(TABLE)
    assert one.value is one.value and calls.count("made") == 3


def test_a_generator_goes_on_as_if_the_work_had_been_done(tmp_path: Path) -> None:
    first, second = np.random.default_rng(1), np.random.default_rng(1)
    made, found = (remembered(tmp_path, sums, TABLE, rng=rng) for rng in (first, second))
    assert calls == ["sums"] and made.equals(found) and first.random() == second.random()


def entry(folder: Path) -> Path:
    (found,) = folder.iterdir()
    return found


@pytest.mark.parametrize("damage", ["cut", "bit", "empty", "other"])
def test_a_damaged_entry_is_computed_again_and_mended(tmp_path: Path, damage: str) -> None:
    good = remembered(tmp_path, sums, TABLE)
    path = entry(tmp_path)
    content = bytearray(path.read_bytes())
    if damage == "bit":
        content[len(content) // 2] ^= 1
    spoiled = {"cut": content[:-5], "bit": content, "empty": b"", "other": os.urandom(500)}[damage]
    path.write_bytes(bytes(spoiled))
    assert remembered(tmp_path, sums, TABLE).equals(good) and calls == ["sums", "sums"]
    assert remembered(tmp_path, sums, TABLE).equals(good) and calls == ["sums", "sums"]


def test_entries_and_their_folder_are_closed_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "remembered"
    remembered(folder, sums, TABLE)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700 and stat.S_IMODE(entry(folder).stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert remembered(tmp_path / "file", sums, TABLE).item(0, 0) == 300
    assert remembered(tmp_path / "file", sums, TABLE).item(0, 0) == 300 and len(calls) == 2


def test_the_oldest_go_when_it_gets_too_much_and_those_in_use_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for times in range(1, 5):
        remembered(tmp_path, sums, TABLE, times=times)
    size = max(p.stat().st_size for p in tmp_path.iterdir())
    for age, path in enumerate(sorted(tmp_path.iterdir(), key=lambda p: p.stat().st_mtime_ns, reverse=True)):
        os.utime(path, (1e9 * 1.9 - age, 1e9 * 1.9 - age))  # in the future: not too old
    monkeypatch.setattr(remember, "MOST_BYTES", 4 * size)
    remembered(tmp_path, sums, TABLE, times=1)
    os.utime(max(tmp_path.iterdir(), key=lambda p: p.stat().st_mtime), (1.95e9, 1.95e9))
    calls.clear()
    remembered(tmp_path, sums, TABLE, times=9)
    assert len(list(tmp_path.iterdir())) == 4
    monkeypatch.setattr(remember, "MOST_DAYS", -(10**6))
    remembered(tmp_path, sums, TABLE, times=10)
    assert list(tmp_path.iterdir()) == []


def test_functions_from_elsewhere_and_inner_ones_are_refused(tmp_path: Path) -> None:
    for wrong in (len, lambda table: 1, Lake.versions):
        with pytest.raises(TypeError):
            remembered(tmp_path, wrong, TABLE)  # type: ignore[arg-type]


def test_the_same_code_has_the_same_hash_and_it_covers_the_modules() -> None:
    assert remember.code() == remember.code.__wrapped__() and len(remember.code()) == 64


def pages_of(lake: Lake) -> dict[str, Page]:
    """The same page as readers with different rights see it."""
    rights = {"all": None, "east": ("华东",), "south": ("华南",), "nobody": ()}
    return {name: world.opened(lake, face="voila", regions=regions) for name, regions in rights.items()}


def test_a_reader_of_one_region_never_gets_what_was_computed_for_all(tmp_path: Path) -> None:
    readers = pages_of(world.make_lake(tmp_path / "lake"))
    for _ in range(2):
        seen = {
            name: page.remember(sums, world.rows(page), rng=np.random.default_rng(1)).item(0, 0)
            for name, page in readers.items()
        }
        own = {
            name: world.rows(page).select(pl.col("net_minor").sum()).collect().item() for name, page in readers.items()
        }
        assert seen == own
    assert len(set(seen.values())) == 4 and len(calls) == 4


def test_receipt_lines_count_with_all_that_decides_which_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers, days, members' lines, narrowings and nights have entries of their own, and what is in them is right."""
    lake = histories.with_people(histories.made(tmp_path, 1, 2))
    rights: dict[str, Any] = {"all": None, "east": ("华东",), "south": ("华南",), "nobody": ()}
    asked = [(whose, day) for whose in rights for day in (None, date(2026, 4, 8))]

    def every() -> list[int]:
        seen = []
        for whose, day in asked:
            given = {} if day is None else {"as_of": day}
            page = world.opened(lake, report="data_health", face="voila", regions=rights[whose], variables=given)
            some = panels.part(page.lines, customers=pl.Series(["a", "b"]))
            for lines in (page.lines, page.lines_of_members(), some, panels.part(some, start=date(2026, 4, 5))):
                seen.append(page.remember(sold, lines))
                assert seen[-1] == int(panels.store_day(lines)["net_minor"].sum())
        return seen

    first = every()
    made = len(calls)
    assert made > 20 and every() == first and len(calls) == made
    histories.night(lake, np.random.default_rng(1), 2)
    assert every() != first and len(calls) == 2 * made
    monkeypatch.setattr(histories, "NIGHT", histories.NIGHT + timedelta(seconds=1))
    known = lake.versions()
    for folder in ("tables", "state"):  # begun anew in the same place, with as many nights a second later
        shutil.rmtree(lake.path / folder, ignore_errors=True)
    lake = histories.with_people(histories.made(tmp_path, 1, 3))
    assert lake.versions() == known and every() and len(calls) == 3 * made
    with pytest.raises(TypeError, match="nobody has said"):
        remembered(tmp_path, sold, panels.ReceiptLines(lake.table("receipt_lines")))


def test_a_scheduled_run_and_the_app_find_each_others_entries(tmp_path: Path) -> None:
    lake = world.make_lake(tmp_path / "lake")
    run, app = world.opened(lake, out=tmp_path), world.opened(lake, face="voila")
    made, found = (page.remember(sums, world.rows(page), rng=page.rng) for page in (run, app))
    assert made.equals(found) and calls == ["sums"] and run.rng.random() == app.rng.random()
    earlier = world.opened(lake, variables={"as_of": date(2026, 3, 31)})
    earlier.remember(sums, world.rows(earlier), rng=earlier.rng)
    assert len(calls) == 2


def test_a_result_that_cannot_be_kept_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        remembered(tmp_path, wrong_result, TABLE)


def wrong_result(table: pl.DataFrame) -> object:
    """A result that is no plain value."""
    return object()


wrong_result.__module__ = "crmlib.tests"

SLOW = (
    "review.review", "response.response_table", "contestants.trial", "model.train", "health.last_test", "backtest.run",
    "posterior.draw", "portfolio.portfolio", "study.calibrate", "plan.blinds", "plan.make", "needs.need_segments",
)  # fmt: skip


@pytest.mark.parametrize("notebook", sorted(Path(__file__).parents[3].glob("notebooks/*.ipynb")), ids=lambda p: p.stem)
def test_pages_remember_what_takes_long(notebook: Path) -> None:
    cells = [c["source"] for c in json.loads(notebook.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"]
    tree = ast.parse("\n".join("".join(source) for source in cells))
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not [name for name in called for slow in SLOW if name.endswith(slow)], "call it through page.remember"


def test_what_a_next_step_makes_of_a_result_is_found_whether_that_was_computed_or_found(tmp_path: Path) -> None:
    """A filled column keeps a mask of what was missing, which a column that was read does not have."""
    for _ in range(2):
        first = remembered(tmp_path, filled, TABLE)
        remembered(tmp_path, sums, first)
    assert calls == ["filled", "sums"]
