"""After the event: what it earned, who took it, how it compares with last time."""

from __future__ import annotations

from typing import Any

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import Finding, Status
from crmlib.kit.words import Words
from crmlib.pages.promotion_review.findings.review import grounds
from crmlib.pages.shared.promotion_wording import in_words, named
from crmlib.promotion.books.anyway import Anyway
from crmlib.promotion.books.ledger import DISCOUNTS, PAID_OUT
from crmlib.promotion.verdict import money as sign

SUBSIDY_WARN = 0.5
"""More of the discount than this, surely, to sales that would have come anyway is amber."""
VOUCHERS = (*PAID_OUT, "funding")


LINE_OF = {"event": "incremental_margin", "dip": "dip", "waiting": "dip", "sibling": "cannibalised", "halo": "halo"}
"""Line of the ledger that a part of the effect goes to."""


def money(
    event: dict[str, Any], book: pl.DataFrame, *, subsidy: Anyway | None, words: Words, missing: dict[str, str]
) -> Finding:
    """The margin ledger of the event; missing: role → why it cannot be estimated (`lift.missing_parts`)."""
    form = words.format
    table = book.filter(pl.col("event_id") == event["promotion_id"]).select("line", "amount_minor")
    amounts = dict(table.iter_rows())
    net = amounts.get("net")
    paid = sign(event)
    kind = f"even.{'loss' if net is None or net <= 0 else 'gain'}" if paid == "even" else paid
    discount = -sum(amounts.get(k) or 0 for k in DISCOUNTS)
    remarks = _remarks(amounts, missing, words)
    table = table.with_columns(remark=pl.col("line").replace_strict(remarks, default=None, return_dtype=pl.String))
    values = {
        "net": form.money(None if net is None else abs(net)),
        **{f"net_{end}": form.money(event[f"net_margin_{end}_minor"]) for end in ("low", "high")},
        "extra": form.money(amounts.get("incremental_margin")),
        "subsidy": form.money(None if subsidy is None else subsidy.minor),
        "share": form.share(subsidy.minor / discount if subsidy and discount > 0 else None, digits=0),
        "spent": form.money(discount),
        **grounds(event, words),
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
    status: Status = {"earned": "ok", "even": "warn", "lost": "fail"}.get(paid, "none")  # type: ignore[assignment]
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
        seen=_earned(event, amounts, values, words),
        sure=_booked(amounts, words) + (_left_out(amounts, words) if amounts else ""),
        do=words("promotion_review.money.do.free") if kind in {"lost", "even.loss"} and not discount else None,
        value_minor=None if net is None else abs(net),
    )


def _earned(event: dict[str, Any], amounts: dict[str, int | None], values: dict[str, str], words: Words) -> str:
    """Worth of the extra units, the part of the discount that was not needed, and what each unit of money brought."""
    if not amounts:
        return words("promotion_review.money.seen.unjudged", **values)
    kind = "given" if any(amounts.get(k) for k in DISCOUNTS) else "free"
    told = [words(f"promotion_review.money.seen.{kind}", **values)]
    form, ratio, roi = words.format, event["output_per_input"], event["roi"]
    if roi is not None:
        told.append(
            words(
                f"promotion_review.money.roi.{'gain' if roi > 0 else 'loss'}",
                own=form.money(event["own_cost_minor"]), each=form.number(abs(roi), digits=2),
            )
        )  # fmt: skip
    if ratio is not None:
        told.append(
            words(
                f"promotion_review.money.ratio.{'back' if ratio >= 0 else 'more'}",
                paid=form.money(event["paid_out_minor"]), ratio=form.number(abs(ratio), digits=2),
            )
        )  # fmt: skip
    return "".join(told)


def _booked(amounts: dict[str, int | None], words: Words) -> str:
    """What is in the ledger, vouchers among it where they are connected."""
    known = any(amounts.get(k) is not None for k in VOUCHERS)
    return words(f"promotion_review.money.sure.{'none' if not amounts else 'vouchers' if known else 'receipts'}")


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


def takers(event: dict[str, Any], table: pl.DataFrame, subsidy: Anyway | None, *, words: Words) -> Finding:
    """Who got the discount, and how much of it went to sales that would have come anyway: the ledger's sum."""
    form = words.format
    total = int(table["discount_minor"].sum())
    ends = () if subsidy is None or total <= 0 else (subsidy.minor, subsidy.low_minor, subsidy.high_minor)
    share, low, high = (v / total for v in ends) if ends else (None, None, None)
    kind = "none" if not total else _needed(low, high)
    shown = table.filter(pl.col("discount_minor") != 0).sort("discount_minor", "group", descending=[True, False])
    top: dict[str, Any] = shown.row(0, named=True) if shown.height else dict.fromkeys(table.columns)
    values = {
        "total": form.money(total),
        "anyway": form.money(subsidy.minor if subsidy else None),
        "share": form.share(share, digits=0),
        "low": form.share(low, digits=0),
        "high": form.share(high, digits=0),
        "group": words(f"promotion_review.taker.{top['group']}") if shown.height else "",
        "most": form.money(top["discount_minor"]),
        "most_anyway": form.money(top["anyway_minor"]),
        **grounds(event, words),
    }
    labels = [
        form.money(d) if a is None else words("promotion_review.takers.label", all=form.money(d), anyway=form.money(a))
        for d, a in shown.select("discount_minor", "anyway_minor").iter_rows()
    ]
    bars = shown.select(
        name=pl.Series([words(f"promotion_review.taker.{g}") for g in shown["group"]], dtype=pl.String),
        value=pl.col("discount_minor") / 100,
        label=pl.Series(labels, dtype=pl.String),
    )
    told = "none" if not total else "unknown" if subsidy is None else "split"
    status: Status = {"anyway": "warn", "extra": "ok"}.get(kind, "none")  # type: ignore[assignment]
    view = in_words(table.filter(pl.col("discount_minor") != 0), words, {"group": "promotion_review.taker"})
    return Finding.worded(
        "promotion_review.takers",
        kind,
        values,
        words=words,
        key="promotion.takers",
        status=status,
        table=table,
        view=views.readable(view, words=words, exact=True) if view.height else None,
        seen=words(f"promotion_review.takers.seen.{told}", **values),
        chart=labelled.bars(bars, words=words, title=words("promotion_review.axis.discount")) if bars.height else None,
        value_minor=total,
    )


def _needed(low: float | None, high: float | None) -> str:
    """Anyway or extra where the interval of the part that was not needed lies on one side; open, or unknown."""
    if low is None or high is None:
        return "unknown"
    return "anyway" if low > SUBSIDY_WARN else "extra" if high < SUBSIDY_WARN else "open"


def slot(
    event: dict[str, Any], partner: dict[str, Any] | None, gap: pl.DataFrame | None, *, reason: str | None, words: Words
) -> Finding:
    """The event beside its like of last time (or the same weeks a year ago), the gap split into causes."""
    form = words.format
    values = {
        "name": _dated(event, words),
        "other": _dated(partner, words) if partner else words("promotion_review.slot.year_ago"),
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
        top = gap.sort(pl.col("gap_minor") * (1 if total > 0 else -1), descending=True).row(0, named=True)
        way = "up" if total > 0 else "down" if total else "same"  # the cause named pulls the way the gap goes
        kind = f"{way}.{'slot' if partner is not None else 'year'}"
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


def _dated(event: dict[str, Any], words: Words) -> str:
    """Name and month: two years' events of one festival carry one name."""
    return f"{named(event, words)} {event['first_day']:%Y-%m}"


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
