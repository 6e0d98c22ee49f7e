"""Do intervals hold what they promise? Simulated customers of known parameters, many times over.

`python benchmarks/bench_clv_coverage.py [--small]`: for each model the share of replications whose 90 % interval holds
the true parameter, the share of customers whose purchases lie within their 90 % predictive interval, and the share of
replications whose total does. The error of a share over 200 replications is .02.
"""

from __future__ import annotations

import argparse
from dataclasses import astuple

import numpy as np
import polars as pl

from crmlib.clv import horizon
from crmlib.clv.forecast import intervals, posterior
from crmlib.clv.forecast.predict import read_for
from crmlib.clv.models import bg_nbd, gamma_gamma, mbg_nbd, pareto_nbd

Z90 = 1.6449
CUSTOMERS = 1500
AHEAD = 26.0


def coin_world(rng: np.random.Generator, truth: tuple[float, ...], *, first_coin: bool) -> pl.DataFrame:
    """Customers of BG/NBD (or MBG/NBD with the coin that falls after the first purchase)."""
    r, alpha, a, b = truth
    n = CUSTOMERS
    T = rng.uniform(26, 52, n)
    rate, leave = rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n)
    x, t_x, later, clock = np.zeros(n, int), np.zeros(n), np.zeros(n, int), np.zeros(n)
    going = np.flatnonzero(rng.random(n) >= leave) if first_coin else np.arange(n)
    while going.size:
        clock[going] += rng.exponential(1 / rate[going])
        going = going[clock[going] <= T[going] + AHEAD]
        seen = going[clock[going] <= T[going]]
        x[seen] += 1
        t_x[seen] = clock[seen]
        later[going[clock[going] > T[going]]] += 1
        going = going[rng.random(going.size) >= leave[going]]
    return pl.DataFrame({"x": x, "t_x": t_x, "T": T, "later": later})


def clock_world(rng: np.random.Generator, truth: tuple[float, ...]) -> pl.DataFrame:
    """Customers of Pareto/NBD."""
    r, alpha, s, beta = truth
    n = CUSTOMERS
    T = rng.uniform(26, 52, n)
    rate, stay = rng.gamma(r, 1 / alpha, n), rng.exponential(1.0, n) / rng.gamma(s, 1 / beta, n)
    x, t_x, later = np.zeros(n, int), np.zeros(n), np.zeros(n, int)
    for i in range(n):
        end = min(stay[i], T[i] + AHEAD)
        times = rng.uniform(0, end, rng.poisson(rate[i] * end))
        seen = times[times <= T[i]]
        x[i], t_x[i], later[i] = len(seen), seen.max(initial=0.0), len(times) - len(seen)
    return pl.DataFrame({"x": x, "t_x": t_x, "T": T, "later": later})


def normal_draws(fit, rng: np.random.Generator) -> posterior.Posterior:
    """Draws from the normal approximation: what this checks is the likelihood's own intervals."""
    theta = rng.multivariate_normal(fit.theta, np.array(fit.theta_covariance), 60)
    names = tuple(fit.params.__dataclass_fields__)
    return posterior.Posterior(fit.model, names, len(names), theta, "importance", 0.0, 60.0, 60)


def replicate(model, world, truth: tuple[float, ...], rng: np.random.Generator) -> np.ndarray:
    """Hits of one replication: each parameter, customers' share, total."""
    history = world(rng)
    fit = model.fit(history)
    if not fit.theta_covariance:
        return np.full(len(truth) + 2, np.nan)
    errors = np.sqrt(np.diag(np.array(fit.theta_covariance)))
    hits = np.abs(np.log(astuple(fit.params)) - np.log(truth)) <= Z90 * errors
    data = read_for(fit, history)
    later = history["later"].to_numpy()
    low, high = intervals.predictive_counts(fit, data, t=AHEAD, edges=(0.05, 0.95))
    inside = ((low[data.row_of] <= later) & (later <= high[data.row_of])).mean()
    draws = normal_draws(fit, rng)
    total = intervals.totals(fit, draws, history, horizon=horizon.weeks(AHEAD), rng=rng, draws=40).row(0, named=True)
    return np.array([*hits, inside, total["low"] <= later.sum() <= total["high"]], dtype=float)


def replicate_spend(truth: tuple[float, ...], rng: np.random.Generator) -> np.ndarray:
    """Hits of the spend model's parameters."""
    p, q, gamma = truth
    x = rng.integers(1, 12, CUSTOMERS)
    spend = rng.gamma(p * x) / rng.gamma(q, 1 / gamma, CUSTOMERS) / x
    fit = gamma_gamma.fit(pl.DataFrame({"x": x, "spend": spend}))
    errors = np.sqrt(np.diag(np.array(fit.theta_covariance)))
    return (np.abs(np.log(astuple(fit.params)) - np.log(truth)) <= Z90 * errors).astype(float)


def main(replications: int) -> None:
    """Print one row per model."""
    coin, clock = (0.6, 8.0, 0.8, 3.0), (0.8, 8.0, 0.9, 20.0)
    runs = {
        "bg_nbd": lambda rng: replicate(bg_nbd, lambda g: coin_world(g, coin, first_coin=False), coin, rng),
        "mbg_nbd": lambda rng: replicate(mbg_nbd, lambda g: coin_world(g, coin, first_coin=True), coin, rng),
        "pareto_nbd": lambda rng: replicate(pareto_nbd, lambda g: clock_world(g, clock), clock, rng),
        "gamma_gamma": lambda rng: replicate_spend((6.0, 4.0, 15.0), rng),
    }
    print(f"{replications} replications of {CUSTOMERS} customers, 90 % intervals\n")
    print("| model | parameters held | customers' predictive | total's predictive | fits without curvature |")
    print("|---|---|---|---|---|")
    for name, run in runs.items():
        hits = np.array([run(np.random.default_rng([7, i])) for i in range(replications)])
        held = np.nanmean(hits, axis=0)
        failed = int(np.isnan(hits).any(axis=1).sum())
        k = 3 if name == "gamma_gamma" else len(held) - 2
        rest = ["-", "-"] if name == "gamma_gamma" else [f"{v:.3f}" for v in held[k:]]
        print(f"| {name} | {' '.join(f'{v:.3f}' for v in held[:k])} | {rest[0]} | {rest[1]} | {failed} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    main(20 if parser.parse_args().small else 200)
