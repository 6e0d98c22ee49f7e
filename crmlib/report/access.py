"""Which rows a page may see: those up to its day, of its region, of the regions its reader has a right to."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import polars as pl

from crmlib.core.errors import ContractError


def visible(
    table: pl.LazyFrame,
    *,
    as_of: date | None,
    stores: pl.LazyFrame | None,
    regions: Collection[str] | None,
    customers: pl.LazyFrame | None = None,
) -> pl.LazyFrame:
    """`table` without the rows after `as_of` and without those of other regions.

    Parameters
    ----------
    table : a table of the lake. Rows are dated by ``day``, else by ``at``; undated tables are kept whole.
    stores : store_id and region, where the lake has shops.
    regions : the regions to keep; none means all. A table with ``region`` keeps its own rows, one with ``store_id``
        those of their shops, one with ``customer_id`` those of their members; what belongs to no region (goods,
        promotions) is kept.
    customers : customer_id and region, where the lake has members.

    Examples
    --------
    >>> lines = pl.LazyFrame({"store_id": ["N1", "S1", None], "day": [date(2026, 1, d) for d in (1, 2, 3)]})
    >>> shops = pl.LazyFrame({"store_id": ["N1", "S1"], "region": ["north", "south"]})
    >>> visible(lines, as_of=date(2026, 1, 1), stores=shops, regions=None).collect().height
    1
    >>> visible(lines, as_of=None, stores=shops, regions=["south"]).collect()["store_id"].to_list()
    ['S1']
    """
    names = table.collect_schema().names()
    if as_of is not None and "day" in names:
        table = table.filter(pl.col("day") <= as_of)
    elif as_of is not None and "at" in names:
        table = table.filter(pl.col("at").dt.date() <= as_of)
    if regions is None:
        return table
    if "region" in names:
        return table.filter(pl.col("region").is_in(list(regions)))
    if "store_id" not in names:
        return _of_members(table, customers, regions) if "customer_id" in names else table
    if stores is None:
        raise ContractError(
            "report.no_regions",
            given=f"region {', '.join(regions)}",
            expected="a table of stores with their regions",
            mend="map the stores in params/sources.yml and ingest them, or leave the region empty",
            values={"region": ", ".join(regions)},
        )
    kept = stores.filter(pl.col("region").is_in(list(regions))).select("store_id").collect()["store_id"]
    return table.filter(pl.col("store_id").is_in(kept.implode()))


def _of_members(table: pl.LazyFrame, customers: pl.LazyFrame | None, regions: Collection[str]) -> pl.LazyFrame:
    """Rows of members of the regions; without a table of members none, since nobody can say whose they are."""
    if customers is None:
        return table.filter(pl.lit(value=False))
    theirs = customers.filter(pl.col("region").is_in(list(regions))).select("customer_id")
    return table.join(theirs, on="customer_id", how="semi", maintain_order="left")
