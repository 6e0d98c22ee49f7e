"""Whom to call: late, and more likely still a customer than not, by what an order earns."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crmlib.core.money import MINOR_PER_UNIT
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import ActionList, Finding
from crmlib.kit.words import Words

SOON, WEEK, UNSURE = 2, 7, 0.35
"""Days to act for the dearest and the others; above this chance to have stopped a visit instead of a call."""
DEAREST = 10


def owners(calls: pl.DataFrame, *, words: Words) -> Finding:
    """Late buyers by who looks after them; those of nobody, or of somebody who left, first."""
    form = words.format
    table = (
        calls.with_columns(_owner(words), orphan=_orphan())
        .group_by("owner")
        .agg(
            buyers=pl.len().cast(pl.Int64),
            order_margin_minor=pl.col("margin_minor").fill_null(0).sum(),
            orphan=pl.col("orphan").any(),
        )
        .sort("orphan", "order_margin_minor", "owner", descending=[True, True, False])
        if calls.height
        else pl.DataFrame(
            schema={"owner": pl.String, "buyers": pl.Int64, "order_margin_minor": pl.Int64, "orphan": pl.Boolean}
        )
    )
    nobody = table.filter("orphan")
    kind = "none" if table.is_empty() else "orphans" if nobody.height else "fits"
    values = {
        "buyers": form.count(int(table["buyers"].sum())), "owners": form.count(table.height - nobody.height),
        "nobody": form.count(int(nobody["buyers"].sum())),
        "money": form.money(int(nobody["order_margin_minor"].sum())),
        "most": table["owner"][0] if table.height else "",
        "most_count": form.count(int(table["buyers"][0]) if table.height else 0),
    }  # fmt: skip
    shown = table.drop("orphan")
    bars = table.select(
        pl.col("owner").alias("name"),
        (pl.col("order_margin_minor") / MINOR_PER_UNIT[form.currency]).alias("value"),
        pl.Series("label", [form.money(m) for m in table["order_margin_minor"]], dtype=pl.String),
        toned(pl.col("orphan"), "fail").alias("tone"),
    )
    return Finding.worded(
        "order_cycle.owners", kind, values, words=words,
        status={"none": "ok", "orphans": "fail", "fits": "ok"}[kind],  # type: ignore[arg-type]
        table=shown, view=views.readable(shown, words=words) if table.height else None,
        chart=labelled.bars(bars, words=words, title=words("order_cycle.chart.money")) if table.height else None,
        value_minor=int(nobody["order_margin_minor"].sum()) or None, row_key=("owner",),
    )  # fmt: skip


def listed(calls: pl.DataFrame, *, words: Words, as_of: date, capacity: int) -> ActionList:
    """One line a buyer: since when, how sure it still buys, what an order earns, who calls and by when."""
    form, chosen = words.format, calls.head(capacity)
    rows = list(chosen.iter_rows(named=True))
    reasons = [
        words(
            "order_cycle.reason.late", last=form.day(r["last_on"]), gap=form.count(round(r["usual_gap"])),
            silent=form.count((as_of - r["last_on"]).days), stopped=form.share(r["stopped"], digits=0),
        )
        for r in rows
    ]  # fmt: skip
    advice = [
        words(f"order_cycle.advice.{'owner' if orphan else 'visit' if r['stopped'] > UNSURE else 'call'}")
        for r, orphan in zip(rows, chosen.select(_orphan()).to_series(), strict=True)
    ]
    due = [as_of + timedelta(days=SOON if place < DEAREST else WEEK) for place in range(len(rows))]
    table = chosen.select(
        pl.col("buyer"),
        pl.col("region"),
        pl.Series("reason", reasons, dtype=pl.String),
        "p_30",
        pl.col("margin_minor").alias("order_margin_minor"),
        pl.Series("suggestion", advice, dtype=pl.String),
        _owner(words),
        pl.Series("due_on", due, dtype=pl.Date),
    )
    kind = "none" if not calls.height else "all" if calls.height <= capacity else "capped"
    values = {
        "count": form.count(table.height), "found": form.count(calls.height),
        "money": form.money(int(table["order_margin_minor"].fill_null(0).sum())),
    }  # fmt: skip
    return ActionList(
        headline=words(f"order_cycle.actions.headline.{kind}", **values), table=table,
        view=views.readable(table, words=words), note=words("order_cycle.actions.note"), row_key=("buyer",),
    )  # fmt: skip


def _orphan() -> pl.Expr:
    return pl.col("gone") | pl.col("owner").is_null()


def _owner(words: Words) -> pl.Expr:
    """The owner by name; somebody who left and nobody are said to be that."""
    left = pl.format(words("page.has_left", name="{}"), pl.col("owner"))
    return (
        pl.when(pl.col("owner").is_null())
        .then(pl.lit(words("order_cycle.nobody")))
        .when(pl.col("gone"))
        .then(left)
        .otherwise(pl.col("owner"))
        .alias("owner")
    )
