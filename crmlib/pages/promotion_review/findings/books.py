"""After the event: what it earned, who took it, how it compares with last time."""

from __future__ import annotations

from typing import Any

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import Finding, Status
from crmlib.kit.words import Words
from crmlib.pages.shared.promotion_wording import in_words, named
from crmlib.promotion.books.ledger import DISCOUNTS, PAID_OUT
from crmlib.promotion.books.takers import GROUPS

SUBSIDY_WARN = 0.5
"""More of the discount than this to regulars, who would have come anyway, is amber."""


VOUCHERS = (*PAID_OUT, "funding")


LINE_OF = {"event": "incremental_margin", "dip": "dip", "waiting": "dip", "sibling": "cannibalised", "halo": "halo"}
"""Line of the ledger that a part of the effect goes to."""


def money(event: dict[str, Any], book: pl.DataFrame, *, words: Words, missing: dict[str, str]) -> Finding:
    """The margin ledger of the event; missing: role → why it cannot be estimated (`lift.missing_parts`)."""
    form = words.format
    table = book.filter(pl.col("event_id") == event["promotion_id"]).select("line", "amount_minor")
    amounts = dict(table.iter_rows())
    net = amounts.get("net")
    kind = "unjudged" if net is None else "earned" if net > 0 else "lost"
    subsidy = -sum(amounts.get(k) or 0 for k in ("discount_on_base", "discount_on_bulk"))
    discount = -sum(amounts.get(k) or 0 for k in DISCOUNTS)
    remarks = _remarks(amounts, missing, words)
    table = table.with_columns(remark=pl.col("line").replace_strict(remarks, default=None, return_dtype=pl.String))
    values = {
        "net": form.money(None if net is None else abs(net)),
        "extra": form.money(amounts.get("incremental_margin")),
        "subsidy": form.money(subsidy),
        "share": form.share(subsidy / discount if discount > 0 else None, digits=0),
        "roi": form.number(event["roi"], digits=2),
    }
    shown = table.filter(
        (pl.col("line") != "base_margin") & ((pl.col("amount_minor") != 0) | (pl.col("line") == "net"))
    )
    bars = shown.select(
        name=pl.Series([words(f"promotion_review.ledger.{k}") for k in shown["line"]], dtype=pl.String),
        value=pl.col("amount_minor") / 100,
        label=pl.Series([form.money(v) for v in shown["amount_minor"]], dtype=pl.String),
        tone=toned(pl.col("line") == "net", "total"),
    )
    status: Status = "none" if net is None else "ok" if net > 0 else "fail"
    return Finding.worded(
        "promotion_review.money",
        kind,
        values,
        words=words,
        key="promotion.ledger",
        status=status,
        table=table,
        view=views.readable(in_words(table, words, {"line": "promotion_review.ledger"}), words=words, exact=True),
        chart=labelled.bars(bars, words=words, title=words("promotion.axis.money")) if bars.height else None,
        sure=words("promotion_review.money.sure") + (_left_out(amounts, words) if amounts else ""),
        value_minor=None if net is None else abs(net),
    )


def _remarks(amounts: dict[str, int | None], missing: dict[str, str], words: Words) -> dict[str, str]:
    """Why a line has no amount, or only part of one: cost lines are not connected, the others not estimable."""
    remarks = {
        k: words("promotion_review.money.not_connected") for k in VOUCHERS if k in amounts and amounts[k] is None
    }
    for role, reason in missing.items():
        line = LINE_OF[role]
        part = words("promotion_review.money.partly", part=words(f"promotion_review.role.{role}"))
        none = "" if amounts.get(line) is None else part
        remarks[line] = none + words(
            "promotion_review.money.not_estimable", reason=words(f"promotion_review.parts.reason.{reason}")
        )
    return {k: v for k, v in remarks.items() if k in amounts}


def _left_out(amounts: dict[str, int | None], words: Words) -> str:
    """A sentence that names the lines without an amount; nothing where all are known."""
    names = [words(f"promotion_review.ledger.{k}") for k, v in amounts.items() if v is None]
    return words("promotion_review.money.left_out", lines=words("promotion.join").join(names)) if names else ""


def takers(table: pl.DataFrame, *, words: Words) -> Finding:
    """Who got the discount."""
    form = words.format
    total = int(table["discount_minor"].sum())
    by = dict(table.select("group", "discount_minor").iter_rows())
    share = {g: by.get(g, 0) / total if total else 0.0 for g in GROUPS}
    new = sum(share[g] for g in ("new_back", "new_gone", "new_open"))
    kind = "none" if not total else "regular" if share["regular"] > SUBSIDY_WARN else "mixed"
    values = {
        "total": form.money(total),
        "regular": form.share(share["regular"], digits=0),
        "new": form.share(new, digits=0),
        "no_card": form.share(share["no_card"], digits=0),
        "bulk": form.share(share["bulk"], digits=0),
    }
    shown = table.filter(pl.col("receipts") > 0).sort("discount_minor", "group", descending=[True, False])
    label = [f"{form.money(d)}  {form.share(d / total if total else None, digits=0)}" for d in shown["discount_minor"]]
    bars = shown.select(
        name=pl.Series([words(f"promotion_review.taker.{g}") for g in shown["group"]], dtype=pl.String),
        value=pl.col("discount_minor") / 100,
        label=pl.Series(label, dtype=pl.String),
    )
    return Finding.worded(
        "promotion_review.takers",
        kind,
        values,
        words=words,
        key="promotion.takers",
        status="none" if kind == "none" else "warn" if kind == "regular" else "ok",
        table=table,
        view=views.readable(in_words(table, words, {"group": "promotion_review.taker"}), words=words),
        chart=labelled.bars(bars, words=words, title=words("promotion_review.axis.discount")) if bars.height else None,
        value_minor=total,
    )


def slot(
    event: dict[str, Any], partner: dict[str, Any] | None, gap: pl.DataFrame | None, *, reason: str | None, words: Words
) -> Finding:
    """The event beside its like of last time (or the same weeks a year ago), the gap split into causes."""
    form = words.format
    values = {
        "name": named(event, words),
        "other": named(partner, words) if partner else words("promotion_review.slot.year_ago"),
        "reason": words(f"promotion_review.slot.reason.{reason or 'no_sales'}"),
    }
    if gap is None:
        table, bars, kind = (
            pl.DataFrame(schema={"cause": pl.String, "factor": pl.Float64, "gap_minor": pl.Int64}),
            None,
            "none",
        )
    else:
        table, bars, total = gap, _causes(gap, words), int(gap["gap_minor"].sum())
        top = gap.sort(pl.col("gap_minor").abs(), descending=True).row(0, named=True)
        kind = f"{'up' if total > 0 else 'down'}.{'slot' if partner is not None else 'year'}"
        values |= {
            "gap": form.money(abs(total)),
            "cause": words(f"promotion_review.cause.{top['cause']}"),
            "amount": form.money(abs(top["gap_minor"])),
        }
    return Finding.worded(
        "promotion_review.slot",
        kind,
        values,
        words=words,
        key="promotion.slot",
        status="none",
        table=table,
        view=views.readable(in_words(table, words, {"cause": "promotion_review.cause"}), words=words, exact=True),
        chart=labelled.bars(bars, words=words, title=words("promotion.axis.money")) if bars is not None else None,
    )


def _causes(gap: pl.DataFrame, words: Words) -> pl.DataFrame:
    """The gap by cause, and the whole, as bars."""
    whole = pl.DataFrame({"cause": ["all"], "gap_minor": [gap["gap_minor"].sum()]})
    rows = pl.concat([gap.select("cause", "gap_minor"), whole])
    return rows.select(
        name=pl.Series([words(f"promotion_review.cause.{c}") for c in rows["cause"]], dtype=pl.String),
        value=pl.col("gap_minor") / 100,
        label=pl.Series([words.format.money(v) for v in rows["gap_minor"]], dtype=pl.String),
        tone=toned(pl.col("cause") == "all", "total"),
    )
