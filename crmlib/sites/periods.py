"""The network as it stood in a 12-month period: which stores, what they sold, where their card visits came from."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crmlib.core.errors import ModelError, mask
from crmlib.core.frames import AnyFrame, timed, to_polars

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
    table = timed(sites, at="opened_on", needs=("kind",), name="sites", key="site_id")
    months = monthly(openings)
    flows = timed(card_flows, at="period_end", needs=("cell_id", "site_id", "visits"), name="card_flows")
    inside = months.filter(pl.col("month").is_between(start.replace(day=1), period_end) & (pl.col("month") >= start))
    days = pl.col("month").dt.month_end().dt.day().cast(pl.Int64)
    sold = inside.group_by("site_id").agg(revenue_minor=pl.col("revenue_minor").sum(), revenue_days=days.sum())
    joined = table.join(sold, on="site_id", how="left", maintain_order="left").with_columns(
        period_end=pl.lit(period_end)
    )
    present = joined.filter((pl.col("kind") != "own") | pl.col("revenue_minor").is_not_null())
    here = flows.filter((pl.col("period_end") == period_end) & pl.col("site_id").is_in(present["site_id"].implode()))
    return present, here.drop("period_end")


def monthly(openings: AnyFrame) -> pl.DataFrame:
    """Monthly revenue of own stores, each store's month once.

    Raises
    ------
    ModelError
        `sites.months_twice`: a month that stands twice would double its revenue.
    """
    table = timed(openings, at="month", needs=("site_id", "revenue_minor"), name="openings")
    twice = table.filter(pl.struct("site_id", "month").is_duplicated())
    if twice.height:
        raise ModelError(
            "sites.months_twice",
            values={"rows": twice.height},
            examples=[mask(v) for v in twice["site_id"].unique().sort().head(5)],
        )
    return table


def period_ends(card_flows: AnyFrame) -> list[date]:
    """Ends of the periods that the card flows cover, oldest first."""
    ends: list[date] = (
        to_polars(card_flows, needs=("period_end",), name="card_flows")["period_end"].unique().sort().to_list()
    )
    return ends
