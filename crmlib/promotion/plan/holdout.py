"""Which stores to leave out next time, and what that would let us see.

Stores are paired by how alike they sell (size within city), one of each chosen pair is held out at random: that makes
the next event's comparison immune to unseen demand. Power is for the difference of treated and held-out stores,
relative to the base, from how store-weeks really vary around their model.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.stats import norm

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.shapes import check_shapes
from crmlib.promotion.arrays import Floats

ALPHA = 0.1
"""Two-sided error of the test that goes with 90 % intervals."""
TARGET_POWER = 0.8


def standard_error(base: Floats, held: Floats, *, phi: float, tau: float) -> float:
    """Standard error of a relative lift, comparing treated with held-out stores.

    base, held : units the treated and the held-out stores are expected to sell; phi : counting noise per unit;
    tau : a store-week's own swing (standard deviation, as a share).
    """
    check_shapes(base=(base, "treated"), held=(held, "held"))

    def variance(stores: Floats) -> float:
        total = float(stores.sum())
        return phi / total + tau**2 * float((stores**2).sum()) / total**2

    return float(np.sqrt(variance(base) + variance(held)))


def power(lift: float, se: float, *, alpha: float = ALPHA) -> float:
    """Chance that a true relative lift is told from 0.

    Examples
    --------
    >>> round(power(0.0, 0.05), 3), round(power(0.2, 0.05), 2)
    (0.1, 0.99)
    """
    cut = norm.ppf(1 - alpha / 2)
    return float(norm.sf(cut - lift / se) + norm.cdf(-cut - lift / se))


def smallest_lift(se: float, *, alpha: float = ALPHA, wanted: float = TARGET_POWER) -> float:
    """Smallest relative lift found with the wanted chance."""
    return float((norm.ppf(1 - alpha / 2) + norm.ppf(wanted)) * se)


def holdout_curve(stores: AnyFrame, *, lift: float, phi: float, tau: float, rng: np.random.Generator) -> pl.DataFrame:
    """Power by the number of stores left out: held_out, se, power, smallest_lift, lost_units (given up by holding out).

    stores : store_id, city, base_units (expected in the event without it).
    """
    table = _stores(stores)
    rows = []
    for held in range(2, table.height // 2 + 1, max(1, table.height // 20)):
        out = choose(table, held_out=held, rng=np.random.default_rng(rng.integers(2**32)))
        kept, gone = (out.filter(pl.col("held_out") == h)["base_units"].to_numpy() for h in (False, True))
        se = standard_error(kept, gone, phi=phi, tau=tau)
        rows.append((held, se, power(lift, se), smallest_lift(se), lift * float(gone.sum())))
    columns = ["held_out", "se", "power", "smallest_lift", "lost_units"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def choose(stores: AnyFrame, *, held_out: int, rng: np.random.Generator) -> pl.DataFrame:
    """Stores with held_out: one of each of `held_out` pairs of alike stores, drawn at random.

    Raises
    ------
    ModelError
        promotion.holdout_stores: not enough stores to pair.
    """
    table = _stores(stores)
    if held_out < 1 or 2 * held_out > table.height:
        raise ModelError("promotion.holdout_stores", values={"held_out": held_out, "stores": table.height})
    pairs = np.arange(table.height // 2)
    spread = np.sort(rng.choice(pairs, held_out, replace=False))
    drawn = 2 * spread + rng.integers(0, 2, held_out)
    return table.with_columns(
        pair=pl.Series(np.arange(table.height) // 2), held_out=pl.Series(np.isin(np.arange(table.height), drawn))
    )


def _stores(stores: AnyFrame) -> pl.DataFrame:
    table = to_polars(stores, needs=["store_id", "city", "base_units"], name="stores")
    return table.sort("city", "base_units", "store_id").with_columns(pl.col("base_units").cast(pl.Float64))
