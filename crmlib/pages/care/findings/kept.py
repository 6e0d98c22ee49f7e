"""What became of the tasks: done in time, what customers said, what calls brought by lot; birthdays not to be kept."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from crmlib.cases.care_day import WITHIN, Lot
from crmlib.cases.care_day import effects as told
from crmlib.core.proportions import wilson
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import Finding
from crmlib.kit.words import Words
from crmlib.pages.care.findings.today import LATE_WARN, late_share
from crmlib.pages.shared.points_wording import points

SHOWN = 12
LEAST = 10
"""Fewer tasks of an adviser are not named."""


def account(rows: pl.DataFrame, names: Mapping[str, str], *, words: Words) -> Finding:
    """Due = in time + late + open + cancelled, by owner; who is late most is named only where more than chance."""
    form, share = words.format, late_share(rows)
    sums = {c: int(rows[c].sum()) for c in ("due", "in_time", "late", "open", "cancelled", "held_out")}
    worst = rows.filter(pl.col("due") >= LEAST).head(1)
    apart = _apart(rows, worst) if worst.height else False
    named = [names.get(o, o) if o else words("care.nobody") for o in rows["owner_staff"]]
    kind = "none" if share is None else "late" if share > LATE_WARN else "kept"
    values = {c: form.count(n) for c, n in sums.items()} | {
        "share": form.share(share), "limit": form.share(LATE_WARN, digits=0),
        "worst": names.get(worst["owner_staff"][0] or "", "") if apart else "",
        "worst_share": form.share(worst["late_share"][0] if apart else None),
    }  # fmt: skip
    table = rows.select(
        pl.Series("owner", named, dtype=pl.String), care_due="due", care_in_time="in_time", care_late="late",
        care_open="open", care_cancelled="cancelled", care_held_out="held_out", late_share="late_share",
    )  # fmt: skip
    bars = rows.filter(pl.col("late_share").is_not_null()).select(
        pl.col("owner_staff").replace(dict(names)).fill_null(words("care.nobody")).alias("name"),
        pl.col("late_share").alias("value"),
        pl.Series("label", [form.share(s) for s in rows["late_share"] if s is not None], dtype=pl.String),
        toned(pl.col("late_share") > LATE_WARN, "warn").alias("tone"),
    )
    return Finding.worded(
        "care.account", kind, values, words=words, status={"none": "none", "late": "warn", "kept": "ok"}[kind],  # type: ignore[arg-type]
        do=words(f"care.account.do.{'worst' if apart and kind == 'late' else kind}", **values),
        table=table, view=views.readable(table, words=words),
        chart=labelled.bars(bars, words=words, title=words("care.chart.late"), percent=True, marks=(LATE_WARN,))
        if bars.height
        else None,
        row_key=("owner",),
    )  # fmt: skip


def _apart(rows: pl.DataFrame, worst: pl.DataFrame) -> bool:
    """Whether the worst adviser's share lies above everybody's by more than chance (Wilson 95 %)."""
    to_do = int((worst["due"] - worst["cancelled"])[0])
    bad = int((worst["late"] + worst["open"])[0])
    whole = late_share(rows)
    low, _ = wilson(bad, to_do)
    return whole is not None and float(low) > whole


def effects(records: pl.DataFrame, goods: Mapping[str, str], *, words: Words) -> Finding:
    """What customers said of goods: better, the same, worse; what they would have otherwise."""
    form, rows = words.format, told(records)
    sums = {c: int(rows[c].sum()) for c in ("better", "same", "worse", "unknown")}
    n = sums["better"] + sums["same"] + sums["worse"]
    low, high = (float(v) for v in wilson(sums["better"], n))
    says = rows.select(pl.col("suggestions").explode().alias("s")).drop_nulls()
    top = says.group_by("s").len().sort("len", "s", descending=[True, False])
    bad = rows.sort("worse", "product_id", descending=[True, False]).head(1)
    kind = "none" if not n else "worse" if sums["worse"] > sums["better"] else "better"
    values = {c: form.count(v) for c, v in sums.items()} | {
        "told": form.count(n), "share": form.share(sums["better"] / n if n else None), "low": form.share(low),
        "high": form.share(high), "goods": goods.get(bad["product_id"][0], bad["product_id"][0]) if n else "",
        "bad": form.count(int(bad["worse"][0]) if n else 0), "said": top["s"][0] if top.height else words("page.none"),
        "times": form.count(int(top["len"][0]) if top.height else 0),
    }  # fmt: skip
    table = rows.select(
        pl.col("product_id").replace(dict(goods)).alias("goods"), care_better="better", care_same="same",
        care_worse="worse", care_unknown="unknown",
    )  # fmt: skip
    return Finding.worded(
        "care.effects", kind, values, words=words, status={"none": "none", "worse": "warn", "better": "ok"}[kind],  # type: ignore[arg-type]
        table=table, view=views.readable(table.head(SHOWN), words=words) if n else None, row_key=("goods",),
    )  # fmt: skip


def lot(found: Lot, *, words: Words) -> Finding:
    """An effect is told only by lot, and only where the interval leaves zero."""
    form = words.format
    few = found.low is None or found.high is None or found.difference is None
    kind = "none" if not found.alone else "few" if few else (
        "helps" if (found.low or 0) > 0 else "harms" if (found.high or 0) < 0 else "unclear"
    )  # fmt: skip
    rows = [("called", found.called, found.bought), ("alone", found.alone, found.alone_bought)]
    table = pl.DataFrame(
        rows, schema={"care_side": pl.String, "customers": pl.Int64, "came": pl.Int64}, orient="row"
    ).with_columns(came_share=pl.col("came") / pl.col("customers"))
    values = {
        "called": form.count(found.called), "alone": form.count(found.alone),
        "share": form.share(found.bought / found.called if found.called else None),
        "alone_share": form.share(found.alone_bought / found.alone if found.alone else None),
        "low": points(found.low, words), "high": points(found.high, words), "days": WITHIN,
        "difference": points(found.difference, words),
    }  # fmt: skip
    return Finding.worded(
        "care.lot", kind, values, words=words,
        status={"helps": "ok", "harms": "fail"}.get(kind, "none"),  # type: ignore[arg-type]
        table=table if found.alone else table.head(0), view=views.readable(table, words=words) if found.alone else None,
        names={"care_side": "care.side"}, row_key=("care_side",),
    )  # fmt: skip


def birthdays(counts: Mapping[str, int], *, words: Words) -> Finding:
    """How many birthdays can be kept; a till's 1 January and a lunar 31st cannot."""
    form, total = words.format, sum(counts.values())
    bad = counts["impossible"]
    kind = "none" if not counts["kept"] else "impossible" if bad else "placeholder" if counts["placeholder"] else "fine"
    values = {name: form.count(n) for name, n in counts.items()} | {
        "share": form.share(counts["kept"] / total if total else None)
    }
    table = pl.DataFrame(list(counts.items()), schema={"birthday_kind": pl.String, "customers": pl.Int64}, orient="row")
    return Finding.worded(
        "care.birthdays", kind, values, words=words,
        status="none" if kind == "none" else "warn" if bad else "ok", table=table,
        view=views.readable(table, words=words), names={"birthday_kind": "care.birthday"}, row_key=("birthday_kind",),
    )  # fmt: skip
