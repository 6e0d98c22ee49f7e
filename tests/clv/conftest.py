"""CDNOW, read from the files that ship with lifetimes: real input on any machine."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

CALIBRATION_END = pl.date(1997, 9, 30)


def packaged(name: str) -> Path:
    """A data file inside lifetimes, found without importing it (it warns under pandas 3)."""
    spec = find_spec("lifetimes")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "datasets" / name


def cdnow_lines() -> pl.DataFrame:
    """The 1/10 sample: one row per transaction (customer_id, day, day_n, spend)."""
    text = packaged("CDNOW_sample.txt").read_text(encoding="utf-8")
    rows = [line.split() for line in text.splitlines() if line.strip()]
    frame = pl.DataFrame(rows, schema=["master_id", "customer_id", "day", "cds", "spend"], orient="row")
    return frame.select(
        "customer_id",
        pl.col("day").str.to_date("%Y%m%d"),
        pl.col("spend").cast(pl.Float64),
    ).with_columns(day_n=pl.col("day").to_physical().cast(pl.Int32))


def history_of(lines: pl.DataFrame, end: pl.Expr, *, per: int = 7) -> pl.DataFrame:
    """x, t_x, T in units of `per` days at day resolution, and the mean value of repeat purchase days."""
    days = lines.filter(pl.col("day") <= end).group_by("customer_id", "day_n").agg(pl.col("spend").sum())
    days = days.with_columns(first=pl.col("day_n").min().over("customer_id"))
    repeat = pl.col("day_n") > pl.col("first")
    end_n = end.to_physical() if isinstance(end, pl.Expr) else end
    return (
        days.group_by("customer_id")
        .agg(
            x=(pl.len() - 1).cast(pl.Int64),
            t_x=(pl.col("day_n").max() - pl.col("day_n").min()) / per,
            T=(end_n.first() - pl.col("day_n").min()) / per,
            spend=pl.col("spend").filter(repeat).mean(),
            first_day_n=pl.col("day_n").min(),
        )
        .sort("customer_id")
    )


@pytest.fixture(scope="session")
def summary():
    """Reads one of the summaries that ship with lifetimes."""
    return lambda name: pl.read_csv(packaged(name).read_bytes())


@pytest.fixture(scope="session")
def cdnow_sample() -> pl.DataFrame:
    return cdnow_lines()


@pytest.fixture(scope="session")
def cdnow(cdnow_sample: pl.DataFrame) -> pl.DataFrame:
    """Calibration history to 1997-09-30, weeks."""
    return history_of(cdnow_sample, CALIBRATION_END)


@pytest.fixture(scope="session")
def worlds() -> SimpleNamespace:
    """Customers whose parameters are known, drawn straight from each model's story."""
    return SimpleNamespace(bg=bg_world, pareto=pareto_world, spend=spend_world)


def bg_world(
    n: int,
    rng: np.random.Generator,
    *,
    truth: tuple[float, float, float, float] = (0.6, 8.0, 0.8, 3.0),
    age: tuple[float, float] = (26.0, 52.0),
    ahead: float = 26.0,
    first_coin: bool = False,
    effect: float = 0.0,
) -> pl.DataFrame:
    """x, t_x, T, purchases in the next `ahead`, and a 0/1 trait `vip` that multiplies the rate by e^effect."""
    r, alpha, a, b = truth
    T = rng.uniform(*age, n)
    vip = rng.integers(0, 2, n)
    rate, leave = rng.gamma(r, 1 / alpha, n) * np.exp(effect * vip), rng.beta(a, b, n)
    x, t_x, later, clock = np.zeros(n, int), np.zeros(n), np.zeros(n, int), np.zeros(n)
    going = np.flatnonzero(rng.random(n) >= leave) if first_coin else np.arange(n)
    while going.size:
        clock[going] += rng.exponential(1 / rate[going])
        going = going[clock[going] <= T[going] + ahead]
        seen = going[clock[going] <= T[going]]
        x[seen] += 1
        t_x[seen] = clock[seen]
        later[going[clock[going] > T[going]]] += 1
        going = going[rng.random(going.size) >= leave[going]]
    return pl.DataFrame({"x": x, "t_x": t_x, "T": T, "later": later, "vip": vip})


def pareto_world(
    n: int,
    rng: np.random.Generator,
    *,
    truth: tuple[float, float, float, float] = (0.8, 8.0, 0.9, 20.0),
    age: tuple[float, float] = (26.0, 52.0),
    ahead: float = 26.0,
    effects: tuple[float, float] = (0.0, 0.0),
) -> pl.DataFrame:
    """The same for Pareto/NBD; `effects` are those of `vip` on the purchase and on the dropout rate."""
    r, alpha, s, beta = truth
    T = rng.uniform(*age, n)
    vip = rng.integers(0, 2, n)
    rate = rng.gamma(r, 1 / alpha, n) * np.exp(effects[0] * vip)
    stay = rng.exponential(1.0, n) / (rng.gamma(s, 1 / beta, n) * np.exp(effects[1] * vip))
    x, t_x, later = np.zeros(n, int), np.zeros(n), np.zeros(n, int)
    for i in range(n):
        count = rng.poisson(rate[i] * min(stay[i], T[i] + ahead))
        times = np.sort(rng.uniform(0, min(stay[i], T[i] + ahead), count))
        seen = times[times <= T[i]]
        x[i], t_x[i], later[i] = len(seen), seen[-1] if len(seen) else 0.0, count - len(seen)
    return pl.DataFrame({"x": x, "t_x": t_x, "T": T, "later": later, "vip": vip})


def spend_world(n: int, rng: np.random.Generator, *, truth: tuple[float, float, float]) -> pl.DataFrame:
    """x purchases and their mean value."""
    p, q, gamma = truth
    x = rng.integers(1, 12, n)
    rate = rng.gamma(q, 1 / gamma, n)
    return pl.DataFrame({"x": x, "spend": rng.gamma(p * x) / rate / x})
