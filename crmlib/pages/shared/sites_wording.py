"""How sites are named on both pages."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from crmlib.kit.finding import Limits
from crmlib.kit.words import Words
from crmlib.report import Page


def named(frame: pl.DataFrame, column: str, names: Mapping[str, str], *, into: str = "name") -> pl.DataFrame:
    """`frame` with the names of the ids in `column`."""
    return frame.with_columns(pl.col(column).replace_strict(dict(names), default=pl.col(column)).alias(into))


def strangers(page: Page) -> tuple[int, int]:
    """Own shops among the sites, and how many of them the company's list of stores does not know.

    Nobody is a stranger where no sites or stores are connected, or where a reader sees only some of them.
    """
    sites, stores = page.optional("sites"), page.optional("stores")
    if sites is None or stores is None or page.regions is not None:
        return 0, 0
    own = sites.filter(pl.col("kind").cast(pl.String) == "own").select("site_id", "name").collect()
    known = stores.select("store_id", "name").collect()
    there = pl.col("site_id").is_in(known["store_id"].implode()) | pl.col("name").is_in(known["name"].implode())
    return own.height, own.filter(~there.fill_null(value=False)).height


def apart(found: Limits, own: tuple[int, int], *, words: Words) -> Limits:
    """`found`, and where the sites' own shops are not those of the other reports, that they are not."""
    shops, unknown = own
    if not unknown:
        return found
    count = words.format.count
    return Limits((*found.sentences, words("sites.limits.strangers", count=count(unknown), shops=count(shops))))
