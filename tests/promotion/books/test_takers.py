from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from crmlib.promotion.books.takers import GROUPS, takers

START = date(2026, 3, 1)


def line(receipt, customer, day, *, quantity=1000, listed=1000, net=1000, promotion=None):
    return {
        "receipt_id": receipt,
        "customer_id": customer,
        "day": START + timedelta(days=day),
        "quantity_milli": quantity,
        "list_minor": listed,
        "net_minor": net,
        "promotion_id": promotion,
    }


@pytest.fixture
def lines():
    rows = [
        line("r1", "old", -30),
        line("r2", "old", 1, net=800, promotion="X"),
        line("r3", "back", 2, net=900, promotion="X"),
        line("r4", "back", 60),
        line("r5", "gone", 2, net=700, promotion="X"),
        line("r6", "late", 3, net=600, promotion="X"),
        line("r6b", "late", 95, net=600, promotion="X"),
        *(line(f"h{i}", "hunter", -40 + i, net=900, promotion="W") for i in range(4)),
        line("r7", "hunter", 3, net=950, promotion="X"),
        line("r8", None, 3, net=990, promotion="X"),
        line("r9", "trade", 3, quantity=12_000, listed=12_000, net=9000, promotion="X"),
    ]
    return pl.DataFrame(rows)


def test_every_fen_of_discount_goes_to_one_group(lines):
    got = takers(lines, promotion_id="X", as_of=START + timedelta(days=120))
    by = dict(got.select("group", "discount_minor").iter_rows())
    assert tuple(by) == GROUPS
    assert by == {
        "regular": 200,
        "new_back": 100,
        "new_gone": 300,
        "new_open": 800,
        "offer_only": 50,
        "bulk": 3000,
        "no_card": 10,
    }
    offered = lines.filter(pl.col("promotion_id") == "X")
    assert sum(by.values()) == (offered["list_minor"] - offered["net_minor"]).sum()


def test_whether_a_new_customer_came_back_is_open_until_ninety_days_have_passed(lines):
    early = takers(
        lines.filter(pl.col("day") <= START + timedelta(days=10)), promotion_id="X", as_of=START + timedelta(days=10)
    )
    by = dict(early.select("group", "discount_minor").iter_rows())
    assert by["new_gone"] == by["new_back"] == 0
    assert by["new_open"] == 100 + 300 + 400


def test_sums_are_exact_on_random_lines():
    rng = np.random.default_rng(3)
    n = 3000
    frame = pl.DataFrame(
        {
            "receipt_id": [f"r{i}" for i in rng.integers(0, 1500, n)],
            "customer_id": [None if i > 250 else f"c{i}" for i in rng.integers(0, 300, n)],
            "day": [START + timedelta(days=int(d)) for d in rng.integers(-50, 50, n)],
            "quantity_milli": rng.integers(-2, 14, n) * 1000,
            "list_minor": rng.integers(500, 900, n),
            "net_minor": rng.integers(300, 500, n),
            "promotion_id": [["X", None][i] for i in rng.integers(0, 2, n)],
        }
    )
    got = takers(frame, promotion_id="X", as_of=START + timedelta(days=50))
    offered = frame.filter((pl.col("promotion_id") == "X") & (pl.col("quantity_milli") > 0))
    assert got["discount_minor"].sum() == (offered["list_minor"] - offered["net_minor"]).sum()
    assert got["receipts"].sum() == offered.select("receipt_id", "customer_id", "day").n_unique()
