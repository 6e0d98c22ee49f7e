"""When money comes: cash of the next days, days outstanding, promises, and whether the forecast held."""

from __future__ import annotations

import polars as pl

from crmlib.balances.receivables.settle import AHEAD, Coming
from crmlib.core.money import MINOR_PER_UNIT
from crmlib.core.proportions import wilson
from crmlib.kit import table as views
from crmlib.kit.charts import intervals
from crmlib.kit.finding import Finding
from crmlib.kit.words import Words
from crmlib.pages.receivables import charts

LEVEL, LEAST = 0.8, 0.6
"""Share of past dates that should lie inside, and the least that is called reliable of about twelve dates."""
HALF = 0.5


def coming(found: Coming, *, words: Words) -> Finding:
    """Forecast of the next 30 days beside what came in past stretches of 30 days, and what had been forecast."""
    form, unit = words.format, MINOR_PER_UNIT[words.format.currency]
    known = found.low_minor is not None and found.high_minor is not None
    values = {
        "money": form.money(found.expected_minor), "days": AHEAD, "low": form.money(found.low_minor),
        "high": form.money(found.high_minor), "dates": form.count(found.tested.height),
    }  # fmt: skip
    table = found.tested.select(
        made_on="day", cash_minor="forecast_minor", came_minor="true_minor"
    )  # fmt: skip
    low, high = (found.low_minor, found.high_minor) if known else (None, None)
    rows = [(words("receivables.coming.next"), found.expected_minor, low, high)]
    rows += [(form.day(day), true, None, None) for day, _, true in found.tested.tail(6).reverse().iter_rows()]
    shown = pl.DataFrame(rows, schema=["name", "minor", "lo", "hi"], orient="row", infer_schema_length=None)
    shown = shown.with_columns(
        value=pl.col("minor") / unit,
        low=pl.col("lo").cast(pl.Float64) / unit, high=pl.col("hi").cast(pl.Float64) / unit,
        label=pl.Series([form.money(m) for m in shown["minor"]], dtype=pl.String),
    )  # fmt: skip
    return Finding.worded(
        "receivables.coming", "band" if known else "no_band", values, words=words, status="none", table=table,
        view=views.readable(table, words=words) if table.height else None,
        chart=intervals.intervals(
            shown.select("name", "value", "low", "high", "label"), words=words, title=words("receivables.chart.money")
        ),
        value_minor=found.expected_minor, row_key=("made_on",),
    )  # fmt: skip


def days(months: pl.DataFrame, *, words: Words) -> Finding:
    """Days outstanding by count-back; slower or faster only outside the range of the twelve months before.

    Parameters
    ----------
    months : day, owed_minor, days; the last row is today.
    """
    form, known = words.format, months.drop_nulls("days")
    table = known.select("day", "owed_minor", outstanding_days="days")
    before = known.head(-1)
    enough = before.height >= 6 and known.height > 0 and known["day"][-1] == months["day"][-1]
    now = known["days"][-1] if known.height else None
    low, high = (before["days"].min(), before["days"].max()) if before.height else (None, None)
    kind = "unknown"
    if enough and isinstance(low, float) and isinstance(high, float) and now is not None:
        kind = "slower" if now > high else "faster" if now < low else "usual"
    values = {
        "now": form.number(now), "low": form.number(low if isinstance(low, float) else None),
        "high": form.number(high if isinstance(high, float) else None), "months": form.count(before.height),
    }  # fmt: skip
    last = pl.int_range(pl.len()) == pl.len() - 1
    shown = known.select(
        "day", "days", low=pl.lit(low, dtype=pl.Float64), high=pl.lit(high, dtype=pl.Float64),
        label=pl.when(last).then(pl.lit(words("receivables.days.label", **values))),
    )  # fmt: skip
    return Finding.worded(
        "receivables.days", kind, values, words=words,
        status={"slower": "warn", "faster": "ok", "usual": "ok"}.get(kind, "none"),  # type: ignore[arg-type]
        table=table, view=views.readable(table, words=words) if table.height else None,
        chart=charts.days(shown, words=words, title=words("receivables.chart.days")) if known.height > 1 else None,
        row_key=("day",),
    )  # fmt: skip


def promises(found: pl.DataFrame | None, *, words: Words) -> Finding:
    """Promises that were kept, of those whose day has come."""
    form = words.format
    rows = pl.DataFrame(schema={"state": pl.String, "amount_minor": pl.Int64}) if found is None else found
    by = rows.group_by("state").agg(pl.len().cast(pl.Int64).alias("promises"), pl.col("amount_minor").sum())
    table = pl.DataFrame({"state": ["kept", "broken", "open"]}).join(by, on="state", how="left", maintain_order="left")
    table = table.with_columns(pl.col("promises", "amount_minor").fill_null(0)).rename({"state": "promise_state"})
    kept, broken = (int(table.filter(pl.col("promise_state") == s)["promises"].sum()) for s in ("kept", "broken"))
    done = kept + broken
    low, high = wilson(kept, done)
    still = (
        rows.filter(pl.col("state") == "broken", pl.col("paid_on").is_null())
        if "paid_on" in rows.columns
        else rows.clear()
    )
    kind = "none" if not done else "mostly" if low > HALF else "rarely" if high < HALF else "mixed"
    values = {
        "kept": form.count(kept), "done": form.count(done), "share": form.share(kept / done if done else None),
        "low": form.share(float(low)), "high": form.share(float(high)), "count": form.count(still.height),
        "money": form.money(int(still["amount_minor"].sum())),
    }  # fmt: skip
    return Finding.worded(
        "receivables.promises", kind, values, words=words,
        status={"mostly": "ok", "rarely": "warn"}.get(kind, "none"),  # type: ignore[arg-type]
        table=table, view=views.readable(table, words=words) if done else None,
        value_minor=int(still["amount_minor"].sum()), row_key=("promise_state",),
    )  # fmt: skip


def check(found: Coming, *, words: Words) -> Finding:
    """Whether what came lay inside the interval that the other dates give."""
    form = words.format
    kind = "unknown" if found.held is None else "held" if found.held >= LEAST else "missed"
    values = {
        "held": form.share(found.held, digits=0), "level": form.share(LEVEL, digits=0),
        "dates": form.count(found.tested.height), "days": AHEAD, "least": form.share(LEAST, digits=0),
    }  # fmt: skip
    return Finding.worded(
        "receivables.check", kind, values, words=words, role="check",
        table=pl.DataFrame({"held": [found.held]}, schema={"held": pl.Float64}),
        status="none" if found.held is None else "ok" if kind == "held" else "warn",
    )  # fmt: skip
