"""Price a million receipts with twenty live offers, and the same rules one basket at a time in plain Python."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.measure import cost

SLOW_RECEIPTS = 4_000


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tests" / "promotion" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _fast(receipts: int) -> None:
    import numpy as np

    from crmlib.promotion.offers.pricing import price

    baskets = _load("baskets")
    rng = np.random.default_rng(7)
    lines = baskets.random_lines(receipts, rng=rng, lines_each=5.0)
    offers = baskets.random_offers(rng=rng)[:20]
    tables = {"products": baskets.product_table(), "stores": baskets.store_table()}
    priced = price(lines, offers=offers, **tables)
    assert priced.lines["net_minor"].sum() + priced.bookings["discount_minor"].sum() == lines["list_minor"].sum()
    print(f"{lines.height} lines, {len(offers)} offers, {priced.bookings.height} bookings", flush=True)


def _only_baskets(receipts: int) -> None:
    import numpy as np

    _load("baskets").random_lines(receipts, rng=np.random.default_rng(7), lines_each=5.0)


def _slow() -> None:
    import numpy as np

    baskets, reference = _load("baskets"), _load("till_reference")
    rng = np.random.default_rng(7)
    lines = baskets.random_lines(SLOW_RECEIPTS, rng=rng, lines_each=5.0)
    offers = baskets.random_offers(rng=rng)[:20]
    goods = {r["product_id"]: r for r in baskets.product_table().to_dicts()}
    reference.SlowTill(lines.to_dicts(), offers, goods, {}).run()


def main() -> None:
    """Print CPU seconds, wall seconds and peak memory; making the baskets is measured apart."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true")
    receipts = 50_000 if parser.parse_args().small else 1_000_000
    made, fast, slow = cost(lambda: _only_baskets(receipts)), cost(lambda: _fast(receipts)), cost(_slow)
    print("| what | receipts | CPU s | wall s | peak MB |\n|---|---|---|---|---|")
    print(f"| make baskets | {receipts} | {made.cpu_s:.1f} | {made.wall_s:.1f} | {made.peak_mb:.0f} |")
    print(f"| make and price | {receipts} | {fast.cpu_s:.1f} | {fast.wall_s:.1f} | {fast.peak_mb:.0f} |")
    print(f"| plain Python | {SLOW_RECEIPTS} | {slow.cpu_s:.1f} | {slow.wall_s:.1f} | {slow.peak_mb:.0f} |")
    per_fast, per_slow = (fast.cpu_s - made.cpu_s) / receipts, slow.cpu_s / SLOW_RECEIPTS
    print(
        f"pricing alone: {fast.wall_s - made.wall_s:.1f} s wall; {per_slow / per_fast:.0f} times plain Python's speed"
    )


if __name__ == "__main__":
    main()
