"""A company that has only a till: its first pages are true of the counted file, and say what they cannot compare."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from crmlib.data import Lake, ingest
from crmlib.pages.goods import findings as goods
from crmlib.pages.goods.study import Study as Goods
from crmlib.pages.sales_pulse import findings as pulse
from crmlib.pages.sales_pulse.study import Study as Pulse
from tests.report import world

pytestmark = [pytest.mark.real_data, pytest.mark.long]

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture(scope="module")
def till(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """3,478 lines, 918 receipt numbers, 1,069 products, 28,950.07 yuan by price times quantity."""
    lake = Lake(tmp_path_factory.mktemp("till"))
    sources = Path(__file__).with_name("sources.yml")
    assert ingest("pos_gb18030", sources=sources, root=real_data, lake=lake, now=NOW).sum_holds
    return lake


def test_the_first_sales_page_says_what_was_counted_and_compares_nothing(till: Lake) -> None:
    study = Pulse(world.opened(till, report="sales_pulse"))
    figures = {f.key: f.amount for f in pulse.answer(study).figures}
    assert figures["net"] == pytest.approx(2_895_007, abs=0.5 * 3_478)
    lines = till.table("receipt_lines").collect()
    assert figures["net"] == lines["net_minor"].sum()
    assert figures["receipts"] == lines.select("store_id", "day", "receipt_id").n_unique()
    assert study.ground is None and study.reading.verdict is None
    places = pulse.places(study).table
    for _, part in places.group_by("dimension"):
        assert part["now_minor"].sum() == figures["net"]
    assert pulse.causes(study).table.is_empty()


def test_the_first_goods_page_ranks_by_sales_since_no_cost_is_known(till: Lake) -> None:
    study = Goods(world.opened(till, report="goods"))
    figures = {f.key: f.amount for f in goods.answer(study).figures}
    assert study.stand.basis == "net"
    assert set(figures) == {"goods", "net"}
    assert study.stand.table.filter(pl.col("v1") > 0).height == figures["goods"] <= 1_069
    assert goods.fresh(study).table.is_empty() and goods.growth(study).table.is_empty()
