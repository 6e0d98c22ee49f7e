"""Money on its way, in the tills and in goods: results in, cards out."""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.balances.cash.cycle import PARTS
from crmlib.core.money import MINOR_PER_UNIT
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.finding import Finding, Status
from crmlib.kit.words import Words

SHOWN = 12
TRANSIT = pl.Schema({"account": pl.String(), "left_on": pl.Date(), "amount_minor": pl.Int64(), "days": pl.Int64(),
                     "late": pl.Boolean()})  # fmt: skip


def named(rows: pl.DataFrame, called: dict[str, str]) -> pl.Series:
    """The accounts of `rows` by name; null where none is known."""
    return pl.Series("account", [called.get(a, a) for a in rows["account_id"]], dtype=pl.String)


def transit(found: pl.DataFrame | None, called: dict[str, str], *, words: Words, days: int) -> Finding:
    """What left and has not arrived; `found` none: a reader who does not see the bank."""
    form = words.format
    rows = pl.DataFrame(schema=TRANSIT) if found is None else found.with_columns(named(found, called))
    table = rows.select(TRANSIT.names()).sort("late", "amount_minor", descending=True)
    late = table.filter("late")
    kind = "region" if found is None else "late" if late.height else "way" if table.height else "none"
    values = {
        "count": form.count(late.height),
        "late": form.money(int(late["amount_minor"].sum())),
        "bags": form.count(table.height),
        "money": form.money(int(table["amount_minor"].sum())),
        "days": form.count(days),
        "account": late["account"][0] if late.height else "",
        "day": form.day(late["left_on"][0] if late.height else None),
    }
    status: Status = "none" if found is None else "fail" if late.height else "ok"
    return Finding.worded(
        "cashbook.transit",
        kind,
        values,
        words=words,
        status=status,
        table=table,
        view=views.readable(table.head(SHOWN), words=words, exact=True) if table.height else None,
        value_minor=int(late["amount_minor"].sum()),
        row_key=("account", "left_on"),
    )


def waiting(rows: pl.DataFrame, called: dict[str, str], *, words: Words, as_of: date, days: int) -> Finding:
    """Tills whose oldest cash lies longer than it should; the mean of all is weighed by money."""
    form = words.format
    since = (pl.lit(as_of) - pl.col("since")).dt.total_days()
    held = rows.with_columns(named(rows, called)).select(
        "account", "taken_minor", "banked_minor", in_till_minor="left_minor", bank_days="days", lying_days=since
    ).sort("lying_days", "in_till_minor", descending=True, nulls_last=True)  # fmt: skip
    over = held.filter(pl.col("lying_days") > days)
    banked = rows.filter(pl.col("days").is_not_null())
    total = int(banked["banked_minor"].sum())
    mean = float((banked["days"] * banked["banked_minor"]).sum()) / total if total else None
    kind = "none" if held.is_empty() else "over" if over.height else "within"
    values = {
        "count": form.count(over.height),
        "of": form.count(held.height),
        "money": form.money(int(over["in_till_minor"].sum())),
        "account": over["account"][0] if over.height else "",
        "longest": form.count(over["lying_days"][0] if over.height else None),
        "mean": form.number(mean, digits=1),
        "left": form.money(int(held["in_till_minor"].sum())),
        "days": form.count(days),
    }
    top = held.head(SHOWN)
    bars = top.select(
        pl.col("account").alias("name"),
        (pl.col("in_till_minor") / MINOR_PER_UNIT[form.currency]).alias("value"),
        pl.Series("label", [form.money(m) for m in top["in_till_minor"]], dtype=pl.String),
        tone=pl.when(pl.col("lying_days") > days).then(pl.lit("warn")).otherwise(pl.lit("plain")),
    )
    return Finding.worded(
        "cashbook.waiting",
        kind,
        values,
        words=words,
        status="none" if held.is_empty() else "warn" if over.height else "ok",
        table=held,
        view=views.readable(top, words=words) if held.height else None,
        chart=labelled.bars(bars, words=words, title=words("cashbook.chart.till")) if held.height else None,
        value_minor=int(over["in_till_minor"].sum()),
        row_key=("account",),
    )


def counts(rows: pl.DataFrame, called: dict[str, str], *, words: Words) -> Finding:
    """What counts found more or less, by till."""
    form = words.format
    table = rows.with_columns(named(rows, called)).select("account", "counts", over_short_minor="amount_minor")
    less = table.filter(pl.col("over_short_minor") < 0)
    kind = "none" if table.is_empty() else "less" if less.height else "more"
    values = {
        "count": form.count(table.height),
        "money": form.money(int(table["over_short_minor"].sum())),
        "less": form.money(-int(less["over_short_minor"].sum())),
        "account": less["account"][0] if less.height else "",
    }
    return Finding.worded(
        "cashbook.counts",
        kind,
        values,
        words=words,
        status="warn" if less.height else "ok",
        table=table,
        view=views.readable(table.head(SHOWN), words=words, exact=True) if table.height else None,
        value_minor=-int(less["over_short_minor"].sum()),
        row_key=("account",),
    )


def cycle(table: pl.DataFrame, days: float | None, *, words: Words) -> Finding:
    """Stock and receivables less payables, in days; a part without its books is named instead of counted as nothing."""
    form = words.format
    known = {name: value for name, value in table.select("cycle_part", "cycle_days").iter_rows()}
    missing = [words(f"cashbook.part.{name}") for name in PARTS if known.get(name) is None]
    values = {
        "days": form.number(days),
        "missing": words("cashbook.comma").join(missing),
        **{name: form.number(known.get(name)) for name in PARTS},
    }
    bars = table.drop_nulls("cycle_days").select(
        pl.Series("name", [words(f"cashbook.part.{p}") for p in table.drop_nulls("cycle_days")["cycle_part"]],
                  dtype=pl.String),
        (pl.col("cycle_days") * pl.when(pl.col("cycle_part") == "payable").then(-1).otherwise(1)).alias("value"),
        pl.Series("label", [form.number(d) for d in table.drop_nulls("cycle_days")["cycle_days"]], dtype=pl.String),
        tone=pl.lit("plain"),
    )  # fmt: skip
    return Finding.worded(
        "cashbook.cycle",
        "whole" if days is not None else "some" if bars.height else "none",
        values,
        words=words,
        status="none",
        table=table,
        view=views.readable(table, words=words) if table.height else None,
        chart=labelled.bars(bars, words=words, title=words("cashbook.chart.days")) if bars.height else None,
        row_key=("cycle_part",),
    )
