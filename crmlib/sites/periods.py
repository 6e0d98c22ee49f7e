"""The network as it stood in a 12-month period: which stores, what they sold, where their card visits came from."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crmlib.core.frames import AnyFrame, to_polars

YEAR = timedelta(days=365)


def network(
    sites: AnyFrame, openings: AnyFrame, card_flows: AnyFrame, *, period_end: date
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Sites with revenue_minor and revenue_days of the 12 months up to `period_end` (included), and their card flows.

    Own stores that did not sell in the period are left out; candidates stay, without revenue.

    Parameters
    ----------
    sites : site_id, kind, opened_on and the columns of places.
    openings : site_id, month (its first day), revenue_minor: monthly revenue of own stores.
    card_flows : period_end, cell_id, site_id, visits.
    """
    start = period_end - YEAR + timedelta(days=1)
    table = to_polars(sites, needs=("site_id", "kind", "opened_on"), name="sites")
    months = to_polars(openings, needs=("site_id", "month", "revenue_minor"), name="openings")
    flows = to_polars(card_flows, needs=("period_end", "cell_id", "site_id", "visits"), name="card_flows")
    inside = months.filter(pl.col("month").is_between(start.replace(day=1), period_end) & (pl.col("month") >= start))
    days = pl.col("month").dt.month_end().dt.day().cast(pl.Int64)
    sold = inside.group_by("site_id").agg(revenue_minor=pl.col("revenue_minor").sum(), revenue_days=days.sum())
    joined = table.join(sold, on="site_id", how="left", maintain_order="left").with_columns(
        period_end=pl.lit(period_end)
    )
    present = joined.filter((pl.col("kind") != "own") | pl.col("revenue_minor").is_not_null())
    here = flows.filter((pl.col("period_end") == period_end) & pl.col("site_id").is_in(present["site_id"].implode()))
    return present, here.drop("period_end")


def period_ends(card_flows: AnyFrame) -> list[date]:
    """Ends of the periods that the card flows cover, oldest first."""
    ends: list[date] = (
        to_polars(card_flows, needs=("period_end",), name="card_flows")["period_end"].unique().sort().to_list()
    )
    return ends
