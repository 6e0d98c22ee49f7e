"""What changed: only beyond the thresholds, the largest amount of money first, at most five lines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from crmlib.kit.words import Language, Words
from crmlib.kit.words.sentences import keys
from crmlib.report.html import sheets
from crmlib.report.record import compare
from crmlib.report.record.compare import Tabled
from crmlib.report.record.manifest import FigureRecord, FindingRecord, Manifest, dump, load

EN = Words("en")
SPOKEN = ["zh", pytest.param("en", marks=pytest.mark.long)]


def figure(amount: float | None, *, key: str = "net", money: bool = True) -> FigureRecord:
    shown = EN.format.money(amount) if money else EN.format.number(amount, digits=2)
    return FigureRecord(key, key, shown, amount, money)


def record(key: str = "f", *, status: str = "ok", value: int | None = None, role: str = "finding") -> FindingRecord:
    return FindingRecord(key, role, status, f"headline {key}", f"tables/{key}.parquet", 1, ("k",), value)


def manifest(figures: list[FigureRecord], findings: list[FindingRecord]) -> Manifest:
    return Manifest(
        report="r", language="en", title="t", question="q", as_of="2026-05-31", status="ok", answer="a",
        parameters={"months": 12, "as_of": "2026-05-31"}, figures=tuple(figures), findings=tuple(findings), versions={},
        currency="CNY", code="c", seed=1, run_id="x", made_at="2026-06-01T00:00:00+00:00",
    )  # fmt: skip


def lines(
    folder: Path,
    *,
    before: list[FigureRecord] | None = None,
    now: list[FigureRecord] | None = None,
    tables: dict[str, tuple[FindingRecord, pl.DataFrame, FindingRecord, pl.DataFrame]] | None = None,
) -> tuple[str, ...]:
    (folder / "tables").mkdir(exist_ok=True)
    pairs = tables or {}
    for old, frame, _, _ in pairs.values():
        (folder / old.table).write_bytes(sheets.parquet(frame))
    last = manifest(before or [], [old for old, _, _, _ in pairs.values()])
    found = [Tabled(new, frame) for _, _, new, frame in pairs.values()]
    return compare.changes(last, folder=folder, figures=now or [], findings=found, words=EN)


def money(**rows: int) -> pl.DataFrame:
    return pl.DataFrame({"k": list(rows), "net_minor": list(rows.values())})


@pytest.mark.parametrize(("now", "shown"), [(104_99, False), (105_01, True), (94_99, True), (95_01, False)])
def test_a_figure_is_told_from_five_percent_on(tmp_path: Path, now: int, shown: bool) -> None:
    assert bool(lines(tmp_path, before=[figure(100_00)], now=[figure(now)])) is shown


def test_lines_are_ordered_by_money_and_cut_at_five(tmp_path: Path) -> None:
    before = [figure(100_00 * (i + 1), key=f"k{i}") for i in range(7)]
    now = [figure(200_00 * (i + 1), key=f"k{i}") for i in range(7)]
    told = lines(tmp_path, before=before, now=now)
    assert [line.split(":")[0] for line in told] == ["k6", "k5", "k4", "k3", "k2"]


def test_figures_without_money_come_after_those_with(tmp_path: Path) -> None:
    before = [figure(1, key="rate", money=False), figure(100_00)]
    told = lines(tmp_path, before=before, now=[figure(9, key="rate", money=False), figure(110_00)])
    assert [line.split(":")[0] for line in told] == ["net", "rate"]


def test_a_figure_from_zero_has_no_percentage(tmp_path: Path) -> None:
    (line,) = lines(tmp_path, before=[figure(0.0)], now=[figure(100_00)])
    assert "%" not in line and "¥100" in line


def test_unknown_amounts_are_not_compared(tmp_path: Path) -> None:
    assert lines(tmp_path, before=[figure(None)], now=[figure(100_00)]) == ()


def test_a_verdict_that_turns_is_told_in_its_direction(tmp_path: Path) -> None:
    frame = money(a=1)
    worse = {"f": (record(), frame, record(status="fail", value=1), frame)}
    better = {"f": (record(status="warn"), frame, record(), frame)}
    assert "went from “fine” to “problem”" in lines(tmp_path, tables=worse)[0]
    assert "improved from “watch” to “fine”" in lines(tmp_path, tables=better)[0]


def test_rows_are_told_by_their_key_if_they_moved_enough(tmp_path: Path) -> None:
    old, new = money(a=100_000, b=100_000, c=900, gone=50_000), money(a=108_000, b=150_000, c=1800, fresh=20_000)
    told = lines(tmp_path, tables={"f": (record(), old, record(), new)})
    # a moved 8 %, c doubled but is below 1 % of the total; of the rest the two largest
    assert len(told) == compare.ROWS_PER_TABLE
    assert told[0].startswith(("b,", "Gone: gone")) and told[1].startswith(("b,", "Gone: gone"))


def test_that_time_went_on_is_no_change_and_a_corrected_day_is_one(tmp_path: Path) -> None:
    days = pl.date_range(pl.date(2026, 5, 1), pl.date(2026, 5, 6), eager=True)
    old = pl.DataFrame({"k": days.head(5), "net_minor": [100_00, 100_00, 100_00, 100_00, 100_00]})
    new = pl.DataFrame({"k": days.tail(5), "net_minor": [100_00, 100_00, 900_00, 100_00, 700_00]})
    (line,) = lines(tmp_path, tables={"f": (record(), old, record(), new)})
    assert "2026-05-04" in line and "¥900" in line


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    old, new = money(a=1, b=2, c=3), money(a=10, b=20, c=30)
    straight = lines(tmp_path, tables={"f": (record(), old, record(), new)})
    assert straight == lines(tmp_path, tables={"f": (record(), old.reverse(), record(), new.reverse())})


def test_equal_reports_have_nothing_to_tell(tmp_path: Path) -> None:
    frame = money(a=1, b=2)
    same = {"f": (record(), frame, record(), frame)}
    assert lines(tmp_path, before=[figure(1)], now=[figure(1)], tables=same) == ()


def test_a_list_says_who_came_and_who_left(tmp_path: Path) -> None:
    actions = record("actions", role="actions")
    told = lines(tmp_path, tables={"a": (actions, money(a=1, b=1), actions, money(b=1, c=1, d=1))})
    assert told == ("The list has 2 new entries, 1 left it, 3 in all",)


def test_a_missing_or_changed_table_is_passed_over(tmp_path: Path) -> None:
    last = manifest([], [record()])
    found = [Tabled(record(), money(a=1))]
    assert compare.changes(last, folder=tmp_path, figures=[], findings=found, words=EN) == ()
    other = pl.DataFrame({"x": [1]})
    assert lines(tmp_path, tables={"f": (record(), other, record(), money(a=1))}) == ()


def test_a_manifest_is_read_as_it_was_written_and_anything_else_is_none(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    one = manifest([figure(1)], [record()])
    path.write_text(dump(one), encoding="utf-8")
    assert load(path) == one
    for content in ("", "{}", "[]", dump(replace(one, format=99)), dump(replace(one, error={"code": "x"}))):
        path.write_text(content, encoding="utf-8")
        assert load(path) is None
    assert load(tmp_path / "none.json") is None


@pytest.mark.parametrize("language", SPOKEN)
def test_no_rows_name_is_ever_looked_up_among_sentences(tmp_path: Path, language: Language) -> None:
    """Every value that a source may bring is tried against every key of both languages: a line comes out whole."""
    words = Words(language)
    (tmp_path / "tables").mkdir()
    sentences = [key for key in sorted(keys(language)) if key.count(".") == 2 and words.label(key) is None]
    assert len(sentences) > 100
    for domain, column, value in [*(key.split(".") for key in sentences), ("x", "y", None)]:
        one = replace(record(f"{domain}.f"), row_key=(column,))
        table = pl.DataFrame({column: [value], "net_minor": [100_000]}, schema_overrides={column: pl.String})
        (tmp_path / one.table).write_bytes(sheets.parquet(table.clear()))
        (line,) = compare.changes(
            manifest([], [one]), folder=tmp_path, figures=[], findings=[Tabled(one, table)], words=words
        )
        assert "{" not in line and "None" not in line


def test_a_finding_says_under_which_key_its_rows_are_named(tmp_path: Path) -> None:
    one = replace(record("churn.entries"), row_key=("reason_1",))
    before = pl.DataFrame({"reason_1": ["rhythm"], "at_risk_minor": [1000_00]})
    (tmp_path / "tables").mkdir()
    (tmp_path / one.table).write_bytes(sheets.parquet(before))
    now = Tabled(one, before.with_columns(at_risk_minor=pl.lit(9000_00)), {"reason_1": "churn.group"})
    (line,) = compare.changes(manifest([], [one]), folder=tmp_path, figures=[], findings=[now], words=EN)
    assert EN("churn.group.rhythm") in line and "rhythm:" not in line
