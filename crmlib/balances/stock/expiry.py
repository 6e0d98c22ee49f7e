"""What expires before it is sold: batches in order of expiry (FEFO), each behind all earlier ones.

A batch sells out with P(V + D ≥ Q): D is the demand of its own days, those after the last day of the batch before it
to its own last saleable day, that day included; V is the demand that earlier batches could not meet and that took of
this one. V' = (V + D − Q)⁺ goes on to the next (Lindley 1952). Each sum is taken as a negative binomial of its mean and
variance; the error of the smoothed level is common to all days.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from crmlib.balances.stock import negative_binomial as nb
from crmlib.balances.stock.demand import Demand, spread_of
from crmlib.core.apportion import Floats, Ints, run_of, run_starts
from crmlib.core.dates import a_day
from crmlib.core.errors import ContractError
from crmlib.core.frames import AnyFrame, to_polars, whole


def batches(
    lots: AnyFrame, demand: Demand, *, items: pl.DataFrame, as_of: date, key: Sequence[str] = ("store_id", "product_id")
) -> pl.DataFrame:
    """Whether each lot on hand at the close of `as_of` will be sold before it expires, by store and product.

    Parameters
    ----------
    lots : key, lot_id, expires_on (last saleable day), on_hand_milli; optional produced_on.
    demand : forecast of the days after `as_of`. items : key columns, one row per row of `demand`.

    Returns
    -------
    key, lot_id, expires_on, on_hand_milli, days (saleable days left), before_milli (what earlier lots will take of
    these days' demand), mean (that demand [units]), p_sold, left_milli (expected left-over of this lot), in order of
    expiry. Lots past their last day have 0 days. Days beyond the forecast's horizon go on at the level without season.

    Raises
    ------
    ContractError
        `balances.lot_dates`: a lot that expires before it is made.
    """
    names = list(key)
    table = to_polars(lots, needs=[*names, "lot_id", "expires_on", "on_hand_milli"], name="lots")
    table = whole(table, ["on_hand_milli"], name="lots").filter(
        (pl.col("on_hand_milli") > 0) & pl.col("expires_on").is_not_null()
    )
    _check_dates(table)
    numbers = items.select(names).with_row_index("__item")
    days = (pl.col("expires_on") - pl.lit(a_day(as_of, name="as_of"))).dt.total_days().clip(lower_bound=0)
    table = table.join(numbers, on=names, how="left").with_columns(days=days).sort(*names, "expires_on", "lot_id")
    known = table["__item"].is_not_null().to_numpy() & bool(demand.phi.size)
    item, left_days = (table[c].fill_null(0).to_numpy().astype(np.int64) for c in ("__item", "days"))
    mean, phi, spread = np.zeros(item.size), np.ones(item.size), np.ones(item.size)
    mean[known] = _expected(demand, item[known], left_days[known])
    phi[known] = demand.phi[item[known]]
    spread[known] = spread_of(demand, left_days[known], item=item[known])
    group = table.select(pl.struct(names).rank("dense").cast(pl.Int64) - 1).to_series().to_numpy()
    own = table["on_hand_milli"].to_numpy() / 1000
    before, left, sold = _in_turn(group, own, mean, phi, spread)
    return table.with_columns(
        before_milli=pl.Series(np.rint(before * 1000).astype(np.int64)),
        mean=pl.Series(mean),
        p_sold=pl.Series(np.where(mean > 0, sold, 0.0)),
        left_milli=pl.Series(np.rint(left * 1000).astype(np.int64)),
    ).select(*names, "lot_id", "expires_on", "on_hand_milli", "days", "before_milli", "mean", "p_sold", "left_milli")


def _in_turn(group: Ints, own: Floats, mean: Floats, phi: Floats, spread: Floats) -> tuple[Floats, Floats, Floats]:
    """What earlier lots are expected to take of each lot's demand, what is left of it, whether it sells out.

    Groups in order of expiry. phi is the variance/mean of independent days, spread that of the sum with the level's
    error. An earlier lot takes what it sells, not all that it is: what expires of it leaves its demand to the next.
    """
    starts = run_starts(group)
    turn = np.arange(group.size) - starts[run_of(starts, group.size)]
    before, left, sold = np.zeros(own.size), np.zeros(own.size), np.zeros(own.size)
    taken, done, over, over_var, reach = (np.zeros(starts.size) for _ in range(5))
    for step in range(int(turn.max(initial=-1)) + 1):
        rows = np.flatnonzero(turn == step)
        g = group[rows]
        more = np.maximum(mean[rows] - done[g], 0.0)
        unsure = np.maximum(spread[rows] - phi[rows], 0.0) / np.maximum(mean[rows], 1e-9)  # relative, of the level
        asked = np.maximum(over[g] + more, 1e-9)
        variance = over_var[g] + phi[rows] * more + unsure * more * (more + 2.0 * reach[g])
        ratio = np.maximum(variance / asked, 1.0)
        rest = np.clip(nb.left_over(asked, ratio, own[rows]), 0.0, own[rows])
        squared = ratio * asked + (asked - own[rows]) ** 2 - nb.left_squared(asked, ratio, own[rows])
        before[rows], left[rows], sold[rows] = taken[g], rest, nb.sells_out(asked, ratio, own[rows])
        taken[g] += own[rows] - rest
        done[g] = mean[rows]
        over[g] = np.maximum(asked - own[rows] + rest, 0.0)
        over_var[g] = np.maximum(squared - over[g] ** 2, 0.0)
        reach[g] = sold[rows] * (reach[g] + more)
    return before, left, sold


def _expected(demand: Demand, item: Ints, days: Ints) -> Floats:
    """Demand of the first `days` days of each item, same shape."""
    horizon = demand.mean.shape[1]
    total = np.concatenate([np.zeros((demand.mean.shape[0], 1)), np.cumsum(demand.mean, axis=1)], axis=1)
    return np.asarray(total[item, np.minimum(days, horizon)] + np.maximum(days - horizon, 0) * demand.level[item])


def _check_dates(table: pl.DataFrame) -> None:
    if "produced_on" not in table.columns:
        return
    wrong = table.filter(pl.col("expires_on") < pl.col("produced_on"))
    if wrong.height:
        raise ContractError(
            "balances.lot_dates", values={"rows": wrong.height}, examples=[str(lot) for lot in wrong["lot_id"]]
        )
