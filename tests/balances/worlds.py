"""Simulated worlds whose truth is known, for the gates of the balances: small ones in tests, large in benchmarks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from crmlib.core.calendar import festival_day


@dataclass(frozen=True, slots=True)
class Shelves:
    """demand, sold, empty (truth): items × days."""

    demand: np.ndarray
    sold: np.ndarray
    empty: np.ndarray


def shelves(rng: np.random.Generator, *, items: int, days: int, enter: float = 0.02, stay: float = 0.8, k: float = 4.0):
    """Items with rates from slow to fast whose shelves run empty by a chain that nobody sees."""
    rate = rng.gamma(1.2, 2.0, items) + 0.15
    demand = rng.negative_binomial(k, k / (k + rate[:, None]), (items, days))
    empty = np.zeros((items, days), dtype=bool)
    out = rng.random(items) < enter
    for t in range(days):
        empty[:, t] = out
        out = np.where(out, rng.random(items) < stay, rng.random(items) < enter)
    return Shelves(demand, np.where(empty, 0, demand), empty)


@dataclass(frozen=True, slots=True)
class SoldOut:
    """sold, share (traffic share of the last unit, 1 if never empty), lost (truth): items × days; rate (truth)."""

    sold: np.ndarray
    share: np.ndarray
    lost: np.ndarray
    rate: np.ndarray


def sold_out(rng: np.random.Generator, *, items: int, days: int, k: float = 4.0) -> SoldOut:
    """Days on which the morning's stock may not last; customers come evenly over the traffic of the day."""
    rate = rng.gamma(4.0, 3.0, items) + 2.0
    demand = rng.poisson(rng.gamma(k, 1 / k, (items, days)) * rate[:, None])
    stock = np.maximum(rng.poisson(rate[:, None] * rng.uniform(0.7, 1.8, (items, 1)), (items, days)), 1)
    sold = np.minimum(demand, stock)
    runs_out = demand >= stock
    # the Q-th of D even arrivals comes at a Beta(Q, D − Q + 1) share of the traffic
    share = np.where(runs_out, rng.beta(np.maximum(sold, 1), np.maximum(demand - sold, 0) + 1), 1.0)
    return SoldOut(sold, share, demand - sold, rate)


@dataclass(frozen=True, slots=True)
class Batches:
    """past: items × days; future: items × horizon; lots: items × 2 (pieces); last_day: items × 2 (days ahead)."""

    past: np.ndarray
    future: np.ndarray
    lots: np.ndarray
    last_day: np.ndarray


def batches(rng: np.random.Generator, *, items: int, days: int = 200, horizon: int = 45) -> Batches:
    """Two lots of every item, the later one behind the earlier; demand over-dispersed day by day."""
    rate = rng.gamma(1.5, 3.0, items) + 0.3
    phi = rng.uniform(1.5, 3.5, items)[:, None]
    demand = rng.negative_binomial(rate[:, None] / (phi - 1), 1 / phi, (items, days + horizon))
    last_day = np.sort(rng.integers(3, horizon, (items, 2)), axis=1)
    lots = np.maximum(rng.poisson(rate[:, None] * last_day * rng.uniform(0.3, 1.6, (items, 2)) * [1.0, 0.5]), 1)
    return Batches(demand[:, :days], demand[:, days:], lots, last_day)


def rolling_points(rng: np.random.Generator, *, months: int = 66, life: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Issued by month and used by month and age: seasons in issue and in use, use by age, shocks by month of use."""
    t = np.arange(months)
    issued = np.round(50_000 * np.exp(0.3 * np.sin(2 * np.pi * t / 12) + 0.02 * t + rng.normal(0, 0.15, months)))
    base = 0.085 * np.exp(-0.08 * np.arange(life)) + np.where(np.arange(life) == life - 1, 0.05, 0.0)
    shock = np.exp(0.25 * np.sin(2 * np.pi * (np.arange(months + life) + 3) / 12) + rng.normal(0, 0.1, months + life))
    used = np.zeros((months, life))
    for c in range(months):
        left = issued[c]
        for a in range(life):
            drawn = (
                rng.binomial(int(left), min(base[a] * shock[c + a] * issued[c] / max(left, 1), 0.9)) if left > 0 else 0
            )
            used[c, a] = drawn
            left -= drawn
    return issued, used


def yearly_points(rng: np.random.Generator, *, years: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Issued by year and week, and used of the year's points by week: all expire with the year, use peaks before it."""
    weeks = np.arange(52)
    issued = np.round(rng.gamma(400, 25, (years, 52)) * np.exp(0.4 * np.sin(2 * np.pi * weeks / 52))).astype(int)
    used = np.zeros((years, 52), dtype=int)
    for y in range(years):
        left = 0
        level = np.exp(rng.normal(0, 0.05))
        for w in range(52):
            left += issued[y, w]
            chance = level * (0.008 + 0.05 * np.exp(-(51 - w) / 3.0)) * np.exp(rng.normal(0, 0.1))
            used[y, w] = rng.binomial(left, min(chance, 1))
            left -= used[y, w]
    return issued, used


@dataclass(frozen=True, slots=True)
class Debtors:
    """One row per invoice: partner, issued and due day, amount, paid_day (infinite: never)."""

    partner: np.ndarray
    issued: np.ndarray
    due: np.ndarray
    amount: np.ndarray
    paid: np.ndarray


def debtors(
    rng: np.random.Generator, *, partners: int = 120, days: int = 900, a_day: float = 6.0, never: float = 0.03
) -> Debtors:
    """Partners who differ in how often and how long they are late, and in whether they ever pay."""
    n = int(days * a_day)
    partner = rng.choice(partners, n, p=rng.dirichlet(np.full(partners, 0.6)))
    issued = rng.integers(0, days, n)
    due = issued + rng.choice([15, 30, 45], n)
    late = rng.beta(0.7, 1.0, partners)[partner] > rng.random(n)
    speed = rng.lognormal(0.0, 0.6, partners)[partner]
    delay = np.where(late, np.ceil(rng.exponential(18.0, n) * speed), -rng.integers(0, 12, n))
    lost = late & (rng.random(n) < never)
    amount = np.round(rng.lognormal(9.5, 1.0, n))
    return Debtors(partner, issued, due, amount, np.where(lost, np.inf, np.maximum(due + delay, issued)))


def voucher_draws(rng: np.random.Generator, *, first_year: int, years: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Mooncake vouchers: sold (festival day, sold_on, count) and drawn (festival day, sold_on, drawn_on, count)."""
    sold, drawn = [], []
    for year in range(first_year, first_year + years):
        festival = festival_day("mid_autumn", year)
        total = rng.normal(20_000, 1500)
        ahead = np.arange(75, 0, -1)
        weights = np.exp(-(((ahead - 25) / 18.0) ** 2))
        counts = rng.poisson(total * weights / weights.sum())
        tilt = rng.normal(0, 0.02)
        for before, count in zip(ahead, counts, strict=True):
            left = int(count)
            sold.append((festival, festival - timedelta(days=int(before)), left))
            for b in range(int(before), -8, -1):
                chance = np.clip(0.012 + 0.35 * np.exp(-max(b - 1, 0) / 5.0) * (1 + tilt) if b >= 0 else 0.10, 0, 1)
                take = rng.binomial(left, chance) if left else 0
                if take:
                    drawn.append((festival, festival - timedelta(days=int(before)), festival - timedelta(days=b), take))
                left -= take
    day = {"festival": pl.Date, "sold_on": pl.Date}
    return (
        pl.DataFrame(sold, schema={**day, "count": pl.Int64}, orient="row"),
        pl.DataFrame(drawn, schema={**day, "drawn_on": pl.Date, "count": pl.Int64}, orient="row"),
    )


def ledger(rng: np.random.Generator, *, keys: int, moves: int, first: date = date(2024, 1, 1)) -> pl.DataFrame:
    """A points-like ledger of many keys, running balance ≥ 0 not guaranteed."""
    debit = rng.random(moves) < 0.4
    return pl.DataFrame({
        "customer_id": rng.integers(0, keys, moves),
        "at": np.datetime64(first) + np.sort(rng.integers(0, 730, moves)),
        "kind": np.where(debit, "redeem", "earn"),
        "points": np.where(debit, -rng.integers(1, 80, moves), rng.integers(1, 100, moves)),
    }).with_columns(pl.col("customer_id").cast(pl.String), pl.col("at").cast(pl.Date))  # fmt: skip
