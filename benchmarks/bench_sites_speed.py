"""Time and memory of site selection: fit, choice and bound, networks of any size, one what-if.

python benchmarks/bench_sites_speed.py [--small]
"""

from __future__ import annotations

import sys
from time import perf_counter, process_time

import numpy as np
from bench_sites import FULL, SMALL, town
from measure import cost

from crmlib.sites import bound, forecast, huff, select, whatif
from crmlib.sites.classics import network


def row(name: str, seconds: float, note: str = "") -> None:
    """One line of the table."""
    print(f"| {name} | {seconds:.3f} | {note} |")


def timed(work, *, runs: int = 5) -> float:
    """Median CPU seconds."""
    seen = []
    for _ in range(runs):
        start = process_time()
        work()
        seen.append(process_time() - start)
    return float(np.median(seen))


def choice(plan) -> None:
    """Fit, forecast, choose, bound, prove by brute force, ask what if."""
    made, built, candidates = town(plan, 1)
    start = process_time()
    fitted = huff.fit(built)
    row(f"fit of {plan.cells:,} × {plan.own + plan.rivals}", process_time() - start, f"{fitted.steps} steps")
    start = process_time()
    at, new = forecast.candidate_attractions(built, fitted, candidates)
    row(f"forecast of {plan.candidates} candidates", process_time() - start)
    offers = made.sites.filter(made.sites["kind"] == "candidate").sort("site_id")
    costs = 12 * (offers["rent_minor_month"] + offers["fixed_minor_month"]).to_numpy() / 100
    capex = offers["capex_minor"].to_numpy() / 100
    for k, spacing in ((5, 0.0), (5, 1.5), (10, 0.0), (20, 0.0)):
        task = select.task(
            at, new, margin=0.35, yearly_cost=costs, capex=capex, k=k, candidates=candidates, spacing_km=spacing
        )
        seconds = timed(lambda task=task: select.select(task), runs=3)
        found = select.select(task)
        start = perf_counter()
        limit = bound.bound(task, found)
        by_revenue = select.by_rank(task, -forecast.shares.open_each(at, new).gross)
        note = (
            f"bound {100 * limit.gap:.2f} % above in {perf_counter() - start:.1f} s; stand-alone sum overstates "
            f"{100 * (found.alone / found.net - 1):.1f} %; ranking by revenue loses "
            f"{100 * (1 - by_revenue.profit / found.profit):.1f} %"
        )
        row(f"k = {k} of {plan.candidates}, spacing {spacing} km", seconds, note)
    few = select.Task(at, new[:, :30], 0.35, costs[:30], capex[:30], np.zeros((30, 30), dtype=bool), 5, np.inf)
    best, found = select.brute_force(few), select.select(few)
    row("k = 5 of 30 against brute force", 0.0, f"profit {found.profit / best.profit:.12f} of the best of 142,506 sets")
    base = whatif.base(built, fitted, candidates)
    scene = whatif.Scenario(found.chosen, 1.15, True, 0)
    row("one what-if", timed(lambda: whatif.evaluate(base, scene)), "5 sites, rivals beside, one store closed")


def networks(sizes: tuple[tuple[int, int], ...]) -> None:
    """Whole networks in chunks, in a child process each: seconds and peak memory."""
    for cells, stores in sizes:

        def work(cells: int = cells, stores: int = stores) -> None:
            rng = np.random.default_rng(1)
            places = rng.uniform(-30, 30, (2, cells)), rng.uniform(-30, 30, (2, stores))
            network.totals(
                demand=rng.uniform(1e5, 1e6, cells), within_km=np.full(cells, 0.4), cells=tuple(places[0]),
                stores=tuple(places[1]), base=rng.normal(0, 0.5, stores), form="power",
                coefficients=np.array([1.8]), outside=0.5,
            )  # fmt: skip

        idle, spent = cost(lambda: None), cost(work)
        row(
            f"network of {cells:,} × {stores:,}",
            spent.cpu_s - idle.cpu_s,
            f"{spent.peak_mb:.0f} MB peak, {idle.peak_mb:.0f} MB of it the interpreter and its libraries",
        )


def truncation() -> None:
    """What leaving out far stores does to totals."""
    _, built, _ = town(SMALL, 1)
    fitted = huff.fit(built)
    at = huff.stage_at(built, fitted)
    whole = huff.shares.revenue(at)
    for km in (5.0, 10.0):
        near = at.own * (built.own.km <= km)
        rivals = huff.utility_of(built, fitted, built.rivals)
        chain = np.array([fitted.coefficients[f"chain:{built.chains[i]}"] for i in built.rival_chain])
        kept = (np.exp(rivals + chain - at.shift[:, None]) * (built.rivals.km <= km)).sum(axis=1)
        cut = huff.shares.Stage(at.demand, np.maximum(near, 1e-300), kept, at.outside, at.shift, 1.0, 0.0)
        off = np.abs(huff.shares.revenue(cut) / whole - 1)
        row(
            f"truncated at {km:.0f} km",
            0.0,
            f"store totals off by {100 * off.mean():.0f} % on average, {100 * off.max():.0f} % at most",
        )


def main(arguments: list[str]) -> None:
    """Run all."""
    small = "--small" in arguments
    print("| what | CPU s | note |\n|---|---|---|")
    networks(((2000, 100),) if small else ((5000, 270), (100_000, 1000)))
    choice(SMALL if small else FULL)
    truncation()


if __name__ == "__main__":
    main(sys.argv[1:])
