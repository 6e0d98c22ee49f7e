"""Wholesale orders through their lines: what was due and came, by region; what is late and open, by value and owner."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crmlib.cases import orders
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.proportions import wilson

LINE = ["order_id", "line_no"]


def whole(sale_orders: AnyFrame, lines: AnyFrame, deliveries: AnyFrame) -> pl.DataFrame:
    """Orders as `orders.book` and `orders.lead_times` want them.

    Returns
    -------
    order_id, partner_id, staff_id, entered_on, promised_on, cancelled_on, delivered_on (day on which the last line was
    complete; null while one is not), ordered_minor, open_minor (what has not come, at its price).
    """
    told = to_polars(
        sale_orders, needs=("partner_id", "staff_id", "entered_at", "promised_on", "cancelled_at"), name="sale_orders",
        key="order_id",
    )  # fmt: skip
    asked = to_polars(lines, needs=(*LINE, "ordered_milli", "price_minor"), name="sale_order_lines")
    sent = to_polars(deliveries, needs=(*LINE, "delivered_on", "delivered_milli"), name="deliveries")
    full = pl.col("delivered_milli").cum_sum().over(LINE) >= pl.col("ordered_milli")
    came = (
        sent.join(asked, on=LINE, how="inner").sort("delivered_on", *LINE)
        .with_columns(done=pl.when(full).then("delivered_on"))
        .group_by(LINE).agg(pl.col("delivered_milli").sum(), done=pl.col("done").min())
    )  # fmt: skip
    per = (
        asked.join(came, on=LINE, how="left")
        .with_columns(left=(pl.col("ordered_milli") - pl.col("delivered_milli").fill_null(0)).clip(lower_bound=0))
        .group_by("order_id")
        .agg(
            ordered_minor=_value("ordered_milli"), open_minor=_value("left"), last=pl.col("done").max(),
            complete=pl.col("done").is_not_null().all(),
        )
    )  # fmt: skip
    return (
        told.join(per, on="order_id", how="left", maintain_order="left")
        .select(
            "order_id", "partner_id", "staff_id", "promised_on", entered_on=pl.col("entered_at").dt.date(),
            cancelled_on=pl.col("cancelled_at").dt.date(), delivered_on=pl.when("complete").then("last"),
            ordered_minor=pl.col("ordered_minor").fill_null(0), open_minor=pl.col("open_minor").fill_null(0),
        )
    )  # fmt: skip


def _value(milli: str) -> pl.Expr:
    return (pl.col(milli) * pl.col("price_minor") / 1000).sum().round(0).cast(pl.Int64)


def by_region(
    made: pl.DataFrame, lines: AnyFrame, deliveries: AnyFrame, regions: AnyFrame, *, as_of: date, days: int
) -> pl.DataFrame:
    """On time in full of the lines promised in the last `days`, by region of the buyer; cancelled orders left out.

    Parameters
    ----------
    made : of `whole`. regions : partner_id, region.

    Returns
    -------
    region (null: not known), due, in_full, short, late, open, share, low, high (Wilson); worst first.
    """
    home = to_polars(regions, needs=("region",), name="partners", key="partner_id").select("partner_id", "region")
    alive = made.filter(
        pl.col("cancelled_on").is_null(), pl.col("promised_on").is_between(as_of - timedelta(days=days - 1), as_of)
    )
    asked = to_polars(lines, needs=(*LINE, "ordered_milli"), name="sale_order_lines").select(*LINE, "ordered_milli")
    due = asked.join(alive.select("order_id", "promised_on", "partner_id"), on="order_id", how="inner")
    due = due.join(home, on="partner_id", how="left")
    rows = []
    for (region,), part in due.group_by("region", maintain_order=True):
        found = orders.otif(part, deliveries, as_of=as_of)
        low, high = (float(x) for x in wilson(found.in_full, found.due))
        rows.append((region, found.due, found.in_full, found.short, found.late, found.open, found.share, low, high))
    return pl.DataFrame(rows, schema=OTIF, orient="row").sort("share", "region", nulls_last=True)


OTIF = {
    "region": pl.String, "due": pl.Int64, "in_full": pl.Int64, "short": pl.Int64, "late": pl.Int64, "open": pl.Int64,
    "share": pl.Float64, "low": pl.Float64, "high": pl.Float64,
}  # fmt: skip


def late(made: pl.DataFrame, *, as_of: date) -> pl.DataFrame:
    """Orders past their promised day with something still to come, from `whole`: late_days besides; dearest first."""
    still = pl.col("delivered_on").is_null() & pl.col("cancelled_on").is_null() & (pl.col("promised_on") < as_of)
    return made.filter(still, pl.col("open_minor") > 0).with_columns(
        late_days=(pl.lit(as_of) - pl.col("promised_on")).dt.total_days()
    ).sort("open_minor", "order_id", descending=[True, False])  # fmt: skip


def prices(lines: AnyFrame) -> pl.DataFrame:
    """Mean price of every product over its lines, weighed by quantity: product_id, price_minor."""
    rows = to_polars(lines, needs=("product_id", "ordered_milli", "price_minor"), name="sale_order_lines")
    worth = (pl.col("price_minor") * pl.col("ordered_milli")).sum() / pl.col("ordered_milli").sum()
    return rows.group_by("product_id").agg(price_minor=worth.round(0).cast(pl.Int64))
