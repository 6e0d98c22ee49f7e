"""What will come: the first sentence, past forecasts, open deals by owner."""

from __future__ import annotations

from collections.abc import Set

import polars as pl

from crmlib.cases.forecast import FAIL, LEAST_ORIGINS, WARN, Origins
from crmlib.cases.funnel import WinRate
from crmlib.core.money import MINOR_PER_UNIT
from crmlib.kit import table as views
from crmlib.kit.charts import intervals, labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import Answer, Figure, Finding
from crmlib.kit.words import Words

SHOWN = 12


def answer(
    expected: pl.DataFrame,
    band: tuple[float, float] | None,
    stalled: pl.DataFrame,
    rate: WinRate,
    *,
    words: Words,
    days: int,
) -> Answer:
    """As `answer`, of explicit results."""
    form = words.format
    coming, live = int(expected["expected_minor"].sum()), stalled.filter("live")
    still, dead = int(live["value_minor"].sum() or 0), stalled.filter(~pl.col("live"))
    kind = (
        "none"
        if expected.is_empty()
        else "stalled"
        if still > coming
        else "forecast"
        if band is not None
        else "no_band"
    )
    values = {
        "coming": form.money(coming), "days": days, "still": form.money(still), "count": form.count(live.height),
        "saved": form.money(int(live["expected_minor"].sum())), "dead": form.count(dead.height),
        "low": form.money(band[0]) if band else "", "high": form.money(band[1]) if band else "",
        "open": form.count(expected.height), "share": form.share(rate.share_won), "age": round(rate.days),
        "value": form.money(int(expected["value_minor"].sum() or 0)), "first": form.month(rate.first),
        "last": form.month(rate.last), "opened": form.count(rate.opened),
        "dead_value": form.money(int(dead["value_minor"].sum() or 0)),
    }  # fmt: skip
    figures = (
        Figure(
            words("funnel.figure.coming", **values), form.money(coming),
            words("funnel.figure.band" if band else "funnel.figure.no_band", **values),
            key="coming", amount=coming, money=True,
        ),
        Figure(
            words("funnel.figure.still"), form.money(still), words("funnel.figure.deals", **values),
            "bad" if still > coming else "neutral", key="still", amount=still, money=True,
        ),
        Figure(
            words("funnel.figure.open"), form.count(expected.height), words("funnel.figure.value", **values),
            key="open", amount=expected.height,
        ),
        Figure(
            words("funnel.figure.rate", **values), form.share(rate.share_won), words("funnel.figure.cohort", **values),
            key="rate", amount=rate.share_won,
        ),
    )  # fmt: skip
    return Answer(words(f"funnel.answer.{kind}", **values), figures)


def forecast(
    found: Origins, expected: pl.DataFrame, band: tuple[float, float] | None, *, words: Words, days: int
) -> Finding:
    """The light is the miss of the last closed origin; at stake is what may not come, down to the range's low end."""
    form, unit = words.format, MINOR_PER_UNIT[words.format.currency]
    last = found.table.tail(1)
    coming = int(expected["expected_minor"].sum())
    kind = "few" if band is None else found.status
    values = {
        "coming": form.money(coming), "days": days, "low": form.money(band[0]) if band else "",
        "high": form.money(band[1]) if band else "", "origins": form.count(found.table.height),
        "miss": form.change(last["miss"][0]) if last.height else "",
        "origin": form.day(last["origin"][0]) if last.height else "",
        "said": form.money(last["expected"][0]) if last.height else "",
        "won": form.money(last["won"][0]) if last.height else "", "warn": form.share(WARN, digits=0),
        "fail": form.share(FAIL, digits=0), "needed": LEAST_ORIGINS,
        "beyond": form.count(int(expected["beyond"].sum())),
        "beyond_value": form.money(int(expected.filter("beyond")["value_minor"].sum() or 0)),
    }  # fmt: skip
    table = found.table.select(
        made_on="origin",
        forecast_minor=pl.col("expected").round().cast(pl.Int64),
        won_minor=pl.col("won").cast(pl.Int64),
        missed="miss",
    )
    rows = [(words("funnel.forecast.next"), coming, *(band or (None, None)), "total")]
    rows += [(form.day(day), won, None, None, None) for day, _, won, _ in found.table.tail(8).reverse().iter_rows()]
    shown = pl.DataFrame(rows, schema=["name", "minor", "lo", "hi", "tone"], orient="row", infer_schema_length=None)
    shown = shown.with_columns(
        pl.col("tone").cast(pl.String), value=pl.col("minor") / unit, low=pl.col("lo").cast(pl.Float64) / unit,
        high=pl.col("hi").cast(pl.Float64) / unit,
        label=pl.Series([form.money(m) for m in shown["minor"]], dtype=pl.String),
    )  # fmt: skip
    return Finding.worded(
        "funnel.forecast", kind, values, words=words,
        status="none" if band is None else found.status,
        table=table, view=views.readable(table, words=words) if table.height else None,
        chart=intervals.intervals(shown, words=words, title=words("funnel.chart.money")),
        value_minor=max(coming - round(band[0]), 0) if band else None, row_key=("made_on",),
    )  # fmt: skip


def owners(expected: pl.DataFrame, names: dict[str, str], gone: Set[str], *, words: Words) -> Finding:
    """Forecasts of owners sum to the whole; open deals of whoever has left are a fail."""
    form = words.format
    by = expected.group_by("owner_staff").agg(
        deals_open=pl.len().cast(pl.Int64),
        deal_minor=pl.col("value_minor").sum(),
        coming_minor=pl.col("expected_minor").sum(),
    )
    by = by.sort("coming_minor", "owner_staff", descending=[True, False], nulls_last=True)
    left = by.filter(pl.col("owner_staff").is_in(list(gone)) | pl.col("owner_staff").is_null())
    called = [owner_name(staff, names, gone, words) for staff in by["owner_staff"]]
    table = by.select(pl.Series("seller", called, dtype=pl.String), "deals_open", "deal_minor", "coming_minor")
    kind = "none" if by.is_empty() else "gone" if left.height else "held"
    values = {
        "count": form.count(by.height), "deals": form.count(int(left["deals_open"].sum())),
        "money": form.money(int(left["deal_minor"].sum() or 0)), "top": called[0] if called else "",
        "saved": form.money(int(left["coming_minor"].sum())),
        "coming": form.money(int(by["coming_minor"].sum())),
        "best": form.money(int(by["coming_minor"][0] or 0) if by.height else 0),
        "who": words("page.join").join(owner_name(s, names, gone, words) for s in left["owner_staff"]),
    }  # fmt: skip
    top = table.head(SHOWN)
    bars = top.select(
        pl.col("seller").alias("name"),
        (pl.col("coming_minor") / MINOR_PER_UNIT[form.currency]).alias("value"),
        pl.Series("label", [form.money(m) for m in top["coming_minor"]], dtype=pl.String),
        toned(by.head(SHOWN)["owner_staff"].is_in(list(gone)), "fail").alias("tone"),
    )
    return Finding.worded(
        "funnel.owners", kind, values, words=words,
        status="fail" if kind == "gone" else "ok" if kind == "held" else "none", table=table,
        view=views.readable(table, words=words) if table.height else None,
        chart=labelled.bars(bars, words=words, title=words("funnel.chart.money")) if table.height else None,
        value_minor=int(left["coming_minor"].sum()), row_key=("seller",),
    )  # fmt: skip


def owner_name(staff: str | None, names: dict[str, str], gone: Set[str], words: Words) -> str:
    """What an owner is called: nobody, a name, a name of somebody who has left."""
    if staff is None:
        return words("funnel.no_owner")
    name = names.get(staff, staff)
    return words("page.has_left", name=name) if staff in gone else name
