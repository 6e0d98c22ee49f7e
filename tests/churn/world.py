"""A small shop whose truth is known: gamma renewal customers who leave for good at an exponential time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl

FIRST = date(2023, 1, 2)
FIRST_N = (FIRST - date(1970, 1, 1)).days
DAYS = 730
LAST = FIRST + timedelta(days=DAYS - 1)


def lines(*, customers: int = 600, seed: int = 3, stores: int = 3) -> pl.DataFrame:
    """Receipt lines with store, promotion and known_at (returns are known up to five days late)."""
    rng = np.random.default_rng(seed)
    start = rng.integers(0, DAYS // 2, customers)
    mean_gap = np.clip(rng.gamma(2.0, 12.0, customers), 3, 90)
    leaves = start + rng.exponential(400, customers)
    home = rng.integers(0, stores, customers)
    who, when = [], []
    for i in range(customers):
        day = float(start[i])
        while day < min(leaves[i], DAYS):
            who.append(i)
            when.append(int(day))
            day += max(rng.gamma(2.0, mean_gap[i] / 2.0), 1.0)
    who_n, day_n = np.array(who), np.array(when) + FIRST_N
    value = rng.integers(1000, 9000, len(who_n))
    returned = rng.random(len(who_n)) < 0.05
    late = np.where(returned, rng.integers(1, 6, len(who_n)), 0)
    bought = _frame(who_n, day_n, home[who_n], value=value, promoted=rng.random(len(who_n)) < 0.3, known_n=day_n)
    back = _frame(
        who_n, day_n, home[who_n], value=-value // 2, promoted=np.zeros(len(who_n), dtype=bool), known_n=day_n + late
    )
    return pl.concat([bought, back.filter(pl.Series(returned))])


def _frame(who, day_n, store, *, value, promoted, known_n):
    midday = datetime(1970, 1, 1, 12, tzinfo=UTC)
    return pl.DataFrame(
        {
            "customer_id": [f"c{i:04d}" for i in who],
            "store_id": [f"s{i}" for i in store],
            "day_n": pl.Series(day_n, dtype=pl.Int32),
            "quantity_milli": np.where(value > 0, 1000, -1000),
            "net_minor": value,
            "promotion_id": [("p" if p else None) for p in promoted],
            "known_at": pl.Series([midday + timedelta(days=int(k)) for k in known_n], dtype=pl.Datetime("us", "UTC")),
        },
        schema_overrides={"promotion_id": pl.String},
    )
