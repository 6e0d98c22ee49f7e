"""One definition of a member for all pages."""

from __future__ import annotations

import ast
import shutil
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from crmlib.core.contracts import CONTRACTS
from crmlib.customers.members.cards import Limits
from crmlib.data.lake import delta
from crmlib.data.lake.filed import file_rows
from crmlib.data.lake.lake import Lake
from crmlib.pages.shared import lists
from crmlib.pages.shared.members import MemberStudy, sorted_cards
from tests.report import world

BUSY = date(2025, 1, 15)  # a year and a half before the page's day


@pytest.fixture
def till(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake where one card was swiped for nine receipts on a day of the year before."""
    lake = world.make_lake(tmp_path_factory.mktemp("till") / "lake")
    lines = world.lines().head(9)
    lines = lines.with_columns(
        line_id=pl.format("T{}", pl.int_range(9)),
        receipt_id=pl.format("TR{}", pl.int_range(9)),
        customer_id=pl.lit("TILL"),
        day=pl.lit(BUSY),
        day_n=pl.lit(BUSY).cast(pl.Int32),
    )
    delta.append(
        lake.table_path("receipt_lines"), lines, batch=delta.Batch("b-till", {}), partition=None, description="{}"
    )
    return lake


@pytest.mark.parametrize("months", [1, 12, 36])
def test_whatever_the_period_the_same_cards_are_no_members(till: Lake, months: int) -> None:
    page = world.opened(till, variables={"months": months})
    assert sorted_cards(page).flagged.select("customer_id", "reason").rows() == [("TILL", "cashier")]


def test_the_house_s_limits_are_found_under_one_name(till: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page in the other language, or one that offers the limits while nobody changed them, judges no card again."""
    found = sorted_cards(world.opened(till))
    monkeypatch.setattr("crmlib.panels.traits.card_use", None)
    for language in ("zh", "en"):
        again = sorted_cards(
            world.opened(till, report="data_health", variables={"language": language}), limits=Limits()
        )
        assert again.flagged.equals(found.flagged)


def test_whoever_looks_at_some_members_asks_for_the_lines_of_these(root: Path) -> None:
    """Sums of a year of millions cost most of such a page; `panels.part(…, customers=)` leaves them out."""
    everybody = {"movement", "pool"}
    sums = {"customer_period", "customer_day", "customer_summary"}
    asked = set()
    for path in (root / "crmlib" / "pages").glob("*/*.py"):
        for call in (n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Call)):
            if ast.unparse(call.func).split(".")[-1] in sums and "lines_of_members()" in ast.unparse(call.args[0]):
                asked.add(path.parent.name)
    assert asked == everybody


def test_a_card_of_long_ago_is_judged_no_more(till: Lake) -> None:
    later = world.opened(till, now=world.CLOCK + timedelta(days=400), variables={"as_of": date(2027, 3, 1)})
    assert sorted_cards(later).flagged.height == 0


def test_a_study_of_members_leaves_them_out_and_reads_once(till: Lake) -> None:
    study = MemberStudy(world.opened(till))
    everybody = study.days.select("customer_id").unique()
    assert set(everybody["customer_id"]) - set(study.members(everybody)["customer_id"]) == {"TILL"}
    assert study.days is study.days
    assert (study.people, study.goods) == (None, None)


def test_whom_the_lists_of_a_month_leave_alone_is_one_draw_for_all_pages(lake: Lake) -> None:
    ids = pl.Series("customer_id", [f"C{i:04d}" for i in range(2_000)])
    drawn = [
        MemberStudy(world.opened(lake, report=report)).left_alone(ids) for report in ("early_warning", "customer_value")
    ]
    assert drawn[0].equals(drawn[1])
    assert 150 < int(drawn[0].sum()) < 250  # a tenth
    some = MemberStudy(world.opened(lake, report="early_warning")).left_alone(ids.reverse())
    assert some.reverse().equals(drawn[0]), "a member's lot does not hang on who else is asked about"
    before = MemberStudy(world.opened(lake, report="early_warning", variables={"as_of": "2026-05-31"})).left_alone(ids)
    assert not before.equals(drawn[0]), "another month, another draw"


def test_the_standing_draw_is_a_tenth_of_each_region_and_newcomers_move_nobody(lake: Lake, tmp_path: Path) -> None:
    made = Lake(tmp_path / "lake")
    shutil.copytree(lake.path, made.path)
    ids = [f"C{i:04d}" for i in range(1_000)]
    joined = [date(2025, 1, 1)] * 900 + [date(2026, 6, 9)] * 100  # the last hundred joined in the page's month
    region = ["华东", "华南", "华东"] * 334
    members = pl.DataFrame({"customer_id": ids, "joined_on": joined, "region": region[:1_000], "tags": [[]] * 1_000})

    def alone(rows: pl.DataFrame, region: str | None = None) -> pl.DataFrame:
        shutil.rmtree(made.table_path("customers"), ignore_errors=True)
        file_rows(made, CONTRACTS["customers"], rows, batch="m", source="crm", by="crm", now=world.CLOCK)
        page = world.opened(made, report="early_warning", variables={"region": region} if region else {})
        asked = rows if region is None else rows.filter(pl.col("region") == region)
        return asked.with_columns(held=MemberStudy(page).left_alone(asked["customer_id"]))

    drawn = alone(members)
    old = (
        drawn.filter(pl.col("joined_on") < date(2026, 6, 1)).group_by("region").agg(pl.col("held").sum()).sort("region")
    )
    assert old.rows() == [("华东", 60), ("华南", 30)], "exactly a tenth of whoever was there when the month began"
    fewer = alone(members.head(900))
    assert fewer["held"].to_list() == drawn["held"].to_list()[:900]
    south = alone(members, region="华南")
    assert south["held"].to_list() == drawn.filter(pl.col("region") == "华南")["held"].to_list()


def test_whoever_opted_out_of_a_list_is_reached_in_the_store_only() -> None:
    people = pl.DataFrame({"customer_id": ["a", "b"]}).with_columns(
        pl.lit(value=True).alias(c) for c in lists.CONSENTED.values()
    )
    events = pl.LazyFrame({"recipient_id": ["a", "b"], "kind": ["opted_out", "delivered"]})
    page = SimpleNamespace(optional=lambda _: events)
    kept = lists.still_agreed(page, people)  # type: ignore[arg-type]
    assert kept is not None
    assert kept["may_sms"].to_list() == kept["may_call"].to_list() == [False, True]
    assert lists.still_agreed(SimpleNamespace(optional=lambda _: None), people) is people  # type: ignore[arg-type]
