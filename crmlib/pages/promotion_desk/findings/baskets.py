"""The next promotions on real baskets: what the till would ask, what it costs, what it must bring."""

from __future__ import annotations

import math
from typing import Any

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.finding import Finding, Status
from crmlib.kit.words import Words
from crmlib.pages.shared.promotion_wording import mechanic, named
from crmlib.promotion.offers.tried import DAYS, Tried
from crmlib.promotion.plan.forecast import Response

_SCHEMA = {
    "promotion_id": pl.String, "name": pl.String, "mechanic": pl.String, "first_day": pl.Date, "touched": pl.Int64,
    "list_minor": pl.Int64, "discount_minor": pl.Int64, "needed": pl.Float64, "hoped": pl.Float64, "pays": pl.String,
    "missed_minor": pl.Int64,
}  # fmt: skip


def on_baskets(
    ahead: list[dict[str, Any]], tried: dict[str, Tried], response: Response, *, words: Words
) -> pl.DataFrame:
    """What is ahead, priced: promotion_id, …, needed, hoped, pays (`no`, `may`, `unknown`), missed_minor of `no`."""
    rows = [_row(r, tried[r["promotion_id"]], response, words) for r in ahead if r["promotion_id"] in tried]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def tried_on(
    ahead: list[dict[str, Any]], tried: dict[str, Tried], response: Response, products: pl.DataFrame, *, words: Words
) -> Finding:
    """What each promotion ahead would have cost on the baskets of the last weeks, and the lift it needs to earn that.

    ahead : rows of the board. response : what mechanic and depth brought so far.
    """
    form = words.format
    table = on_baskets(ahead, tried, response, words=words)
    short = table.filter(pl.col("pays") == "no")
    kind = "none" if table.is_empty() else "short" if short.height else "fine"
    dark = [r for r in ahead if r["promotion_id"] not in tried]
    first = table.row(0, named=True) if table.height else None
    worst = (
        (short if short.height else table)
        .sort("missed_minor", "discount_minor", descending=True, nulls_last=True)
        .head(1)
        .to_dicts()
    )
    if kind == "short" and worst[0]["needed"] is None:
        kind = "never"
    values = {
        "all": form.count(table.height), "short": form.count(short.height), "days": form.count(DAYS),
        "dark": form.count(len(dark)),
        "name": worst[0]["name"] if worst else "",
        "missed": form.money(int(short["missed_minor"].sum())),
        "needed": _needed(worst[0]["needed"], words) if worst else "",
        "hoped": form.change(worst[0]["hoped"], digits=0) if worst else "",
    }  # fmt: skip
    status: Status = {"short": "warn", "never": "warn", "fine": "ok"}.get(kind, "none")  # type: ignore[assignment]
    seen = [words("promotion_desk.baskets.seen", **values)]
    if first:
        seen.append(_example(first, tried[first["promotion_id"]], products, words))
    if dark:
        seen.append(words("promotion_desk.baskets.dark", **values))
    bars = table.filter(pl.col("needed").is_not_null())
    chart = bars.select(
        name="name",
        value="needed",
        label=pl.Series([_needed(v, words) for v in bars["needed"]], dtype=pl.String),
        tone=pl.when(pl.col("pays") == "no").then(pl.lit("warn")),
    )
    told = table.drop("promotion_id").with_columns(
        pays=pl.Series([words(f"promotion_desk.pays.{p}") for p in table["pays"]], dtype=pl.String)
    )
    return Finding.worded(
        "promotion_desk.baskets",
        kind,
        values,
        words=words,
        key="promotion.baskets",
        status=status,
        table=table,
        view=views.readable(told, words=words) if table.height else None,
        chart=labelled.bars(chart, words=words, title=words("promotion_desk.axis.needed"), percent=True)
        if chart.height
        else None,
        seen="".join(seen),
        row_key=("name", "first_day"),
        value_minor=int(short["missed_minor"].sum()) if short.height else None,
    )


def _row(row: dict[str, Any], found: Tried, response: Response, words: Words) -> tuple[object, ...]:
    hoped = math.expm1(response.log_lift(row["mechanic"], row["depth_bp"] or 0))
    known = row["mechanic"] in response.usual and not response.extrapolates(row["mechanic"], row["depth_bp"] or 0)
    needed = found.needed
    pays = "unknown" if not known else "no" if needed is None or needed > hoped else "may"
    days = (row["last_day"] - row["first_day"]).days + 1
    return (
        row["promotion_id"], named(row, words), mechanic(row, words), row["first_day"], found.touched,
        found.list_minor, found.discount_minor, needed, hoped if known else None, pays,
        found.short_of(hoped, days) if pays == "no" else None,
    )  # fmt: skip


def _needed(share: float | None, words: Words) -> str:
    """The lift that earns the same margin as before; never, where every unit would lose."""
    return words("promotion_desk.never") if share is None else words.format.change(share, digits=0)


def _example(row: dict[str, Any], found: Tried, products: pl.DataFrame, words: Words) -> str:
    """One real basket: what was in it, what it cost, what the till would ask."""
    if found.basket.is_empty():
        return ""
    form = words.format
    names = dict(products.select("product_id", "name").iter_rows()) if "name" in products.columns else {}
    goods = words("promotion.join").join(str(names.get(p, p)) for p in found.basket["product_id"])
    return words(
        "promotion_desk.baskets.example",
        name=row["name"],
        goods=goods,
        before=form.money(int(found.basket["list_minor"].sum())),
        after=form.money(int(found.basket["net_minor"].sum())),
        off=form.money(int(found.basket["discount_minor"].sum())),
    )
