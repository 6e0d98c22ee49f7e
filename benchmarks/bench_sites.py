"""Site selection on simulated cities with fixed seeds: λ, net bias, coverage, and the gravity model beside its rivals.

    python benchmarks/bench_sites.py            8 cities of 5,000 cells, 120 own stores, 150 rivals, 300 candidates
    python benchmarks/bench_sites.py --small    2 cities of 700 cells

Contestants on the revenue of a new store: the gravity model, ring regression, gradient boosting, nearest stores, and a
score of people × income. The floor is the error of the forecast of one who
knows everything but the store's own quality.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import lightgbm as lgb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from crmlib.simulate import city as simulated
from crmlib.sites import choose, features, forecast, huff, market, periods, shares

PER_HEAD_MINOR = 28_000
SEEDS = range(1, 9)
DRAWS = 120
FULL = simulated.CityPlan()
SMALL = simulated.CityPlan(cells=700, own=40, rivals=50, candidates=80, people=1.3e6)
Array = NDArray[np.float64]


def town(plan: simulated.CityPlan, seed: int) -> tuple[simulated.City, market.Market, market.Stores]:
    """City, market and candidates."""
    made = simulated.build(plan, rng=np.random.default_rng(seed))
    sites, flows = periods.network(made.sites, made.openings, made.card_flows, period_end=plan.end)
    built = market.build(
        cells=made.cells, sites=sites, flows=flows, competitors=made.competitors, per_head_minor=PER_HEAD_MINOR,
        attributes=("transit",),
    )  # fmt: skip
    return made, built, market.candidates(built, sites)


def naive(built: market.Market, candidates: market.Stores) -> dict[str, Array]:
    """Gross revenue by ring regression, boosting, nearest stores and a score, all trained on the own stores."""
    own, new = (
        features.catchment(built, s, own_included=i).drop("site_id")
        for s, i in ((built.own, False), (candidates, True))
    )
    logs = [c for c in own.columns if c.startswith(("people", "income", "area"))]
    x, z = (f.with_columns(pl.col(logs).log1p()).to_numpy() for f in (own, new))
    y = np.log(built.revenue)
    middle, spread = x.mean(axis=0), x.std(axis=0) + 1e-9
    xs, zs = (np.column_stack([np.ones(len(m)), (m - middle) / spread]) for m in (x, z))
    ridge = np.linalg.solve(xs.T @ xs + np.diag([0, *np.ones(x.shape[1])]), xs.T @ y)
    smear = np.mean(np.exp(y - xs @ ridge))
    booster = lgb.LGBMRegressor(
        n_estimators=120, learning_rate=0.05, num_leaves=7, min_child_samples=8, verbosity=-1, n_jobs=1, random_state=1
    ).fit(x, built.revenue)
    apart = np.linalg.norm(zs[:, None, 1:] - xs[None, :, 1:], axis=2)
    nearest = np.argsort(apart, axis=1)[:, :8]
    score = own["people_3km"].to_numpy() * own["income_3km"].to_numpy()
    points = new["people_3km"].to_numpy() * new["income_3km"].to_numpy()
    return {
        "ring regression": np.exp(zs @ ridge) * smear,
        "gradient boosting": np.asarray(booster.predict(z)),
        "nearest 8 stores": built.revenue[nearest].mean(axis=1),
        "people × income score": points * np.median(built.revenue / np.maximum(score, 1)),
    }


def one(plan: simulated.CityPlan, seed: int, *, form: str = "power", nested: bool = False) -> dict[str, float]:
    """All figures of one city."""
    made, built, candidates = town(plan, seed)
    fitted = huff.fit(built, form=form, nested=nested)
    opened = shares.open_each(*forecast.candidate_attractions(built, fitted, candidates))
    gross, net = made.truth["gross"].to_numpy(), made.truth["net"].to_numpy()
    oracle = made.truth["gross_mean"].to_numpy()
    drawn = forecast.simulate(built, fitted, candidates, draws=DRAWS, rng=np.random.default_rng(seed))

    def inside(values: Array, truth: Array) -> float:
        low, high = np.quantile(values, forecast.INTERVAL, axis=0)
        return float(np.mean((truth >= low) & (truth <= high)))

    mape = float(np.mean(np.abs(opened.gross / gross - 1)))
    floor = float(np.mean(np.abs(oracle / gross - 1)))
    traced = opened.own + opened.rivals + opened.outside
    return {
        "λ error": fitted.coefficients["lambda"] / plan.lambda_ - 1,
        "size error": fitted.coefficients["log_area"] / plan.area_exponent - 1,
        "gross MAPE": mape,
        "floor": floor,
        "above the floor": mape / floor - 1,
        "gross bias of the floor": float(oracle.sum() / gross.sum() - 1),
        "net bias": float(opened.net.sum() / net.sum() - 1),
        "gross as net": float(opened.gross.sum() / net.sum() - 1),
        "coverage gross": inside(drawn.gross, gross),
        "coverage net": inside(drawn.net, net),
        "adding up": float(np.abs(traced / opened.gross - 1).max()),
        **{name: float(np.mean(np.abs(said / gross - 1))) for name, said in naive(built, candidates).items()},
    }


def table(title: str, rows: list[dict[str, float]]) -> None:
    """Mean, least and largest of every figure, as Markdown."""
    print(f"\n{title}, {len(rows)} seeds\n\n| figure | mean | least | largest |\n|---|---|---|---|")
    for name in rows[0]:
        values = [r[name] for r in rows]
        shown = (np.mean(values), min(values), max(values))
        print(
            f"| {name} | "
            + " | ".join(f"{v:.2e}" if name == "adding up" else f"{100 * v:+.1f} %" for v in shown)
            + " |"
        )


def wrong_forms(plan: simulated.CityPlan, seeds: range) -> None:
    """Net bias where the form is right, wrong, and chosen; and without the competitor layer."""
    print(
        "\nNet bias by truth and form\n\n| truth | right form | power | chosen form | chosen |\n|---|---|---|---|---|"
    )
    truths = {
        "exponential": (replace(plan, decay="exponential", lambda_=0.5), "exponential", False),
        "own-brand nest": (replace(plan, nest=0.6), "power", True),
        "offset": (replace(plan, decay="offset", lambda_=2.5), "offset", False),
        "30 % of rivals missing": (replace(plan, missing=0.3), "power", False),
        "all rivals missing": (plan, "none", False),
    }
    for name, (truth, form, nested) in truths.items():
        figures = np.array([_biases(truth, seed, form, nested) for seed in seeds], dtype=object)
        means = [np.mean([float(v) for v in figures[:, i]]) for i in range(3)]
        chosen = ", ".join(sorted(set(figures[:, 3])))
        print(f"| {name} | {100 * means[0]:+.1f} % | {100 * means[1]:+.1f} % | {100 * means[2]:+.1f} % | {chosen} |")


def _biases(truth: simulated.CityPlan, seed: int, form: str, nested: bool) -> tuple[float, float, float, str]:
    made, built, candidates = town(truth, seed)
    if form == "none":
        built, form = market.without_rivals(built, np.ones(len(built.rivals.ids), dtype=bool)), "power"
    net = made.truth["net"].sum()

    def bias(fitted: huff.HuffFit) -> float:
        return float(shares.open_each(*forecast.candidate_attractions(built, fitted, candidates)).net.sum() / net - 1)

    picked = choose.choose(built, past=None, rng=np.random.default_rng(seed), forms=("power", "exponential", "offset"))
    label = f"{picked.fit.form}{' + nest' if picked.fit.nested else ''}"
    return bias(huff.fit(built, form=form, nested=nested)), bias(huff.fit(built)), bias(picked.fit), label


def main(arguments: list[str]) -> None:
    """Run all."""
    small = "--small" in arguments
    plan, seeds = (SMALL, range(1, 3)) if small else (FULL, SEEDS)
    size = f"{plan.cells:,} cells, {plan.own} own stores, {plan.rivals} rivals, {plan.candidates} candidates"
    table(f"Power decay: {size}", [one(plan, seed) for seed in seeds])
    table(
        "Own-brand nest, fitted as one",
        [one(replace(plan, nest=0.6), seed, nested=True) for seed in (seeds if small else range(1, 5))],
    )
    wrong_forms(plan if small else replace(plan, cells=1500, own=60, rivals=80, candidates=150, people=2e6), seeds)


if __name__ == "__main__":
    main(sys.argv[1:])
