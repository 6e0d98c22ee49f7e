"""Cross elasticities: what a price of one good does to the sales of another on the same shelf.

One Poisson regression a good, log E[units_i] = store + week + Σ_j b_ij log price_j over all goods of the shelf at once:
siblings are often cut together, and asked one by one each would be given what the others did. Zeros stay in, errors are
clustered by store (`poisson`), and of the cross terms told at most a twentieth is false (Benjamini & Hochberg 1995).
Totals of two periods say nothing of this.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from scipy.stats import t as student

from crmlib.core.errors import ModelError, check_choice
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.proportions import benjamini_hochberg
from crmlib.promotion.arrays import Floats
from crmlib.promotion.lift.poisson import PoissonFit, poisson

MOST = 12
"""Goods of a shelf; more prices than that are no longer told apart."""
LEVEL = 0.05
EFFECTS = ("store", "week")
KEY = ["store_id", "week"]


def cross(frame: AnyFrame, *, effects: Sequence[str] = EFFECTS) -> pl.DataFrame:
    """Elasticity of every good's units to every good's price.

    Parameters
    ----------
    frame : store_id, product_id, week, units ≥ 0, price > 0 of one shelf, also of weeks without a sale
        (`elasticity.shelf_prices`). A store's week that lacks the price of one good is left out for all.
    effects : store, week, or both; where all stores have the same price in a week, only store.

    Returns
    -------
    product_id (whose units), price_of, estimate, se, low, high (95 %), p, relation (own; substitute: dearer there, more
    here; complement: dearer there, less here; null: not told), left_out (why there is no estimate), observations.

    Raises
    ------
    ModelError
        promotion.shelf_size: not 2–12 goods; promotion.no_variation: no store's week has all prices.
    """
    for name in effects:
        check_choice(name, EFFECTS, name="effects")
    table = to_polars(frame, needs=["product_id", *KEY, "units", "price"], name="panel")
    goods = table["product_id"].drop_nulls().unique().sort().to_list()
    if not 2 <= len(goods) <= MOST:
        raise ModelError("promotion.shelf_size", values={"goods": len(goods), "most": MOST})
    priced = table.filter(pl.col("price") > 0, pl.col("units") >= 0).group_by(*KEY, "product_id").agg(
        pl.col("units").sum().cast(pl.Float64), pl.col("price").mean().cast(pl.Float64).log()
    )  # fmt: skip
    shape = {"on": "product_id", "index": KEY}
    prices = priced.pivot(**shape, values="price").drop_nulls().sort(KEY)  # type: ignore[arg-type]
    if any(good not in prices.columns for good in goods) or prices.height <= len(goods):
        raise ModelError("promotion.no_variation", values={"rows": prices.height, "terms": ", ".join(goods)})
    units = prices.select(KEY).join(priced.pivot(**shape, values="units"), on=KEY, how="left", maintain_order="left")  # type: ignore[arg-type]
    levels = [prices[{"store": "store_id"}.get(e, e)].rank("dense").to_numpy().astype(np.int64) - 1 for e in effects]
    store = prices["store_id"].rank("dense").to_numpy().astype(np.int64) - 1
    x = prices.select(goods).to_numpy()
    made = [
        _rows(good, poisson(units[good].to_numpy(), x, terms=goods, effects=levels, cluster=store)) for good in goods
    ]
    return _told(pl.concat(made))


def _rows(good: str, fit: PoissonFit) -> pl.DataFrame:
    quantile = float(student.ppf(0.975, max(fit.groups - 1, 1)))
    estimate, se = (pl.Series(np.asarray(v)).fill_nan(None) for v in (fit.estimate, fit.se))
    with np.errstate(invalid="ignore", divide="ignore"):
        p: Floats = 2 * student.sf(np.abs(fit.estimate / fit.se), max(fit.groups - 1, 1))
    return pl.DataFrame({
        "product_id": [good] * len(fit.terms), "price_of": list(fit.terms), "estimate": estimate, "se": se,
        "low": estimate - quantile * se, "high": estimate + quantile * se, "p": pl.Series(p).fill_nan(None),
        "left_out": pl.Series([fit.left_out.get(term) for term in fit.terms], dtype=pl.String),
        "observations": [int(fit.used.sum())] * len(fit.terms),
    })  # fmt: skip


def _told(found: pl.DataFrame) -> pl.DataFrame:
    own = pl.col("product_id") == pl.col("price_of")
    asked = found.select((~own & pl.col("p").is_not_null()).alias("asked"))["asked"].to_numpy()
    sure = np.zeros(found.height, dtype=bool)
    sure[asked] = benjamini_hochberg(found["p"].to_numpy()[asked], level=LEVEL)
    kind = pl.when(own).then(pl.lit("own")).when(pl.Series(sure) & (pl.col("estimate") > 0)).then(pl.lit("substitute"))
    relation = kind.when(pl.Series(sure) & (pl.col("estimate") < 0)).then(pl.lit("complement"))
    names = ["product_id", "price_of", "estimate", "se", "low", "high", "p", "relation", "left_out", "observations"]
    return found.with_columns(relation=relation).select(names)
