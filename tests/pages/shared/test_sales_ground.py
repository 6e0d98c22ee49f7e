"""The pages of sales stand on one ground: sums of shops and days, made once for all of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from crmlib import panels
from crmlib.data.lake.lake import Lake
from crmlib.pages.shared.sales_ground import SalesStudy
from crmlib.panels.handle import told
from crmlib.report.memory import packed
from tests.report import world


def test_sums_of_shops_and_days_are_made_once_for_pages_of_the_same_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, made = world.make_lake(tmp_path / "lake"), list[str]()  # its own: another test's page leaves its sums

    def noted(panel: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(panel)
        def make(*args: Any, **kwargs: Any) -> Any:
            made.append(panel.__name__)
            return panel(*args, **kwargs)

        return make

    for name in ("store_day", "store_day_money"):
        monkeypatch.setattr(panels, name, noted(getattr(panels, name)))
    first, second = (SalesStudy(world.opened(lake)).days for _ in range(2))
    assert second.equals(first) and made == ["store_day", "store_day_money"]


def test_the_same_goods_or_members_are_the_same_lines_in_whatever_order(lake: Lake) -> None:
    goods = pl.Series([f"P{n}" for n in range(5_000)])
    lines = world.opened(lake).lines
    for by in ("leaving", "products", "customers", "stores"):
        asked: list[Any] = [{by: ids} for ids in (goods, goods, goods.reverse())]
        assert len({packed.digest(told(panels.part(lines, **named))) for named in asked}) == 1, by
