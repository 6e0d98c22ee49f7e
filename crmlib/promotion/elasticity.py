"""Price and display elasticities of a weekly panel: Poisson with store × product and week effects.

log E[units] = pair + week + b1 log(price / base price) + b2 log(base price) + b3 feature + b4 display + b5 tpr_only,
clustered by store; for panels with prices and display flags but no list of events.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
import pyfixest

from crmlib.core.frames import AnyFrame, to_polars

TERMS = ("log_discount", "log_base", "feature", "display", "tpr_only")
NEEDS = ("store_id", "product_id", "week", "units", "price", "base_price", "feature", "display", "tpr_only")


@dataclass(frozen=True, slots=True)
class Elasticity:
    """table : term, estimate, se (clustered by store). observations used; above_base : rows with price > base (R4)."""

    table: pl.DataFrame
    observations: int
    above_base: int


def elasticity(frame: AnyFrame) -> Elasticity:
    """Fit on rows with units > 0 and both prices; prices above the base price are counted, not dropped (flag R4)."""
    table = to_polars(frame, needs=NEEDS, name="panel")
    used = table.filter(pl.col("units") > 0, pl.col("price") > 0, pl.col("base_price") > 0).with_columns(
        log_discount=(pl.col("price") / pl.col("base_price")).log(),
        log_base=pl.col("base_price").log(),
        pair=pl.struct("store_id", "product_id").rank("dense"),
    )
    columns = ["units", *TERMS, "pair", "week", "store_id"]
    formula = f"units ~ {' + '.join(TERMS)} | pair + week"
    fit = pyfixest.fepois(formula, data=used.select(columns).to_pandas(), vcov={"CRV1": "store_id"})
    above = table.filter(pl.col("price") > pl.col("base_price")).height
    numbers = pl.DataFrame({"term": TERMS, "estimate": fit.coef().to_numpy(), "se": fit.se().to_numpy()})
    return Elasticity(numbers, int(fit._N), above)
