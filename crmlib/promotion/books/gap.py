"""Why sales differ between two periods: stores, days, traffic, basket, mix, price, exact to the minor unit.

Sales of a unit class = stores × days per store × receipts per store-day × units per receipt × mix × price. The split is
made in each class of units by `core.divisia` (kilograms are never added to packs) and summed over classes; goods sold
in one period only, or at nothing, are causes of their own.
"""

from __future__ import annotations

import math

import polars as pl

from crmlib import panels
from crmlib.core.divisia import finer, split
from crmlib.core.frames import AnyFrame

FACTORS = ("stores", "days", "traffic", "basket")
CAUSES = (*FACTORS, "mix", "price", "new", "gone", "odd")


def gap_split(now: AnyFrame, then: AnyFrame) -> pl.DataFrame | None:
    """Split the gap in sales between two sets of receipt lines into its causes.

    Parameters
    ----------
    now, then : store_id, product_id, receipt_id, day, unit, quantity_milli, net_minor of the two periods (same goods).

    Returns
    -------
    cause, factor (how much the cause alone would have moved the whole, now / then), gap_minor; null (None) if either
    period has no sales: a missing partner is not a zero. The gaps add up to the difference of the two sales exactly,
    the factors multiply to its ratio.
    """
    here, there = panels.goods_sold(now), panels.goods_sold(then)
    a, b = int(here["net_minor"].sum()), int(there["net_minor"].sum())
    if a <= 0 or b <= 0:
        return None
    ratios = {
        k: first / second for (k, first), second in zip(_counts(now).items(), _counts(then).values(), strict=True)
    }
    goods = _goods(there, "0").join(_goods(here, "1"), on=["unit", "product_id"], how="full", coalesce=True)
    gaps = dict.fromkeys(CAUSES, 0)
    for unit, cause, gap, weight in split(goods.sort("unit", "product_id"), by=["unit"]).iter_rows():
        if cause == "volume":
            both = goods.filter(unit=unit).drop_nulls().filter(pl.min_horizontal("v0", "v1") > 0)
            units = float(both["q1"].sum()) / float(both["q0"].sum()) if both.height else 1.0
            whole = {**ratios, "basket": units / math.prod(ratios.values())} if both.height else {}
            for name, part in finer(gap, whole, weight=weight).items():
                gaps[name] += part
        else:
            gaps[cause] += gap
    mean = (a - b) / math.log(a / b) if a != b else float(a)
    factors = [math.exp(gap / mean) for gap in gaps.values()]
    return pl.DataFrame({"cause": CAUSES, "factor": factors, "gap_minor": list(gaps.values())})


def _counts(lines: AnyFrame) -> dict[str, float]:
    """Stores, days per store, receipts per store-day."""
    seen = panels.traffic(lines)
    stores, store_days = seen["stores"], seen["store_days"]
    return {"stores": float(stores), "days": store_days / stores, "traffic": seen["receipts"] / store_days}


def _goods(sold: pl.DataFrame, period: str) -> pl.DataFrame:
    return sold.rename({"net_minor": f"v{period}", "quantity_milli": f"q{period}"})
