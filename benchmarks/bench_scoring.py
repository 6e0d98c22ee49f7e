"""RFM, pyramid and value matrix of 10 M customers from 30 M lines, beside the pandas equivalent.

    python benchmarks/bench_scoring.py [--small]

Both work on the same arrays, made by the parent and shared by the fork, and must agree customer by customer.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from measure import compare

FULL, SMALL = (10_000_000, 30_000_000), (200_000, 600_000)
DAYS = 730
GOAL = 8.0


def make(customers: int, lines: int) -> dict[str, np.ndarray]:
    """Every customer has a line; the rest falls unevenly; spend is heavy-tailed."""
    rng = np.random.default_rng(7)
    extra = (rng.random(lines - customers) ** 2 * customers).astype(np.int32)
    customer = np.concatenate([np.arange(customers, dtype=np.int32), extra])
    rng.shuffle(customer)
    net = (rng.lognormal(8.0, 1.0, lines)).astype(np.int64)
    return {
        "customer": customer,
        "day": rng.integers(0, DAYS, lines, dtype=np.int32),
        "net": net,
        "cost": (net * rng.uniform(0.5, 0.9, lines)).astype(np.int64),
    }


def crmlib_way(lines: dict[str, np.ndarray], folder: Path, customers: int) -> None:
    from crmlib.scoring.bulk_scores import score_lines

    found = score_lines(**lines, customers=customers)
    save(folder / "crmlib", found.r, found.f, found.m, found.tier, found.quadrant)


def pandas_way(arrays: dict[str, np.ndarray], folder: Path, customers: int) -> None:
    import pandas as pd

    lines = pd.DataFrame(arrays, copy=False)
    sums = lines.groupby("customer", sort=True).agg(last=("day", "max"), net=("net", "sum"), cost=("cost", "sum"))
    sums["frequency"] = lines[["customer", "day"]].drop_duplicates().groupby("customer").size()
    sums["margin"] = sums["net"] - sums["cost"]
    scores = [
        (1 + 5 * (sums[name].rank(method="min").astype("int64") - 1) // customers).astype("int8").to_numpy()
        for name in ("last", "frequency", "net")
    ]
    # ties down: a block at the boundary goes to the lower tier as a whole, so the rank from the top counts ties in
    place = sums["net"].rank(method="max", ascending=False)
    tier = np.full(customers, 3, dtype=np.int8)
    for k, share in reversed(list(enumerate((100, 500, 2000)))):
        tier[((place <= -(-share * customers // 10_000)) & (sums["net"] > 0)).to_numpy()] = k
    rated = sums["net"] > 0
    high_net = sums["net"] > sums.loc[rated, "net"].median()
    high_margin = sums["margin"] > sums.loc[rated, "margin"].median()
    quadrant = np.where(rated, 2 * ~high_net + ~high_margin, 4).astype(np.int8)
    save(folder / "pandas", *scores, tier, quadrant)


def save(path: Path, *columns: np.ndarray) -> None:
    np.save(path, np.stack(columns))


def main() -> int:
    small = "--small" in sys.argv
    customers, lines = SMALL if small else FULL
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arrays = make(customers, lines)
        costs = compare(
            {
                "crmlib": lambda: crmlib_way(arrays, folder, customers),
                "pandas": lambda: pandas_way(arrays, folder, customers),
            },
            runs=1 if small else 3,
            title=f"RFM + pyramid + matrix, {customers:,} customers, {lines:,} lines",
        )
        same = np.array_equal(np.load(folder / "crmlib.npy"), np.load(folder / "pandas.npy"))
    faster = costs["pandas"].cpu_s / costs["crmlib"].cpu_s
    print(f"\nsame scores: {same}; {faster:.1f} times less CPU than pandas (goal {GOAL:g})")
    return 0 if same and (small or faster >= GOAL) else 1


if __name__ == "__main__":
    raise SystemExit(main())
