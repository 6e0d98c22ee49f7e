"""Goods outside their region by scanned codes: one reading for every page that shows it."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from crmlib.cases import diversion


def scanned(
    scans: pl.DataFrame, partners: pl.DataFrame, *, regions: Collection[str] | None, other: str
) -> pl.DataFrame:
    """Partners by codes scanned outside their territory (their region, where none is given), as `diversion.diverted`.

    Parameters
    ----------
    regions : those that the reader may see; none means all. other : what a region is called that the reader may not.

    Returns
    -------
    Its columns and `partner` (name), those named first. Partners of neither a territory nor a region are left out.
    """
    region = pl.when(pl.col("region").is_not_null()).then(pl.concat_list("region"))
    own = pl.when(pl.col("territory").list.len() > 0).then("territory")
    home = partners.select("partner_id", partner=pl.coalesce("name", "partner_id"), territory=pl.coalesce(own, region))
    known = home.filter(pl.col("territory").is_not_null())
    found = diversion.diverted(scans.join(known, on="partner_id", how="semi"), known)
    named = found.join(known.select("partner_id", "partner"), on="partner_id", how="left", maintain_order="left")
    if regions is not None:
        seen = pl.col("main_region").is_null() | pl.col("main_region").is_in(list(regions))
        named = named.with_columns(pl.when(seen).then("main_region").otherwise(pl.lit(other)).alias("main_region"))
    return named.sort("named", "p", "partner_id", descending=[True, False, False])
