"""Price and display elasticities of a weekly panel: Poisson with store × product and week effects, zeros kept.

log E[units] = pair + week + b1 log(price / base price) + b2 log(base price) + b3 feature + b4 display + b5 tpr_only,
clustered by store; for panels with prices and display flags but no list of events. Weeks in which nothing was sold
belong to it: leaving them out is choosing by the outcome and flattens the answer (at .3 units a week a true −2.5 reads
−1). A term that does not vary, or that effects and earlier terms say already, is named and left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from crmlib.core.errors import check_choice
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.promotion.lift.flags import refuse_text
from crmlib.promotion.lift.panel import refusal
from crmlib.promotion.lift.poisson import poisson

FLAGS = ("feature", "display", "tpr_only")
TERMS = ("log_discount", "log_base", *FLAGS)
KEY = ("store_id", "product_id", "week")
EFFECTS = ("pair", "week")
METHODS = ("poisson", "log")


@dataclass(frozen=True, slots=True)
class Elasticity:
    """table : term, estimate, se (clustered by store), of the terms that could be estimated.

    left_out : term, reason (constant, collinear, separated). observations : rows used; unpriced : rows without a price
    above 0; idle : rows of store-products or weeks that never sold; above_base : rows with price > base price (R4).
    """

    table: pl.DataFrame
    left_out: pl.DataFrame
    observations: int
    unpriced: int
    idle: int
    above_base: int


def elasticity(
    frame: AnyFrame,
    *,
    flags: Sequence[str] = FLAGS,
    effects: Sequence[str] = EFFECTS,
    method: str = "poisson",
) -> Elasticity:
    """Fit on every row with a price; prices above the base price are counted, not dropped (flag R4).

    Parameters
    ----------
    frame : store_id, product_id, week (not needed without its effect), units ≥ 0, price and the columns in `flags`;
        with base_price the discount and the base price have a term each, without it the price has one (log_price).
        Weeks without sales are rows with 0 units and the price that stood on the shelf (`shelf_prices`).
    effects : pair (store × product), week, or both.
    method : poisson, or log: least squares on log units, for data that come as logarithms; no zeros.

    Raises
    ------
    ContractError
        promotion.r3: negative units, or units of 0 under `log`. promotion.r13: decimal commas.
    ModelError
        promotion.no_variation: nothing left that could tell a response; promotion.not_converged.
    """
    check_choice(method, METHODS, name="method")
    for name in effects:
        check_choice(name, EFFECTS, name="effects")
    needs = ["store_id", "product_id", "units", "price", *flags, *(["week"] if "week" in effects else [])]
    table = to_polars(frame, needs=needs, name="panel")
    based = "base_price" in table.columns
    prices = ("price", "base_price") if based else ("price",)
    refuse_text(table, numbers=("units", *prices), name="panel")
    _refuse(table, log=method == "log")
    known = ["store_id", "product_id", "units", *prices, *flags, *(["week"] if "week" in effects else [])]
    priced = pl.all_horizontal(pl.col(c) > 0 for c in prices)
    used = (
        table.drop_nulls(known)
        .filter(priced)
        .with_columns(pair=pl.struct("store_id", "product_id").rank("dense"), store=pl.col("store_id").rank("dense"))
    )
    used = used.with_columns(week=pl.col("week").rank("dense")) if "week" in effects else used
    columns = {"log_discount": pl.col("price") / pl.col("base_price"), "log_base": pl.col("base_price")}
    logs = columns if based else {"log_price": pl.col("price")}
    x = used.select(**{k: v.cast(pl.Float64).log() for k, v in logs.items()}, **{f: pl.col(f) for f in flags})
    found = poisson(
        used["units"].cast(pl.Float64).to_numpy(),
        x.cast(pl.Float64).to_numpy(),
        terms=x.columns,
        effects=[used[e].to_numpy().astype(np.int64) - 1 for e in effects],
        cluster=used["store"].to_numpy().astype(np.int64) - 1,
        log=method == "log",
    )
    numbers = pl.DataFrame({"term": found.terms, "estimate": found.estimate, "se": found.se})
    left = pl.DataFrame(list(found.left_out.items()), schema={"term": pl.String, "reason": pl.String}, orient="row")
    rows = int(found.used.sum())
    above = table.filter(pl.col("price") > pl.col("base_price")).height if based else 0
    return Elasticity(
        numbers.filter(pl.col("estimate").is_not_nan()),
        left,
        rows,
        table.height - used.height,
        used.height - rows,
        above,
    )


def shelf_prices(frame: AnyFrame) -> pl.DataFrame:
    """Prices of weeks in which nothing was sold, where none was seen at the till.

    The discount of a product's week is what the stores that sold it gave (median of price / base price); the base price
    is the store-product's last one, before its first sale the next one. Without any sale of the product in that week
    the shelf price is taken to be the base price.

    Parameters
    ----------
    frame : store_id, product_id, week, price, base_price (both null where nothing was sold).

    Returns
    -------
    The frame with both prices filled, and is_price_seen (it was seen at the till).

    Examples
    --------
    >>> rows = {"store_id": ["a", "a", "b", "b"], "product_id": ["p"] * 4, "week": [1, 2, 1, 2]}
    >>> seen = pl.DataFrame(rows | {"price": [10.0, None, 10.0, 8.0], "base_price": [10.0, None, 10.0, 10.0]})
    >>> shelf_prices(seen)["price"].to_list()
    [10.0, 8.0, 10.0, 8.0]
    """
    table = to_polars(frame, needs=[*KEY, "price", "base_price"], name="panel").sort(KEY)
    pair = ["store_id", "product_id"]
    ratio = (pl.col("price") / pl.col("base_price")).median().over("product_id", "week").fill_null(1.0)
    base = pl.col("base_price").forward_fill().backward_fill().over(pair)
    filled = table.with_columns(is_price_seen=pl.col("price").is_not_null(), base_price=base, _ratio=ratio)
    return filled.with_columns(price=pl.coalesce("price", pl.col("base_price") * pl.col("_ratio"))).drop("_ratio")


def _refuse(table: pl.DataFrame, *, log: bool) -> None:
    units = pl.col("units")
    bad = table.filter((units <= 0) if log else (units < 0))
    if bad.height:
        raise refusal("promotion.r3", bad)
