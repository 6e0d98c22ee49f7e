"""Lists to distributors are read by their orders: truth comes back, and what nobody did is not told."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from crmlib.outreach import aims, partners, results
from crmlib.outreach.register import Filed, Terms
from tests.outreach.test_register import drawn, sent

FIRST, WINDOW, AS_OF = date(2026, 9, 3), 27, date(2026, 11, 1)
YEAR = timedelta(days=364)
COUNT, PRICE, MARGIN = 240, 5_000, 0.4
PEOPLE = pl.DataFrame({"recipient_id": [f"D{i:03}" for i in range(COUNT)], "region": ["E", "W"] * (COUNT // 2)})
NONE = pl.DataFrame(schema={"customer_id": pl.String, "day_n": pl.Int32, "is_purchase": pl.Boolean,
                            "net_minor": pl.Int64})  # fmt: skip


def made(name: str, outcome: str = "came") -> Filed:
    terms = Terms(name, name, "repeat", "email", "li", control_bp=5000, strata=("region",), recipient="partner",
                  outcome=outcome)  # fmt: skip
    return drawn(terms, PEOPLE.with_columns(product_1=pl.lit("tea")))


def ordered(rng: np.random.Generator, contact: pl.Series, *, effect: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Orders in the list's window and a year before; a partner's size is its own, contact adds `effect` to a chance."""
    size = dict(zip(PEOPLE["recipient_id"], rng.gamma(2, 10, COUNT), strict=True))
    reached = set(contact)
    orders, lines = [], []
    for start in (FIRST - YEAR, FIRST):
        for who, packs in size.items():
            chance = 0.4 + (effect if who in reached and start == FIRST else 0.0)
            if rng.random() < chance:
                number = f"{start}{who}"
                at = datetime(start.year, start.month, start.day, 4, tzinfo=UTC) + timedelta(
                    days=int(rng.integers(WINDOW))
                )
                orders.append((number, who, None, at, None))
                lines.append(
                    (number, "tea" if rng.random() < 0.5 else "nuts", 1_000 * max(1, rng.poisson(packs)), PRICE)
                )
    stamp = pl.Datetime("us", "UTC")
    return (
        pl.DataFrame(orders, schema={"order_id": pl.String, "partner_id": pl.String, "customer_id": pl.String,
                                     "entered_at": stamp, "cancelled_at": stamp}, orient="row"),
        pl.DataFrame(lines, schema=["order_id", "product_id", "ordered_milli", "price_minor"], orient="row"),
    )  # fmt: skip


GOODS = pl.DataFrame({"product_id": ["tea", "nuts"], "cost_minor": [round(PRICE * (1 - MARGIN))] * 2})


def read(filed: Filed, orders: pl.DataFrame, lines: pl.DataFrame, **more: Any) -> dict[str, Any]:
    book = sent(filed, first=FIRST, window=WINDOW)
    feeds = aims.Feeds(orders=aims.ordered(orders), partners=partners.partners(orders, lines, GOODS))
    found = results.results(book, NONE, margin=0.9, as_of=AS_OF, **({"feeds": feeds} | more))
    return found.row(0, named=True)


def test_the_true_effect_lies_in_the_interval_and_idle_lists_are_seldom_told() -> None:
    rng = np.random.default_rng(190)
    inside, called = [], []
    filed = made("L1")
    contact = filed.of("contact")["recipient_id"]
    for _ in range(20):
        row = read(filed, *ordered(rng, contact, effect=0.25))
        inside.append(row["low"] <= 0.25 <= row["high"])
        idle = read(filed, *ordered(rng, contact, effect=0.0))
        called.append(idle["low"] > 0 or idle["net_low_minor"] > 0)
    assert (row["recipient"], row["outcome"], row["n_contact"]) == ("partner", "ordered", COUNT // 2)
    assert np.mean(inside) >= 0.8  # 19 of 20 are expected
    assert np.mean(called) <= 0.15  # two and a half per cent each way, twice


def test_net_is_money_at_the_prices_of_orders_by_their_own_margin_less_costs() -> None:
    rng = np.random.default_rng(5)
    filed = made("L1")
    orders, lines = ordered(rng, filed.of("contact")["recipient_id"], effect=0.5)
    row = read(filed, orders, lines)
    inside = orders.filter(pl.col("entered_at").dt.date() >= FIRST).join(lines, on="order_id")
    money = inside.select(pl.col("ordered_milli") * pl.col("price_minor") // 1_000).to_series().sum()
    assert row["raw_contact_minor"] + row["raw_control_minor"] == money
    assert row["verdict"] == "pays"
    per_head = row["money_per_head_minor"] * row["n_contact"] * MARGIN
    assert row["net_minor"] == pytest.approx(per_head - row["cost_minor"], rel=0.001)


def test_cancelled_orders_and_those_of_customers_are_none_and_suggested_goods_are_looked_for() -> None:
    filed = made("L1", "bought_product")
    contact = filed.of("contact")["recipient_id"]
    orders, lines = ordered(np.random.default_rng(6), contact, effect=0.3)
    row = read(filed, orders, lines)
    inside = orders.filter(pl.col("entered_at").dt.date() >= FIRST).join(lines, on="order_id")
    tea = inside.filter(pl.col("product_id") == "tea", pl.col("partner_id").is_in(contact.implode()))
    assert (row["outcome"], row["came_contact"]) == ("bought_product", tea["partner_id"].n_unique())
    gone = orders.with_columns(cancelled_at=pl.col("entered_at"))
    told = read(made("L1"), gone, lines)
    assert (told["came_contact"], told["came_control"], told["raw_contact_minor"]) == (0, 0, 0)
    customers = orders.with_columns(customer_id="partner_id", partner_id=pl.lit(None, dtype=pl.String))
    assert read(made("L1"), customers, lines)["came_contact"] == 0


def test_without_orders_nothing_is_told_and_members_visits_are_no_orders() -> None:
    filed = made("L1")
    orders, lines = ordered(np.random.default_rng(7), filed.of("contact")["recipient_id"], effect=0.2)
    row = read(filed, orders, lines, feeds=aims.Feeds())
    assert (row["verdict"], row["effect"], row["recipient"]) == ("not_measurable", None, "partner")
