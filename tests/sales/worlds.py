"""Sales of a simulated chain whose truth is known: a lunar season, weekdays, stores of different size."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from crmlib.core.calendar import slot_of

WEEKDAYS = np.array([0.9, 0.85, 0.9, 0.95, 1.05, 1.2, 1.15])


def season(day: date) -> float:
    """How much more is sold before Spring Festival and Mid-Autumn."""
    slot = slot_of(day)
    if slot is None:
        return 1.0
    peak = {"spring_festival": 3.0, "mid_autumn": 1.6}.get(slot[0], 0.3)
    return 1 + peak * float(np.exp(-(((slot[2] + 7) / 8) ** 2)))


def chain(
    rng: np.random.Generator,
    *,
    stores: int = 12,
    first: date = date(2023, 10, 1),
    days: int = 1096,
    noise: float = 0.15,
) -> pl.DataFrame:
    """store_id, day, net_minor: level × season × weekday × drift of the company × noise."""
    every = [first + timedelta(days=n) for n in range(days)]
    shape = np.array([season(d) * WEEKDAYS[d.weekday()] for d in every])
    drift = np.exp(np.cumsum(rng.normal(0, 0.004, days)))
    level = rng.lognormal(12.5, 0.5, stores)
    own = np.exp(np.cumsum(rng.normal(0, 0.003, (stores, days)), axis=1))
    net = level[:, None] * own * (shape * drift)[None, :] * np.exp(rng.normal(0, noise, (stores, days)))
    return pl.DataFrame(
        {
            "store_id": np.repeat([f"S{i:03d}" for i in range(stores)], days),
            "day": every * stores,
            "net_minor": net.round().astype(np.int64).ravel(),
        }
    )


def weeks(rng: np.random.Generator, *, stores: int, periods: int, noise: float = 0.08) -> np.ndarray:
    """Sales by store and week (stores, periods): level × what the week does to all × drift × noise."""
    week = np.exp(rng.normal(0, 0.2, periods))
    level = rng.lognormal(12, 0.6, stores)[:, None]
    own = np.exp(np.cumsum(rng.normal(0, 0.01, (stores, periods)), axis=1))
    scale = noise * rng.uniform(0.7, 1.4, stores)[:, None]
    return level * own * week * np.exp(scale * rng.standard_normal((stores, periods)))


def long(sales: np.ndarray) -> pl.DataFrame:
    """store_id, week, net_minor of a matrix."""
    stores, periods = sales.shape
    return pl.DataFrame(
        {
            "store_id": np.repeat([f"S{i:03d}" for i in range(stores)], periods),
            "week": np.tile(np.arange(periods), stores),
            "net_minor": sales.round().astype(np.int64).ravel(),
        }
    )
