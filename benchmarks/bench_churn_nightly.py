"""One night of early warning: reduce the lines, features, risk, reasons, overdue today and yesterday, the list.

`python benchmarks/bench_churn_nightly.py [--small]`: 1,000,000 members (20,000 with --small), about 18 lines each over
two years. Goal: under three minutes on two cores. Training (weekly) is timed apart.
"""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from measure import cost

LAST = date(2024, 12, 31)
DAYS = 730


def write(path: Path, members: int) -> None:
    """Members with gamma rates who leave at an exponential time, one or two lines a trip, 300 stores, late returns."""
    first_n = (LAST - date(1970, 1, 1)).days - DAYS + 1
    for chunk in range(0, members, 100_000):
        rng = np.random.default_rng(chunk)
        n = min(100_000, members - chunk)
        start = rng.integers(0, 550, n)
        stay = np.minimum(rng.exponential(420, n), DAYS - 1 - start)
        trips = 1 + rng.poisson(np.clip(rng.gamma(1.2, 1 / 25, n), 0, 0.3) * stay)
        who = np.repeat(np.arange(n), trips)
        day = (start[who] + rng.random(len(who)) * stay[who]).astype(np.int32) + first_n
        lines = np.repeat(np.arange(len(who)), 1 + (rng.random(len(who)) < 0.5))
        back = rng.random(len(lines)) < 0.02
        value = np.where(back, -1, 1) * rng.integers(500, 12_000, len(lines))
        known = day[lines] + np.where(back, rng.integers(0, 6, len(lines)), 0)
        pl.DataFrame(
            {
                "customer_id": pl.Series(chunk + who[lines]).cast(pl.String).str.zfill(8),
                "store_id": pl.Series(rng.integers(0, 300, n)[who[lines]]).cast(pl.String),
                "day_n": day[lines].astype(np.int32),
                "quantity_milli": np.where(back, -1000, 1000),
                "net_minor": value,
                "promotion_id": pl.Series(rng.random(len(lines)) < 0.25).replace_strict(
                    {True: "p", False: None}, return_dtype=pl.String
                ),
                "known_at": pl.Series(known).cast(pl.Int32).cast(pl.Date).cast(pl.Datetime("us")),
            }
        ).write_parquet(path / f"{chunk:08d}.parquet")


class Clock:
    """Prints the seconds of each step as it ends."""

    def __init__(self) -> None:
        self.last = self.first = time.monotonic()

    def step(self, name: str, note: str = "") -> None:
        """Print the seconds since the last step."""
        now = time.monotonic()
        print(f"| {name} | {now - self.last:.1f} | {note} |", flush=True)
        self.last = now


def train(path: Path) -> object:
    from crmlib.churn.features.visits import visits
    from crmlib.churn.risk import train as fit
    from crmlib.churn.risk import training_origins

    clock = Clock()
    seen = visits(pl.scan_parquet(path / "*.parquet"))
    origins = training_origins(t0=LAST, horizon=91, first=LAST - timedelta(days=DAYS - 1), most=2)
    risk = fit(seen, t0=LAST, horizon=91, origins=origins, rng=np.random.default_rng(1))
    clock.step("weekly: train with probes on two origins", f"{risk.rows:,} rows")
    return risk


def night(path: Path, risk: object) -> None:
    from crmlib.churn.features.features import features, rhythm
    from crmlib.churn.features.visits import trips, visits
    from crmlib.churn.lists.watchlist import watchlist
    from crmlib.churn.models import overdue

    clock = Clock()
    seen = visits(pl.scan_parquet(path / "*.parquet"))
    clock.step("reduce the lines", f"{seen.days.height:,} customer-days")
    table = features(seen, t0=LAST)
    clock.step("features", f"{table.height:,} eligible members × {table.width - 2}")
    scored = risk.score(table)  # type: ignore[attr-defined]
    clock.step("risk and reasons")
    sums = overdue.log_gap_sums(trips(seen))
    fit = overdue.fit(table, log_gaps=sums, rng=np.random.default_rng(1))
    now = fit.overdue(table)
    before = fit.overdue(rhythm(seen, t0=LAST - timedelta(days=1))).select("customer_id", state_before="state")
    clock.step("overdue today and yesterday")
    joined = table.join(scored, on="customer_id").join(now, on="customer_id").join(before, on="customer_id", how="left")
    cut = joined["spend_365"].quantile(0.95)
    tier = pl.when(pl.col("spend_365") >= cut).then(pl.lit("B")).otherwise(pl.lit("D")).alias("tier")
    owner = pl.col("home_store_id").alias("owner")
    margin = (pl.col("spend_365") * 0.25).cast(pl.Int64).alias("margin_minor")
    listed = watchlist(joined.with_columns(tier, owner, margin), as_of=LAST, capacity=10)
    clock.step("the list", f"{listed.height:,} members")
    print(f"| whole night | {time.monotonic() - clock.first:.1f} | goal 180 |", flush=True)


def main() -> None:
    members = 20_000 if "--small" in sys.argv else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        # data and fit are made in children, so that no thread pool is running when the night forks
        cost(lambda: write(path, members))
        import pickle

        kept = path / "risk.pickle"
        print(f"{members:,} members\n\n| step | seconds | |\n|---|---|---|", flush=True)
        cost(lambda: kept.write_bytes(pickle.dumps(train(path))))
        spent = cost(lambda: night(path, pickle.loads(kept.read_bytes())))
        print(f"\nnight: {spent.wall_s:.0f} s wall, {spent.cpu_s:.0f} CPU s, {spent.peak_mb:,.0f} MB peak")


if __name__ == "__main__":
    main()
