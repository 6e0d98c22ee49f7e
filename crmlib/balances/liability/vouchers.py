"""Vouchers for goods: how many are drawn until the festival, and which counters will be short.

Vouchers are drawn by days to the festival, not by their age and not by the date of the year.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from crmlib.core.apportion import Floats
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.shapes import check_shapes


def draws_to_come(outstanding: float, drawn: Floats, past_outstanding: Floats) -> Floats:
    """Expected draws on each of the coming days up to the festival and after it, shape (days,).

    Parameters
    ----------
    outstanding : open now [units]. drawn : of the vouchers open at the same days to past festivals, what was drawn on
        each later day, shape (cycles, days). past_outstanding : open then, shape (cycles,).

    Examples
    --------
    >>> draws_to_come(50.0, np.array([[30.0, 50.0]]), np.array([100.0]))
    array([15., 25.])
    """
    check_shapes(past_outstanding=(past_outstanding, "cycles"), drawn=(drawn, "cycles days"))
    return np.asarray(outstanding * drawn.sum(axis=0) / max(float(past_outstanding.sum()), 1e-12))


def ultimate_by_life(so_far: float, life_share: float, past: Floats) -> float | None:
    """All that a running batch will have seen used, from the share of its life that has passed.

    Parameters
    ----------
    past : share of life (0–1) at which each use of closed batches happened, shape (uses,).

    Returns
    -------
    None where closed batches had no use by that share.

    Examples
    --------
    >>> ultimate_by_life(30.0, 0.5, np.array([0.1, 0.2, 0.4, 0.9]))
    40.0
    """
    by_then = float((past <= life_share).mean()) if past.size else 0.0
    return so_far / by_then if by_then > 0 else None


def goods_needed(forecast: AnyFrame, stock: AnyFrame, *, upper_ratio: float) -> pl.DataFrame:
    """Goods that each counter lacks for the draws to come: upper end of the forecast − what it has.

    Parameters
    ----------
    forecast : store_id, product_id, expected_milli. stock : store_id, product_id, on_hand_milli (own, not held).
    upper_ratio : upper true ÷ forecast of past dates **at this level** (`intervals.ratios`); the company's interval is
        narrower and does not hold for a store.

    Returns
    -------
    store_id, product_id, expected_milli, upper_milli, on_hand_milli, needed_milli (≥ 0), most needed first.
    """
    key = ["store_id", "product_id"]
    want = to_polars(forecast, needs=[*key, "expected_milli"], name="forecast")
    have = (
        to_polars(stock, needs=[*key, "on_hand_milli"], name="stock").group_by(key).agg(pl.col("on_hand_milli").sum())
    )
    both = want.join(have, on=key, how="left").with_columns(pl.col("on_hand_milli").fill_null(0))
    both = both.with_columns(upper_milli=(pl.col("expected_milli") * upper_ratio).ceil().cast(pl.Int64))
    needed = (pl.col("upper_milli") - pl.col("on_hand_milli").clip(lower_bound=0)).clip(lower_bound=0)
    rows = both.select(*key, "expected_milli", "upper_milli", "on_hand_milli", needed_milli=needed)
    return rows.sort(pl.col("needed_milli"), *key, descending=[True, False, False])
