"""Revenue = members × trips per member × units per trip × price: what each factor did to the change.

Log-mean Divisia (Ang 2004): the part of factor x is L(R1, R2) · ln(x2/x1) with L(a, b) = (b − a) / ln(b/a). The parts
add up without a remainder whatever the order, and a period swapped with the other only changes signs. In minor units
they are rounded by largest remainder. No elasticity is read from two totals.

`price` of the tree holds the mix of goods; `goods` takes it apart: goods that enter and leave stand alone, and of
those in both periods price is the log-mean sum over goods; the rest of the tree's price part is mix.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log

import numpy as np
import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars, whole
from crmlib.movement.apportion import Array

FACTORS = ("members", "trips", "units", "price")


@dataclass(frozen=True, slots=True)
class Totals:
    """One period: revenue [minor units], buying members, trips, units sold."""

    net_minor: int
    members: int
    trips: int
    units: int


def revenue_tree(before: Totals, after: Totals) -> dict[str, int]:
    """Parts of the change of revenue [minor units] by `FACTORS`; their sum is the change exactly.

    Raises
    ------
    ModelError
        `movement.no_sales` where a total is not positive.

    Examples
    --------
    >>> revenue_tree(Totals(1000, 10, 20, 40), Totals(1200, 12, 24, 48))
    {'members': 200, 'trips': 0, 'units': 0, 'price': 0}
    """
    old, new = _factors(before), _factors(after)
    mean = log_mean(before.net_minor, after.net_minor)
    return _whole({f: mean * log(new[f] / old[f]) for f in FACTORS}, after.net_minor - before.net_minor)


def log_mean(a: float, b: float) -> float:
    """L(a, b) of two positive numbers.

    Examples
    --------
    >>> log_mean(2.0, 2.0), round(log_mean(1.0, 2.0), 4)
    (2.0, 1.4427)
    """
    return a if a == b else (b - a) / log(b / a)


def by_members(sales: AnyFrame) -> dict[str, int]:
    """The same change, with members who came and who left apart from those of both periods.

    Parameters
    ----------
    sales : customer_id, net_1_minor, trips_1, units_1, net_2_minor, trips_2, units_2; one row per member.

    Returns
    -------
    entering, leaving, trips, units, price (the last three of the members of both periods) [minor units].
    """
    sides = [f"{c}_{p}{s}" for p in (1, 2) for c, s in (("net", "_minor"), ("trips", ""), ("units", ""))]
    table = whole(to_polars(sales, needs=sides, name="sales", key="customer_id"), sides, name="sales")
    came = pl.col("trips_1").fill_null(0) == 0
    gone = pl.col("trips_2").fill_null(0) == 0
    stayed = table.filter(~came & ~gone)
    sums = stayed.select(pl.col(sides).sum()).row(0, named=True)
    sides_of = [Totals(sums[f"net_{p}_minor"], stayed.height, sums[f"trips_{p}"], sums[f"units_{p}"]) for p in (1, 2)]
    tree = revenue_tree(*sides_of) if stayed.height else dict.fromkeys(FACTORS, 0)
    entering = int(table.filter(came)["net_2_minor"].sum())
    leaving = -int(table.filter(gone)["net_1_minor"].sum())
    return {"entering": entering, "leaving": leaving, **{f: tree[f] for f in FACTORS[1:]}}


def goods(sold: AnyFrame) -> dict[str, int]:
    """The change by goods: entering, leaving, volume, mix and price without mix [minor units].

    Parameters
    ----------
    sold : product_id, net_1_minor, units_1, net_2_minor, units_2; one row per good.

    Returns
    -------
    entering, leaving (goods of one period only), volume (units of all others together), mix, price; the sum is the
    change exactly.
    """
    columns = ["net_1_minor", "units_1", "net_2_minor", "units_2"]
    table = whole(to_polars(sold, needs=columns, name="sold", key="product_id"), columns, name="sold")
    table = table.with_columns(pl.col(columns).fill_null(0))
    both = table.filter(pl.min_horizontal(columns) > 0)
    rest = table.filter(pl.min_horizontal(columns) <= 0)
    parts = {"entering": int(rest["net_2_minor"].sum()), "leaving": -int(rest["net_1_minor"].sum())}
    if both.is_empty():
        return {**parts, "volume": 0, "mix": 0, "price": 0}
    old, units_old, new, units_new = (both[c].to_numpy().astype(np.float64) for c in columns)
    mean = _log_means(old, new)
    price = float((mean * np.log((new / units_new) / (old / units_old))).sum())
    volume = float(mean.sum()) * log(units_new.sum() / units_old.sum())
    change = int(new.sum() - old.sum())
    inner = _whole({"volume": volume, "mix": change - volume - price, "price": price}, change)
    return {**parts, **inner}


def _log_means(a: Array, b: Array) -> Array:
    ratio = np.log(b / a)
    return np.where(np.abs(ratio) < 1e-12, a, (b - a) / np.where(np.abs(ratio) < 1e-12, 1.0, ratio))


def _factors(totals: Totals) -> dict[str, float]:
    t = totals
    if min(t.net_minor, t.members, t.trips, t.units) <= 0:
        raise ModelError(
            "movement.no_sales", values={"net": t.net_minor, "members": t.members, "trips": t.trips, "units": t.units}
        )
    return {
        "members": t.members,
        "trips": t.trips / t.members,
        "units": t.units / t.trips,
        "price": t.net_minor / t.units,
    }


def _whole(parts: dict[str, float], total: int) -> dict[str, int]:
    """Whole parts that add up to `total`: floors, then one more to the largest fractions."""
    floors = {name: floor(value) for name, value in parts.items()}
    left = total - sum(floors.values())
    order = sorted(parts, key=lambda name: floors[name] - parts[name])
    return {name: floors[name] + (order.index(name) < left) for name in parts}
