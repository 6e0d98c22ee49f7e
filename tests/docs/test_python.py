"""Every block of Python in the docs runs as it stands, on the sample; what is given there is given here by its name."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock, create_autospec, patch
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from crmlib import panels
from crmlib.data import Lake
from crmlib.promotion import review
from crmlib.promotion.offers.offer import Offer
from crmlib.run import runner
from tests.docs.pages import PAGES, ROOT, Block, blocks, name_of
from tests.report import quick

Given = Callable[[Lake], Mapping[str, Any]]
DAY = date(2026, 10, 31)
OPEN = tuple(datetime.fromisoformat(day) for day in ("2024-01-01", "2027-01-01"))
"""Wall clock of the stores, as offers have it."""
MAY = {"apr1": date(2026, 4, 1), "apr30": date(2026, 4, 30), "may1": date(2026, 5, 1)}
MAY |= {"may10": date(2026, 5, 10), "may31": date(2026, 5, 31)}


def lines(lake: Lake) -> pl.DataFrame:
    return lake.table("receipt_lines").filter(quick.some(members=8, others=8)).collect()


def table(lake: Lake, name: str) -> pl.DataFrame:
    return lake.table(name).collect()


def cases(lake: Lake) -> Mapping[str, Any]:
    orders = table(lake, "sale_orders").filter(pl.col("partner_id").is_not_null())
    at = pl.col("entered_at").dt.date().to_physical().cast(pl.Int32)
    solved = table(lake, "ticket_events").filter(pl.col("kind") == "solved").group_by("ticket_id")
    return {
        "deals": table(lake, "deals"), "day": DAY, "now": datetime(2026, 10, 31, 20, tzinfo=ZoneInfo("Asia/Shanghai")),
        "first_day_of_outcomes": table(lake, "deals")["feed_start"].min(), "per_minute": np.array([0.5, 2.0]),
        "orders": orders.select(customer_id="partner_id", day_n=at),
        "tickets": table(lake, "tickets").join(solved.agg(solved_at=pl.col("at").max()), on="ticket_id", how="left"),
    }  # fmt: skip


def sales(lake: Lake) -> Mapping[str, Any]:
    bought, stores = lines(lake), table(lake, "stores").select("store_id", "region")
    cube = panels.store_day_cube(bought, start=date(2024, 11, 1), end=MAY["may31"])
    days = cube.with_columns(day=pl.col("day_n").cast(pl.Int32).cast(pl.Date)).join(stores, on="store_id")
    weeks = days.group_by("store_id", week=pl.col("day").dt.truncate("1w")).agg(pl.col("net_minor").sum())
    halves = panels.product_period(bought, start=MAY["may1"], end=MAY["may31"])
    per = halves.pivot(on="half", index="product_id", values=["net_minor", "receipts"], aggregate_function="sum")
    names = {"net_minor_1": "v_odd", "net_minor_0": "v_even", "receipts_1": "n_odd", "receipts_0": "n_even"}
    goods = per.rename(names).drop_nulls().filter(pl.all_horizontal(pl.col("v_odd", "v_even") > 0))
    both = goods.with_columns(v0="v_odd", v1="v_even", n0="n_odd", n1="n_even")
    return {
        **MAY, "lines": bought, "days": days, "weeks": weeks, "targets": None, "total": 10**9, "halves": goods,
        "goods": both,
    }  # fmt: skip


def offers(lake: Lake) -> Mapping[str, Any]:
    bought = lines(lake).filter(pl.col("list_minor").is_not_null(), pl.col("quantity_milli") > 0).head(500)
    names = ("products", "stores")
    half = Offer("A", "rate", *OPEN, rate_bp=5000)
    coupons = pl.DataFrame(schema={"receipt_id": pl.String, "offer_id": pl.String, "count": pl.Int64})
    found = {"lines": bought, "offers": [half], "coupons": coupons, "receipt_id": bought["receipt_id"][0]}
    return found | {name: table(lake, name) for name in names}


def bound(function: Callable[..., Any], *arguments: Any, **named: Any) -> object:
    """Instead of a call: whether the function takes it."""
    return inspect.signature(function).bind(*arguments, **named)


def names(*words: str, **more: Any) -> Given:
    """Names whose values do not matter, since what takes them is only asked whether it would."""
    return lambda _: {word: MagicMock() for word in words} | more


SITES = ("cells", "sites", "competitors", "openings", "card_flows")
FRAME = {"no": ["R1"], "card": ["NA"], "sku": ["P1"], "at": ["2026-10-01 09:30"], "qty": ["2"], "paid": ["12.50"]}
GIVEN: dict[str, Given] = {
    "README.md": lambda lake: {"lines": lines(lake)},
    "crmlib/run/handbook/analyst.en.md": lambda lake: {"lines": lines(lake), "day": DAY},
    "docs/cases.md": cases,
    "docs/churn.md": lambda lake: {"lines": lines(lake), "contacts": table(lake, "contacts"), "points": None},
    "docs/clv.md": lambda lake: {"lines": lines(lake), "np": np, "date": date, "rng": np.random.default_rng(2)},
    "docs/company_size.md": lambda lake: {
        **MAY, "page": SimpleNamespace(lines=lake.table("receipt_lines")),
        "some": table(lake, "stores")["store_id"][:3],
    },
    "docs/ingest.md": lambda _: {"df": pl.DataFrame(FRAME)},
    "docs/page.md": names(
        "grid", "lines", "plans", "products", "stores", review=review, page=SimpleNamespace(remember=bound, rng=None)
    ),
    "docs/promotion.md": offers,
    "docs/run.md": names("c", "distributed", "jobs", "space", "lake", "clock", runner=SimpleNamespace(
        run=create_autospec(runner.run), Options=runner.Options)),
    "docs/sales.md": sales,
    "docs/scoring.md": lambda lake: {"lines": lines(lake), "date": date},
    "docs/sites.md": lambda lake: {name: table(lake, name) for name in SITES} | {"day": DAY},
}  # fmt: skip
ASKED: dict[str, tuple[str, ...]] = {
    "docs/ingest.md": ("crmlib.data.ingest", "crmlib.data.ingest_all"),
    "docs/simulate.md": ("crmlib.simulate.company",),
    "docs/sites.md": ("crmlib.sites.study.calibrate", "crmlib.sites.plan.make"),
}
"""What is too long for a test: called with what stands there, and only asked whether it takes that."""


def lightly(page: str) -> AbstractContextManager[Any]:
    stack = ExitStack()
    for name in ASKED.get(page, ()):
        stack.enter_context(patch(name, autospec=True))
    return stack if page in ASKED else nullcontext()


@pytest.mark.parametrize(
    "block",
    [b for p in PAGES for b in blocks(p, "python") if ".zh." not in p.name],
    ids=lambda b: b.place,
)
def test_it_runs(block: Block, sample_lake: Lake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page = name_of(block.page)
    monkeypatch.chdir(tmp_path)
    quick.draws(monkeypatch)
    given = dict(GIVEN[page](sample_lake)) if page in GIVEN else {}
    with lightly(page):
        exec(compile(block.text, block.place, "exec"), given)
    assert os.listdir(tmp_path) == []


def test_names_are_given_to_pages_that_are_there() -> None:
    assert {page for page in (*GIVEN, *ASKED) if not (ROOT / page).is_file()} == set()
