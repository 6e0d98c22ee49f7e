"""The list: prices in stores to correct, and purchases that became dearer to talk about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.finding import ActionList
from crmlib.kit.words import Words
from crmlib.kit.words.rows import told
from crmlib.pages.margin.findings.detail import Named, named

ANSWER_DAYS = 7


def actions(
    below: pl.DataFrame, *, words: Words, as_of: date, capacity: int, stores: Named, products: Named,
    shops: pl.DataFrame | None, dear: pl.DataFrame | None = None, suppliers: Mapping[str, str] | None = None,
) -> ActionList:  # fmt: skip
    """One row per product of a store sold under cost and per category of a supplier that became dearer.

    Each has the money, what to do, who, until when; most money first.

    Parameters
    ----------
    below : of `sales.margins.under_cost`; dear : of `shelf.dearer`, none without purchases.
    shops : store_id, region; suppliers : names by id.
    """
    form = words.format
    found = _sold(below, words=words, stores=stores, products=products, shops=shops)
    if dear is not None:
        found = pl.concat([found, _bought(dear, words=words, suppliers=suppliers or {})])
    found = found.sort("stake_minor", "store", "name", descending=[True, False, False])
    table = found.head(capacity).with_columns(due_on=pl.lit(as_of + timedelta(days=ANSWER_DAYS)))
    kind = "none" if found.is_empty() else "all" if table.height == found.height else "some"
    counts = {"shown": form.count(table.height), "found": form.count(found.height)}
    return ActionList(
        headline=words(f"margin.actions.headline.{kind}", **counts),
        table=table, view=views.readable(table, words=words),
        note=words(f"margin.actions.note.{'some' if found.height else 'none'}"), row_key=("store", "name"),
    )  # fmt: skip


def _sold(
    below: pl.DataFrame, *, words: Words, stores: Named, products: Named, shops: pl.DataFrame | None
) -> pl.DataFrame:
    """Products of stores sold under cost: store, name, reason, stake_minor, advice, owner."""
    form = words.format
    where = below.with_columns(pl.lit(None, dtype=pl.String).alias("region"))
    if shops is not None:
        where = below.join(shops.select("store_id", "region"), on="store_id", how="left", maintain_order="left")
    shown = named(below, stores=stores, products=products)

    def reason(net: int, cost: int) -> str:
        return words("margin.actions.reason.under", net=form.money(net), cost=form.money(cost))

    def owner(region: str | None) -> str:
        return words("margin.actions.owner", region=region) if region else words("margin.actions.store")

    return shown.select(
        "store", "name", reason=told(shown, "net_minor", "cost_minor", by=reason), stake_minor=-pl.col("margin_minor"),
        advice=pl.lit(words("margin.actions.do.under")), owner=told(where, "region", by=owner),
    )  # fmt: skip


def _bought(dear: pl.DataFrame, *, words: Words, suppliers: Mapping[str, str]) -> pl.DataFrame:
    """Categories of suppliers that became dearer, in the columns of `_sold`."""
    form = words.format
    rows = dear.filter(pl.col("more_minor") > 0).with_columns(pl.col("category").fill_null(words("sales.unknown")))

    def good(supplier: str, category: str) -> str:
        return words("margin.actions.bought", supplier=suppliers.get(supplier, supplier), category=category)

    def reason(paid: int, index: float) -> str:
        return words("margin.actions.reason.dearer", paid=form.money(paid), change=form.change(index - 1))

    return rows.select(
        store=pl.lit(words("margin.actions.house")), name=told(rows, "supplier_id", "category", by=good),
        reason=told(rows, "price_minor", "price_index", by=reason), stake_minor="more_minor",
        advice=pl.lit(words("margin.actions.do.dearer")), owner=pl.lit(words("margin.actions.buyer")),
    )  # fmt: skip
