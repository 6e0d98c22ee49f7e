"""Promotion worlds whose truth is known: panels with events chosen at random, by visible or by hidden demand.

Weekly units of store s, product p in week w are Poisson with mean
exp(store + product + season(p, w) + city shock(c, w) + store shock(s, w) + own shock(s, p, w)), the own shock an AR(1).
An event adds Poisson(lift × mean) in its weeks and the halo's share to its partner; customers who wait, have stocked
up, or switch from a sibling are taken off binomially. So truth is a count, cell by cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

Selection = Literal["none", "observable", "hidden"]
Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
ROLES = ("event", "dip", "waiting", "sibling", "halo")
DIP_WEEKS = 2
MECHANICS = ("rate", "threshold_off", "multi_rate", "gift")
FIRST_WEEK = 2700
"""A Monday week in autumn 2021, so that panels carry real dates."""


@dataclass(frozen=True, slots=True)
class PromotionWorld:
    """panel, stores, products, events as the lift engine takes them; `truth` per event and role; `plan` per event.

    panel : store_id, product_id, week_n, quantity_milli, state.
    events : event_id, store_id, product_id, first_week_n, last_week_n.
    plan : event_id, mechanic, depth_bp, display, price_minor, cost_minor, display_minor, labour_minor, funding_minor,
        compliance (share of treated stores that carried it out).
    truth : event_id, role (event, dip, waiting, sibling, halo), effect_units, base_units, oracle_units (expected base).
    """

    panel: pl.DataFrame
    stores: pl.DataFrame
    products: pl.DataFrame
    events: pl.DataFrame
    plan: pl.DataFrame
    truth: pl.DataFrame


def promotion_world(
    *,
    rng: np.random.Generator,
    selection: Selection = "none",
    stores: int = 200,
    products: int = 50,
    weeks: int = 104,
    cities: int = 10,
    siblings: int = 3,
    mean_units: float = 7.0,
    lift: float = 1.0,
    compliance: float = 1.0,
) -> PromotionWorld:
    """Simulate a panel.

    Parameters
    ----------
    selection : which stores get an event: ``none`` at random; ``observable`` those that lately sold below their
        average; ``hidden`` those that a shock of the very week, unseen in the past, lifts anyway.
    mean_units : median weekly units of a store-product. lift : scale of the events' effects (1: 30 % to 120 %).
    compliance : share of chosen stores that carry the event out.
    """
    city = np.sort(rng.integers(0, cities, stores))
    store_shock = rng.normal(0, 0.15 if selection == "hidden" else 0.04, (stores, weeks))
    mean = _means(rng, city=city, shape=(stores, products, weeks), median=mean_units, store_shock=store_shock)
    base = rng.poisson(mean).astype(np.float64)
    group = np.arange(products) // siblings
    schedule = _schedule(rng, group=group, weeks=weeks)
    plan = _plan(rng, len(schedule), lift=lift)
    chosen = [
        _choose(rng, selection, base=base, product=product, first=first, shock=store_shock[:, first])
        for product, first, _ in schedule
    ]
    acting = [c[rng.random(c.size) < compliance] for c in chosen]
    sold = base.copy()
    claimed = np.zeros(base.shape, dtype=np.bool_)
    truth = []
    for role in ROLES:  # in the order in which a cell is claimed
        for number, (product, first, last) in enumerate(schedule):
            goods = _goods(role, product, group, siblings)
            cells = _cells(role, first, last, stores=acting[number], goods=goods, weeks=weeks)
            cells = tuple(axis[~claimed[cells]] for axis in cells)
            claimed[cells] = True
            share = float(plan[role][number])
            sold[cells] += (
                rng.poisson(mean[cells] * share) if share >= 0 else -rng.binomial(base[cells].astype(int), -share)
            )
            truth.append((_name(number), role, (sold - base)[cells].sum(), base[cells].sum(), mean[cells].sum()))
    return PromotionWorld(
        panel=_panel(sold),
        stores=pl.DataFrame({"store_id": _ids("S", stores), "city": [f"C{c:02d}" for c in city]}),
        products=_products(group, siblings),
        events=_events(schedule, chosen),
        plan=_plan_table(plan, [a.size / c.size for a, c in zip(acting, chosen, strict=True)]),
        truth=_truth(truth),
    )


def _means(
    rng: np.random.Generator, *, city: Index, shape: tuple[int, int, int], median: float, store_shock: Array
) -> Array:
    stores, products, weeks = shape
    log = np.log(median) + rng.normal(0, 0.4, stores)[:, None, None] + rng.normal(0, 0.5, products)[None, :, None]
    log = log + rng.normal(0, 0.25, (stores, products))[:, :, None]
    phase, swing = rng.uniform(0, 2 * np.pi, products), rng.uniform(0.05, 0.35, products)
    season = swing[:, None] * np.sin(2 * np.pi * np.arange(weeks)[None, :] / 52 + phase[:, None])
    season = season + rng.normal(0, 0.08, (products, weeks))
    shock = rng.normal(0, 0.06, (int(city.max()) + 1, weeks))
    own = np.empty(shape)
    own[:, :, 0] = rng.normal(0, 0.2, (stores, products))
    for week in range(1, weeks):
        own[:, :, week] = 0.85 * own[:, :, week - 1] + rng.normal(0, 0.2 * np.sqrt(1 - 0.85**2), (stores, products))
    return np.asarray(np.exp(log + season[None] + shock[city][:, None, :] + store_shock[:, None, :] + own))


def _schedule(rng: np.random.Generator, *, group: Index, weeks: int) -> list[tuple[int, int, int]]:
    """One event at a time in each sibling group, with room for waiting and dip: (product, first week, last week)."""
    events = []
    for mates in (np.flatnonzero(group == g) for g in np.unique(group)):
        week = int(rng.integers(10, 16))
        while week < weeks - 5:
            last = week + int(rng.integers(0, 2))
            events.append((int(rng.choice(mates)), week, last))
            week = last + 4 + int(rng.integers(0, 3))
    return events


def _plan(rng: np.random.Generator, events: int, *, lift: float) -> dict[str, Array]:
    depth = rng.choice([500, 1000, 1500, 2000, 3000], events)
    mechanic = rng.integers(0, len(MECHANICS), events)
    display = rng.random(events) < 0.4
    response = 0.15 + 2.2 * depth / 10_000 + 0.25 * display + 0.08 * (mechanic == 3)
    gross = lift * response * rng.lognormal(0, 0.15, events)
    return {
        "depth_bp": depth.astype(np.float64),
        "mechanic": mechanic.astype(np.float64),
        "display": display.astype(np.float64),
        "event": gross,
        "dip": -rng.uniform(0.05, 0.12, events) * np.minimum(gross, 1.5),
        "waiting": -rng.uniform(0.0, 0.06, events),
        "sibling": -rng.uniform(0.0, 0.08, events) * np.minimum(gross, 1.5),
        "halo": rng.uniform(0.0, 0.06, events),
    }


def _choose(
    rng: np.random.Generator, selection: Selection, *, base: Array, product: int, first: int, shock: Array
) -> Index:
    stores = base.shape[0]
    count = int(rng.integers(int(0.35 * stores), int(0.6 * stores)))
    score: Array = np.asarray(rng.normal(0, 1, stores))
    if selection == "observable":
        recent = base[:, product, max(0, first - 5) : first - 1].mean(axis=1)
        usual = base[:, product, :].mean(axis=1)
        score = score - 4 * (recent / np.maximum(usual, 1e-9) - 1)
    if selection == "hidden":
        score = score + 10 * shock
    return np.sort(np.argsort(-score)[:count])


def _goods(role: str, product: int, group: Index, siblings: int) -> Index:
    """Products that play the role in an event of `product`."""
    if role == "sibling":
        return np.flatnonzero((group == group[product]) & (np.arange(group.size) != product))
    return np.array([(product + siblings) % group.size if role == "halo" else product])


def _cells(role: str, first: int, last: int, *, stores: Index, goods: Index, weeks: int) -> tuple[Index, ...]:
    """Positions (store, product, week) of the role's cells."""
    low, high = {"dip": (last + 1, last + DIP_WEEKS), "waiting": (first - 1, first - 1)}.get(role, (first, last))
    span = np.arange(low, min(high, weeks - 1) + 1)
    return tuple(axis.ravel() for axis in np.meshgrid(stores, goods, span, indexing="ij"))


def _name(number: int) -> str:
    return f"E{number:04d}"


def _ids(letter: str, count: int) -> list[str]:
    return [f"{letter}{i:03d}" for i in range(count)]


def _panel(sold: Array) -> pl.DataFrame:
    stores, products, weeks = sold.shape
    units = sold.ravel()
    return pl.DataFrame(
        {
            "store_id": pl.Series(np.repeat(_ids("S", stores), products * weeks)),
            "product_id": pl.Series(np.tile(np.repeat(_ids("P", products), weeks), stores)),
            "week_n": pl.Series(np.tile(np.arange(FIRST_WEEK, FIRST_WEEK + weeks), stores * products), dtype=pl.Int32),
            "quantity_milli": pl.Series((units * 1000).astype(np.int64)),
            "state": pl.Series(np.where(units > 0, "sold", "zero")),
        }
    )


def _products(group: Index, siblings: int) -> pl.DataFrame:
    names = _ids("P", group.size)
    halo = [names[(i + siblings) % group.size] for i in range(group.size)]
    return pl.DataFrame({"product_id": names, "sibling_group": [f"G{g:02d}" for g in group], "halo_product": halo})


def _events(schedule: list[tuple[int, int, int]], chosen: list[Index]) -> pl.DataFrame:
    rows = [
        (_name(number), f"S{store:03d}", f"P{product:03d}", FIRST_WEEK + first, FIRST_WEEK + last)
        for number, (product, first, last) in enumerate(schedule)
        for store in chosen[number]
    ]
    columns = ["event_id", "store_id", "product_id", "first_week_n", "last_week_n"]
    return pl.DataFrame(rows, schema=columns, orient="row").with_columns(
        pl.col("first_week_n", "last_week_n").cast(pl.Int32)
    )


def _plan_table(plan: dict[str, Array], compliance: list[float]) -> pl.DataFrame:
    events = len(compliance)
    price = 1200 + 300 * (np.arange(events) % 7)
    return pl.DataFrame(
        {
            "event_id": [_name(i) for i in range(events)],
            "mechanic": [MECHANICS[int(m)] for m in plan["mechanic"]],
            "depth_bp": plan["depth_bp"].astype(np.int64),
            "display": plan["display"] > 0,
            "price_minor": price,
            "cost_minor": price * 55 // 100,
            "display_minor": np.where(plan["display"] > 0, 200_000, 0),
            "labour_minor": np.full(events, 50_000),
            "funding_minor": (plan["depth_bp"] * 40).astype(np.int64),
            "compliance": compliance,
        }
    )


def _truth(rows: list[tuple[str, str, float, float, float]]) -> pl.DataFrame:
    columns = ["event_id", "role", "effect_units", "base_units", "oracle_units"]
    return pl.DataFrame(rows, schema=columns, orient="row").sort("event_id", "role")
