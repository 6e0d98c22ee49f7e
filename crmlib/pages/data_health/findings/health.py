"""Whether the data can be trusted: fresh, whole, adding up, one person one customer."""

from __future__ import annotations

import polars as pl

from crmlib.kit.charts import labelled, lines
from crmlib.kit.finding import Answer, Figure, Finding, Status
from crmlib.kit.words import Words
from crmlib.kit.words.rows import told
from crmlib.kit.words.rules import rule_in_words
from crmlib.pages.data_health.findings.check import check

QUARANTINE_FAIL = 0.01
"""More than 1 % of a source set apart is red; anything above zero amber."""
CARD_MOVE_WARN, CARD_MOVE_FAIL = 0.02, 0.05
"""A month's card share that moves by 2 points is amber, by 5 red: more likely a fault at the till than new habits."""


def health_answer(findings: list[Finding], *, sums: pl.DataFrame, fresh: pl.DataFrame, words: Words) -> Answer:
    """Say whether the data can be used, by the worst of the checks.

    Parameters
    ----------
    findings : the checks of this page; sums, fresh : the tables of `scoring.health`.
    """
    form = words.format
    red = [f for f in findings if f.status == "fail"]
    amber = [f for f in findings if f.status == "warn"]
    kind = "fail" if red else "warn" if amber else "ok"
    first = next(iter(red or amber), None)
    read, apart = int(sums["read"].sum()), int(sums["quarantined"].sum())
    return Answer(
        sentence=words(
            f"data_health.answer.{kind}",
            red=form.count(len(red)),
            amber=form.count(len(amber)),
            first=first.headline if first else "",
        ),
        figures=(
            Figure(
                label=words("data_health.figure.last_day"),
                value=form.day(fresh["last_day"].max()),  # type: ignore[arg-type]
                comparison=words("data_health.figure.feeds", count=form.count(fresh.height)),
                key="feeds",
                amount=float(fresh.height),
            ),
            Figure(
                label=words("data_health.figure.read"),
                value=form.count(read),
                comparison=words("data_health.figure.kept", count=form.count(int(sums["kept"].sum()))),
                key="read",
                amount=float(read),
            ),
            Figure(
                label=words("data_health.figure.quarantined"),
                value=form.count(apart),
                comparison=words(
                    "data_health.figure.quarantined_share", share=form.share(apart / read if read else None, digits=2)
                ),
                tone="bad" if apart > QUARANTINE_FAIL * read else "neutral",
                key="quarantined",
                amount=float(apart),
            ),
            Figure(
                label=words("data_health.figure.checks"),
                value=words("data_health.figure.checks_value", count=form.count(len(red) + len(amber))),
                comparison=words("data_health.figure.checks_of", count=form.count(len(findings))),
                tone="bad" if red or amber else "good",
                key="checks",
                amount=float(len(red) + len(amber)),
            ),
        ),
    )


FRESH: dict[str, Status] = {"late": "fail", "stopped": "warn", "gap": "warn", "fresh": "ok"}
"""Feeds that end on different days make comparisons wrong; where all end together the data hold up to that day."""


def freshness(table: pl.DataFrame, *, words: Words) -> Finding:
    """Say whether every feed of sales reaches the report's day."""
    form = words.format
    late = table.filter(pl.col("late"))
    together = late.height == table.height and late["late_days"].n_unique() == 1
    holes = table.drop_nulls("hole_days").sort("hole_days", descending=True)
    kind = "stopped" if together and late.height else "late" if late.height else "gap" if holes.height else "fresh"
    worst = (holes if kind == "gap" else table).row(0, named=True)
    values = {
        "late": form.count(late.height),
        "feeds": form.count(table.height),
        "source": _feed(worst["source"]),
        "day": form.day(worst["last_day"]),
        "days": form.count(worst["hole_days"] if kind == "gap" else worst["late_days"]),
        "first": form.day(worst["hole_from"]) if kind == "gap" else "",
        "last": form.day(worst["hole_until"]) if kind == "gap" else "",
        "gaps": form.count(holes.height),
    }
    return check(
        "freshness",
        kind,
        FRESH[kind],
        table,
        values,
        words=words,
        view=table.with_columns(late=pl.col("late")),
        row_key=("feed",),
    )


def ingest_sum(table: pl.DataFrame, *, words: Words) -> Finding:
    """Say whether every row read is accounted for: kept, replaced, duplicate, quarantined or excluded."""
    form = words.format
    off = table.filter(pl.col("difference") != 0)
    kind = "lost" if off.height else "whole"
    values = {
        "sources": form.count(off.height),
        "rows": form.count(int(off["difference"].abs().sum())),
        "read": form.count(int(table["read"].sum())),
        "kept": form.count(int(table["kept"].sum())),
        "duplicate": form.count(int(table["duplicate"].sum())),
        "conflict": form.count(int(table["conflict"].sum())),
        "excluded": form.count(int(table["excluded"].sum())),
        "replaced": form.count(int(table["replaced"].sum())),
        "quarantined": form.count(int(table["quarantined"].sum())),
    }
    status: Status = "fail" if off.height else "ok"
    return check("sum", kind, status, table, values, words=words, row_key=("feed", "table"), role="check")


def contracts(sums: pl.DataFrame, rules: pl.DataFrame, *, words: Words) -> Finding:
    """Say how many rows broke a rule, where most, and by which rule.

    Parameters
    ----------
    sums : `scoring.health.ingest_sum`; rules : `scoring.health.broken_rules`.
    """
    form = words.format
    source, share = (
        sums.select("source", pl.col("quarantined_share").fill_null(0.0)).row(0) if sums.height else ("", 0.0)
    )
    kind = "many" if share > QUARANTINE_FAIL else "some" if share > 0 else "clean"
    status: Status = {"many": "fail", "some": "ok", "clean": "ok"}[kind]  # type: ignore[assignment]
    rules = rules.with_columns(told(rules, "rule", by=lambda rule: rule_in_words(rule, words)).alias("rule"))
    rule, rule_rows = rules.select("rule", "rows").row(0) if rules.height else ("—", 0)
    values = {
        "rows": form.count(int(sums["quarantined"].sum())),
        "share": form.share(share, digits=2),
        "source": _feed(source),
        "rule": rule,
        "rule_rows": form.count(rule_rows),
    }
    shown = sums.filter(pl.col("quarantined") > 0)
    shown = shown.with_columns(
        told(
            shown,
            "quarantined_share",
            "quarantined",
            by=lambda s, n: words("data_health.contracts.label", share=form.share(s, digits=2), rows=form.count(n)),
        ).alias("label")
    )
    return check(
        "contracts",
        kind,
        status,
        rules if rules.height else sums.select("source", "table", "read", "quarantined", "quarantined_share"),
        values,
        words=words,
        seen="seen" if share > 0 else "seen_clean",
        chart=labelled.bars(
            shown.select(name="source", value="quarantined_share", label="label"),
            words=words,
            title=words("data_health.contracts.axis"),
            percent=True,
        )
        if shown.height
        else None,
    )


def card_share(months: pl.DataFrame, *, words: Words) -> Finding:
    """Say whether the share of receipts with a card jumped, which hints at a fault at the till.

    Receipts, not money: a few large orders before a festival move the money without anybody at the till forgetting.

    Parameters
    ----------
    months : month, share_receipts; whole months in order.
    """
    form = words.format
    known = months.filter(pl.col("share_receipts").is_not_null())
    now = known["share_receipts"][-1] if known.height else None
    before = known["share_receipts"][-2] if known.height > 1 else None
    change = now - before if now is not None and before is not None else None
    move = abs(change) if change is not None else 0.0
    bare = known.height > 0 and not (known["share_receipts"] > 0).any()
    kind = "bare" if bare else "none" if now is None or change is None else "jumped" if move >= CARD_MOVE_FAIL else (
        "moved" if move >= CARD_MOVE_WARN else "steady"
    )  # fmt: skip
    status: Status = {"jumped": "fail", "moved": "warn", "steady": "ok", "none": "none", "bare": "none"}[kind]  # type: ignore[assignment]
    values = {
        "now": form.share(now),
        "before": form.share(before),
        "points": form.number(move * 100, digits=1),
        "way": words(f"data_health.way.{'up' if (change or 0) > 0 else 'down'}"),
    }
    shown = known.with_columns(told(known, "share_receipts", by=form.share).alias("label"))
    return check(
        "cards",
        kind,
        status,
        months,
        values,
        words=words,
        seen="seen_bare" if bare else "seen",
        chart=lines.share_line(
            shown,
            x="month",
            value="share_receipts",
            label="label",
            month_format=words("page.axis.month"),
            title=words("data_health.cards.axis"),
        )
        if shown.height > 1 and not bare
        else None,
        row_key=("month",),
    )


def _feed(name: str) -> str:
    """A feed's name as a sentence holds it."""
    return name.replace("_", " ")
