"""After the event: what it earned, who took it, how it compares with last time, how it was carried out, what to do."""

from __future__ import annotations

from typing import Any

import polars as pl

from crmlib.kit.charts import signed
from crmlib.kit.finding import ActionList, Finding, Status
from crmlib.kit.views import promotion as views
from crmlib.kit.words import Words
from crmlib.pages.promotion_review.findings.review import verdict
from crmlib.pages.shared.promotion_wording import in_words, mechanic, named, units
from crmlib.promotion.books.ledger import DISCOUNTS, PAID_OUT
from crmlib.promotion.books.takers import GROUPS
from crmlib.promotion.watch.execution import order_times

SUBSIDY_WARN = 0.5
"""More of the discount than this to regulars, who would have come anyway, is amber."""
DONE_WARN, DONE_FAIL = 0.95, 0.8
"""Share of stores that carried the event out: below, amber and red."""
CAPACITY = 12
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
        name=pl.Series([words(f"promotion.ledger.{k}") for k in shown["line"]], dtype=pl.String),
        value=pl.col("amount_minor") / 100,
        label=pl.Series([form.money(v) for v in shown["amount_minor"]], dtype=pl.String),
        total=pl.col("line") == "net",
    )
    headline = words(f"promotion.review.money.{kind}", **values)
    status: Status = "none" if net is None else "ok" if net > 0 else "fail"
    return Finding(
        key="promotion.ledger",
        status=status,
        headline=headline,
        table=table,
        view=views.readable(in_words(table, words, {"line": "promotion.ledger"}), words=words, exact=True),
        chart=signed.signed_bars(bars, words=words, title=words("promotion.axis.money")) if bars.height else None,
        alt=headline,
        note_seen=words("promotion.review.money.seen", **values),
        note_sure=words("promotion.review.money.sure") + (_left_out(amounts, words) if amounts else ""),
        note_do=words(f"promotion.review.money.do.{kind}"),
        value_minor=None if net is None else abs(net),
    )


def _remarks(amounts: dict[str, int | None], missing: dict[str, str], words: Words) -> dict[str, str]:
    """Why a line has no amount, or only part of one: cost lines are not connected, the others not estimable."""
    remarks = {
        k: words("promotion.review.money.not_connected") for k in VOUCHERS if k in amounts and amounts[k] is None
    }
    for role, reason in missing.items():
        line = LINE_OF[role]
        part = words("promotion.review.money.partly", part=words(f"promotion.role.{role}"))
        none = "" if amounts.get(line) is None else part
        remarks[line] = none + words(
            "promotion.review.money.not_estimable", reason=words(f"promotion.review.parts.reason.{reason}")
        )
    return {k: v for k, v in remarks.items() if k in amounts}


def _left_out(amounts: dict[str, int | None], words: Words) -> str:
    """A sentence that names the lines without an amount; nothing where all are known."""
    names = [words(f"promotion.ledger.{k}") for k, v in amounts.items() if v is None]
    return words("promotion.review.money.left_out", lines=words("promotion.join").join(names)) if names else ""


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
        name=pl.Series([words(f"promotion.taker.{g}") for g in shown["group"]], dtype=pl.String),
        value=pl.col("discount_minor") / 100,
        label=pl.Series(label, dtype=pl.String),
    )
    headline = words(f"promotion.review.takers.{kind}", **values)
    return Finding(
        key="promotion.takers",
        status="none" if kind == "none" else "warn" if kind == "regular" else "ok",
        headline=headline,
        table=table,
        view=views.readable(in_words(table, words, {"group": "promotion.taker"}), words=words),
        chart=signed.signed_bars(bars, words=words, title=words("promotion.axis.discount")) if bars.height else None,
        alt=headline,
        note_seen=words("promotion.review.takers.seen", **values),
        note_sure=words("promotion.review.takers.sure"),
        note_do=words(f"promotion.review.takers.do.{kind}"),
        value_minor=total,
    )


def slot(
    event: dict[str, Any], partner: dict[str, Any] | None, gap: pl.DataFrame | None, *, reason: str | None, words: Words
) -> Finding:
    """The event beside its like of last time (or the same weeks a year ago), the gap split into causes."""
    form = words.format
    against = "slot" if partner is not None else "year"
    if gap is None:
        table = pl.DataFrame(schema={"cause": pl.String(), "factor": pl.Float64(), "gap_minor": pl.Int64()})
        headline = words(
            "promotion.review.slot.none", reason=words(f"promotion.review.slot.reason.{reason or 'no_sales'}")
        )
        bars = pl.DataFrame()
    else:
        table = gap
        total = int(gap["gap_minor"].sum())
        top = gap.sort(pl.col("gap_minor").abs(), descending=True).row(0, named=True)
        headline = words(
            f"promotion.review.slot.{'up' if total > 0 else 'down'}.{against}",
            gap=form.money(abs(total)),
            cause=words(f"promotion.cause.{top['cause']}"),
            amount=form.money(abs(top["gap_minor"])),
        )
        whole = pl.DataFrame({"cause": ["all"], "gap_minor": [total]})
        rows = pl.concat([gap.select("cause", "gap_minor"), whole])
        bars = rows.select(
            name=pl.Series([words(f"promotion.cause.{c}") for c in rows["cause"]], dtype=pl.String),
            value=pl.col("gap_minor") / 100,
            label=pl.Series([form.money(v) for v in rows["gap_minor"]], dtype=pl.String),
            total=pl.col("cause") == "all",
        )
    other = named(partner, words) if partner else words("promotion.review.slot.year_ago")
    return Finding(
        key="promotion.slot",
        status="none",
        headline=headline,
        table=table,
        view=views.readable(in_words(table, words, {"cause": "promotion.cause"}), words=words, exact=True),
        chart=signed.signed_bars(bars, words=words, title=words("promotion.axis.money")) if bars.height else None,
        alt=headline,
        note_seen=words("promotion.review.slot.seen", name=named(event, words), other=other),
        note_sure=words("promotion.review.slot.sure"),
        note_do=words("promotion.review.slot.do"),
    )


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
    kind = "none" if share is None else "all" if share >= DONE_WARN else "some"
    values = {
        "done": form.count(done),
        "seen": form.count(seen.height),
        "silent": form.count(table.height - seen.height),
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
    headline = words(f"promotion.review.execution.{kind}", **values)
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
    return Finding(
        key="promotion.execution",
        status=status,
        headline=headline,
        table=table,
        view=views.readable(view, words=words),
        chart=signed.signed_bars(bars, words=words, title=words("promotion.axis.stores")) if bars.height else None,
        alt=headline,
        note_seen=words("promotion.review.execution.seen", **values) + "".join(told),
        note_sure=words("promotion.review.execution.sure"),
        note_do=words(
            f"promotion.review.execution.do.{'out' if kind == 'all' and out is not None and out.height else kind}"
        ),
    )


def _noted(notes: dict[str, Any] | None, words: Words) -> str:
    """What was written down about the event, as a further sentence; nothing where no notes are connected."""
    if notes is None:
        return ""
    form = words.format
    return words(
        "promotion.review.execution.notes",
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
        "promotion.review.execution.orders",
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
        return words("promotion.review.execution.none_out")
    first = known.row(0, named=True)["sold_out_at"]
    return words(
        "promotion.review.execution.out",
        count=words.format.count(known.height),
        stores=words.format.count(known["store_id"].n_unique()),
        day=words.format.day(first.date()),
        hour=f"{first:%H:%M}",
    )


def actions(events: pl.DataFrame, *, words: Words, capacity: int = CAPACITY) -> ActionList:
    """What to do with each recent promotion: repeat, change, stop, or measure properly; by money at stake."""
    rows = []
    for event in events.iter_rows(named=True):
        kind = verdict(event)
        advice = {
            "gain": "repeat",
            "doubt": "measure",
            "costly": "change",
            "drop": "stop",
            "unclear": "measure",
            "unjudged": "holdout",
        }[kind]
        at_stake = (
            abs(event["net_margin_minor"] or 0)
            if kind in {"gain", "doubt", "costly", "drop"}
            else event["discount_minor"] or 0
        )
        reason = words(
            f"promotion.review.action.reason.{kind}",
            net=words.format.money(None if event["net_margin_minor"] is None else abs(event["net_margin_minor"])),
            units=units(event["lift_milli"], words),
            discount=words.format.money(event["discount_minor"]),
        )
        rows.append(
            {
                "promotion_id": event["promotion_id"],
                "name": named(event, words),
                "first_day": event["first_day"],
                "mechanic": mechanic(event, words),
                "advice": words(f"promotion.review.action.{advice}"),
                "reason": reason,
                "stake_minor": at_stake,
            }
        )
    table = pl.DataFrame(rows).sort("stake_minor", "promotion_id", descending=[True, False]).head(capacity)
    headline = words(
        "promotion.review.action.headline", shown=words.format.count(table.height), all=words.format.count(len(rows))
    )
    return ActionList(
        headline=headline,
        table=table,
        view=views.readable(table.drop("promotion_id"), words=words),
        note=words("promotion.review.action.note"),
        row_key=("promotion_id",),
    )
