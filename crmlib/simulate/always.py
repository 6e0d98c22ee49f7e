"""Promotions all year in all stores, with known truth: no store and no season is ever without them.

Weekly units are those of `promotions.promotion_world`; every product is on offer in a stated share of its weeks, in
spells of one or two weeks, everywhere at once, each spell at a depth of its own. Products answer differently.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from crmlib.simulate.promotions import FIRST_WEEK, MECHANICS, Array, _ids, _means, _panel

DEPTHS = (500, 1000, 1500, 2000, 3000)
FIXED, SLOPE, PRODUCT, EVENT = 0.15, 2.2, 0.25, 0.15
"""Response = (fixed + slope × depth) × product's own × event's own; spreads of the logarithms of the last two."""
DIP, DIP_WEEKS = 0.08, 2
"""Share of a week's sales that customers who stocked up leave out, for so many weeks."""


@dataclass(frozen=True, slots=True)
class AlwaysWorld:
    """Tables panel, stores, products, events and plan as in `PromotionWorld`.

    truth : event_id, effect_units, base_units (without the event), least_units (what the shallowest depth would have
        brought over no offer).
    """

    panel: pl.DataFrame
    stores: pl.DataFrame
    products: pl.DataFrame
    events: pl.DataFrame
    plan: pl.DataFrame
    truth: pl.DataFrame


def always_world(
    *,
    rng: np.random.Generator,
    share: float,
    stores: int = 60,
    products: int = 30,
    weeks: int = 104,
    mean_units: float = 3.0,
) -> AlwaysWorld:
    """Simulate; share : of its weeks in which a product is on offer, above 0 to 1."""
    city = np.sort(rng.integers(0, 5, stores))
    mean = _means(
        rng, city=city, shape=(stores, products, weeks), median=mean_units,
        store_shock=rng.normal(0, 0.04, (stores, weeks)),
    )  # fmt: skip
    base = rng.poisson(mean).astype(np.float64)
    spells = [(p, *s) for p in range(products) for s in _spells(rng, weeks, share)]
    depth, kind = rng.choice(DEPTHS, len(spells)), rng.integers(0, len(MECHANICS), len(spells))
    own = np.exp(rng.normal(0, PRODUCT, products))
    sold, promoted = base.copy(), np.zeros((products, weeks), dtype=np.bool_)
    truth = []
    for number, (product, first, last) in enumerate(spells):
        promoted[product, first : last + 1] = True
        usual, cut = own[product] * FIXED, own[product] * SLOPE / 10_000
        response = (usual + cut * depth[number]) * np.exp(rng.normal(0, EVENT))
        cells = (slice(None), product, slice(first, last + 1))
        extra = rng.poisson(mean[cells] * response)
        sold[cells] += extra
        without = float(base[cells].sum())
        truth.append((f"E{number:04d}", float(extra.sum()), without, without * float(usual + cut * min(DEPTHS))))
    _dip(rng, sold, promoted)
    names = _ids("P", products)
    columns = ["event_id", "effect_units", "base_units", "least_units"]
    return AlwaysWorld(
        panel=_panel(sold),
        stores=pl.DataFrame({"store_id": _ids("S", stores), "city": [f"C{c:02d}" for c in city]}),
        products=pl.DataFrame({"product_id": names, "sibling_group": [f"G{i // 6:02d}" for i in range(products)]}),
        events=_events(spells, stores),
        plan=pl.DataFrame(
            {
                "event_id": [f"E{i:04d}" for i in range(len(spells))],
                "mechanic": [MECHANICS[k] for k in kind],
                "depth_bp": depth.astype(np.int64),
            }
        ),
        truth=pl.DataFrame(truth, schema=columns, orient="row"),
    )


def _spells(rng: np.random.Generator, weeks: int, share: float) -> list[tuple[int, int]]:
    """First and last week of each spell; pauses are as long as the share asks, on average."""
    spells, week = [], int(rng.integers(0, 3)) if share < 1 else 0
    while week < weeks:
        last = min(week + int(rng.integers(0, 2)), weeks - 1)
        spells.append((week, last))
        pause = 1.5 * (1 - share) / share
        week = last + 1 + (int(rng.poisson(pause)) if pause > 0 else 0)
    return spells


def _dip(rng: np.random.Generator, sold: Array, promoted: np.ndarray) -> None:
    """Take the dip off unpromoted weeks after an offer, in place."""
    for week in range(1, promoted.shape[1]):
        lately = promoted[:, max(week - DIP_WEEKS, 0) : week].any(axis=1) & ~promoted[:, week]
        for product in np.flatnonzero(lately):
            sold[:, product, week] -= rng.binomial(sold[:, product, week].astype(np.int64), DIP)


def _events(spells: list[tuple[int, int, int]], stores: int) -> pl.DataFrame:
    rows = pl.DataFrame(
        [(f"E{i:04d}", f"P{p:03d}", FIRST_WEEK + a, FIRST_WEEK + b) for i, (p, a, b) in enumerate(spells)],
        schema={"event_id": pl.String, "product_id": pl.String, "first_week_n": pl.Int32, "last_week_n": pl.Int32},
        orient="row",
    )
    every = pl.DataFrame({"store_id": _ids("S", stores)})
    return rows.join(every, how="cross").select("event_id", "store_id", "product_id", "first_week_n", "last_week_n")
