"""Promotions: elasticities, synthetic control, audit engine, and worlds whose truth is known."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import numpy as np
import polars as pl

from crmlib.promotion.audit.audit import audit
from crmlib.promotion.audit.synthetic import mean_effect, synthetic_control
from crmlib.promotion.lift.elasticity import elasticity
from crmlib.promotion.lift.everywhere import everywhere
from crmlib.promotion.lift.footprint import treated
from crmlib.promotion.lift.panel import panel
from crmlib.simulate.always import always_world
from truth.row import REAL, Row

FRAT = "Breakfast at the Frat, pyfixest"
ELASTICITIES = {
    "log_discount": -1.8987,
    "log_base": -1.5296,
    "feature": 0.4565,
    "display": 0.3464,
    "tpr_only": -0.1361,
}
R_IMPACT = {"arma": (26.67, 7.99, 44.4), "google": (804, 539, 1073), "volks": (-3496, -4338, -2571)}
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
SEEDS = (1, 2)


@cache
def frat() -> dict[str, float]:
    """Estimates and rows used of the published panel."""
    table = pl.read_parquet(REAL / "breakfast_frat" / "transaction.parquet")
    found = elasticity(table.rename({"upc_id": "product_id", "week_end_date": "week"}))
    se = found.table.filter(pl.col("term") == "log_discount")["se"].item()
    return {**dict(found.table.select("term", "estimate").iter_rows()), "rows": float(found.observations), "se": se}


@cache
def slow_goods(units: float, *, zeros: bool) -> float:
    """Mean elasticity found of a true −2.5 at so many units a week; three seeds."""
    found = []
    for seed in (1, 2, 3):
        rng = np.random.default_rng(seed)
        store, product, week = (a.ravel() for a in np.meshgrid(range(40), range(6), range(52), indexing="ij"))
        cut = np.where(rng.random(store.size) < 0.35, rng.uniform(0.6, 0.95, store.size), 1.0)
        level = rng.normal(0, 0.4, (40, 6))[store, product] + rng.normal(0, 0.2, 52)[week]
        keys = {"store_id": store.astype(str), "product_id": product.astype(str), "week": week}
        sold = {"units": rng.poisson(units * np.exp(level) * cut**-2.5), "price": 10 * cut, "base_price": 10.0}
        frame = pl.DataFrame(keys | sold)
        fit = elasticity(frame if zeros else frame.filter(pl.col("units") > 0), flags=())
        found.append(fit.table.filter(pl.col("term") == "log_discount")["estimate"].item())
    return float(np.mean(found))


@cache
def prop99() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], int]:
    """California, the other states, first year of the tax."""
    table = pl.read_parquet(REAL / "causal" / "california_prop99.parquet")
    others = table.drop("Year", "California").to_numpy()
    return table["California"].to_numpy(), others, int((table["Year"] < 1989).sum())


def difference() -> float:
    california, others, first = prop99()
    return mean_effect(california, others, first=first)


def synthetic() -> float:
    california, others, first = prop99()
    return synthetic_control(california, others, first=first, demeaned=False).effect


@cache
def impact(name: str) -> float:
    """Cumulative effect by the audit engine."""
    table = pl.read_parquet(REAL / "causal" / f"{name}.parquet")
    at = np.arange(table.height)
    if name == "arma":
        return audit(table["y"].to_numpy(), table.select("X").to_numpy(), event=at >= 70, coverage=0.95).effect
    if name == "google":
        y, x = table["y"].to_numpy(), table.select("x1", "x2").to_numpy()
        return audit(y, x, event=(at >= 61) & (at <= 90), coverage=0.95).effect
    during = ((table["Date"] >= "2015-09-20") & (table["Date"] <= "2017-03-19")).to_numpy()
    y, x = table["VolksWagen"].to_numpy(), table.select("BMW", "Allianz").to_numpy()
    return audit(y, x, event=during, coverage=0.95).effect


@cache
def always(share: float) -> dict[str, float]:
    """Bias and RMSE as shares of the base, coverage, where offers run everywhere in `share` of all weeks."""
    tables = []
    for seed in SEEDS:
        world = always_world(rng=np.random.default_rng(seed), share=share)
        grid = panel(world.panel, stores=world.stores, products=world.products)
        found = everywhere(grid, treated(world.events, panel=grid), world.plan)
        table = found.events.join(world.truth, on="event_id")
        least = pl.when(pl.col("against") == "least").then("least_units").otherwise(0.0)
        tables.append(table.with_columns(truth=pl.col("effect_units") - least))
    every = pl.concat(tables)
    error = (every["effect_milli"] / 1000 - every["truth"]) / every["base_units"]
    inside = pl.col("truth").is_between(pl.col("lower_milli") / 1000, pl.col("upper_milli") / 1000)
    coverage = every.select(inside.mean()).item()
    return {"bias": float(error.mean()), "rmse": float((error**2).mean()) ** 0.5, "coverage": float(coverage)}


def of(made: Any, key: str) -> float:
    return float(made()[key])


ROWS: list[Row] = [
    *(Row(FRAT, term, value, partial(of, frat, term), 5e-5) for term, value in ELASTICITIES.items()),
    Row(FRAT, "log_discount, standard error", 0.0810, partial(of, frat, "se"), 5e-5),
    Row(FRAT, "rows used", 524_738, partial(of, frat, "rows"), 0),
    *(
        Row("simulated, true −2.5", f"elasticity at {u} units a week, zeros kept", -2.5,
            partial(slow_goods, u, zeros=True), 0.08)
        for u in (3.8, 1.9, 1.0, 0.3)
    ),
    Row("California Prop 99", "difference in differences", -27.3491, difference, 5e-5),
    Row("California Prop 99", "synthetic control on outcomes", -19.51, synthetic, 5e-3),
    *(
        Row("R CausalImpact 1.4.1", f"{name}, cumulative", effect, partial(impact, name), 0.1 * (high - low))
        for name, (effect, low, high) in R_IMPACT.items()
    ),
    *(
        Row("offers in all stores, simulated", f"bias / base, {share:.0%} of weeks", 0.0,
            partial(of, partial(always, share), "bias"), 0.02)
        for share in SHARES
    ),
    *(
        Row("offers in all stores, simulated", f"coverage, {share:.0%} of weeks", 0.9,
            partial(of, partial(always, share), "coverage"), 0.05)
        for share in SHARES
    ),
]  # fmt: skip
