"""Which own store loses how much to which new store? Every yuan of a new store is traced.

Per new store: gross = Σ losses of own stores + losses of rivals + loss of the outside option, exactly.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from crmlib.core.money import minor_per_unit
from crmlib.sites import forecast, huff, shares
from crmlib.sites.huff import HuffFit
from crmlib.sites.market import Array, Market, Stores

SCHEMA = {
    "site_id": pl.String,
    "from_id": pl.String,
    "from_kind": pl.String,
    "loss_minor": pl.Int64,
    "loss_low_minor": pl.Int64,
    "loss_high_minor": pl.Int64,
    "share": pl.Float64,
}


def losses(at: shares.Stage, new: Array) -> tuple[Array, Array]:
    """Losses of own stores, shape (n, j), and of rivals and outside, shape (n, 2), when each store opens alone [yuan].

    Parameters
    ----------
    at : the stage before; new : attractions of the new stores, shape (cells, n).
    """
    total = at.own.sum(axis=1)
    rest = at.rivals + at.outside
    before = shares.own_share(total, rest, at.nest)
    per_own = before / total
    own = np.empty((new.shape[1], at.own.shape[1]))
    others = np.empty((new.shape[1], 2))
    for n in range(new.shape[1]):
        after_total = total + new[:, n]
        after = shares.own_share(after_total, rest, at.nest)
        own[n] = (at.demand * (per_own - after / after_total)) @ at.own
        gone = at.demand * (after - before) / rest
        others[n] = gone @ at.rivals, gone @ at.outside
    return own, others


def joint(at: shares.Stage, new: Array) -> Array:
    """What each own store loses when all new stores open together [yuan a year], shape (j,)."""
    total = at.own.sum(axis=1)
    rest = at.rivals + at.outside
    after = total + new.sum(axis=1)
    kept = shares.own_share(total, rest, at.nest) / total - shares.own_share(after, rest, at.nest) / after
    return np.asarray((at.demand * kept) @ at.own)


def matrix(
    market: Market, fitted: HuffFit, new: Stores, *, draws: int, rng: np.random.Generator, currency: str = "CNY"
) -> pl.DataFrame:
    """Long table of losses: site_id (the new store), from_id, from_kind, loss_minor with its 80 % interval, share.

    `from_kind` is ``own`` (one row per own store), ``rivals`` or ``outside``. loss_minor sums to the new store's
    gross_minor exactly; share is the part of the own store's revenue that it loses (null for the other two).
    """
    at, attractions = forecast.candidate_attractions(market, fitted, new)
    own, others = losses(at, attractions)
    per_unit = minor_per_unit(currency)
    three = forecast.whole_parts(np.column_stack([own.sum(axis=1), others]) * per_unit)
    parts = np.column_stack([forecast.whole_parts(own * per_unit, totals=three[:, 0]), three[:, 1:]])
    low, high = (np.rint(b * per_unit).astype(np.int64) for b in _interval(market, fitted, new, draws=draws, rng=rng))
    base = np.append(shares.revenue(at), [np.nan, np.nan])
    ids = [*market.own.ids, "rivals", "outside"]
    kinds = ["own"] * len(market.own.ids) + ["rivals", "outside"]
    empty = pl.DataFrame(schema=SCHEMA)
    frames = [
        pl.DataFrame(
            {
                "site_id": [site] * len(ids),
                "from_id": ids,
                "from_kind": kinds,
                "loss_minor": parts[n],
                "loss_low_minor": low[n],
                "loss_high_minor": high[n],
                "share": parts[n] / per_unit / base,
            }
        )
        for n, site in enumerate(new.ids)
    ]
    return pl.concat([empty, *frames]).with_columns(pl.col("share").fill_nan(None))


def _interval(
    market: Market, fitted: HuffFit, new: Stores, *, draws: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """10 % and 90 % quantiles of every loss, shape (n, j + 2)."""
    seen = np.empty((draws, len(new.ids), len(market.own.ids) + 2))
    for i, vector in enumerate(huff.draw(fitted, draws=draws, rng=rng)):
        at = huff.stage_at(market, fitted, vector=vector)
        utility = huff.utility_of(market, fitted, new, vector=vector) + rng.normal(0, fitted.sigma, len(new.ids))
        own, others = losses(at, shares.attraction(at, utility))
        seen[i] = np.concatenate([own, others], axis=1)
    low, high = np.quantile(seen, forecast.INTERVAL, axis=0)
    return low, high
