"""The sample's cash book finds what was planted in it, and nothing else."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from crmlib.data.lake.lake import Lake
from crmlib.pages.cashbook.study import Study
from tests.report import world


@pytest.fixture(scope="module")
def study(sample_lake: Lake) -> Study:
    return Study(world.opened(sample_lake, report="cashbook"))


@pytest.fixture(scope="module")
def truth(root: Path) -> dict[str, list[tuple[str, date, int]]]:
    table = pl.read_parquet(root / "data_samples" / "truth" / "cash.parquet")
    return {
        str(what): part.select("store_id", "day", "amount_minor").rows()
        for (what,), part in table.group_by(["what"], maintain_order=True)
    }


def test_the_days_that_were_not_booked_are_the_gaps(
    study: Study, truth: dict[str, list[tuple[str, date, int]]]
) -> None:
    wrong = study.ties.filter(pl.col("gap_minor") != 0).sort("day")
    assert wrong.select("store_id", "day", "gap_minor").rows() == truth["not_booked"]
    assert set(study.ties["tie"]) == {"cash", "code", "card_sale", "collection"}
    assert study.statement.totals["unexplained"] == sum(gap for *_, gap in truth["not_booked"])
    sides = dict(study.rows.group_by("side").agg(pl.col("amount_minor").sum()).iter_rows())
    assert sides["till"] - sides["book"] == study.statement.totals["unexplained"]


def test_the_bag_that_was_lost_and_the_till_that_keeps_its_cash_are_found(
    study: Study, truth: dict[str, list[tuple[str, date, int]]]
) -> None:
    store, day, fen = truth["lost"][0]
    late = study.transit.filter("late")
    assert late.select("account_id", "left_on", "amount_minor").rows() == [("T" + store, day, fen)]
    longest = study.waiting.sort("since", nulls_last=True).row(0, named=True)
    assert longest["account_id"] == "T" + truth["slow"][0][0]
    counted = {store: fen for store, _, fen in truth["count"]}
    assert dict(study.counts.select("store_id", "amount_minor").iter_rows()) == counted


def test_what_tills_say_was_paid_is_what_was_sold_and_points_are_those_of_the_account(study: Study) -> None:
    page = study.page
    tenders = page.table("tenders").collect()
    by_receipt = tenders.group_by("receipt_id").agg(pl.col("amount_minor").sum())
    assert by_receipt.height > 4_000
    sold = page._lake.table("receipt_lines").filter(pl.col("day") >= study.first).group_by("receipt_id").agg(
        pl.col("net_minor").sum()
    ).collect()  # fmt: skip
    both = sold.join(by_receipt, on="receipt_id", how="full").filter(
        pl.col("net_minor").fill_null(0) != pl.col("amount_minor").fill_null(0)
    )
    assert both.height == 0
    points = tenders.filter(pl.col("tender").cast(pl.String) == "points")["amount_minor"].sum()
    used = page.table("points").filter(
        pl.col("kind").cast(pl.String) == "redeem", pl.col("at").dt.date() >= study.first
    ).collect()["cost_minor"].sum()  # fmt: skip
    assert points == used > 0


def test_the_cycle_is_of_all_three_books(study: Study) -> None:
    table, days = study.cycle
    parts = {name: value for name, value in table.select("cycle_part", "cycle_days").iter_rows()}
    assert days == pytest.approx(parts["stock"] + parts["receivable"] - parts["payable"])
    assert 10 < parts["stock"] < 60 and 25 < parts["payable"] < 60 and 30 < parts["receivable"] < 90
