"""Do the intervals of the win-back read-out contain the truth? Simulated lists whose effects and margins are known.

`python benchmarks/bench_churn_winback.py [--small]`: 400 (40) companies with seven lists, 120 (15) with eight lists
large enough for the four cells. Lists differ in their effect, people stand on several lists, margins are skewed. A 95 %
interval should hold .95; "alone" is the interval that takes people for independent and the margin for known.
"""

from __future__ import annotations

import sys

import numpy as np
import polars as pl

from crmlib.churn.winback import uplift, winback_cells
from crmlib.churn.winback.clusters import half_width
from crmlib.churn.winback.winback import read_out
from crmlib.churn.winback.winback_lists import pooled, worth

MEAN_MARGIN, CALL = 6000.0, 300
SPREAD = 0.04
"""Standard deviation of the lists' own effects."""


def company(rng: np.random.Generator, *, lists: int, each: int, cells: bool) -> tuple[pl.DataFrame, float]:
    """Everybody on the lists, and the mean effect of the lists that could have been sent."""
    n = lists * each
    which = np.repeat(np.arange(lists), each)
    person = rng.integers(0, int(n * 0.8), n)
    liking = rng.normal(0, 0.08, n)[person]
    long_gone = rng.random(n) < 0.5
    own = np.where(long_gone, 0.16, -0.06 if cells else 0.02)
    effect = own + rng.normal(0, SPREAD, lists)[which]
    contact = rng.random(n) < rng.uniform(0.7, 0.9, lists)[which]
    base = np.clip(0.28 + liking + rng.normal(0, 0.03, lists)[which], 0.02, 0.9)
    came = rng.random(n) < np.clip(base + contact * effect, 0, 1)
    margin = rng.lognormal(np.log(MEAN_MARGIN) - 0.5, 1.0, n) * came
    frame = pl.DataFrame(
        {
            "list": [f"W{k}" for k in which],
            "customer_id": [f"c{k}" for k in person],
            "home_store_id": [f"s{k % 30}" for k in person],
            "group": np.where(contact, "contact", "holdout"),
            "recency": np.where(long_gone, 300.0, 60.0) + rng.normal(0, 5, n),
            "trips": rng.integers(1, 9, n),
            "basket": rng.normal(9000, 900, n),
            "cost_minor": np.where(contact, CALL, 0),
            "came": came.astype(int),
            "lost": 1 - came.astype(int),
            "margin_minor": margin.round().astype(int),
            "own": own,
        }
    )
    return frame, float(own.mean())


def together(runs: int) -> None:
    inside = {"effect, alone": 0, "effect": 0, "net, alone": 0, "net": 0}
    widths = dict.fromkeys(inside, 0.0)
    for seed in range(runs):
        rows, _ = company(np.random.default_rng(seed), lists=7, each=280, cells=False)
        truth = 0.09  # half of the people .16, half .02
        treated = rows.filter(pl.col("group") == "contact").height
        cost = int(rows["cost_minor"].sum())
        margin, half = worth(rows, clusters=("customer_id", "list")) or (0.0, 0.0)
        plain = read_out(rows, margin_minor=margin, cost_minor=cost)
        effect, low, high = pooled(rows)
        gain = np.hypot((high - effect) * margin, effect * half), np.hypot((effect - low) * margin, effect * half)
        net = effect * margin * treated - cost
        spans = {
            "effect, alone": (plain.low, plain.high),
            "effect": (low, high),
            "net, alone": (plain.net_low_minor, plain.net_high_minor),
            "net": (net - gain[1] * treated, net + gain[0] * treated),
        }
        for name, (a, b) in spans.items():
            true = truth if "effect" in name else truth * MEAN_MARGIN * treated - cost
            inside[name] += a <= true <= b
            widths[name] += (b - a) / runs
    print(f"\nSeven lists of 280, {runs} companies\n\n| interval | coverage | mean width |\n|---|---|---|")
    for name, hits in inside.items():
        print(f"| {name} | {hits / runs:.3f} | {widths[name]:,.3g} |")


def by_cell(runs: int) -> None:
    inside = {"effect, alone": [], "effect": [], "net, alone": [], "net": []}  # type: dict[str, list[bool]]
    for seed in range(runs):
        rows, _ = company(np.random.default_rng(10_000 + seed), lists=8, each=2000, cells=True)
        clusters = winback_cells.CLUSTERS
        fit = uplift.fit(rows, rng=np.random.default_rng(seed), names=("recency", "trips", "basket"), within="list",
                         clusters=clusters)  # fmt: skip
        found = winback_cells.read_cells(rows, rng=np.random.default_rng(seed))
        assert found is not None
        truth = fit.table.hstack(rows.select("own", came="came"))
        margin, _ = worth(rows) or (0.0, 0.0)
        for row in found.table.drop_nulls("effect").iter_rows(named=True):
            mine = truth.filter(pl.col("cell") == row["cell"])
            true, psi = float(mine["own"].mean()), mine["dr_score"].to_numpy()  # type: ignore[arg-type]
            half = half_width(psi)
            money = true * MEAN_MARGIN * row["treated"] - row["cost_minor"]
            alone = [(row["effect"] + k * half) * margin * row["treated"] - row["cost_minor"] for k in (-1, 1)]
            inside["effect, alone"].append(abs(row["effect"] - true) <= half)
            inside["effect"].append(row["low"] <= true <= row["high"])
            inside["net, alone"].append(alone[0] <= money <= alone[1])
            inside["net"].append(row["net_low_minor"] <= money <= row["net_high_minor"])
    print(f"\nFour cells of eight lists of 2,000, {runs} companies\n\n| interval | coverage | cells |\n|---|---|---|")
    for name, hits in inside.items():
        print(f"| {name} | {np.mean(hits):.3f} | {len(hits)} |")


def main() -> None:
    small = "--small" in sys.argv
    together(40 if small else 400)
    by_cell(15 if small else 120)


if __name__ == "__main__":
    main()
