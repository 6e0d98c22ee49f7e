"""Orders and shelves: on time in full, the month's book and lead times, goods elsewhere, distribution."""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.cases.engine import Identity
from crmlib.core.incidence import Incidence
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import Finding
from crmlib.kit.words import Words

SHOWN = 12
SLOWER = 1.25


def otif(found: pl.DataFrame, *, words: Words, target: float, days: int) -> Finding:
    """Lines due that came in time and whole, by region against the target; late and open ones are missed.

    Parameters
    ----------
    found : of `fulfilment.by_region`.
    """
    form = words.format
    due, good, still = (int(found[c].sum()) for c in ("due", "in_full", "open"))
    below = found.filter(pl.col("high") < target)
    worst = below.row(0, named=True) if below.height else found.row(0, named=True) if found.height else None
    share = good / due if due else None
    kind = "none" if share is None else "below" if below.height else "kept" if share >= target else "unsure"
    values = {
        "share": form.share(share), "target": form.share(target, digits=0), "due": form.count(due), "days": days,
        "good": form.count(good), "late": form.count(int(found["late"].sum())), "open": form.count(still),
        "short": form.count(int(found["short"].sum())), "region": _region(worst["region"], words) if worst else "",
        "worst": form.share(worst["share"] if worst else None),
        "flattered": form.share(good / (due - still) if due > still else None),
    }  # fmt: skip
    bars = found.select(
        pl.Series("name", [_region(r, words) for r in found["region"]], dtype=pl.String),
        pl.col("share").alias("value"), "low", "high",
        pl.Series("label", [form.share(s) for s in found["share"]], dtype=pl.String),
        toned(pl.col("high") < target, "loss").alias("tone"),
    )  # fmt: skip
    table = found.rename(
        {
            "due": "due_lines",
            "in_full": "full_lines",
            "short": "short_lines",
            "late": "late_lines",
            "open": "open_lines",
        }
    )
    return Finding.worded(
        "channel.otif", kind, values, words=words, table=table,
        status={"below": "fail", "unsure": "warn", "kept": "ok"}.get(kind, "none"),  # type: ignore[arg-type]
        view=views.readable(table, words=words) if due else None,
        chart=labelled.bars(bars, words=words, percent=True, marks=(target,), title=words("channel.chart.otif"))
        if due else None,
        row_key=("region",),
    )  # fmt: skip


def _region(region: str | None, words: Words) -> str:
    return words("channel.no_region") if region is None else region


def book(made: Identity, this: Incidence, before: Incidence, *, words: Words, first: date, last: date) -> Finding:
    """Open + entered − delivered − cancelled = open, and half of the orders delivered within so many days."""
    form = words.format
    now, then = this.quantile(0.5), before.quantile(0.5)
    kind = (
        "break" if made.residual else "unknown" if now is None or then is None
        else "slower" if now > SLOWER * then else "faster" if then > SLOWER * now else "same"
    )  # fmt: skip
    values = {
        "start": form.count(made.start), "end": form.count(made.end), "entered": form.count(made.came["entered"]),
        "delivered": form.count(made.went["delivered"]), "cancelled": form.count(made.went["cancelled"]),
        "now": form.number(now, digits=0), "then": form.number(then, digits=0), "first": form.day(first),
        "last": form.day(last), "residual": form.count(abs(made.residual)),
        "nine": words("channel.book.not_reached") if (p90 := this.quantile(0.9)) is None else words(
            "channel.days", days=form.number(p90, digits=0)),
    }  # fmt: skip
    rows = [("open_before", made.start), *made.came.items(), *((k, -n) for k, n in made.went.items())]
    table = pl.DataFrame(
        [*rows, ("unexplained", made.residual), ("open_now", made.end)], orient="row",
        schema={"order_line": pl.String, "orders": pl.Int64},
    ).filter((pl.col("order_line") != "unexplained") | (pl.col("orders") != 0))  # fmt: skip
    return Finding.worded(
        "channel.book", kind, values, words=words, table=table,
        status={"break": "fail", "slower": "warn", "unknown": "none"}.get(kind, "ok"),  # type: ignore[arg-type]
        view=views.readable(table, words=words), row_key=("order_line",),
    )  # fmt: skip


def diversion(found: pl.DataFrame, names: dict[str, str], *, words: Words, travellers: float) -> Finding:
    """Partners whose codes turn up elsewhere more often than travellers explain: only these are named.

    Parameters
    ----------
    found : of `shared.diverted.scanned`.
    """
    form = words.format
    named = found.filter("named").sort("share", descending=True)
    top = named.row(0, named=True) if named.height else None
    values = {
        "count": form.count(named.height), "partners": form.count(found.height),
        "scans": form.count(int(found["scans"].sum())),
        "top": names.get(top["partner_id"], top["partner_id"]) if top else "",
        "share": form.share(top["share"] if top else None),
        "region": top["main_region"] if top else "", "travellers": form.share(travellers, digits=0),
    }  # fmt: skip
    shown = found.sort("share", "partner_id", descending=[True, False]).head(SHOWN)
    bars = shown.select(
        pl.Series("name", [names.get(p, p) for p in shown["partner_id"]], dtype=pl.String),
        pl.col("share").alias("value"), "low", "high",
        pl.Series("label", [form.share(s) for s in shown["share"]], dtype=pl.String),
        toned(pl.col("named"), "loss").alias("tone"),
    )  # fmt: skip
    table = found.select(
        pl.Series("partner", [names.get(p, p) for p in found["partner_id"]], dtype=pl.String), "scans",
        scans_elsewhere="elsewhere", share="share", low="low", high="high", main_region="main_region",
        named_diverter="named",
    )  # fmt: skip
    return Finding.worded(
        "channel.diversion", "some" if named.height else "none", values, words=words,
        status="fail" if named.height else "ok", table=table,
        view=views.readable(table.head(SHOWN), words=words) if table.height else None,
        chart=labelled.bars(bars, words=words, percent=True, marks=(travellers,),
                           title=words("channel.chart.elsewhere"))
        if bars.height else None,
        row_key=("partner",),
    )  # fmt: skip


def distribution(found: pl.DataFrame, *, words: Words) -> Finding:
    """Numeric and weighted distribution; where the weighted one is lower, the big shops lack it.

    Parameters
    ----------
    found : goods, stores, on_shelf, numeric, weighted.
    """
    form = words.format
    low = found.sort("weighted", nulls_last=True)
    worst = low.row(0, named=True) if low.height else None
    big = found.filter(pl.col("weighted") < pl.col("numeric"))
    kind = "none" if worst is None else "big" if 2 * big.height > found.height else "usual"
    values = {
        "goods": str(worst["goods"]) if worst else "",
        "numeric": form.share(worst["numeric"] if worst else None, digits=0),
        "weighted": form.share(worst["weighted"] if worst else None, digits=0), "count": form.count(found.height),
        "stores": form.count(int(str(worst["stores"])) if worst else 0),
        "missing": form.count(int(str(worst["stores"])) - int(str(worst["on_shelf"])) if worst else 0),
    }  # fmt: skip
    table = low.select("goods", stores_checked="stores", on_shelf="on_shelf", numeric="numeric", weighted="weighted")
    return Finding.worded(
        "channel.distribution", kind, values, words=words, status="none", table=table,
        view=views.readable(table.head(SHOWN), words=words) if table.height else None, row_key=("goods",),
    )  # fmt: skip
