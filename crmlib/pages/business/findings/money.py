"""What will come and what is owed: needs by season, next orders, debts."""

from __future__ import annotations

import polars as pl

from crmlib.customers.business import LEAST_CLOSED, LEVEL, Outlook
from crmlib.kit import table as views
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import Finding
from crmlib.kit.words import Words
from crmlib.pages.business import charts

SHOWN = 8
KIND = {"partner_kind": "business.kind"}


def season(row: dict[str, object], words: Words) -> str:
    """A season of a year in words."""
    return words("business.of_year", season=words(f"business.season.{row['season']}"), year=row["season_year"])


def seasons(rows: pl.DataFrame, said: Outlook | None, *, words: Words) -> Finding:
    """What was said and ordered by season, and what the open needs will bring."""
    form = words.format
    shown = rows.head(SHOWN)
    names = [season(row, words) for row in shown.iter_rows(named=True)]
    still = rows.filter(pl.col("open") > 0)
    rate = None if said is None else said.rate
    kind = "none" if rows.is_empty() else "closed" if not still.height else "open" if rate is not None else "short"
    values = {
        "next": season(still.row(still.height - 1, named=True), words) if still.height else "",
        "open": form.count(int(rows["open"].sum())),
        "said": form.money(None if said is None else said.said_minor), "rate": form.share(rate, digits=0),
        "expected": form.money(None if said is None else said.expected_minor),
        "low": form.money(None if said is None else said.low_minor),
        "high": form.money(None if said is None else said.high_minor), "level": form.share(LEVEL, digits=0),
        "closed": form.count(0 if said is None else said.closed), "least": form.count(LEAST_CLOSED),
    }  # fmt: skip
    table = shown.select(
        pl.Series("need_season", names, dtype=pl.String), needs_named="needs", needs_open="open", needs_won="won",
        said_minor="said_minor", need_ordered_minor="ordered_minor", need_kept="kept",
    )  # fmt: skip
    drawn = shown.select(
        money=pl.when(pl.col("open") > 0).then("said_minor").otherwise("ordered_minor"),
        tone=toned(pl.col("open") > 0, "total"),
    )
    labels = [
        words("business.label.open" if r["open"] else "business.label.season", said=form.money(r["said_minor"]),
              money=form.money(r["ordered_minor"]), share=form.share(r["kept"], digits=0))
        for r in shown.iter_rows(named=True)
    ]  # fmt: skip
    chart = charts.bars(names, drawn["money"], labels, words=words, tones=drawn["tone"])
    return Finding.worded(
        "business.seasons", kind, values, words=words, status="warn" if still.height else "none", table=table,
        view=views.readable(table, words=words) if shown.height else None,
        chart=chart,
        value_minor=None if said is None else said.expected_minor, row_key=("need_season",),
    )  # fmt: skip


def due(rhythm: pl.DataFrame, late: pl.DataFrame, customers: pl.DataFrame, *, words: Words) -> Finding:
    """Orders expected within 30 days and those that are late, by kind of customer."""
    form = words.format
    named = rhythm.join(customers.select("partner_id", "kind", "name"), on="partner_id", maintain_order="left")
    waits = pl.col("partner_id").is_in(late["partner_id"].implode())
    by = named.group_by("kind").agg(
        buyers=pl.len().cast(pl.Int64), expected=pl.col("p_30").sum(), late=waits.sum().cast(pl.Int64),
        coming_minor=(pl.col("p_30") * pl.col("net_minor")).sum().round().cast(pl.Int64),
        waiting_minor=pl.col("net_minor").filter(waits).sum(),
    ).sort("coming_minor", "kind", descending=[True, False])  # fmt: skip
    waiting, count = int(by["waiting_minor"].sum()), int(by["late"].sum())
    dear = named.filter(waits).sort("net_minor", "partner_id", descending=[True, False])
    kind = "none" if named.is_empty() else "late" if count else "fine"
    values = {
        "expected": form.count(round(float(by["expected"].sum()))), "buyers": form.count(named.height),
        "money": form.money(int(by["coming_minor"].sum())), "late": form.count(count), "waiting": form.money(waiting),
        "first": dear["name"][0] if dear.height else "",
    }  # fmt: skip
    table = by.select(
        partner_kind="kind", buyers="buyers", buyers_expected="expected", next_orders_minor="coming_minor",
        buyers_late="late", waiting_minor="waiting_minor",
    )  # fmt: skip
    labels = [
        words("business.label.due", money=form.money(m), late=form.count(n))
        for m, n in by.select("coming_minor", "late").iter_rows()
    ]
    chart = charts.bars([words(f"business.kind.{k}") for k in by["kind"]], by["coming_minor"], labels, words=words)
    return Finding.worded(
        "business.due", kind, values, words=words, status={"none": "none", "late": "warn", "fine": "ok"}[kind],  # type: ignore[arg-type]
        table=table, names=KIND, view=views.readable(table, words=words, names=KIND) if by.height else None,
        chart=chart,
        value_minor=waiting or None, row_key=("partner_kind",),
    )  # fmt: skip


def owed(debts: pl.DataFrame, customers: pl.DataFrame, *, words: Words) -> Finding:
    """Who owes most of it late."""
    form = words.format
    table = debts.join(customers.select("partner_id", "name", "kind"), on="partner_id", maintain_order="left")
    table = table.sort("late_minor", "owed_minor", "partner_id", descending=[True, True, False])
    every, late = int(table["owed_minor"].sum()), int(table["late_minor"].sum())
    behind = table.filter(pl.col("late_minor") > 0)
    kind = "none" if table.is_empty() else "late" if late > 0 else "fine"
    values = {
        "money": form.money(every), "late": form.money(late), "share": form.share(late / every if every > 0 else None),
        "count": form.count(table.height), "behind": form.count(behind.height),
        "first": behind["name"][0] if behind.height else "",
        "most": form.money(int(behind["late_minor"][0]) if behind.height else 0),
        "days": form.count(int(behind["days_late"].max() or 0) if behind.height else 0),  # type: ignore[arg-type]
    }  # fmt: skip
    shown = table.select(
        debtor="name", partner_kind="kind", owed_minor="owed_minor", late_minor="late_minor", days_behind="days_late"
    )
    top = shown.head(SHOWN)
    labels = [
        words("business.label.owed", late=form.money(m), owed=form.money(o))
        for m, o in top.select("late_minor", "owed_minor").iter_rows()
    ]
    tones = top.select(toned(pl.col("late_minor") > 0, "warn").alias("tone"))["tone"]
    chart = charts.bars(top["debtor"].to_list(), top["late_minor"], labels, words=words, tones=tones)
    return Finding.worded(
        "business.owed", kind, values, words=words, status={"none": "none", "late": "warn", "fine": "ok"}[kind],  # type: ignore[arg-type]
        table=shown, names=KIND, view=views.readable(top, words=words, names=KIND) if top.height else None,
        chart=chart if late > 0 else None,
        value_minor=late or None, row_key=("debtor",),
    )  # fmt: skip
