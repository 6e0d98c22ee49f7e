"""Wholesale orders: the book, on time in full over lines due, and lead time with the open ones at risk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from crmlib.cases.engine import Identity
from crmlib.core.errors import ModelError, mask
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.incidence import Incidence, incidence


def book(orders: AnyFrame, *, start: date, end: date) -> Identity:
    """Open + entered − delivered − cancelled = open; from `start` until before `end`.

    Parameters
    ----------
    orders : order_id, entered_on, delivered_on (complete), cancelled_on (dates, null where not).
    """
    table = to_polars(orders, needs=("entered_on", "delivered_on", "cancelled_on"), name="sale_orders", key="order_id")
    left = pl.min_horizontal("delivered_on", "cancelled_on")
    bad = table.filter(left < pl.col("entered_on"))
    if bad.height:
        raise ModelError(
            "cases.closed_first",
            values={"rows": bad.height, "opened": "entered_on", "closed": "delivered_on, cancelled_on"},
            examples=[mask(v) for v in bad["order_id"].head(5)],
        )
    entered, first, last = pl.col("entered_on"), pl.lit(start), pl.lit(end)
    gone = pl.col("cancelled_on") <= pl.col("delivered_on").fill_null(date.max)
    inside = (left >= first) & (left < last)
    row = table.select(
        start=((entered < first) & (left.is_null() | (left >= first))).sum(),
        entered=((entered >= first) & (entered < last)).sum(),
        delivered=(inside & ~gone.fill_null(value=False)).sum(),
        cancelled=(inside & gone.fill_null(value=False)).sum(),
        end=((entered < last) & (left.is_null() | (left >= last))).sum(),
    ).row(0, named=True)
    n = {name: int(value) for name, value in row.items()}
    return Identity(n["start"], {"entered": n["entered"]}, {k: n[k] for k in ("delivered", "cancelled")}, n["end"])


@dataclass(frozen=True, slots=True)
class Otif:
    """Lines due: on time in full, short, late, open; `share` counts late and open as missed."""

    due: int
    in_full: int
    short: int
    late: int
    open: int

    @property
    def share(self) -> float | None:
        """On time in full over all lines due."""
        return self.in_full / self.due if self.due else None

    @property
    def without_open(self) -> float | None:
        """The usual figure, which forgets what never came: for comparison only."""
        done = self.due - self.open
        return self.in_full / done if done else None


def otif(lines: AnyFrame, deliveries: AnyFrame, *, as_of: date) -> Otif:
    """Lines promised by `as_of`.

    Parameters
    ----------
    lines : order_id, line_no, ordered_milli, promised_on; cancelled lines left out.
    deliveries : order_id, line_no, delivered_on, delivered_milli; several per line.
    """
    keys = ["order_id", "line_no"]
    asked = to_polars(lines, needs=(*keys, "ordered_milli", "promised_on"), name="sale_order_lines")
    due = asked.filter(pl.col("promised_on") <= as_of).select(*keys, "ordered_milli", "promised_on")
    came = to_polars(deliveries, needs=(*keys, "delivered_on", "delivered_milli"), name="deliveries")
    by = (
        came.filter(pl.col("delivered_on") <= as_of)
        .join(due, on=keys, how="inner")
        .group_by(keys)
        .agg(
            total=pl.col("delivered_milli").sum(),
            in_time=pl.col("delivered_milli").filter(pl.col("delivered_on") <= pl.col("promised_on")).sum(),
        )
    )
    rows = due.join(by, on=keys, how="left").with_columns(pl.col("total", "in_time").fill_null(0))
    full, ever = pl.col("in_time") >= pl.col("ordered_milli"), pl.col("total") >= pl.col("ordered_milli")
    counts = rows.select(
        in_full=full.sum(),
        short=(~ever & (pl.col("total") > 0)).sum(),
        late=(ever & ~full).sum(),
        open=(pl.col("total") == 0).sum(),
    ).row(0)
    return Otif(rows.height, *(int(n) for n in counts))


def lead_times(orders: AnyFrame, *, as_of: date) -> Incidence:
    """Days from entry to delivery (cause 1), cancellation competing (cause 2), open ones at risk.

    `.quantile(.5)` is the median lead time; the mean of the delivered forgets the slow ones still under way.
    """
    table = to_polars(orders, needs=("entered_on", "delivered_on", "cancelled_on"), name="sale_orders", key="order_id")
    rows = table.filter(pl.col("entered_on") <= as_of)
    delivered = (pl.col("delivered_on") <= as_of).fill_null(value=False)
    gone = (pl.col("cancelled_on") <= as_of).fill_null(value=False) & ~delivered
    until = pl.when(delivered).then("delivered_on").when(gone).then("cancelled_on").otherwise(pl.lit(as_of))
    seen = rows.select(
        days=(until - pl.col("entered_on")).dt.total_days(),
        event=pl.when(delivered).then(1).when(gone).then(2).otherwise(0),
    )
    return incidence(seen["days"].to_numpy(), seen["event"].to_numpy(), causes=2)
