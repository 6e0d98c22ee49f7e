"""Customers with an owner: who returns when, and who holds too many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import polars as pl

from crmlib.cases.engine import Identity
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import Answer, Figure, Finding
from crmlib.kit.words import Words

SPANS = (0, 7, 14, 21, 28)
"""Ends of the spans ahead [days]; the first is whoever is due by now."""


def answer(
    soon: pl.DataFrame, standing: pl.DataFrame, holding: pl.DataFrame, books: Sequence[tuple[date, Identity]],
    names: Mapping[str, str], *, words: Words, ahead: int,
) -> Answer:  # fmt: skip
    """Who returns in `ahead` days, with what they bought in a year."""
    form = words.format
    inside = standing.filter("inside")
    free = inside.filter(~pl.col("locked")).height
    over = holding.filter(pl.col("over") > 0)
    month = books[-1][1] if books else Identity(0, {}, {}, 0)
    lead = soon.group_by("owner_staff").len().sort("len", "owner_staff", descending=[True, False]).head(1)
    money = int(soon["value_minor"].sum())
    values = {
        "count": form.count(soon.height), "money": form.money(money), "days": form.count(ahead),
        "owner": names.get(lead["owner_staff"][0], lead["owner_staff"][0]) if lead.height else "",
        "most": form.count(int(lead["len"][0]) if lead.height else 0), "free": form.count(free),
        "locked": form.count(inside.height - free), "inside": form.count(inside.height),
        "over": form.count(over.height), "too_many": form.count(int(over["over"].sum() or 0)),
        "claimed": form.count(month.went.get("claimed", 0)), "assigned": form.count(month.went.get("assigned", 0)),
    }  # fmt: skip
    figures = (
        Figure(words("pool.figure.soon", **values), values["count"], words("pool.figure.money", **values),
               "bad" if soon.height else "good", key="soon", amount=float(soon.height)),
        Figure(words("pool.figure.inside"), values["inside"], words("pool.figure.free", **values), key="inside",
               amount=float(inside.height)),
        Figure(words("pool.figure.claimed"), values["claimed"], words("pool.figure.assigned", **values),
               key="claimed", amount=float(month.went.get("claimed", 0))),
        Figure(words("pool.figure.over"), values["over"], words("pool.figure.too_many", **values),
               "bad" if over.height else "good", key="over", amount=float(over.height)),
    )  # fmt: skip
    return Answer(words(f"pool.answer.{'some' if soon.height else 'none'}", **values), figures)


def returns(rows: pl.DataFrame, *, words: Words, as_of: date) -> Finding:
    """Four weeks ahead: how many return, with what they bought in a year; those due by now come first."""
    form = words.format
    days = (pl.col("returns_on") - pl.lit(as_of)).dt.total_days()
    dated = rows.filter(pl.col("returns_on").is_not_null())
    found = []
    for at, end in enumerate(SPANS):
        within = days <= end if at == 0 else (days > SPANS[at - 1]) & (days <= end)
        part = dated.filter(within)
        first = None if at == 0 else as_of + timedelta(days=SPANS[at - 1] + 1)
        found.append((
            first, as_of + timedelta(days=end), part.height, int(part["value_minor"].sum()),
            part.filter(pl.col("reason") == "order").height,
        ))  # fmt: skip
    table = pl.DataFrame(found, orient="row", schema={
        "first_on": pl.Date, "last_on": pl.Date, "returning": pl.Int64, "returning_minor": pl.Int64,
        "returning_order": pl.Int64,
    })  # fmt: skip
    called = [
        words("pool.due_now") if a is None else words("pool.span", first=form.day(a), last=form.day(b))
        for a, b in table.select("first_on", "last_on").iter_rows()
    ]
    due, total, money = int(table["returning"][0]), int(table["returning"].sum()), int(table["returning_minor"].sum())
    kind = "due" if due else "ahead" if total else "none"
    values = {
        "due": form.count(due), "total": form.count(total), "money": form.money(money),
        "owned": form.count(rows.height), "held": form.count(rows.height - dated.height),
        "order": form.count(int(table["returning_order"].sum())),
    }  # fmt: skip
    bars = table.select(
        pl.Series("name", called, dtype=pl.String), pl.col("returning").cast(pl.Float64).alias("value"),
        pl.Series("label", [
            words("pool.returns.label", count=form.count(n), money=form.money(m))
            for n, m in table.select("returning", "returning_minor").iter_rows()
        ], dtype=pl.String),
        toned(pl.col("first_on").is_null(), "warn").alias("tone"),
    )  # fmt: skip
    shown = table.select(pl.Series("pool_span", called, dtype=pl.String), "returning", "returning_order",
                         "returning_minor")  # fmt: skip
    return Finding.worded(
        "pool.returns", kind, values, words=words, status="warn" if due else "ok" if total else "none", table=shown,
        view=views.readable(shown, words=words),
        chart=labelled.bars(bars, words=words, title=words("pool.chart.customers")) if total else None,
        value_minor=money, row_key=("pool_span",),
    )  # fmt: skip


def holding(rows: pl.DataFrame, names: Mapping[str, str], *, words: Words, ahead: int) -> Finding:
    """Customers by owner against the limit; whoever holds too many is amber."""
    form, over = words.format, rows.filter(pl.col("over") > 0)
    limit = rows["max_owned"].min() if rows.height else None
    kind = "none" if rows.is_empty() else "over" if over.height else "fits" if limit is not None else "unlimited"
    called = pl.Series("owner", [names.get(s, s) for s in rows["staff_id"]], dtype=pl.String)
    values = {
        "over": form.count(over.height), "too_many": form.count(int(over["over"].sum() or 0)),
        "limit": form.count(limit if isinstance(limit, int) else None), "most": called[0] if rows.height else "",
        "most_owned": form.count(int(rows["owned"][0]) if rows.height else 0), "owners": form.count(rows.height),
        "owned": form.count(int(rows["owned"].sum() or 0)), "days": form.count(ahead),
        "returning": form.count(int(rows["returning"].sum() or 0)),
    }  # fmt: skip
    table = rows.select(
        called, pool_owned="owned", pool_limit="max_owned", pool_over="over", returning="returning",
        returning_minor="returning_minor",
    )  # fmt: skip
    bars = rows.sort("owned", "staff_id", descending=[True, False]).select(
        pl.col("staff_id").replace(dict(names)).alias("name"),
        pl.col("owned").cast(pl.Float64).alias("value"),
        pl.col("owned").map_elements(form.count, return_dtype=pl.String).alias("label"),
        toned(pl.col("over") > 0, "warn").alias("tone"),
    )
    marks = (float(limit),) if isinstance(limit, int) else ()
    return Finding.worded(
        "pool.holding", kind, values, words=words, table=table,
        status={"none": "none", "over": "warn", "fits": "ok", "unlimited": "none"}[kind],  # type: ignore[arg-type]
        view=views.readable(table, words=words) if rows.height else None,
        chart=labelled.bars(bars.head(20), words=words, title=words("pool.chart.customers"), marks=marks)
        if rows.height else None,
        row_key=("owner",),
    )  # fmt: skip
