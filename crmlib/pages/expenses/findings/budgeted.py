"""The budget for promotions: how it is split over regions and stores, and what is left of it."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.finding import Finding
from crmlib.kit.words import Words
from crmlib.kit.words.rows import told

SHOWN = {"budget_minor": "year_minor", "left_minor": "unpaid_minor"}
SUMS = ("budget_minor", "spent_minor", "left_minor")


def budget(rows: pl.DataFrame, names: Mapping[str, str], *, words: Words) -> Finding:
    """Say how much of the year's budget is paid, and which stores paid more than theirs.

    Parameters
    ----------
    rows : `promotion.books.by_store`; names : stores by name.
    """
    form = words.format
    over = rows.filter("over").sort("left_minor", "store_id")
    whole, paid = int(rows["budget_minor"].sum()), int(rows["spent_minor"].sum())
    regions = rows.group_by("region").agg(pl.col(SUMS).sum()).sort("budget_minor", "region", descending=[True, False])
    kind = "none" if whole <= 0 else "over" if over.height else "within"
    worst, lack = over.select("store_id", "left_minor").row(0) if over.height else ("", 0)
    values = {
        "budget": form.money(whole),
        "spent": form.money(paid),
        "share": form.share(paid / whole if whole > 0 else None),
        "regions": form.count(regions.height),
        "stores": form.count(rows.height),
        "count": form.count(over.height),
        "worst": names.get(worst, worst),
        "money": form.money(-lack),
        "beyond": form.money(-int(over["left_minor"].sum())),
    }
    table = _table(rows, regions, names, words)
    share = pl.col("spent_minor") / pl.col("budget_minor")
    used = regions.filter(pl.col("budget_minor") > 0).with_columns(share=share)
    return Finding.worded(
        "expenses.budget",
        kind,
        values,
        words=words,
        status="warn" if kind == "over" else "ok" if kind == "within" else "none",
        table=table,
        view=views.readable(table.rename(SHOWN), words=words) if rows.height else None,
        chart=labelled.bars(
            used.select(
                name="region",
                value="share",
                label=told(
                    used, "spent_minor", "budget_minor",
                    by=lambda s, b: words("expenses.budget.label", spent=form.money(s), budget=form.money(b)),
                ),
            ),
            words=words,
            title=words("expenses.budget.axis"),
            percent=True,
            marks=(1.0,) if over.height else (),
        )
        if used.height
        else None,
        value_minor=-int(over["left_minor"].sum()) if over.height else None,
        row_key=("region", "store"),
    )  # fmt: skip


def _table(rows: pl.DataFrame, regions: pl.DataFrame, names: Mapping[str, str], words: Words) -> pl.DataFrame:
    """Each region, then its stores by what is left of their budget."""
    store = pl.Series("store", [names.get(s, s) for s in rows["store_id"]], dtype=pl.String)
    stores = rows.with_columns(store).sort("left_minor", "store")
    blocks = []
    for region in regions["region"]:
        mine = pl.col("region") == region
        head = regions.filter(mine).with_columns(store=pl.lit(words("expenses.budget.region")))
        blocks += [f.select("region", "store", *SUMS) for f in (head, stores.filter(mine))]
    empty = stores.clear().select("region", "store", *SUMS)
    return pl.concat(blocks) if blocks else empty
