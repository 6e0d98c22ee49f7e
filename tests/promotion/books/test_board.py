"""Where promotions stand, what they meet, and what kinds of them earned together."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.promotion.books.board import board, meetings
from crmlib.promotion.books.portfolio import portfolio

TODAY = date(2026, 6, 15)


def promotions(*rows: dict[str, Any]) -> pl.DataFrame:
    plain = {
        "name": "n", "mechanic": "rate", "depth_bp": 1500, "category": "c",
        "stores": ["a", "b"], "products": ["p", "q"], "budget_minor": 100, "state": "draft",
    }  # fmt: skip
    made = [
        {"promotion_id": f"P{i}", **plain, **{k: v for k, v in r.items() if k not in {"first", "last"}}}
        | {"first_day": TODAY + timedelta(days=r["first"]), "last_day": TODAY + timedelta(days=r["last"])}
        for i, r in enumerate(rows)
    ]
    return pl.DataFrame(made)


@pytest.mark.parametrize(
    ("first", "last", "state", "stage", "days"),
    [
        (3, 9, "draft", "draft", 3),
        (3, 9, None, "draft", 3),
        (3, 9, "submitted", "submitted", 3),
        (3, 9, "approved", "approved", 3),
        (0, 0, "approved", "running", 0),
        (-3, 4, "executing", "running", 4),
        (-3, 4, "submitted", "unapproved", 4),
        (-9, -1, "closed", "closed", -1),
        (-9, -1, "executing", "closed", -1),
        (-9, -1, "settled", "settled", -1),
    ],
)
def test_a_stage_is_what_its_days_and_its_approval_say(
    first: int, last: int, state: str | None, stage: str, days: int
) -> None:
    found = board(promotions({"first": first, "last": last, "state": state}), as_of=TODAY)
    assert found.select("stage", "days_to").row(0) == (stage, days)


@pytest.mark.parametrize("state", ["rejected", "cancelled", "expired"])
def test_what_was_dropped_is_not_on_the_board(state: str) -> None:
    assert board(promotions({"first": 1, "last": 2, "state": state}), as_of=TODAY).is_empty()


def test_the_last_step_on_record_goes_before_what_the_row_says() -> None:
    at = datetime(2026, 6, 1, tzinfo=UTC)
    steps = pl.DataFrame(
        {"promotion_id": ["P0"] * 2, "state": ["approved", "draft"], "at": [at + timedelta(days=2), at]}
    )
    held = pl.DataFrame({"promotion_id": ["P0"], "reserved_minor": [70], "funding_minor": [9], "claimed_minor": [4]})
    found = board(promotions({"first": 3, "last": 9}), as_of=TODAY, steps=steps, accounts=held).row(0, named=True)
    assert (found["stage"], found["reserved_minor"], found["funding_open_minor"]) == ("approved", 70, 5)


def test_promotions_meet_on_shared_goods_stores_and_days_only() -> None:
    rows = [
        {"first": 1, "last": 5},
        {"first": 5, "last": 9, "products": ["q"], "stores": []},
        {"first": 6, "last": 9},
        {"first": 1, "last": 9, "stores": ["z"]},
        {"first": 1, "last": 9, "products": ["z"]},
        {"first": -9, "last": -1},
    ]
    met = meetings(board(promotions(*rows), as_of=TODAY))
    assert met.select("one", "other").rows() == [("P0", "P1"), ("P3", "P1"), ("P1", "P2")]
    assert met.row(0)[2:] == (TODAY + timedelta(days=5), TODAY + timedelta(days=5), 2, 1)


def events(rows: list[tuple[str, int | None, int]]) -> pl.DataFrame:
    """Mechanic, net, distance to either end."""
    return pl.DataFrame(
        [
            {
                "promotion_id": str(i), "mechanic": m, "depth_bp": 1500, "category": "c", "discount_minor": 100,
                "net_margin_minor": n, "net_margin_low_minor": None if n is None else n - d,
                "net_margin_high_minor": None if n is None else n + d,
            }
            for i, (m, n, d) in enumerate(rows)
        ],
        schema_overrides={f"net_margin{e}_minor": pl.Int64 for e in ("", "_low", "_high")},
    )  # fmt: skip


def test_several_of_a_kind_show_what_one_cannot() -> None:
    one, four = (portfolio(events([("rate", -60, 100)] * n)).row(0, named=True) for n in (1, 4))
    assert (one["advice"], four["advice"]) == ("test", "stop")
    assert (four["net_margin_minor"], four["net_margin_low_minor"], four["net_margin_high_minor"]) == (-240, -440, -40)
    mixed = portfolio(events([("rate", 60, 10), ("gift", None, 0), ("rate", None, 0)]))
    by = {r["mechanic"]: r for r in mixed.iter_rows(named=True)}
    assert (by["rate"]["advice"], by["rate"]["dark"], by["gift"]["advice"]) == ("repeat", 1, "dark")
    assert by["gift"]["net_margin_minor"] is None and by["rate"]["dark_discount_minor"] == 100


@settings(max_examples=25)
@given(nets=st.lists(st.tuples(st.integers(-500, 500), st.integers(0, 300)), min_size=1, max_size=8))
def test_kinds_add_up_to_the_whole_and_advice_needs_the_whole_range(nets: list[tuple[int, int]]) -> None:
    table = events([(("rate", "gift")[i % 2], n, d) for i, (n, d) in enumerate(nets)])
    kinds, whole = portfolio(table), portfolio(table, by=()).row(0, named=True)
    assert kinds["net_margin_minor"].sum() == whole["net_margin_minor"] == sum(n for n, _ in nets)
    half = whole["net_margin_high_minor"] - whole["net_margin_minor"]
    assert half == pytest.approx(np.sqrt(sum(d * d for _, d in nets)), abs=0.51)
    for row in kinds.iter_rows(named=True):
        assert (row["advice"] == "stop") == (row["net_margin_high_minor"] < 0)
        assert (row["advice"] == "repeat") == (row["net_margin_low_minor"] > 0)
