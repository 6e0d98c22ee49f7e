"""One night: everything the early-warning page knows about each eligible customer, in one frame."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from crmlib.churn import overdue
from crmlib.churn.features import Options, features, rhythm
from crmlib.churn.festivals import festival_buyers
from crmlib.churn.model import RiskFit
from crmlib.churn.visits import Visits, known_days


def night(
    seen: Visits, *, as_of: date, before: date, risk: RiskFit, rng: np.random.Generator, options: Options | None = None
) -> pl.DataFrame:
    """Features, risk with reasons, and state against the own rhythm, today and at the last list.

    Returns the features of `crmlib.churn.features.features` and besides: risk, base, part_*, reason_1 … reason_3,
    overdue, usual_gap, state, state_before (null = not eligible then), waiting (a festival buyer whose next festival
    is still to come).
    """
    chosen = options or Options()
    table = features(seen, t0=as_of, options=chosen)
    days = known_days(seen, t0=as_of).filter("trip")
    fit = overdue.fit(table, log_gaps=overdue.log_gap_sums(days), rng=rng)
    earlier = fit.overdue(rhythm(seen, t0=before, options=chosen)).select("customer_id", state_before="state")
    joined = table.join(risk.score(table), on="customer_id").join(fit.overdue(table), on="customer_id")
    waits = pl.lit(value=False)
    if chosen.festivals is not None:
        waiting = festival_buyers(days, chosen.festivals, t0=as_of)["customer_id"]
        waits = pl.col("customer_id").is_in(waiting.implode())
    return joined.join(earlier, on="customer_id", how="left").with_columns(waits.alias("waiting")).sort("customer_id")


def last_goods(lines: pl.LazyFrame, goods: pl.LazyFrame, customers: pl.Series) -> pl.DataFrame:
    """What the customers bought on their last day: customer_id, last_day, last_goods (the two dearest kinds).

    Parameters
    ----------
    lines : customer_id, product_id, day, quantity_milli, net_minor.
    goods : product_id, category_2.
    """
    own = lines.filter(pl.col("customer_id").is_in(customers.implode()) & (pl.col("quantity_milli") > 0))
    named = own.join(goods.select("product_id", "category_2"), on="product_id", how="left")
    last = named.filter(pl.col("day") == pl.col("day").max().over("customer_id"))
    kinds = last.group_by("customer_id", "day", "category_2").agg(pl.col("net_minor").sum()).drop_nulls("category_2")
    ranked = kinds.sort("customer_id", "net_minor", "category_2", descending=[False, True, False])
    made = ranked.group_by("customer_id", maintain_order=True).agg(
        pl.col("day").first().alias("last_day"), pl.col("category_2").head(2).alias("last_goods")
    )
    return made.collect()
