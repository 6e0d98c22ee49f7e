"""Cases beside lifelines, scikit-survival, lifetimes and pyworkforce (where installed; none is in the lock).

`python benchmarks/bench_cases.py [--small]`: CPU seconds, median of 5 runs in turn, against the goals of the room. The
wholesalers' part reads ../shared/data or CRMLIB_REAL_DATA and is left out where that is absent.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import warnings
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from time import process_time

import numpy as np
import polars as pl

from crmlib.cases import staffing
from crmlib.core import renewal
from crmlib.core.dates import day_number
from crmlib.core.incidence import incidence

ROOT = Path(os.environ.get("CRMLIB_REAL_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
SMALL = "--small" in sys.argv
N = 100_000 if SMALL else 1_000_000
MISSED: list[str] = []


def has(name: str) -> bool:
    """Whether a peer is installed."""
    return importlib.util.find_spec(name) is not None


def race(title: str, contestants: Mapping[str, Callable[[], object]], *, goal: float, times: float = 0.0) -> None:
    """Run all in turn, print medians and ratios to the first, note a missed goal (seconds, times less than peers)."""
    seen: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(5):
        for name, work in contestants.items():
            start = process_time()
            work()
            seen[name].append(process_time() - start)
    medians = {name: float(np.median(s)) for name, s in seen.items()}
    first = next(iter(medians.values()))
    print(f"\n{title}; goal {goal} s\n\n| contestant | CPU s | ratio |\n|---|---|---|")
    for name, s in medians.items():
        print(f"| {name} | {s:.4f} | {s / max(first, 1e-9):.1f} |")
    if first > goal:
        MISSED.append(f"{title}: {first:.3f} > {goal} s")
    MISSED.extend(
        f"{title}: {s / first:.1f} times less than {name}, goal {times}"
        for name, s in list(medians.items())[1:]
        if s / first < times
    )


def curves() -> None:
    """Competing risks of whole days, one million; and one hundred thousand distinct ages."""
    rng = np.random.default_rng(1)
    days, event, entry = rng.integers(1, 1500, N), rng.integers(0, 3, N), rng.integers(0, 400, N)
    work: dict[str, Callable[[], object]] = {"crmlib": lambda: incidence(days, event, causes=2)}
    if has("sksurv"):
        from sksurv.nonparametric import cumulative_incidence_competing_risks as peer

        work["scikit-survival"] = lambda: peer(event, days)
    if has("lifelines"):
        from lifelines import AalenJohansenFitter

        work["lifelines (one cause)"] = lambda: AalenJohansenFitter(calculate_variance=False, jitter_level=1e-6).fit(
            days, event, event_of_interest=1
        )
    race(f"{N:,} durations, two causes", work, goal=0.15, times=8.0)
    race(f"{N:,} with delayed entry", {"crmlib": lambda: incidence(days, event, entry=entry, causes=2)}, goal=0.15)
    exact = rng.exponential(300, N)
    race(f"{N:,} durations, all distinct", {"crmlib": lambda: incidence(exact, event, causes=2)}, goal=0.15)
    few = 100_000
    distinct = rng.permutation(few) + rng.random(few)
    race("100,000 distinct ages", {"crmlib": lambda: incidence(distinct, event[:few] % 3, causes=2)}, goal=0.03)


def rhythm() -> None:
    """Fit on the wholesalers beside BG/NBD, and probabilities of one million buyers."""
    law = renewal.Renewal(k=1.554, c=0.832, d=42.4, a=0.308, b=3.06, customers=5041)
    rng = np.random.default_rng(2)
    n = rng.integers(0, 40, N).astype(float)
    s, r = n * rng.uniform(5, 60, N), rng.uniform(0, 300, N)
    race(
        f"P(order in 90 days) of {N:,}",
        {"crmlib": lambda: renewal.order_within(law, n=n, s=s, r=r, ahead=90)},
        goal=1.5,
    )
    path = ROOT / "online_retail" / "online_retail_II_combined.parquet"
    if not path.exists():
        print(f"\nno wholesalers at {path}")
        return
    known = pl.col("CustomerID").is_not_null() & (pl.col("Quantity") > 0) & (pl.col("Price") > 0)
    day = pl.col("InvoiceDate").dt.date().cast(pl.Int32)
    trips = pl.scan_parquet(path).filter(known).select(customer_id="CustomerID", day_n=day).unique().collect()
    gaps = renewal.gaps(trips, today=day_number(date(2011, 6, 30)))
    work: dict[str, Callable[[], object]] = {"crmlib": lambda: renewal.fit(gaps)}
    if has("lifetimes"):
        from lifetimes import BetaGeoFitter

        table = gaps.select(n="n", s="s", age=pl.col("s") + pl.col("r")).to_pandas()
        work["lifetimes BG/NBD"] = lambda: BetaGeoFitter().fit(table["n"], table["s"], table["age"])
    race(f"fit of {gaps.height:,} buyers", work, goal=0.43, times=1.0)
    print(renewal.fit(gaps))


def agents() -> None:
    """A month of half hours."""
    calls = 2.5 * np.random.default_rng(3).gamma(25, 1 / 25, 1488)
    desk = {"answers": 0.25, "target": 1 / 3, "level": 0.8}
    work: dict[str, Callable[[], object]] = {
        "crmlib Erlang A": lambda: staffing.agents_needed(calls=calls, patience=2.0, **desk),
        "crmlib Erlang C": lambda: staffing.agents_needed(calls=calls, **desk),
    }
    if has("pyworkforce"):
        from pyworkforce.queuing import ErlangC

        def month() -> list[int]:
            found = (ErlangC(transactions=30 * c, aht=4, asa=1 / 3, interval=30, shrinkage=0.0) for c in calls)
            return [each.required_positions(service_level=0.8)["raw_positions"] for each in found]

        work["pyworkforce Erlang C"] = month
        same = np.array(month()) == staffing.agents_needed(calls=calls, **desk)
        print(f"\nErlang C agrees with pyworkforce in {same.mean():.1%} of half hours")
    race("a month of half hours", work, goal=1.0)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    curves()
    rhythm()
    agents()
    print("\nmissed: " + ("; ".join(MISSED) or "nothing"))
