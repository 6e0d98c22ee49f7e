"""Why sales differ between two periods: stores, days, traffic, basket, mix and price, exact to the minor unit.

Sales = stores × days per store × receipts per store-day × units per receipt × mix × price. Each factor's part of the
gap is its share of the log change (logarithmic mean Divisia index; Ang 2005, Energy Policy 33(7), 867-871), so that
parts add up without a rest; fractions of a minor unit go by largest remainder.
"""

from __future__ import annotations

import math

import polars as pl

from crmlib.core.frames import AnyFrame, to_polars

CAUSES = ("stores", "days", "traffic", "basket", "mix", "price")
NEEDS = ("store_id", "product_id", "receipt_id", "day", "quantity_milli", "net_minor")


def gap_split(now: AnyFrame, then: AnyFrame) -> pl.DataFrame | None:
    """Split the gap in sales between two sets of receipt lines into its causes.

    Parameters
    ----------
    now, then : store_id, product_id, receipt_id, day, quantity_milli, net_minor of the two periods (same goods).

    Returns
    -------
    cause, factor (now / then), gap_minor; null (None) if either period has no sales: a missing partner is not a zero.
    The gaps add up to the difference of the two sales exactly.
    """
    here, there = (to_polars(t, needs=NEEDS, name="lines").filter(pl.col("quantity_milli") > 0) for t in (now, then))
    a, b = int(here["net_minor"].sum()), int(there["net_minor"].sum())
    if a <= 0 or b <= 0:
        return None
    first, second = _factors(here), _factors(there)
    price = _price_index(here, there)
    ratios = {k: first[k] / second[k] for k in first}
    ratios["mix"] = (a / b) / math.prod(ratios.values()) / price
    ratios["price"] = price
    mean = (a - b) / math.log(a / b) if a != b else float(a)
    exact = {k: mean * math.log(ratios[k]) for k in CAUSES}
    whole = _whole(exact, a - b)
    return pl.DataFrame(
        {"cause": CAUSES, "factor": [ratios[k] for k in CAUSES], "gap_minor": [whole[k] for k in CAUSES]}
    )


def _factors(lines: pl.DataFrame) -> dict[str, float]:
    """Stores, days per store, receipts per store-day, units per receipt."""
    stores = lines["store_id"].n_unique()
    store_days = lines.select("store_id", "day").n_unique()
    receipts = lines["receipt_id"].n_unique()
    units = int(lines["quantity_milli"].sum()) / 1000
    return {
        "stores": float(stores),
        "days": store_days / stores,
        "traffic": receipts / store_days,
        "basket": units / receipts,
    }


def _price_index(now: pl.DataFrame, then: pl.DataFrame) -> float:
    """Fisher price index of the goods sold in both periods; 1 if there are none."""
    sums = [
        t.group_by("product_id").agg(q=pl.col("quantity_milli").sum() / 1000, v=pl.col("net_minor").sum())
        for t in (now, then)
    ]
    both = sums[0].join(sums[1], on="product_id", suffix="_then").filter((pl.col("v") > 0) & (pl.col("v_then") > 0))
    if both.is_empty():
        return 1.0
    paasche_base = float((both["v_then"] / both["q_then"] * both["q"]).sum())
    laspeyres_top = float((both["v"] / both["q"] * both["q_then"]).sum())
    paasche = float(both["v"].sum()) / paasche_base
    laspeyres = laspeyres_top / float(both["v_then"].sum())
    return math.sqrt(paasche * laspeyres)


def _whole(exact: dict[str, float], total: int) -> dict[str, int]:
    """Whole numbers that add up to `total`: floors, then one each to the largest remainders in the order of causes."""
    floors = {k: math.floor(v) for k, v in exact.items()}
    left = total - sum(floors.values())
    order = sorted(exact, key=lambda k: (-(exact[k] - floors[k]), list(exact).index(k)))
    return {k: floors[k] + (1 if order.index(k) < left else 0) for k in exact}
