"""Which siblings count against the base of a promoted product."""

from __future__ import annotations

import numpy as np
import polars as pl

from crmlib.promotion.lift.footprint import EVENT, SIBLING, footprint, treated
from crmlib.promotion.lift.panel import Panel


def one_store(products: int, weeks: int = 40) -> Panel:
    """One store, products that are all siblings of one another."""
    shape = (1, products, weeks)
    nobody = np.full(products, -1, dtype=np.int64)
    return Panel(
        units=np.ones(shape),
        known=np.ones(shape, dtype=np.bool_),
        stores=pl.Series(["s"]),
        products=pl.Series([f"p{n}" for n in range(products)]),
        first_week=0,
        city=np.zeros(1, dtype=np.int64),
        group=np.zeros(products, dtype=np.int64),
        partner=nobody,
        dip_weeks=np.zeros(products, dtype=np.int64),
    )


def siblings(rows: list[tuple[str, str]], *, role: int) -> dict[str, int]:
    """Promoted siblings of each product's cell in week 20, for cells of one role."""
    panel = one_store(4)
    events = pl.DataFrame(
        [(event, "s", product, 20, 20) for event, product in rows],
        schema=["event_id", "store_id", "product_id", "first_week_n", "last_week_n"],
        orient="row",
    )
    seen = footprint(treated(events, panel=panel), panel=panel)
    product, week = np.unravel_index(seen.cell, (4, 40))
    mine = (seen.role == role) & (week == 20)
    return {f"p{p}": int(n) for p, n in zip(product[mine], seen.siblings[mine], strict=True)}


def test_goods_of_one_event_do_not_lower_one_anothers_base() -> None:
    assert siblings([("e", "p0"), ("e", "p1"), ("e", "p2")], role=EVENT) == {"p0": 0, "p1": 0, "p2": 0}


def test_siblings_promoted_by_another_event_do() -> None:
    rows = [("e", "p0"), ("e", "p1"), ("f", "p2")]
    assert siblings(rows, role=EVENT) == {"p0": 1, "p1": 1, "p2": 2}


def test_a_sibling_that_is_not_promoted_counts_all_that_are() -> None:
    assert siblings([("e", "p0"), ("e", "p1"), ("f", "p2")], role=SIBLING) == {"p3": 3}
