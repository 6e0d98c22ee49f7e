"""Goods: the first sentence, shipped against bought, stock for how long, books that do not close, who reports."""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.cases.channel import REPORTING, Growth, Reporting
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import Answer, Figure, Finding
from crmlib.kit.words import Words
from crmlib.pages.channel import charts

SHOWN, YEAR = 12, 365
APART = 0.005
"""Sell-in and consumption that differ by less grow alike."""
BREAK = 0.02
"""A residual above this share of what came in is worth a look."""


def kind_of(found: Growth | None) -> str:
    """Loaded, drained or even; unknown without both years."""
    if found is None or found.consumption_growth is None or found.sell_in_growth is None:
        return "unknown"
    gap = found.sell_in_growth - found.consumption_growth
    return "loaded" if gap > APART else "drained" if gap < -APART else "even"


def gap_days(found: Growth, *, days: int) -> float | None:
    """What the channel's stock grew by in the later span, in days of its consumption; `days` is the span's length."""
    return found.stocked[1] / found.consumption[1] * days if found.consumption[1] else None


def answer(
    found: Growth | None, stock: pl.DataFrame | None, breaks: pl.DataFrame, names: dict[str, str], *, words: Words,
    late: pl.DataFrame | None,
) -> Answer:  # fmt: skip
    """Consumption first, then what was shipped, then the gap in days and where it lies."""
    form, kind = words.format, kind_of(found)
    over = stock.filter(pl.col("excess_minor") > 0) if stock is not None else None
    top = over.row(0, named=True) if over is not None and over.height else None
    gap = None if found is None else gap_days(found, days=YEAR)
    open_minor = None if late is None else int(late["open_minor"].sum())
    missing = int(breaks["missing_milli"].sum())
    share = missing / total if (total := int(breaks["sell_in_milli"].sum())) else None
    values = {
        "consumption": form.change(None if found is None else found.consumption_growth),
        "shipped": form.change(None if found is None else found.sell_in_growth),
        "gap": form.number(None if gap is None else abs(gap), digits=1),
        "top": names.get(top["partner_id"], top["partner_id"]) if top else "",
        "days": form.number(top["cover_days"] if top else None, digits=0),
        "orders": form.count(None if late is None else late.height), "money": form.money(open_minor),
    }  # fmt: skip
    where = words("channel.answer.top", **values) if top else words("channel.answer.nobody")
    held = None if over is None else int(over["excess_minor"].sum())
    figures = (
        Figure(words("channel.figure.consumption"), str(values["consumption"]), key="consumption",
               amount=None if found is None else found.consumption_growth),
        Figure(words("channel.figure.shipped"), str(values["shipped"]), key="shipped",
               amount=None if found is None else found.sell_in_growth),
        Figure(words("channel.figure.excess"), form.money(held), "", "bad" if held else "neutral", key="excess",
               amount=held, money=True),
        Figure(words("channel.figure.late"), form.money(open_minor), words("channel.figure.orders", **values),
               "bad" if open_minor else "neutral", key="late", amount=open_minor, money=True),
    )  # fmt: skip
    said = words(f"channel.answer.{kind}", where=where, **values)
    if share is not None and share > BREAK:
        said = words("channel.answer.break", said=said, partners=form.count(breaks.height))
    return Answer(said, figures)


def growth(
    found: Growth | None, months: pl.DataFrame, spans: tuple[tuple[date, date], tuple[date, date]] | None, *,
    words: Words,
) -> Finding:  # fmt: skip
    """Sell-in = consumption + change of stock, of both spans.

    Parameters
    ----------
    months : month, sell_in_milli, sell_out_milli.
    """
    form, kind = words.format, kind_of(found)
    gap = None if found is None else gap_days(found, days=YEAR)
    values = {
        "consumption": form.change(None if found is None else found.consumption_growth),
        "shipped": form.change(None if found is None else found.sell_in_growth),
        "gap": form.number(None if gap is None else abs(gap), digits=1),
        "first": form.month(spans[1][0] if spans else None), "last": form.month(spans[1][1] if spans else None),
    }  # fmt: skip
    rows = [] if found is None else [
        ("shipped", *found.sell_in), ("bought", *found.consumption), ("stocked", *found.stocked)
    ]  # fmt: skip
    table = pl.DataFrame(
        rows, orient="row",
        schema={"channel_line": pl.String, "year_before_milli": pl.Int64, "last_year_milli": pl.Int64},
    )  # fmt: skip
    return Finding.worded(
        "channel.growth", kind, values, words=words, status="none", table=table,
        view=views.readable(table, words=words) if table.height else None,
        chart=charts.months(months, words=words) if months.height > 1 else None, row_key=("channel_line",),
    )  # fmt: skip


def cover(stock: pl.DataFrame, names: dict[str, str], *, words: Words, days: int) -> Finding:
    """Partners by days of stock; those above the limit, and what lies above it in yuan.

    Parameters
    ----------
    stock : of `network.overstocked`.
    """
    form = words.format
    over = stock.filter(pl.col("excess_minor") > 0)
    money = int(over["excess_minor"].sum())
    top = over.row(0, named=True) if over.height else None
    values = {
        "count": form.count(over.height), "money": form.money(money), "days": days,
        "partners": form.count(stock.height),
        "top": names.get(top["partner_id"], top["partner_id"]) if top else "",
        "cover": form.number(top["cover_days"] if top else None, digits=0),
    }  # fmt: skip
    longest = stock.sort("cover_days", descending=True, nulls_last=True).head(SHOWN)
    bars = longest.select(
        pl.Series("name", [names.get(p, p) for p in longest["partner_id"]], dtype=pl.String),
        pl.col("cover_days").fill_null(0.0).alias("value"),
        pl.Series("label", [words("channel.days", days=form.number(d, digits=0)) for d in longest["cover_days"]],
                  dtype=pl.String),
        toned(pl.col("excess_minor") > 0, "loss").alias("tone"),
    )  # fmt: skip
    table = stock.select(
        pl.Series("partner", [names.get(p, p) for p in stock["partner_id"]], dtype=pl.String), "on_hand_milli",
        "cover_days", "excess_minor",
    )  # fmt: skip
    return Finding.worded(
        "channel.cover", "some" if over.height else "none", values, words=words,
        status="warn" if over.height else "ok", table=table,
        view=views.readable(table.head(SHOWN), words=words) if table.height else None,
        chart=labelled.bars(bars, words=words, title=words("channel.chart.days"), marks=(float(days),))
        if bars.height else None,
        value_minor=money, row_key=("partner",),
    )  # fmt: skip


def books(breaks: pl.DataFrame, names: dict[str, str], *, words: Words) -> Finding:
    """Opening + in − out ± = closing; what is left over is shown, partner by partner.

    Parameters
    ----------
    breaks : of `network.breaks`.
    """
    form = words.format
    big = breaks.filter(pl.col("share").fill_null(1.0) > BREAK)
    top = breaks.row(0, named=True) if breaks.height else None
    kind = "none" if top is None else "break" if big.height else "small"
    values = {
        "count": form.count(breaks.height), "limit": form.share(BREAK, digits=0),
        "top": names.get(top["partner_id"], top["partner_id"]) if top else "",
        "pieces": form.count(round(top["missing_milli"] / 1000) if top else 0),
        "share": form.share(top["share"] if top else None),
        "way": words(f"channel.books.{'less' if top and top['residual_milli'] < 0 else 'more'}"),
    }  # fmt: skip
    table = breaks.select(
        pl.Series("partner", [names.get(p, p) for p in breaks["partner_id"]], dtype=pl.String), "residual_milli",
        "sell_in_milli", residual_share="share",
    )  # fmt: skip
    return Finding.worded(
        "channel.books", kind, values, words=words, status="warn" if kind == "break" else "ok", table=table,
        view=views.readable(table.head(SHOWN), words=words) if table.height else None, row_key=("partner",),
    )  # fmt: skip


def reporting(found: Reporting, silent: pl.DataFrame, names: dict[str, str], *, words: Words) -> Finding:
    """Share of the volume that reports; below four fifths there is no figure of the network.

    Parameters
    ----------
    silent : partner_id, last_on, sell_in_milli.
    """
    form = words.format
    kind = "all" if not silent.height else "some" if found.share >= REPORTING else "few"
    values = {
        "share": form.share(found.share, digits=0), "count": form.count(silent.height),
        "needed": form.share(REPORTING, digits=0),
        "who": words("page.join").join(names.get(p, p) for p in silent["partner_id"].head(3)),
    }  # fmt: skip
    table = silent.select(
        pl.Series("partner", [names.get(p, p) for p in silent["partner_id"]], dtype=pl.String),
        "last_on",
        "sell_in_milli",
    )
    return Finding.worded(
        "channel.reporting", kind, values, words=words, table=table,
        status={"all": "ok", "some": "warn", "few": "fail"}[kind],  # type: ignore[arg-type]
        view=views.readable(table.head(SHOWN), words=words) if table.height else None, row_key=("partner",),
        role="check",
    )  # fmt: skip
