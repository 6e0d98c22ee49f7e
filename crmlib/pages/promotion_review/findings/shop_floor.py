"""After the event: how the stores carried it out, what ran out, what was written down."""

from __future__ import annotations

from typing import Any

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.finding import Finding, Status
from crmlib.kit.words import Words
from crmlib.pages.shared.promotion_wording import in_words
from crmlib.promotion.watch.execution import order_times

DONE_WARN, DONE_FAIL = 0.95, 0.8
"""Share of stores that carried the event out: below, amber and red."""


def execution(
    stores: pl.DataFrame,
    names: pl.DataFrame,
    *,
    words: Words,
    notes: dict[str, Any] | None = None,
    orders: pl.DataFrame | None = None,
    out: pl.DataFrame | None = None,
) -> Finding:
    """How many stores carried the event out, how fast, and what ran out.

    stores : `execution.compliance`. notes : `execution.notes_of`. orders : the event's orders. out : `sold_out`.
    """
    form = words.format
    table = stores.join(names.select("store_id", store="name"), on="store_id", how="left", maintain_order="left")
    seen = table.filter(pl.col("status") != "silent")
    done = seen.filter(pl.col("status") == "done").height
    share = done / seen.height if seen.height else None
    status: Status = (
        "none" if share is None else "ok" if share >= DONE_WARN else "warn" if share >= DONE_FAIL else "fail"
    )
    kind = "none" if share is None else "all" if share == 1 else "most" if share >= DONE_WARN else "some"
    quiet = table.height - seen.height
    values = {
        "done": form.count(done),
        "seen": form.count(seen.height),
        "silent": form.count(quiet),
        "share": form.share(share, digits=0),
    }
    order = [k for k in ("done", "partly", "not_done", "silent") if k in set(table["status"])]
    counts = [table.filter(pl.col("status") == k).height for k in order]
    bars = pl.DataFrame(
        {
            "name": [words(f"promotion.done.{k}") for k in order],
            "value": [float(c) for c in counts],
            "label": [form.count(c) for c in counts],
        }
    )
    table = table.select("store_id", "store", "status", "lines", "at_plan")
    if orders is not None:
        waits = order_times(orders, by="store_id").select("store_id", "mean_min", "max_min")
        table = table.join(waits, on="store_id", how="left", maintain_order="left")
    if out is not None:
        gone = out.group_by("store_id").agg(empty=pl.len())
        table = table.join(gone, on="store_id", how="left", maintain_order="left").with_columns(
            pl.col("empty").fill_null(0)
        )
    view = in_words(table.drop("store_id"), words, {"status": "promotion.done"})
    told = [_noted(notes, words), _waited(orders, words), _ran_out(out, words)]
    return Finding.worded(
        "promotion_review.execution",
        kind,
        values,
        words=words,
        key="promotion.execution",
        status=status,
        table=table,
        view=views.readable(view, words=words),
        chart=labelled.bars(bars, words=words, title=words("promotion_review.axis.stores")) if bars.height else None,
        seen=words("promotion_review.execution.seen", **values) + "".join(told),
        do=words(f"promotion_review.execution.do.{_first(kind, quiet, out)}", **values),
    )


def _first(kind: str, quiet: int, out: pl.DataFrame | None) -> str:
    """What to do first: stores that did not carry it out, then those that ran out, then those that sold nothing."""
    if kind in {"none", "some"}:
        return kind
    return "out" if out is not None and out.height else "silent" if quiet else kind


def _noted(notes: dict[str, Any] | None, words: Words) -> str:
    """What was written down about the event, as a further sentence; nothing where no notes are connected."""
    if notes is None:
        return ""
    form = words.format
    return words(
        "promotion_review.execution.notes",
        incidents=form.count(notes["incidents"]),
        solved=form.count(notes["solved"]),
        reviews=form.count(notes["reviews"]),
        good=form.share(notes["good_share"], digits=0),
        competitor=form.count(notes["competitor"]),
    )


def _waited(orders: pl.DataFrame | None, words: Words) -> str:
    """Average and longest time from order to checkout, as a further sentence; nothing without orders."""
    if orders is None or orders.is_empty():
        return ""
    one = order_times(orders.with_columns(promotion_id=pl.lit(""))).row(0, named=True)
    form = words.format
    return words(
        "promotion_review.execution.orders",
        orders=form.count(one["orders"]),
        mean=form.number(one["mean_min"]),
        slow=form.number(one["p95_min"]),
        longest=form.number(one["max_min"]),
        open=form.count(one["open"]),
    )


def _ran_out(out: pl.DataFrame | None, words: Words) -> str:
    """What sold out before the end, and when first, as a further sentence; nothing without stock."""
    if out is None:
        return ""
    known = out.drop_nulls("sold_out_at").sort("sold_out_at")
    if known.is_empty():
        return words("promotion_review.execution.none_out")
    first = known.row(0, named=True)["sold_out_at"]
    return words(
        "promotion_review.execution.out",
        count=words.format.count(known.height),
        stores=words.format.count(known["store_id"].n_unique()),
        day=words.format.day(first.date()),
        hour=f"{first:%H:%M}",
    )
