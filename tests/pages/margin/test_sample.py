"""The sample's margin page finds the supplier that asks more and the distributors whose goods leak."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from crmlib.data.lake.lake import Lake
from crmlib.pages.margin.study import Study
from crmlib.sales import margins
from tests.report import world


@pytest.fixture(scope="module")
def study(sample_lake: Lake) -> Study:
    return Study(world.opened(sample_lake, report="margin"))


def test_the_supplier_that_asks_more_is_first_and_the_others_rose_as_costs_did(study: Study, root: Path) -> None:
    planted = pl.read_parquet(root / "data_samples" / "truth" / "purchases.parquet").row(0, named=True)
    found = margins.by_supplier(study.bought)
    assert found["supplier_id"][0] == planted["supplier_id"]
    assert found["price_index"][0] == pytest.approx(1.02 * (1 + planted["times"]) / 2, abs=0.02)
    assert found["price_index"][1:].to_list() == pytest.approx([found["price_index"][1:].mean()] * 7, abs=0.01)


def test_partners_whose_goods_leak_are_named_and_nobody_else(study: Study, root: Path) -> None:
    truth = pl.read_parquet(root / "data_samples" / "truth" / "channel.parquet")
    leaks = truth.filter("leaks")["partner_id"].sort().to_list()
    assert study.scanned.filter("named")["partner_id"].sort().to_list() == leaks


def test_goods_under_the_floor_lie_under_it_in_their_own_region(study: Study) -> None:
    found = study.floors
    assert found.height and (found["price_minor"] < found["floor_minor"]).all() and (found["given_minor"] > 0).all()
