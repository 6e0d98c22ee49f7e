"""How long does a simulated company take, and how much memory? `python benchmarks/bench_simulate.py [--small]`.

Memory must not follow the number of lines: ten times the days give ten times the lines at the same peak.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import date
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from measure import cost

END = date(2026, 10, 31)
SMALL = ((1_000, 10, 365), (10_000, 40, 365), (10_000, 40, 730))
FULL = ((10_000, 40, 730), (100_000, 200, 365), (100_000, 200, 730), (1_000_000, 400, 365))


def simulate(customers: int, stores: int, days: int, folder: str) -> None:
    """One company into `folder`."""
    from crmlib.simulate import company

    company(customers=customers, stores=stores, days=days, seed=1, out=folder, end=END)


def main() -> None:
    """Print one row per size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="up to 10,000 cards only")
    sizes = SMALL if parser.parse_args().small else FULL
    print("| cards | stores | days | CPU s | wall s | peak MB | written MB |\n|---|---|---|---|---|---|---|")
    for customers, stores, days in sizes:
        with tempfile.TemporaryDirectory() as folder:
            spent = cost(partial(simulate, customers, stores, days, folder))
            written = sum(p.stat().st_size for p in Path(folder).rglob("*") if p.is_file()) / 1e6
        print(
            f"| {customers:,} | {stores} | {days} | {spent.cpu_s:.1f} | {spent.wall_s:.1f} | {spent.peak_mb:.0f}"
            f" | {written:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
