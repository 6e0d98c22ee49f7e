"""Random baskets and offers of every mechanic, from a seed."""
# ruff: noqa: DTZ001 (offers hold by the wall clock of the stores)

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl

from crmlib.promotion.offers.offer import Offer

START, END = datetime(2026, 3, 2), datetime(2026, 3, 9)
PRODUCTS = [f"P{i:02d}" for i in range(24)]
STORES = [f"S{i}" for i in range(4)]
GRADES = ["gold", "silver"]


def product_table() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "product_id": PRODUCTS,
            "category_1": [f"C{i // 6}" for i in range(24)],
            "is_service": [i == 23 for i in range(24)],
        }
    )


def store_table() -> pl.DataFrame:
    return pl.DataFrame({"store_id": STORES})


def random_lines(receipts: int, *, rng: np.random.Generator, lines_each: float = 4.0) -> pl.DataFrame:
    """Baskets: unit prices fixed by product, whole pieces mostly, some weighed goods, some gifts, some without card."""
    sizes = 1 + rng.poisson(lines_each - 1, receipts)
    receipt = np.repeat(np.arange(receipts), sizes)
    n = int(sizes.sum())
    product = rng.integers(0, 24, n)
    weighed = (product % 12) == 7
    milli = np.where(weighed, rng.integers(50, 3000, n), 1000 * (1 + rng.poisson(0.8, n)))
    unit_price = 99 + 737 * product % 4999
    at = np.datetime64(START - timedelta(days=1), "us") + rng.integers(0, 10 * 86_400, receipts) * np.timedelta64(10**6)
    member = np.where(rng.random(receipts) < 0.3, -1, rng.integers(0, max(receipts // 4, 1), receipts))
    grade = rng.integers(0, 3, receipts)
    return pl.DataFrame(
        {
            "receipt_id": pl.Series(receipt).cast(pl.String).str.zfill(7),
            "store_id": pl.Series(np.array(STORES)[rng.integers(0, 4, receipts)][receipt]),
            "product_id": pl.Series(np.array(PRODUCTS)[product]),
            "sold_at": pl.Series(at[receipt]),
            "quantity_milli": pl.Series(milli, dtype=pl.Int64),
            "unit": pl.Series(np.where(weighed, "kg", "piece")),
            "list_minor": pl.Series((2 * unit_price * milli + 1000) // 2000, dtype=pl.Int64),
            "customer_id": pl.Series([None if m < 0 else f"M{m}" for m in member])[receipt],
            "grade": pl.Series([None if g == 2 else GRADES[g] for g in grade])[receipt],
            "is_gift": pl.Series(rng.random(n) < 0.01),
        }
    )


def random_offers(*, rng: np.random.Generator) -> list[Offer]:
    """About twenty live offers: every mechanic, scopes, windows, groups, exclusives, limits, stocks."""

    def some(names: list[str], k: int) -> tuple[str, ...]:
        return tuple(sorted(str(v) for v in rng.choice(names, k, replace=False)))

    def bp() -> int:
        return int(rng.integers(5000, 9800))

    span = {"starts_at": START, "ends_at": END}
    o = Offer
    offers = [
        o(
            "a1",
            "rate",
            **span,
            categories=("C0",),
            except_products=some(PRODUCTS[:6], 1),
            rate_bp=bp(),
            stack_group="g1",
        ),
        o("a2", "rate", **span, products=some(PRODUCTS, 6), rate_bp=bp(), stack_group="g1", priority=5),
        o(
            "a3",
            "price",
            **span,
            products=some(PRODUCTS, 5),
            price_minor=int(rng.integers(100, 2500)),
            grades=("gold",),
        ),
        o(
            "a4",
            "rate",
            **span,
            categories=("C1",),
            rate_bp=bp(),
            weekdays=(1, 3, 6, 7),
            from_minute=600,
            to_minute=1200,
        ),
        o(
            "a5",
            "rate",
            **span,
            products=some(PRODUCTS, 4),
            rate_bp=bp(),
            exclusive=True,
            stacks_with=("e1",),
            priority=1,
        ),
        o(
            "a6",
            "price",
            **span,
            products=some(PRODUCTS, 4),
            price_minor=int(rng.integers(60, 900)),
            limit_member_day=2,
        ),
        o("a7", "rate", **span, products=some(PRODUCTS, 8), rate_bp=bp(), limit_total=40, priority=200),
        o("b1", "nth_unit", **span, categories=("C2",), min_units=2, rate_bp=5000, same_product=True),
        o("b2", "nth_unit", **span, products=some(PRODUCTS, 9), min_units=int(rng.integers(2, 4)), rate_bp=bp()),
        o("b3", "multi_rate", **span, categories=("C3",), min_units=3, rate_bp=bp(), stack_group="g2"),
        o("b4", "multi_rate", **span, categories=("C3",), min_units=2, rate_bp=bp(), max_times=1, stack_group="g2"),
        o("b5", "pick", **span, products=some(PRODUCTS, 10), min_units=3, price_minor=int(rng.integers(900, 6000))),
        o(
            "b6",
            "bundle",
            **span,
            bundle_products=some(PRODUCTS[1:7], 2),
            bundle_units=(1, int(rng.integers(1, 3))),
            price_minor=int(rng.integers(200, 900)),
            priority=50,
        ),
        o("c1", "threshold_off", **span, threshold_minor=5000, off_minor=500, stack_group="g3"),
        o("c2", "threshold_off", **span, threshold_minor=10000, off_minor=1500, stack_group="g3"),
        o(
            "c3",
            "threshold_off",
            **span,
            categories=("C0", "C2"),
            threshold_minor=3000,
            off_minor=333,
            per_full=True,
            cap_minor=999,
            base="list",
            stores=some(STORES, 2),
        ),
        o("c4", "threshold_rate", **span, threshold_minor=8000, rate_bp=bp(), grades=("silver",), priority=900),
        o(
            "c5",
            "add_on",
            **span,
            threshold_minor=4000,
            addon_products=some(PRODUCTS, 3),
            price_minor=int(rng.integers(1, 900)),
            per_full=True,
            max_times=2,
            from_minute=1300,
            to_minute=480,
        ),
        o("d1", "coupon", **span, threshold_minor=3000, off_minor=600, max_times=2),
        o("d2", "coupon", **span, rate_bp=bp(), cap_minor=700, exclusive=True, priority=300),
        o(
            "e1",
            "gift",
            **span,
            threshold_minor=6000,
            gift_product="P23",
            gift_cost_minor=int(rng.integers(0, 900)),
            gift_units=2,
            gift_stock=300,
            per_full=True,
        ),
        o("e2", "gift", **span, min_units=4, gift_product="P22", gift_cost_minor=321, stack_group="g4"),
    ]
    return offers


def random_coupons(lines: pl.DataFrame, *, rng: np.random.Generator) -> pl.DataFrame:
    receipts = lines["receipt_id"].unique(maintain_order=True)
    return pl.DataFrame(
        {
            "receipt_id": pl.concat([receipts, receipts]),
            "offer_id": ["d1"] * len(receipts) + ["d2"] * len(receipts),
            "count": rng.integers(0, 4, 2 * len(receipts)),
        }
    )
