"""The gates of the lift engine: bias, error against the oracle, coverage, speed, sensitivity.

`--small` runs one seed on a small panel. The full run: 200 stores × 50 products × 104 weeks, three seeds, selection
none and observable, then hidden; and the seconds of a statsmodels loop, one store-event at a time, on a sample of
store-events. Both sides work on one thread (every BLAS and OpenMP pool is held to it): the model's sums do not spread
over cores, and a loop whose tiny fits wait for each other in a pool would count its waiting. `--speed` measures only
that, on one world.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
from statsmodels.tsa.statespace.structural import UnobservedComponents
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from crmlib.promotion.audit.did import ratio_did
from crmlib.promotion.audit.sensitivity import sensitivity
from crmlib.promotion.lift.footprint import treated
from crmlib.promotion.lift.lift import Lift, lift
from crmlib.promotion.lift.panel import Panel, panel
from crmlib.simulate.promotions import PromotionWorld, promotion_world

SEEDS = (1, 2, 3)
SMALL = {"stores": 80, "products": 24, "weeks": 90}
LOOP_SAMPLE = 40


def judged(found: Lift, world: PromotionWorld) -> dict[str, float]:
    """Errors of the event role against the truth, as shares of the base."""
    table = found.parts.join(world.truth, on=["event_id", "role"])
    core = table.filter(pl.col("role") == "event").with_columns(
        error=pl.col("effect_milli") / 1000 - pl.col("effect_units"),
        oracle=pl.col("base_units") - pl.col("oracle_units"),
        inside=pl.col("effect_units").is_between(pl.col("lower_milli") / 1000, pl.col("upper_milli") / 1000),
    )
    base = core["base_units"]
    dip = table.filter(pl.col("role") == "dip")
    return {
        "events": core.height,
        "bias": float((core["error"] / base).mean()),
        "rmse": float(((core["error"] / base) ** 2).mean() ** 0.5),
        "oracle": float(((core["oracle"] / base) ** 2).mean() ** 0.5),
        "coverage": float(core["inside"].mean()),
        "dip": float(dip["effect_milli"].sum() / 1000 / dip["effect_units"].sum()),
    }


def loop_seconds(world: PromotionWorld, grid: Panel, *, sample: int) -> float:
    """CPU seconds of one state-space fit with control for one store-event, mean of a sample."""
    rows = treated(world.events, panel=grid)
    picks = np.random.default_rng(0).choice(rows.event.size, sample, replace=False)
    total = grid.units.sum(axis=0)
    start = time.process_time()
    for pick in picks:
        store, product = rows.store[pick], rows.product[pick]
        weeks = np.arange(grid.weeks)
        during = (weeks >= rows.first[pick]) & (weeks <= rows.last[pick])
        y = grid.units[store, product].copy()
        control = (total[product] - y)[:, None]
        y[during] = np.nan
        fit = UnobservedComponents(y, "llevel", exog=control).fit(disp=0)
        fit.get_prediction().conf_int(alpha=0.1)
    return (time.process_time() - start) / sample


def speed_only() -> None:
    """The speed of one full world, nothing else."""
    world = promotion_world(rng=np.random.default_rng(1))
    grid = panel(world.panel, stores=world.stores, products=world.products)
    start = time.process_time()
    lift(grid, world.events, rng=np.random.default_rng(101))
    seconds = time.process_time() - start
    each = loop_seconds(world, grid, sample=LOOP_SAMPLE)
    print(
        f"{world.events.height} store-events, one thread each: model {seconds:.1f} s CPU; state-space loop {each:.3f} "
        f"s each: {each * world.events.height / seconds:.0f} times"
    )


def main() -> None:
    """Print one row per world, the gates, and the speed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--speed", action="store_true")
    asked = parser.parse_args()
    if asked.speed:
        speed_only()
        return
    size = SMALL if asked.small else {}
    seeds = SEEDS[:1] if size else SEEDS
    print(
        "| selection | seed | events | bias % | RMSE % | oracle % | ratio | 90 % coverage | on placebos | DiD RMSE % "
        "| dip found/true | fired % | CPU s |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    gates: dict[str, list[dict[str, float]]] = {}
    for selection in ("none", "observable", "hidden"):
        for seed in seeds if selection != "hidden" else seeds[:1]:
            world = promotion_world(rng=np.random.default_rng(seed), selection=selection, **size)
            grid = panel(world.panel, stores=world.stores, products=world.products)
            start = time.process_time()
            found = lift(grid, world.events, rng=np.random.default_rng(100 + seed))
            seconds = time.process_time() - start
            rows = treated(world.events, panel=grid)
            line = sensitivity(grid, rows, base=found.base, clean=found.clean, parts=found.parts)
            did = ratio_did(grid, rows, clean=found.clean).join(
                world.truth.filter(pl.col("role") == "event"), on="event_id"
            )
            apart = ((did["did_effect_milli"] / 1000 - did["effect_units"]) / did["base_units"]).drop_nulls()
            j = judged(found, world) | {"fired": float(line["fires"].mean()), "cpu": seconds}
            gates.setdefault(selection, []).append(j)
            print(
                f"| {selection} | {seed} | {j['events']:.0f} | {100 * j['bias']:.2f} | {100 * j['rmse']:.2f} "
                f"| {100 * j['oracle']:.2f} | {j['rmse'] / j['oracle']:.2f} | {j['coverage']:.3f} "
                f"| {found.achieved:.3f} | {100 * float((apart**2).mean()) ** 0.5:.2f} "
                f"| {j['dip']:.2f} | {100 * j['fired']:.0f} "
                f"| {seconds:.1f} |",
                flush=True,
            )
    each = loop_seconds(world, grid, sample=5 if size else LOOP_SAMPLE)
    cells, lines = int(np.prod(grid.units.shape)), world.events.height
    print(
        f"\n{lines} store-events, {cells} cells: model {seconds:.1f} s CPU; state-space loop {each:.3f} s each, "
        f"{each * lines:.0f} s in all: {each * lines / seconds:.0f} times\n"
    )
    for name, limit in (("none", 0.005), ("observable", 0.02)):
        runs = gates[name]
        bias = float(np.mean([r["bias"] for r in runs]))
        ratio, coverage = max(r["rmse"] / r["oracle"] for r in runs), float(np.mean([r["coverage"] for r in runs]))
        print(
            f"{name}: mean bias {100 * bias:.2f} % (gate {100 * limit:.1f}): {_verdict(abs(bias) <= limit)}; "
            f"worst ratio {ratio:.2f} (gate 1.7): {_verdict(ratio <= 1.7)}; "
            f"mean coverage {coverage:.3f} (gate .87 to .93): "
            f"{_verdict(0.87 <= coverage <= 0.93)}"
        )
    print(
        f"speed (gate 100): {_verdict(each * lines >= 100 * seconds)}; hidden selection fires the line on "
        f"{100 * gates['hidden'][0]['fired']:.0f} % of events: {_verdict(gates['hidden'][0]['fired'] > 0.5)}"
    )


def _verdict(held: bool) -> str:
    return "held" if held else "NOT held"


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
