"""Why net sales or margin differ between two periods: exact to the minor unit, never over units of different kinds.

Source: Ang (2005), Energy Policy 33(7), 867-871; the equations stand in `core.divisia`. The split of margin is that of
net sales less that of cost: volume, mix, price, unit cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np
import polars as pl

from crmlib.core import divisia
from crmlib.core.apportion import Floats, Ints
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars, whole

MARGIN_CAUSES = ("volume", "mix", "price", "unit_cost", "new", "gone", "odd")
FACTORS = ("stores", "days", "traffic", "basket")
"""What the volume of a unit class is made of: stores × days per store × receipts per store-day × units per receipt."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What stood behind a period's sales: stores that sold, store-days with sales, receipts; all > 0."""

    stores: int
    store_days: int
    receipts: int


def split(
    before: AnyFrame,
    after: AnyFrame,
    *,
    by: Sequence[str] = ("unit",),
    traffic: tuple[Traffic, Traffic] | None = None,
) -> pl.DataFrame:
    """Split the gap in net sales between two periods into its causes, within each class.

    Parameters
    ----------
    before, after : product_id, quantity_milli, net_minor and the columns of `by`, any number of rows per product.
    by : columns that make a class; `unit` belongs to them, others (category, region) may stand beside it.
    traffic : before and after; given, volume is told as `FACTORS`.

    Returns
    -------
    The columns of `by`, cause, gap_minor. The gaps of a class add up to its difference exactly. Causes: volume (or
    stores, days, traffic, basket), mix, price; new and gone goods; odd ones (quantity or value of 0 or less).

    Raises
    ------
    ModelError
        sales.unit_not_in_class: `by` leaves out the unit; sales.no_traffic: a count of 0.

    Examples
    --------
    >>> cells = {"unit": "piece", "product_id": ["A", "B"]}
    >>> before = pl.DataFrame({**cells, "quantity_milli": [100, 50], "net_minor": [100_000, 100_000]})
    >>> after = pl.DataFrame({**cells, "quantity_milli": [80, 90], "net_minor": [88_000, 171_000]})
    >>> split(before, after).filter(pl.col("gap_minor") != 0)["gap_minor"].to_list()
    [28313, 28528, 2159]
    """
    _check_class(by)
    goods = _paired(before, after, by=by, columns={"net_minor": "v", "quantity_milli": "q"})
    found = divisia.split(goods, by=by)
    if traffic is None:
        return found.drop("weight")
    return _with_traffic(found, goods, by=by, traffic=traffic)


def margin_split(before: AnyFrame, after: AnyFrame, *, by: Sequence[str] = ("unit",)) -> pl.DataFrame:
    """Split the gap in margin: volume, mix, price, unit cost, new, gone, odd; exact within each class.

    before, after : product_id, quantity_milli, net_minor, cost_minor and the columns of `by`; every row with a cost.

    Raises
    ------
    ModelError
        sales.unit_not_in_class; sales.no_cost: rows without a cost, whose margin nobody knows.
    """
    _check_class(by)
    for table in (before, after):
        _check_costed(table)
    goods = _paired(before, after, by=by, columns={"net_minor": "v", "quantity_milli": "q", "cost_minor": "c"})
    table = divisia.kinds(goods, ("v0", "q0", "c0", "v1", "q1", "c1"))
    now, then = (pl.col(f"v{n}").fill_null(0) - pl.col(f"c{n}").fill_null(0) for n in (1, 0))
    found = divisia.told(table.with_columns(gap=now - then), by=by, causes=MARGIN_CAUSES[:4], exact=_margin_parts)
    return found.drop("weight")


def total(parts: pl.DataFrame) -> pl.DataFrame:
    """Sum of a split over its classes: cause, gap_minor, in the order of the causes, without causes of 0."""
    sums = parts.group_by("cause", maintain_order=True).agg(pl.col("gap_minor").sum())
    return sums.filter(pl.col("gap_minor") != 0)


def _check_class(by: Sequence[str]) -> None:
    if "unit" not in by:
        raise ModelError("sales.unit_not_in_class", values={"by": ", ".join(by)})


def _check_costed(table: AnyFrame) -> None:
    costs = to_polars(table, needs=["cost_minor"], name="sales")["cost_minor"]
    missing = costs.null_count()
    if missing:
        raise ModelError("sales.no_cost", values={"rows": missing, "all": costs.len()})


def _paired(before: AnyFrame, after: AnyFrame, *, by: Sequence[str], columns: dict[str, str]) -> pl.DataFrame:
    """One row per class and good with the sums of both periods, null where the good is absent."""
    keys = [*by, "product_id"]
    sums = []
    for period, frame in enumerate((before, after)):
        table = whole(to_polars(frame, needs=[*keys, *columns], name="sales"), columns, name="sales")
        named = (pl.col(column).sum().alias(f"{short}{period}") for column, short in columns.items())
        sums.append(table.group_by(keys).agg(*named))
    return sums[0].join(sums[1], on=keys, how="full", coalesce=True, nulls_equal=True).sort(keys)


def _with_traffic(
    found: pl.DataFrame, goods: pl.DataFrame, *, by: Sequence[str], traffic: tuple[Traffic, Traffic]
) -> pl.DataFrame:
    ratios = _ratios(traffic)
    good = pl.min_horizontal("v0", "q0", "v1", "q1") > 0
    units = goods.drop_nulls(["v0", "v1"]).filter(good).group_by(list(by)).agg(pl.col("q0").sum(), pl.col("q1").sum())
    grown = {row[: len(by)]: row[-1] / row[-2] for row in units.iter_rows()}
    rows = []
    for *key, cause, gap, weight in found.iter_rows():
        if cause != "volume":
            rows.append((*key, cause, gap))
            continue
        rest = grown.get(tuple(key), 1.0) / float(np.prod(list(ratios.values())))
        whole_ratios = {**ratios, "basket": rest} if weight > 0 else dict.fromkeys(FACTORS, 1.0)
        rows += [(*key, name, part) for name, part in divisia.finer(gap, whole_ratios, weight=weight).items()]
    return pl.DataFrame(rows, schema=found.drop("weight").schema, orient="row")


def _ratios(traffic: tuple[Traffic, Traffic]) -> dict[str, float]:
    if min(astuple(traffic[0]) + astuple(traffic[1])) <= 0:
        raise ModelError(
            "sales.no_traffic", values={"before": str(astuple(traffic[0])), "after": str(astuple(traffic[1]))}
        )
    then, now = traffic
    return {
        "stores": now.stores / then.stores,
        "days": (now.store_days / now.stores) / (then.store_days / then.stores),
        "traffic": (now.receipts / now.store_days) / (then.receipts / then.store_days),
    }


def _margin_parts(goods: pl.DataFrame, starts: Ints) -> tuple[Floats, Floats]:
    """Volume, mix, price and unit cost of each class: the parts of net sales less those of cost."""
    v0, q0, c0, v1, q1, c1 = (goods[n].to_numpy().astype(np.float64) for n in ("v0", "q0", "c0", "v1", "q1", "c1"))
    net, weight = divisia.parts(v0, q0, v1, q1, starts)
    cost, _ = divisia.parts(c0, q0, c1, q1, starts)
    return np.column_stack([net[:, :2] - cost[:, :2], net[:, 2], -cost[:, 2]]), weight
