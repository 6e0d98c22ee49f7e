"""Which segments there are, and how loyal members and card are."""

from __future__ import annotations

import polars as pl

from crmlib.customers.groups.segments import Segments
from crmlib.customers.loyalty.retention import kept, settled
from crmlib.customers.members.cards import Cards
from crmlib.kit import table as views
from crmlib.kit.charts import labelled, lines
from crmlib.kit.finding import Finding, Status
from crmlib.kit.words import Words
from crmlib.kit.words.rows import told

ONCE_MANY = 0.35
"""From this share of one-time buyers on, they are the news."""
CARD_MOVE = 0.02
"""Two points of card share are a change; below that it is stable."""
CARD_FAIL = 0.05
LATEST = 3
"""Months compared with the same number before them."""
KEPT_AFTER = (3, 6, 12)
"""Months after the first purchase at which newcomers are looked for."""
WIDE = 3
"""Categories from which on a member buys widely."""
NAMED = {"segment": "customer_value.segment"}


def segments(found: Segments, cards: Cards, *, words: Words) -> Finding:
    """Say which segment brings the sales, whether many come only once, and what was set apart.

    Parameters
    ----------
    found : a partition of the members.
    cards : what was set apart before.
    """
    form = words.format
    rows = {row["segment"]: row for row in found.sizes.iter_rows(named=True)}
    top = found.sizes.sort("net_minor", "segment", descending=[True, False]).row(0, named=True)
    once = rows.get("once", {"share_customers": 0.0, "customers": 0, "share_net": 0.0})
    kind = "once" if once["share_customers"] >= ONCE_MANY else "top"
    apart = cards.summary
    values = {
        "top": words(f"customer_value.segment.{top['segment']}"),
        "top_customers": form.share(top["share_customers"]),
        "top_net": form.share(top["share_net"]),
        "once": form.count(once["customers"]),
        "once_share": form.share(once["share_customers"]),
        "once_net": form.share(once["share_net"]),
        "cards": form.count(int(apart["cards"].sum())),
        "cards_net": form.share(float(apart["share_net"].fill_null(0).sum())),
    }
    shown = found.sizes.filter(pl.col("customers") > 0).sort("net_minor", "segment", descending=[True, False])
    shown = shown.with_columns(
        told(shown, "segment", by=lambda s: words(f"customer_value.segment.{s}")).alias("name"),
        told(
            shown,
            "share_net",
            "customers",
            by=lambda s, n: words("customer_value.segments.label", share=form.share(s), customers=form.count(n)),
        ).alias("label"),
    )
    return Finding.worded(
        "customer_value.segments",
        kind,
        values,
        words=words,
        key="scoring.segments",
        status="warn" if kind == "once" else "none",
        table=found.sizes,
        view=views.readable(found.sizes, words=words, names=NAMED),
        chart=labelled.bars(
            shown.select(name="name", value="share_net", label="label"),
            words=words,
            title=words("customer_value.chart.of_sales"),
            percent=True,
        ),
        row_key=("segment",),
    )


def loyalty(
    months: pl.DataFrame,
    repeat: pl.DataFrame,
    *,
    words: Words,
    cohorts: pl.DataFrame | None = None,
    width: pl.DataFrame | None = None,
) -> Finding:
    """Say whether the share of sales on a card grows, how many newcomers come back and stay, and how wide members buy.

    Parameters
    ----------
    months : month, net_minor, member_net_minor, share_net; from `scoring.loyalty.card_share`, whole months.
    repeat : newcomers and came_back by month; from `scoring.loyalty.repeat_rate`.
    cohorts : from `scoring.retention.cohorts`; width : from `scoring.loyalty.width`. What is not given is not said.
    """
    form = words.format
    now, before = _pooled(months.tail(LATEST)), _pooled(months.head(max(months.height - LATEST, 0)).tail(LATEST))
    change = None if now is None or before is None else now - before
    kind, status = _trend(change)
    newcomers, back = int(repeat["newcomers"].sum()), int(repeat["came_back"].sum())
    values = {
        "now": form.share(now),
        "before": form.share(before),
        "points": form.number(abs(change) * 100 if change is not None else None, digits=1),
        "back": form.share(back / newcomers if newcomers else None),
        "newcomers": form.count(newcomers),
    }
    table = _with_cohorts(months, cohorts)
    shown = months.filter(pl.col("share_net").is_not_null()).with_columns(
        label=pl.Series([form.share(s) for s in months["share_net"].drop_nulls()], dtype=pl.String)
    )
    return Finding.worded(
        "customer_value.loyalty",
        kind,
        values,
        words=words,
        key="scoring.loyalty",
        status=status,
        table=table,
        view=views.readable(table, words=words, hide=("days",)),
        chart=lines.share_line(
            shown,
            x="month",
            value="share_net",
            label="label",
            month_format=words("page.axis.month"),
            title=words("customer_value.loyalty.axis"),
        )
        if shown.height > 1
        else None,
        seen=words("scoring.sentences").join(
            [
                words(
                    "customer_value.loyalty.seen" if newcomers else "customer_value.loyalty.seen_no_newcomers", **values
                ),
                *_stayed(cohorts, words),
                *_wide(width, words),
            ]
        ),
        row_key=("month",),
    )


def _with_cohorts(months: pl.DataFrame, cohorts: pl.DataFrame | None) -> pl.DataFrame:
    """`months` with what became of each month's newcomers: how many, and the share buying 3, 6 and 12 months later."""
    if cohorts is None or cohorts.is_empty():
        return months
    wide = (
        settled(cohorts)
        .group_by("cohort", maintain_order=True)
        .agg(
            pl.col("newcomers").first(),
            *(pl.col("share").filter(pl.col("after") == n).first().alias(f"kept_{n}") for n in KEPT_AFTER),
        )
    )
    return months.join(wide, left_on="month", right_on="cohort", how="full", coalesce=True).sort("month")


def _stayed(cohorts: pl.DataFrame | None, words: Words) -> list[str]:
    found = {} if cohorts is None else kept(settled(cohorts), after=KEPT_AFTER)
    known = {n: share for n, share in found.items() if share is not None}
    if not known:
        return []
    shares = words("page.join").join(words.format.share(share) for share in known.values())
    months = words("page.join").join(str(n) for n in known)
    return [words("customer_value.loyalty.kept", months=months, shares=shares)]


def _wide(width: pl.DataFrame | None, words: Words) -> list[str]:
    if width is None or width.is_empty():
        return []
    wide = width.filter(pl.col("categories") >= WIDE)
    values = {
        "members": words.format.share(float(wide["share_customers"].sum())),
        "net": words.format.share(int(wide["net_minor"].sum()) / max(int(width["net_minor"].sum()), 1)),
    }
    return [words("customer_value.loyalty.wide", count=WIDE, **values)]


def _pooled(months: pl.DataFrame) -> float | None:
    total = int(months["net_minor"].sum())
    return int(months["member_net_minor"].sum()) / total if months.height and total > 0 else None


def _trend(change: float | None) -> tuple[str, Status]:
    if change is None:
        return "short", "none"
    if abs(change) < CARD_MOVE:
        return "stable", "ok"
    if change > 0:
        return "grew", "ok"
    return "fell", "fail" if change <= -CARD_FAIL else "warn"
