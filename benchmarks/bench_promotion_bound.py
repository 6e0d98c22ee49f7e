"""How much better could any lift engine be? The model beside the best linear unbiased prediction, by sales volume.

The bound is told what the model has to learn: it solves, product by product and store by store, the generalised least
squares of the simulator's own covariance (a store-product's level free, each week of a product free, the residual an
AR(1), counting noise), with dense matrices. The gate of 1.7 times the oracle counts only the noise of the counts; what
lies between the bound and the oracle is the price of not knowing the untreated week, for every unbiased engine.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from crmlib.promotion.arrays import Floats
from crmlib.promotion.lift.carry import tune
from crmlib.promotion.lift.footprint import EVENT, Footprint, Treated, footprint, treated
from crmlib.promotion.lift.lift import impute
from crmlib.promotion.lift.panel import Panel, panel
from crmlib.promotion.lift.ppml import fit_effects, predict
from crmlib.simulate.promotions import PromotionWorld, promotion_world

VOLUMES, SEEDS = (7.0, 10.0, 20.0), (1, 2, 3)
SIGMA2, RHO, STORE_WEEK = 0.04, 0.85, 0.04**2
"""The simulator's residual of a store-product, and the shock of a whole store in a week."""
FREE = 100.0
"""Prior variance of a level that is to be free."""


def best_prediction(grid: Panel, touched: Footprint, expected: Floats) -> Floats:
    """Best linear unbiased prediction of every cell, in units, with `expected` as the scale of the counting noise."""
    weeks = np.arange(grid.weeks)
    walk = SIGMA2 * RHO ** np.abs(weeks[:, None] - weeks[None, :]) + FREE
    found = np.empty(grid.units.shape)
    for product in range(grid.units.shape[1]):
        scale = np.maximum(np.nan_to_num(expected[:, product], nan=1.0), 0.05)
        off = np.where(touched.clean[:, product], grid.units[:, product] / scale - 1, 0.0)
        information, score = np.eye(grid.weeks) * 1e-6, np.zeros(grid.weeks)
        solved = []
        for store in range(grid.units.shape[0]):
            at = np.flatnonzero(touched.clean[store, product])
            inverse = np.linalg.inv(walk[np.ix_(at, at)] + np.diag(1 / scale[store, at] + STORE_WEEK))
            information[np.ix_(at, at)] += inverse
            score[at] += inverse @ off[store, at]
            solved.append((at, inverse))
        week = np.linalg.solve(information, score)
        for store, (at, inverse) in enumerate(solved):
            rest = walk[:, at] @ (inverse @ (off[store, at] - week[at]))
            found[store, product] = scale[store] * (1 + week + rest)
    return found


def misses(base: Floats, world: PromotionWorld, rows: Treated, touched: Footprint) -> tuple[float, float]:
    """RMSE of an imputed base, and of the true mean (the oracle), as shares of the base."""
    core = touched.role == EVENT
    found = np.bincount(touched.event[core], weights=base.reshape(-1)[touched.cell[core]], minlength=len(rows.ids))
    truth = world.truth.filter(pl.col("role") == "event")
    table = pl.DataFrame({"event_id": rows.ids, "found": found}).join(truth, on="event_id")
    both = [((table[c] - table["base_units"]) / table["base_units"]) for c in ("found", "oracle_units")]
    return float((both[0] ** 2).mean() ** 0.5), float((both[1] ** 2).mean() ** 0.5)


def main() -> None:
    """Print one row per volume and seed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true")
    small = parser.parse_args().small
    size = {"stores": 80, "products": 12, "weeks": 90} if small else {}
    print("| units a cell | seed | oracle % | model / oracle | best unbiased / oracle | CPU s model | CPU s bound |")
    print("|---|---|---|---|---|---|---|")
    for volume in VOLUMES:
        for seed in SEEDS[:1] if small else SEEDS:
            world = promotion_world(rng=np.random.default_rng(seed), mean_units=volume, **size)
            grid = panel(world.panel, stores=world.stores, products=world.products)
            rows = treated(world.events, panel=grid)
            touched = footprint(rows, panel=grid)
            start = time.process_time()
            first = fit_effects(grid.units, touched.clean, city=grid.city)
            carry = tune(grid.units, predict(first, city=grid.city), touched.clean)
            base, effects = impute(grid, touched.clean, carry=carry, start=first)
            middle = time.process_time()
            bound = best_prediction(grid, touched, predict(effects, city=grid.city))
            end = time.process_time()
            (model, oracle), (best, _) = (misses(b, world, rows, touched) for b in (base, bound))
            print(
                f"| {volume:.0f} | {seed} | {100 * oracle:.2f} | {model / oracle:.2f} | {best / oracle:.2f} "
                f"| {middle - start:.1f} | {end - middle:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
