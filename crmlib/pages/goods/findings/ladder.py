"""The price ladder: where goods stand and where sales lie."""

from __future__ import annotations

from dataclasses import replace

import altair as alt
import polars as pl

from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.finding import Finding
from crmlib.kit.words import Words

ROWS = 12
"""Bands drawn."""


def prices(ladder: pl.DataFrame | None, *, words: Words) -> Finding:
    """Say which bands sell clearly more or less per good than their category, and which stand empty."""
    form = words.format
    filled = None if ladder is None else ladder.drop_nulls("from_minor").filter(pl.col("goods") > 0)
    if ladder is None or filled is None or filled.is_empty():
        return Finding.unavailable("goods.prices", "data", words=words)
    more, less = (_told(filled, kind) for kind in ("more", "less"))
    gaps = ladder.filter("gap").height
    kind = "both" if more.height and less.height else "more" if more.height else "less" if less.height else "flat"
    best = filled.sort("net_share", "goods", descending=[True, False]).filter(pl.col("goods") > 1).head(1)
    values = {
        "bands": form.count(filled.height),
        "gaps": form.count(gaps),
        "more": form.count(more.height),
        "less": form.count(less.height),
        "categories": form.count(filled["category"].n_unique()),
    }
    for name, rows in (("up", more), ("down", less), ("best", best)):
        row = rows.row(0, named=True) if rows.height else None
        values |= {
            name: _band(row, words) if row else "",
            f"{name}_goods": form.share(row["goods_share"] if row else None),
            f"{name}_net": form.share(row["net_share"] if row else None),
        }
    untold = pl.when(pl.col("p").is_null()).then(pl.lit("few")).otherwise(pl.lit("untold"))
    table = ladder.select(
        "category", price_range=pl.Series([_range(row, words) for row in ladder.iter_rows(named=True)]),
        products="goods", net_minor="net_minor", goods_share="goods_share", net_share="net_share",
        sells=pl.when("gap").then(pl.lit("gap")).otherwise(pl.coalesce("sells", untold)),
    )  # fmt: skip
    made = Finding.worded(
        "goods.prices", kind, values, words=words, status="none", table=table,
        view=views.readable(_first(table), words=words, names={"sells": "goods.sells"}),
        names={"sells": "goods.sells"}, chart=_chart(filled, more, less, words),
        row_key=("category", "price_range"),
    )  # fmt: skip
    return replace(made, note_do=made.note_do + words("goods.prices.ask.gaps")) if gaps else made


def _told(filled: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Bands that sell more (or less) each, most money at stake first."""
    fair = pl.col("net_minor") - pl.col("net_minor") / pl.col("index")
    order = [fair.abs(), pl.col("category"), pl.col("from_minor")]
    return filled.filter(pl.col("sells") == kind).sort(order, descending=[True, False, False])


def _first(table: pl.DataFrame) -> pl.DataFrame:
    """What is told first, then the rest by money."""
    place = pl.col("sells").replace_strict({"more": 0, "less": 0, "gap": 1}, default=2, return_dtype=pl.Int64)
    return table.sort(place, "net_minor", descending=[False, True], maintain_order=True).head(20)


def _range(row: dict[str, object], words: Words) -> str:
    """The limits of the band in words; a band without a price is said so."""
    low, high, unit = row["from_minor"], row["to_minor"], words(f"sales.unit.{row['unit']}")
    if not isinstance(low, int):
        return words("goods.prices.no_price")
    if not isinstance(high, int):
        return words("goods.prices.above", low=words.format.money(low), unit=unit)
    return words("goods.prices.range", low=words.format.money(low), high=words.format.money(high), unit=unit)


def _band(row: dict[str, object], words: Words) -> str:
    return words("goods.prices.band", category=row["category"], range=_range(row, words))


def _chart(filled: pl.DataFrame, more: pl.DataFrame, less: pl.DataFrame, words: Words) -> alt.LayerChart:
    """Money of a good of the band over that of its category: what is told, else the bands with most money."""
    half = ROWS // 2
    told = pl.concat([more.head(half), less.head(half)])
    drawn = told if told.height else filled.sort("net_minor", descending=True).head(half)
    form = words.format

    def said(row: dict[str, object]) -> str:
        return words("goods.prices.label", goods=form.count(row["goods"]), money=form.money(row["net_minor"]))  # type: ignore[arg-type]

    frame = pl.DataFrame({
        "name": [_band(row, words) for row in drawn.iter_rows(named=True)],
        "value": drawn["index"], "label": [said(row) for row in drawn.iter_rows(named=True)],
        "tone": ["loss" if row == "less" else "plain" for row in drawn["sells"]],
    })  # fmt: skip
    return labelled.bars(frame, words=words, title=words("goods.prices.axis"), marks=(1.0,))
