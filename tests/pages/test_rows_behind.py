"""From a figure of a money page to its rows: a second sheet of the workbook, and what stands there makes the figure."""

from __future__ import annotations

import base64
import importlib
import re
from io import BytesIO
from typing import Any

import polars as pl
import pytest

from crmlib.data.lake.lake import Lake
from crmlib.kit import columns
from crmlib.kit.finding import MOST_BEHIND, Finding
from crmlib.report.html import cards
from tests.report import world

BEHIND = {
    "receivables": "buckets", "points": "book", "cards": "book", "expenses": "lines", "stock": "book",
    "margin": "floor", "targets": "stores",
}  # fmt: skip


def made(lake: Lake, report: str) -> tuple[Any, Finding]:
    room = f"crmlib.pages.{report}"
    study = importlib.import_module(f"{room}.study").Study(world.opened(lake, report=report))
    return study, getattr(importlib.import_module(f"{room}.findings"), BEHIND[report])(study)


@pytest.fixture(scope="module")
def found(sample_lake: Lake) -> dict[str, tuple[Any, Finding]]:
    return {report: made(sample_lake, report) for report in BEHIND}


@pytest.mark.parametrize("report", BEHIND)
def test_every_money_page_has_its_rows_under_labels(found: dict[str, tuple[Any, Finding]], report: str) -> None:
    behind = found[report][1].behind
    assert behind is not None and 0 < behind.height <= MOST_BEHIND
    assert [c for c in behind.columns if columns.known(c) is None] == []
    assert "customer_id" not in behind.columns


def test_the_rows_make_the_figures(found: dict[str, tuple[Any, Finding]]) -> None:
    study, card = found["receivables"]
    assert card.behind is not None
    assert card.behind["open_minor"].sum() + study.open.unapplied["amount_minor"].sum() == study.open.owed_minor
    study, card = found["expenses"]
    assert card.behind is not None
    assert card.behind["amount_minor"].sum() == study.spent["spent_minor"].sum()
    study, card = found["points"]
    assert card.behind is not None
    moved = study.book.totals["closing"] - study.book.totals["opening"]
    assert study.entries["points"].sum() == moved
    study, card = found["cards"]
    moved = study.book.totals["closing"] - study.book.totals["opening"]
    assert study.entries["amount_minor"].sum() == moved
    study, card = found["margin"]
    assert card.behind is not None
    assert card.behind["quantity_milli"].sum() == study.floors["quantity_milli"].sum()
    study, card = found["targets"]
    sold = study.days.filter(pl.col("day").is_between(*study.month))
    assert study.store_days["net_minor"].sum() == sold["net_minor"].sum()


def test_the_download_has_a_sheet_of_them_and_the_page_says_so(found: dict[str, tuple[Any, Finding]]) -> None:
    study, card = found["margin"]
    assert card.behind is not None
    setting = cards.Setting(words=study.words, day=study.page.as_of)
    block = cards.card(card, setting, None)[0].table
    assert str(card.behind.height) in block.note
    book = pl.read_excel(BytesIO(base64.b64decode(re.sub("^.*base64,", "", block.href))), sheet_id=0)
    sheet = book[study.words("page.behind.sheet")]
    assert sheet.height == card.behind.height
    assert study.words.column("receipt_id") in sheet.columns
