"""When a pack is used up: q^β times one's own days per pack, if quantity drives the interval at all.

With a true dose β is 1; wholesalers show .126, so their next order follows a rhythm and not a dose. The dose clock is
used only where β's interval lies above .5. ln(gap) = α_customer + β ln(q) + e, standard errors by customer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars

Array = npt.NDArray[Any]
DOSE_FROM = 0.5
MIN_GAPS = 30
NEEDS = ("customer_id", "day_n", "quantity_milli")


@dataclass(frozen=True, slots=True)
class Elasticity:
    """β of the interval to quantity, standard error, gaps and customers used; variance within and between [ln days]."""

    beta: float
    se: float
    gaps: int
    customers: int
    within: float
    between: float

    @property
    def is_dose(self) -> bool:
        """Whether the interval of β lies above .5: the clock is the pack's, else the order rhythm's."""
        return self.beta - 1.959964 * self.se > DOSE_FROM


def gaps(purchases: AnyFrame) -> pl.DataFrame:
    """customer_id, day_n, packs (bought that day), days (to the next purchase; null for the last)."""
    table = to_polars(purchases, needs=NEEDS, name="purchases")
    by_day = table.group_by("customer_id", "day_n").agg(packs=pl.col("quantity_milli").sum() / 1000)
    return (
        by_day.filter(pl.col("packs") > 0)
        .sort("customer_id", "day_n")
        .with_columns(days=(pl.col("day_n").shift(-1) - pl.col("day_n")).over("customer_id"))
    )


def elasticity(purchases: AnyFrame) -> Elasticity:
    """Fit β.

    Parameters
    ----------
    purchases : customer_id, day_n [days since 1970], quantity_milli, of one product or class; for several, one
        customer_id per customer and product.

    Raises
    ------
    ModelError
        `cases.few_gaps` with fewer than 30 gaps of customers with two.
    """
    closed = gaps(purchases).filter(pl.col("days").is_not_null())
    several = closed.filter(pl.len().over("customer_id") > 1)
    x_own, y_own = pl.col("packs").log(), pl.col("days").log()
    flat = several.select(
        "customer_id", x=x_own - x_own.mean().over("customer_id"), y=y_own - y_own.mean().over("customer_id")
    )
    x, y = flat["x"].to_numpy(), flat["y"].to_numpy()
    spread = float(x @ x)
    if several.height < MIN_GAPS or spread <= 0:
        raise ModelError("cases.few_gaps", values={"gaps": several.height, "needed": MIN_GAPS})
    beta = float(x @ y) / spread
    score = (
        flat.with_columns(u=pl.col("x") * (pl.col("y") - beta * pl.col("x")))
        .group_by("customer_id")
        .agg(pl.col("u").sum())
    )
    customers = score.height
    se = float(np.sqrt((score["u"].to_numpy() ** 2).sum())) / spread
    within = float(((y - beta * x) ** 2).sum()) / max(several.height - customers - 1, 1)
    means = several.group_by("customer_id").agg(m=(y_own - beta * x_own).mean(), n=pl.len())
    between = max(float(np.var(means["m"].to_numpy())) - within * float((1 / means["n"].to_numpy()).mean()), 0.0)
    return Elasticity(beta, se, several.height, customers, within, between)


def use_up(purchases: AnyFrame, *, law: Elasticity, label_days: float) -> pl.DataFrame:
    """When each customer's last purchase is used up.

    Parameters
    ----------
    law : from `elasticity`; refuse to call it a dose yourself: `law.is_dose`.
    label_days : days one pack lasts by its label.

    Returns
    -------
    customer_id, last_n, packs, days_per_pack (own, moved to the label as few intervals demand), used_up_n (null where
    quantity does not drive the interval: use `cycle.next_order`).
    """
    rows = gaps(purchases)
    log_days = pl.col("days").log() - law.beta * pl.col("packs").log()
    by = rows.group_by("customer_id", maintain_order=True).agg(
        own=log_days.mean(),
        n=pl.col("days").is_not_null().sum(),
        last_n=pl.col("day_n").last(),
        packs=pl.col("packs").last(),
    )
    trust = _trust(by["n"].to_numpy().astype(float), law)
    return by.with_columns(
        days_per_pack=(
            pl.Series(trust) * pl.col("own").fill_null(0.0) + pl.Series(1 - trust) * float(np.log(label_days))
        ).exp()
    ).select(
        "customer_id",
        "last_n",
        "packs",
        "days_per_pack",
        used_up_n=pl.when(law.is_dose).then(
            (pl.col("last_n") + pl.col("packs") ** law.beta * pl.col("days_per_pack")).round().cast(pl.Int64)
        ),
    )


def _trust(n: Array, law: Elasticity) -> Array:
    """Weight of one's own mean against the label, shape (customers,)."""
    return np.asarray(n * law.between / np.maximum(n * law.between + law.within, 1e-12))
