"""What the books say: the first sentence, the statement of the month, transfers on their way."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crmlib.balances.stock.books import Books
from crmlib.core.money import MINOR_PER_UNIT
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import Answer, Figure, Finding
from crmlib.kit.words import Words
from crmlib.pages.stock.tables import goods_of, named, shop_of

LATE_DAYS = 3
"""A transfer on its way for longer is asked about."""
SHOWN = 12


def answer(
    position: pl.DataFrame,
    *,
    words: Words,
    breaks: pl.DataFrame | None,
    ends: pl.DataFrame | None,
    within: int,
    days: int,
) -> Answer:
    """The dearest of the three troubles; a break between book and count goes before all of them.

    Parameters
    ----------
    position : from `crmlib.balances.stock.shelf.position`. breaks, ends : none where not connected.
    within : days within which a lot's end is near. days : of cover wanted, lead time included.
    """
    form = words.format
    money = {
        "expiry": 0 if ends is None else int(ends["loss_minor"].sum()),
        "lost": int(position["lost_minor"].sum()),
        "excess": int(position["excess_minor"].sum()),
    }
    kind = max(money, key=lambda name: money[name]) if any(money.values()) else "quiet"
    values = {
        "money": form.money(money.get(kind, 0)), "within": within, "days": days, "of": _largest(kind, position, ends),
        "pieces": form.count(position.filter(pl.col("excess_minor") > 0).height),
    }  # fmt: skip
    if breaks is not None and breaks.height:
        kind = "break"
        values |= {
            "count": form.count(breaks.height),
            "money": form.money(int(breaks["unexplained_minor"].abs().sum())),
            "net": form.money(int(breaks["unexplained_minor"].sum())),
        }
    total = int(position["stock_minor"].sum())
    figures = [
        Figure(
            label=words("stock.figure.stock"), value=form.money(total),
            comparison=words("stock.figure.stock_of", count=form.count(position.height)), key="stock", amount=total,
            money=True,
        )
    ]  # fmt: skip
    for name, amount in money.items():
        if name == "expiry" and ends is None:
            continue
        figures.append(
            Figure(
                label=words(f"stock.figure.{name}", within=within, days=days),
                value=form.money(amount),
                comparison=words("stock.figure.share", share=form.share(amount / total if total else None))
                if name != "lost"
                else words("stock.figure.lost_of"),
                tone="bad" if amount > 0 else "good",
                key=name,
                amount=amount,
                money=True,
            )
        )
    return Answer(sentence=words(f"stock.answer.{kind}", **values), figures=tuple(figures))


def _largest(kind: str, position: pl.DataFrame, ends: pl.DataFrame | None) -> str:
    """The category in which the dearest trouble is largest."""
    columns = {"expiry": "loss_minor", "lost": "lost_minor", "excess": "excess_minor"}
    rows = ends if kind == "expiry" else position
    if kind not in columns or rows is None or rows.is_empty():
        return ""
    by = (
        rows.group_by("category")
        .agg(pl.col(columns[kind]).sum())
        .sort(columns[kind], "category", descending=[True, False])
    )
    return str(by["category"][0])


def statement(made: Books, stores: pl.DataFrame, products: pl.DataFrame, *, words: Words, counted: bool) -> Finding:
    """The month at cost, line by line; what count and book differ by is a line, and the headline.

    Parameters
    ----------
    counted : whether counts are connected.
    """
    form, lines, breaks = words.format, made.by_kind, made.breaks
    kind = "break" if breaks.height else "closes" if counted else "uncounted"
    totals = made.value.totals
    values = {
        "count": form.count(breaks.height), "opening": form.money(totals["opening"]),
        "closing": form.money(totals["closing"]), "first": form.day(made.value.first),
        "last": form.day(made.value.last), "pairs": form.count(made.value.lines.height),
        "money": form.money(int(breaks["unexplained_minor"].abs().sum())),
        "net": form.money(int(breaks["unexplained_minor"].sum())), "where": "",
        "below": form.count(int((made.quantity.lines["closing"] < 0).sum())),
    }  # fmt: skip
    if breaks.height:
        values["where"] = named(breaks.row(0, named=True), stores, products)
    said = pl.Series([words.label(f"stock.line.{line}") or line for line in lines["line"]], dtype=pl.String)
    bars = lines.select(
        said.alias("name"),
        (pl.col("amount_minor") / MINOR_PER_UNIT[form.currency]).alias("value"),
        pl.Series("label", [form.money(m) for m in lines["amount_minor"]], dtype=pl.String),
        pl.coalesce(
            toned(pl.col("line") == "unexplained", "fail"), toned(pl.col("line").is_in(["opening", "closing"]), "total")
        ).alias("tone"),
    )
    return Finding.worded(
        "stock.book", kind, values, words=words, status="fail" if breaks.height else "ok" if counted else "none",
        table=lines.rename({"line": "stock_line"}),
        view=views.readable(lines.rename({"line": "stock_line"}), words=words, exact=True),
        chart=labelled.bars(bars, words=words, title=words("stock.chart.cost")),
        value_minor=int(breaks["unexplained_minor"].abs().sum()), row_key=("stock_line",),
    )  # fmt: skip


def transit(
    found: pl.DataFrame, stores: pl.DataFrame, products: pl.DataFrame, *, words: Words, as_of: date, whole: bool
) -> Finding:
    """Transfers of which one end is missing; who sees some regions only cannot tell, the other end may be elsewhere.

    Parameters
    ----------
    found : from `crmlib.balances.stock.books.on_their_way`. whole : all regions are seen.
    """
    form = words.format
    late = found.filter(pl.col("sent_on") < pl.lit(as_of) - timedelta(days=LATE_DAYS))
    kind = "region" if not whole else "late" if late.height else "going" if found.height else "none"
    values = {
        "count": form.count(found.height), "late": form.count(late.height), "days": LATE_DAYS,
        "money": form.money(int(found["cost_minor"].sum())), "late_money": form.money(int(late["cost_minor"].sum())),
    }  # fmt: skip
    table = shop_of(goods_of(found, products), stores).select(
        "transfer_id", "store", "goods", "sent_on", "quantity_milli", going_minor="cost_minor"
    )
    return Finding.worded(
        "stock.transit", kind, values, words=words, status="warn" if kind == "late" else "none",
        table=table if whole else table.clear(),
        view=views.readable(table.head(SHOWN), words=words) if whole and table.height else None,
        value_minor=int(late["cost_minor"].sum()) if whole else None, row_key=("transfer_id",),
    )  # fmt: skip
