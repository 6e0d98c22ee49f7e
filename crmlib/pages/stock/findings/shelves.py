"""What the shelves will do: how long they last, what ends before it is sold, what was missing, what lies."""

from __future__ import annotations

import polars as pl

from crmlib.core.money import MINOR_PER_UNIT
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import Finding
from crmlib.kit.words import Words

BANDS = (
    (0.0, "none"),
    (7.0, "week"),
    (14.0, "two_weeks"),
    (28.0, "four_weeks"),
    (60.0, "two_months"),
    (120.0, "four_months"),
)
"""Last day of each band of cover; beyond the last one lies `beyond`."""
SHOWN = 12
MOST = 0.5
"""More than this share is most of it."""
DEAD_DAYS = 56
"""No sale for longer: nobody asks for it here."""
LEVEL, HELD_LEAST = 0.95, 0.90
"""Shelves whose sales stayed under the forecast's 95 % end: fewer than 90 % is too few."""


def cover(position: pl.DataFrame, *, words: Words, lead: int) -> Finding:
    """Stock at cost by the days it lasts, and how much ends before an order placed today arrives."""
    form = words.format
    days = pl.col("cover_days")
    limits = [pl.when(days <= most).then(pl.lit(name)) for most, name in BANDS[1:]]
    band = pl.coalesce(pl.when(pl.col("on_hand_milli") <= 0).then(pl.lit(BANDS[0][1])), *limits, pl.lit("beyond"))
    names = [name for _, name in BANDS] + ["beyond"]
    rows = position.with_columns(cover_band=band)
    by = rows.group_by("cover_band").agg(pl.len().alias("shelves"), pl.col("stock_minor").sum())
    order = pl.DataFrame({"cover_band": names})
    table = order.join(by, on="cover_band", how="left", maintain_order="left").with_columns(
        pl.col("shelves").cast(pl.Int64).fill_null(0), pl.col("stock_minor").fill_null(0)
    )
    short = position.filter(pl.col("order_milli") > 0)
    kind = "short" if short.height else "enough"
    values = {
        "count": form.count(short.height), "of": form.count(position.height), "lead": lead,
        "money": form.money(int(short["short_minor"].sum())), "stock": form.money(int(position["stock_minor"].sum())),
    }  # fmt: skip
    shown = table.with_columns(
        pl.Series("name", [words(f"stock.band.{b}") for b in table["cover_band"]], dtype=pl.String)
    )
    labels = [
        words("stock.cover.label", money=form.money(m), count=form.count(n))
        for m, n in table.select("stock_minor", "shelves").iter_rows()
    ]
    bars = shown.select(
        "name",
        (pl.col("stock_minor") / MINOR_PER_UNIT[form.currency]).alias("value"),
        pl.Series("label", labels, dtype=pl.String),
        toned(pl.col("cover_band").is_in(["none", "week"]), "warn").alias("tone"),
    )
    return Finding.worded(
        "stock.cover", kind, values, words=words, status="warn" if short.height else "ok", table=table,
        view=views.readable(table, words=words),
        chart=labelled.bars(bars, words=words, title=words("stock.chart.cost")),
        value_minor=int(short["short_minor"].sum()), row_key=("cover_band",),
    )  # fmt: skip


def expiry(ends: pl.DataFrame, *, words: Words, within: int, learnt: bool) -> Finding:
    """What of the lots that end soon is expected to be left, by category.

    Parameters
    ----------
    ends : from `crmlib.balances.stock.ends.ends`. learnt : the depth of a markdown comes from past promotions.
    """
    form = words.format
    loss = int(ends["loss_minor"].sum())
    doubtful = ends.filter(pl.col("p_sold") < MOST)
    best = [f"{way}_minor" for way in ("transfer", "markdown", "gift", "write_off")]
    by = ends.with_columns(best_minor=pl.max_horizontal(best)).group_by("category").agg(
        pl.len().cast(pl.Int64).alias("lots"), pl.col("loss_minor").sum().alias("ending_minor"),
        pl.col("best_minor").sum(),
    )  # fmt: skip
    table = by.sort("ending_minor", "category", descending=[True, False])
    share = table["ending_minor"][0] / loss if loss else None
    kind = "none" if not loss else "most" if share is not None and share > MOST else "spread"
    values = {
        "money": form.money(loss), "count": form.count(doubtful.height), "within": within,
        "top": table["category"][0] if table.height else "", "share": form.share(share),
        "best": form.money(int(table["best_minor"].sum())), "lots": form.count(ends.height),
    }  # fmt: skip
    top = table.head(SHOWN)
    labels = [
        words("stock.expiry.label", money=form.money(m), count=form.count(n))
        for m, n in top.select("ending_minor", "lots").iter_rows()
    ]
    bars = top.select(
        pl.col("category").alias("name"),
        (pl.col("ending_minor") / MINOR_PER_UNIT[form.currency]).alias("value"),
        pl.Series("label", labels, dtype=pl.String),
    )
    return Finding.worded(
        "stock.expiry", kind, values, words=words, status="warn" if loss else "ok", table=table,
        view=views.readable(table, words=words),
        chart=labelled.bars(bars, words=words, title=words("stock.chart.ending")) if loss else None,
        sure=words(f"stock.expiry.sure.{'learnt' if learnt else 'unlearnt'}", **values),
        value_minor=loss, row_key=("category",),
    )  # fmt: skip


def empty(position: pl.DataFrame, *, words: Words, booked: bool) -> Finding:
    """Margin that empty shelves lost in the last 28 days, by category.

    Parameters
    ----------
    booked : the days come from the book of goods; else they are inferred from days without a sale.
    """
    form = words.format
    lost = int(position["lost_minor"].sum())
    by = position.filter(pl.col("lost_minor") > 0).group_by("category").agg(
        pl.len().cast(pl.Int64).alias("shelves"), pl.col("lost_minor").sum().alias("lost_margin_minor")
    )  # fmt: skip
    table = by.sort("lost_margin_minor", "category", descending=[True, False])
    now = position.filter(pl.col("p_out") > MOST).height
    kind = "lost" if lost > 0 else "none"
    values = {
        "money": form.money(lost), "top": table["category"][0] if table.height else "", "now": form.count(now),
        "first": form.money(table["lost_margin_minor"][0] if table.height else 0),
        "count": form.count(int(table["shelves"].sum())),
    }  # fmt: skip
    top = table.head(SHOWN)
    labels = [
        words("stock.cover.label", money=form.money(m), count=form.count(n))
        for m, n in top.select("lost_margin_minor", "shelves").iter_rows()
    ]
    bars = top.select(
        pl.col("category").alias("name"),
        (pl.col("lost_margin_minor") / MINOR_PER_UNIT[form.currency]).alias("value"),
        pl.Series("label", labels, dtype=pl.String),
    )
    return Finding.worded(
        "stock.empty", kind, values, words=words, status="warn" if lost > 0 else "ok", table=table,
        view=views.readable(table, words=words),
        chart=labelled.bars(bars, words=words, title=words("stock.chart.lost")) if lost > 0 else None,
        sure=words(f"stock.empty.sure.{'booked' if booked else 'inferred'}", **values),
        value_minor=lost, row_key=("category",),
    )  # fmt: skip


def slow(position: pl.DataFrame, *, words: Words, days: int) -> Finding:
    """What lies beyond the wanted days, and how much of it nobody has bought for eight weeks, by category."""
    form = words.format
    beyond = int(position["excess_minor"].sum())
    dead = position.filter(pl.col("stock_minor") > 0, pl.col("idle_days").is_null() | (pl.col("idle_days") > DEAD_DAYS))
    still = dead.group_by("category").agg(pl.col("stock_minor").sum().alias("dead_minor"))
    by = position.group_by("category").agg(pl.col("stock_minor", "excess_minor").sum())
    table = by.join(still, on="category", how="left").with_columns(pl.col("dead_minor").fill_null(0))
    table = table.filter(pl.col("excess_minor") > 0).sort("excess_minor", "category", descending=[True, False])
    share = table["excess_minor"][0] / beyond if beyond else None
    kind = "none" if not beyond else "most" if share is not None and share > MOST else "spread"
    values = {
        "money": form.money(beyond), "days": days, "top": table["category"][0] if table.height else "",
        "share": form.share(share), "dead": form.money(int(dead["stock_minor"].sum())), "weeks": DEAD_DAYS // 7,
        "count": form.count(dead.height),
        "of": form.share(beyond / int(position["stock_minor"].sum()) if beyond else None),
    }  # fmt: skip
    top = table.head(SHOWN)
    bars = top.select(
        pl.col("category").alias("name"),
        (pl.col("excess_minor") / MINOR_PER_UNIT[form.currency]).alias("value"),
        pl.Series("label", [form.money(m) for m in top["excess_minor"]], dtype=pl.String),
    )
    return Finding.worded(
        "stock.slow", kind, values, words=words, status="warn" if beyond else "ok", table=table,
        view=views.readable(table, words=words),
        chart=labelled.bars(bars, words=words, title=words("stock.chart.cost")) if beyond else None,
        value_minor=beyond, row_key=("category",),
    )  # fmt: skip


def check(held: float | None, *, words: Words) -> Finding:
    """Whether the forecast's upper end held on days it had not seen."""
    form = words.format
    kind = "unknown" if held is None else "held" if held >= HELD_LEAST else "missed"
    values = {"held": form.share(held), "level": form.share(LEVEL, digits=0), "least": form.share(HELD_LEAST, digits=0)}
    table = pl.DataFrame({"held": [held]}, schema={"held": pl.Float64})
    return Finding.worded(
        "stock.check", kind, values, words=words, table=table, role="check",
        status="none" if held is None else "ok" if kind == "held" else "warn",
    )  # fmt: skip
