"""Do totals come within their interval on data that the model has not seen? Real sets and known worlds, at many days.

`python benchmarks/bench_clv_totals.py [--small]`: at each day the page is made with what was known then (back-test, the
model that wins it, its error at earlier days, the 90 % interval of purchases and of sales to come), then compared with
what came. Printed with and without the model's own error; goal: at least 80 % inside.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import date
from importlib.util import find_spec
from os import environ
from pathlib import Path

import numpy as np
import polars as pl

from crmlib.clv.forecast import intervals, posterior, total_error
from crmlib.clv.horizon import Horizon
from crmlib.clv.judge import backtest
from crmlib.core.dates import day_number, day_of

ROOT = Path(environ.get("CRMLIB_REAL_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
LEVEL = 0.9


def cdnow() -> pl.DataFrame:
    """CDNOW, 23,570 customers, purchase days."""
    spec = find_spec("lifetimes")
    assert spec is not None
    assert spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0]) / "datasets" / "CDNOW_master.txt"
    rows = [
        line.split() for line in path.read_text(encoding="utf-8").splitlines() if line[:1].strip() or line[:2] == " 0"
    ]
    frame = pl.DataFrame(
        [r for r in rows if r[0].isdigit()], schema=["customer_id", "day", "cds", "spend"], orient="row"
    )
    day = pl.col("day").str.to_date("%Y%m%d").cast(pl.Int32).alias("day_n")
    return summed(frame.select("customer_id", day, (pl.col("spend").cast(pl.Float64) * 100).round().cast(pl.Int64)))


def online_retail() -> pl.DataFrame:
    """UCI Online Retail II, purchase days of known customers; the overlap of the two sheets counted once."""
    raw = pl.read_parquet(ROOT / "online_retail" / "online_retail_II_combined.parquet")
    raw = raw.filter(pl.col("CustomerID").is_not_null() & (pl.col("Quantity") > 0) & (pl.col("Price") > 0))
    first = raw.filter(pl.col("sheet") == "Year 2009-2010")
    second = raw.filter(pl.col("sheet") != "Year 2009-2010").join(first.select("Invoice"), on="Invoice", how="anti")
    value = (pl.col("Quantity") * pl.col("Price") * 100).round().cast(pl.Int64).alias("spend")
    both = pl.concat([first, second]).select(
        pl.col("CustomerID").cast(pl.String).alias("customer_id"),
        pl.col("InvoiceDate").dt.date().cast(pl.Int32).alias("day_n"),
        value,
    )
    return summed(both)


def world(seed: int, *, k: int = 1, drift: float = 0.0) -> pl.DataFrame:
    """Two and a half years of 3,000 customers, their rate growing or falling by `drift` a year: no model's truth."""
    rng, rows = np.random.default_rng(seed), []
    for i in range(3000):
        day, rate, leave = float(rng.uniform(0, 700)), rng.gamma(1.2, 1 / 40.0), rng.beta(0.9, 6.0)
        while day < 913:
            rows.append((f"{i}", int(day)))
            if rng.random() < leave:
                break
            day += max(rng.gamma(k, 1 / (k * rate * np.exp(drift * day / 365.0))), 1.0)
    frame = pl.DataFrame(rows, schema={"customer_id": pl.String, "day_n": pl.Int32}, orient="row").unique()
    spend = pl.Series("spend", (rng.gamma(5.0, 800.0, frame.height)).astype(np.int64))
    return summed(frame.with_columns(spend, day_n=pl.col("day_n") + 19_000))


def summed(rows: pl.DataFrame) -> pl.DataFrame:
    """Purchase days: customer_id, day_n, net_minor."""
    days = rows.group_by("customer_id", "day_n").agg(net_minor=pl.col("spend").sum())
    return days.filter(pl.col("net_minor") > 0).sort("customer_id", "day_n")


def sets(*, small: bool) -> Iterator[tuple[str, pl.DataFrame]]:
    """Name and purchase days of every set that is here."""
    whole = cdnow()
    yield "CDNOW", whole
    for part in range(1 if small else 4):
        yield f"CDNOW part {part}", whole.filter(pl.col("customer_id").cast(pl.Int64) % 10 == part)
    if (ROOT / "online_retail").exists():
        yield "Online Retail", online_retail()
    for seed in range(1 if small else 3):
        for name, options in {
            "steady": {},
            "regular": {"k": 3},
            "growing": {"drift": 0.15},
            "falling": {"drift": -0.15},
        }.items():
            yield f"world {name} {seed}", world(seed, **options)


def unseen(days: pl.DataFrame, *, at: date, length: int) -> dict[str, float]:
    """The total said at `at` for the next `length` days, purchases, and what came."""
    cut = day_number(at)
    known, rng = days.filter(pl.col("day_n") <= cut), np.random.default_rng(1)
    test = backtest.run(known, end=at, rng=rng)
    history = backtest.history_at(known, cut=at, unit="week", minor=100)
    learned = backtest.learned_from(test, history)
    fit = backtest.refit(test, learned)
    draws = posterior.draw(fit, learned, rng=rng)
    horizon = Horizon(days=length)
    sums = intervals.totals(fit, draws, history, horizon=horizon, rng=rng, level=LEVEL, draws=100)
    wide = total_error.widened(sums, test.error, days=length, level=LEVEL)
    later = days.filter(pl.col("day_n").is_between(cut + 1, cut + length))
    came = later.join(history.select("customer_id"), on="customer_id", how="semi").height
    plain, whole = sums.row(0, named=True), wide.row(0, named=True)
    return {
        "model": fit.model,
        "expected": plain["expected"],
        "came": came,
        "error": float(np.log(came / plain["expected"])),
        "scale": test.error.scale,
        "origins": test.error.origins.height,
        "plain": plain["low"] <= came <= plain["high"],
        "held": whole["low"] <= came <= whole["high"],
        "low": whole["low"],
        "high": whole["high"],
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true")
    small = parser.parse_args().small
    rows = []
    for name, days in sets(small=small):
        first, last = int(days["day_n"].to_numpy().min()), int(days["day_n"].to_numpy().max())
        length = min(365, (last - first) // 3)
        for back in (0,) if small else (0, 60):
            at = day_of(last - length - back)
            if (at - day_of(first)).days >= 180:
                rows.append({"set": name, "at": at} | unseen(days, at=at, length=length))
                print(rows[-1], flush=True)
    table = pl.DataFrame(rows)
    real = ~pl.col("set").str.starts_with("world")
    for label, part in (("real", table.filter(real)), ("worlds", table.filter(~real)), ("all", table)):
        if part.height:
            rms = float(np.sqrt(np.mean(np.square(part["error"].to_numpy()))))
            shares = f"plain {part['plain'].mean():.2f}  held {part['held'].mean():.2f}"
            print(f"{label:7} {part.height:3} totals  {shares}  rms error {rms:.3f}")


if __name__ == "__main__":
    main()
