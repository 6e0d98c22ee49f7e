"""A panel gives the same bytes from stored reductions as from the lines: any night, day, region and narrowing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from crmlib import panels
from crmlib.data.lake import reduced
from crmlib.panels import from_cells, handle, reductions, traits
from crmlib.panels.receipts import goods_money
from crmlib.panels.sales import product_weeks
from tests.panels import histories
from tests.report import world

A, B = histories.START, histories.START + timedelta(days=histories.DAYS)
STORES = pl.DataFrame({"store_id": ["S0", "S1", "S2"]})
MONDAY, SUNDAY = date(2026, 3, 23), date(2026, 4, 12)
GOODS = pl.DataFrame({"product_id": ["p", "q"], "is_gift": [True, False], "category_1": ["sweet", None]})
LARGE = pl.Series(["R201", "R213", "R294", "R302"])


def by_key(days: pl.DataFrame) -> pl.DataFrame:
    """Days of members' parts, which come in any order, in theirs."""
    return days.sort("customer_id", "part", "day_n", nulls_last=True)


def in_days(days: pl.DataFrame) -> pl.DataFrame:
    """Days of members that may come several times, each once."""
    return days.group_by("customer_id", "day_n").agg(pl.col("lines", "net_minor").sum()).sort("customer_id", "day_n")


PANELS: dict[str, Callable[[Any], object]] = {
    "customer_day": lambda h: panels.customer_day(h, period_end=B),
    "customer_period": lambda h: panels.customer_period(h, start=A + timedelta(days=3), end=B),
    "customer_span": lambda h: panels.customer_span(h, period_end=B - timedelta(days=4)),
    "purchase_history": lambda h: panels.purchase_history(h, period_end=B),
    "store_day": panels.store_day,
    "store_day_money": panels.store_day_money,
    "goods_money": lambda h: goods_money(h, start=A + timedelta(days=2), end=B),
    "product_weeks": lambda h: product_weeks(h, start=A + timedelta(days=2), end=B),
    "visit_days": panels.visit_days,
    "open_days": panels.open_days,
    "customer_margin": panels.customer_margin,
    "card_use": lambda h: traits.card_use(h, start=A, end=B).sort("customer_id"),
    "customer_clock": lambda h: traits.customer_clock(h, start=A, end=B).sort("customer_id", "hour", "weekday"),
    "customer_traits": lambda h: traits.customer_traits(h, GOODS, start=A + timedelta(days=2), end=B),
    "customer_traits of April": lambda h: traits.customer_traits(h, start=date(2026, 4, 1), end=date(2026, 4, 30)),
    "customer_prices": lambda h: traits.customer_prices(
        h, GOODS.with_columns(unit=pl.lit("piece")), by="category_1", start=A, end=B
    ),
    "member_goods": lambda h: traits.member_goods(h, start=A, end=B - timedelta(days=2)),
    "parts by goods": lambda h: traits.customer_part(h, GOODS, by="category_1", start=A, end=B - timedelta(days=9)),
    "parts by store": lambda h: traits.customer_part(h, by="store_id", start=A + timedelta(days=4), end=B),
    "parts of days by goods": lambda h: by_key(
        traits.customer_part_day(h, GOODS, by="category_1", start=A + timedelta(days=3), end=B)
    ),
    "parts of days by store": lambda h: by_key(traits.customer_part_day(h, by="store_id", start=A, end=B)),
    "parts of days by store, money": lambda h: by_key(
        traits.customer_part_day(h, by="store_id", start=A, end=B, money_only=True)
    ),
    "days of members": lambda h: in_days(panels.member_days(h, start=A, end=B)),
    "goods of members": lambda h: panels.member_goods(h, start=A, end=B).sort("customer_id", "product_id", "day_n"),
    "last_receipts": lambda h: panels.last_receipts(h, customer="a", most=5),
    "bulk_receipts": lambda h: panels.bulk_receipts(h, least_milli=10_000, customers=pl.Series(["b"])),
    "offer_days": panels.offer_days,
    "promotion_money": lambda h: panels.promotion_money(h, bulk=LARGE),
    "store_product_week": lambda h: panels.store_product_week(h, stores=STORES, start=MONDAY, end=SUNDAY),
    "sales_cells": panels.sales_cells,
    "product_day": panels.product_day,
    "store_product_day": lambda h: panels.store_product_day(h, start=A, end=B),
    "day_sums": panels.day_sums,
    "day_cards": panels.day_cards,
    "feed_days": panels.feed_days,
    "goods_sums": panels.goods_sums,
    "ids of stores": lambda h: panels.ids(h, "store_id"),
    "ids of goods": lambda h: panels.ids(h, "product_id"),
    "ids of cards": lambda h: panels.ids(h, "customer_id"),
    "missing_fields": lambda h: panels.missing_fields(h, ("product_id", "cost_minor", "store_id", "promotion_id")),
}
PARTS: dict[str, dict[str, Any]] = {
    "whole": {},
    "days": {"start": A + timedelta(days=5), "end": A + timedelta(days=20)},
    "stores": {"stores": pl.Series(["S0", "S2"])},
    "products": {"products": pl.Series(["p", "q"])},
    "without": {"without": LARGE},
    "leaving": {"leaving": pl.Series(["q"])},
    "customers": {"customers": pl.Series(["a", "c"])},
    "all": {"start": A + timedelta(days=2), "stores": pl.Series(["S0", "S1"]), "products": pl.Series(["p"]),
            "without": LARGE},
    "all but": {"start": A + timedelta(days=2), "stores": pl.Series(["S0", "S1"]), "leaving": pl.Series(["p"]),
                "customers": pl.Series(["a", "b"])},
}  # fmt: skip


def same(one: object, other: object) -> bool:
    if isinstance(one, pl.DataFrame | pl.Series):
        return one.equals(other) and (isinstance(one, pl.Series) or one.schema == other.schema)  # type: ignore[arg-type, attr-defined]
    if isinstance(one, tuple):
        return all(same(a, b) for a, b in zip(one, other, strict=True))  # type: ignore[call-overload]
    return one == other


def bare(lines: panels.ReceiptLines) -> panels.ReceiptLines:
    """The same lines without their reductions."""
    return panels.ReceiptLines(handle.opened(lines))


@pytest.mark.parametrize(
    ("seed", "odd", "regions", "as_of"),
    [
        (1, True, None, None),
        pytest.param(2, False, ("华东",), date(2026, 4, 8), marks=pytest.mark.long),
        (3, True, ("华南",), date(2026, 4, 10)),
        pytest.param(4, False, None, date(2026, 4, 12), marks=pytest.mark.long),
    ],
)
def test_every_panel_reads_the_same_from_cells_as_from_lines(
    tmp_path: Path, seed: int, odd: bool, regions: tuple[str, ...] | None, as_of: date | None
) -> None:
    lake = histories.with_people(histories.made(tmp_path, seed, 4, odd=odd))
    reduced.reduce(lake, by=reductions)
    page = world.opened(lake, report="data_health", regions=regions, variables={"as_of": as_of} if as_of else {})
    for lines in (page.lines, page.lines_of_members()):
        assert handle.cells_of(lines, "receipt") is not None
        for kind, narrowed in PARTS.items() if as_of is None else [("whole", {}), ("all", PARTS["all"])]:
            stored, read = panels.part(lines, **narrowed), panels.part(bare(lines), **narrowed)
            for name, panel in PANELS.items():
                assert same(panel(stored), panel(read)), (name, kind, seed, odd, regions, as_of)


def test_days_of_all_members_are_not_read_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = histories.with_people(histories.made(tmp_path, 1, 4, odd=True))
    reduced.reduce(lake, by=reductions)
    lines = world.opened(lake, report="data_health").lines
    read, asked = from_cells.card_days, []

    def noted(lines: Any, start: int, end: int) -> object:
        asked.append(end - start + 1)
        return read(lines, start, end)

    monkeypatch.setattr("crmlib.panels.from_cells.card_days", noted)
    monkeypatch.setattr("crmlib.panels.traits.AT_ONCE", 5, raising=False)
    assert same(PANELS["card_use"](lines), PANELS["card_use"](bare(lines)))
    assert max(asked[:-1]) == 5 and sum(asked[:-1]) == (B - A).days + 1


def test_receipts_with_services_are_looked_for_month_by_month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = histories.with_people(histories.made(tmp_path, 1, 4))
    reduced.reduce(lake, by=reductions)
    left = panels.part(world.opened(lake, report="data_health").lines, leaving=pl.Series(["q"]))
    joins, join = [], pl.LazyFrame.join

    def noted(self: pl.LazyFrame, *given: Any, **how: Any) -> pl.LazyFrame:
        if how.get("how") == "semi":
            joins.append(self.select(pl.col("day_n").cast(pl.Date).dt.month().n_unique()).collect().item())
        return join(self, *given, **how)

    monkeypatch.setattr(pl.LazyFrame, "join", noted)
    panels.store_day(left)
    assert joins and max(joins) == 1


def test_reductions_that_are_behind_are_not_read(tmp_path: Path) -> None:
    lake = histories.with_people(histories.made(tmp_path, 1, 2))
    assert handle.cells_of(world.opened(lake, report="data_health").lines, "receipt") is None
    reduced.reduce(lake, by=reductions)
    assert handle.cells_of(world.opened(lake, report="data_health").lines, "receipt") is not None
    histories.night(lake, np.random.default_rng(1), 2)
    assert handle.cells_of(world.opened(lake, report="data_health").lines, "receipt") is None


def test_cells_stand_for_lines_only_where_they_know_what_was_narrowed_to(tmp_path: Path) -> None:
    lake = histories.with_people(histories.made(tmp_path, 2, 2))
    reduced.reduce(lake, by=reductions)
    lines = world.opened(lake, report="data_health").lines
    some = panels.part(lines, products=pl.Series(["p"]))
    assert handle.cells_of(some, "receipt") is handle.cells_of(some, "customer_store_day") is None
    assert handle.cells_of(panels.part(lines, without=LARGE), "customer_store_day") is None
    assert handle.cells_of(some, "store_product_day") is not None
