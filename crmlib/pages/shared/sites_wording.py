"""How sites are named on both pages, and who runs the own stores among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from crmlib.kit.finding import Limits
from crmlib.kit.words import Words
from crmlib.report import Page


def named(frame: pl.DataFrame, column: str, names: Mapping[str, str], *, into: str = "name") -> pl.DataFrame:
    """`frame` with the names of the ids in `column`."""
    return frame.with_columns(pl.col(column).replace_strict(dict(names), default=pl.col(column)).alias(into))


def told(rows: pl.LazyFrame | pl.DataFrame, *columns: str) -> pl.LazyFrame:
    """`rows` with each of `columns`, null where an older export does not have it."""
    frame = rows.lazy()
    here = frame.collect_schema().names()
    return frame.with_columns(pl.lit(None, dtype=pl.String).alias(c) for c in columns if c not in here)


def operators(sites: pl.LazyFrame | pl.DataFrame | None) -> dict[str, str]:
    """Who runs each own store (``company``, ``franchisee``), by its number, as far as it is told."""
    if sites is None:
        return {}
    own = told(sites, "operator").filter(pl.col("kind").cast(pl.String) == "own", pl.col("operator").is_not_null())
    return dict(own.select("site_id", pl.col("operator").cast(pl.String)).collect().rows())


def own_stores(number: int, runners: Iterable[str], *, words: Words) -> str:
    """`36 own stores (4 run by the company, 32 franchised)`; their number alone where some do not say who runs them."""
    known, count = list(runners), words.format.count
    franchised = known.count("franchisee")
    if not franchised or len(known) < number:
        return words("sites.own.plain", count=count(number))
    company = count(number - franchised)
    return words("sites.own.mixed", count=count(number), company=company, franchised=count(franchised))


def runners(ids: Iterable[str], run_by: Mapping[str, str] | None) -> list[str]:
    """Who runs each of these stores, those left out of which nobody says so."""
    return [run_by[i] for i in ids if i in run_by] if run_by else []


def strangers(page: Page) -> tuple[int, int]:
    """Stores that the company runs among the sites, and how many of them its list of stores does not know.

    Nobody is a stranger where no sites or stores are connected, or where a reader sees only some of them.
    """
    sites, stores = page.optional("sites"), page.optional("stores")
    if sites is None or stores is None or page.regions is not None:
        return 0, 0
    run = told(sites, "operator").filter(pl.col("kind").cast(pl.String) == "own")
    own = run.filter(pl.col("operator").cast(pl.String).ne_missing("franchisee")).select("site_id", "name").collect()
    known = stores.select("store_id", "name").collect()
    there = pl.col("site_id").is_in(known["store_id"].implode()) | pl.col("name").is_in(known["name"].implode())
    return own.height, own.filter(~there.fill_null(value=False)).height


def apart(found: Limits, own: tuple[int, int], run_by: Mapping[str, str], *, words: Words) -> Limits:
    """`found`, and how the sites' own shops stand to those of the other reports.

    Parameters
    ----------
    own : what `strangers` says; run_by : what `operators` says.
    """
    shops, unknown = own
    count, said = words.format.count, list(found.sentences)
    franchised = list(run_by.values()).count("franchisee")
    if franchised:
        said.append(words("sites.limits.franchised", count=count(franchised)))
    if unknown:
        said.append(words("sites.limits.strangers", count=count(unknown), shops=count(shops)))
    return Limits(tuple(said))
