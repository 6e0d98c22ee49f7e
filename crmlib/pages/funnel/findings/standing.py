"""Where deals stand: by age and month, by stage, the month's book, what records lack, whom to move."""

from __future__ import annotations

from collections.abc import Set
from datetime import date, timedelta

import polars as pl

from crmlib.cases.engine import Identity
from crmlib.cases.funnel import WinRate
from crmlib.core.money import MINOR_PER_UNIT
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import ActionList, Finding
from crmlib.kit.words import Words
from crmlib.pages.funnel import charts
from crmlib.pages.funnel.findings.ahead import owner_name

SHOWN, WEEK = 12, 7
FLATTERS = 0.05
"""A count of closed deals alone that lies further than this above the share won is said to flatter."""


def fates(
    shares: pl.DataFrame, cohorts: pl.DataFrame, rate: WinRate, naive: dict[str, float], *, words: Words
) -> Finding:
    """The share won always with its cohort and age; what a snapshot says stands beside it."""
    form = words.format
    kind = "none" if not rate.opened else "flatters" if naive["snapshot"] > rate.share_won + FLATTERS else "plain"
    values = {
        "share": form.share(rate.share_won), "lost": form.share(rate.share_lost), "open": form.share(rate.share_open),
        "age": round(rate.days), "first": form.month(rate.first), "last": form.month(rate.last),
        "opened": form.count(rate.opened), "won": form.count(rate.won), "lost_count": form.count(rate.lost),
        "open_count": form.count(rate.open), "naive": form.share(naive["snapshot"]), "low": form.share(rate.low),
        "high": form.share(rate.high), "unseen": form.count(int(cohorts["unseen"].sum())),
        "longest": form.count(int(shares["age"].to_numpy().max())),
    }  # fmt: skip
    table = cohorts.sort("cohort", descending=True).select(
        opened_month="cohort", deals_opened="opened", deals_won="won", deals_lost="lost", deals_open="open",
        deals_unseen="unseen", won_30="won_30", won_60="won_60", won_90="won_90", won_longest="won_longest",
        longest_days=pl.col("longest").cast(pl.Int64),
    )  # fmt: skip
    return Finding.worded(
        "funnel.fates", kind, values, words=words, status="none", table=table,
        view=views.readable(table.head(SHOWN), words=words),
        chart=charts.fates(shares, words=words) if shares.height > 1 else None, row_key=("opened_month",),
    )  # fmt: skip


def stages(times: pl.DataFrame, *, words: Words) -> Finding:
    """Where most that can still be won stands still; what it is about is what those deals bring, not their quotes."""
    form = words.format
    worst = times.sort("live_minor", "stage", descending=[True, False]).head(1)
    live, still = int(times["live"].sum()), int(times["stalled"].sum())
    kind = "some" if live else "dead" if still else "none"
    p90 = worst["p90_days"][0] if worst.height else None
    values = {
        "stage": worst["stage"][0] if worst.height else "",
        "money": form.money(int(worst["live_minor"][0] or 0) if worst.height else 0),
        "total": form.money(int(times["stalled_minor"].sum())),
        "live_total": form.money(int(times["live_minor"].sum())),
        "saved": form.money(int(times["expected_minor"].sum())), "live": form.count(live), "still": form.count(still),
        "dead": form.count(still - live), "count": form.count(int(worst["live"][0] or 0) if worst.height else 0),
        "dead_total": form.money(int(times["stalled_minor"].sum()) - int(times["live_minor"].sum())),
        "limit": form.number(p90), "stays": form.count(int(times["stays"].sum())),
        "open": form.count(int(times["open"].sum())), "lost": form.share(worst["lost"][0] if worst.height else None),
    }  # fmt: skip
    table = times.select(
        pl.col("stage").alias("deal_stage"), deals_entered="stays", deals_open="open", onward="onward", back="back",
        lost_here="lost", median_stay=pl.col("median_days").round(), p90_stay=pl.col("p90_days").round(),
        deals_still="stalled", still_minor="stalled_minor", deals_live="live", live_minor="live_minor",
        coming_minor="expected_minor",
    )  # fmt: skip
    labels = [
        words("funnel.stages.label", money=form.money(m), count=form.count(n))
        for m, n in table.select("live_minor", "deals_live").iter_rows()
    ]
    bars = table.select(
        pl.col("deal_stage").alias("name"),
        (pl.col("live_minor") / MINOR_PER_UNIT[form.currency]).alias("value"),
        pl.Series("label", labels, dtype=pl.String),
        toned(pl.col("deal_stage") == values["stage"], "warn").alias("tone"),
    )
    return Finding.worded(
        "funnel.stages", kind, values, words=words, status="warn" if still else "ok", table=table,
        view=views.readable(table, words=words),
        chart=labelled.bars(bars, words=words, title=words("funnel.chart.live")) if live else None,
        value_minor=int(times["expected_minor"].sum()), row_key=("deal_stage",),
    )  # fmt: skip


def book(rows: pl.DataFrame, flow: Identity, *, words: Words, first: date, last: date) -> Finding:
    """Moves in less moves out are the change of every stage; opened less closed that of all."""
    form = words.format
    gap = rows.with_columns(gap=pl.col("start") + pl.col("moved_in") - pl.col("moved_out") - pl.col("end"))
    wrong = gap.filter(pl.col("gap") != 0)
    fine = wrong.is_empty() and flow.residual == 0
    values = {
        "first": form.day(first), "last": form.day(last), "start": form.count(flow.start), "end": form.count(flow.end),
        "opened": form.count(flow.came["opened"]), "closed": form.count(flow.went["closed"]),
        "gap": form.count(abs(flow.residual) + int(gap["gap"].abs().sum())),
        "change": form.count(abs(flow.end - flow.start)),
    }  # fmt: skip
    kind = "break" if not fine else "grows" if flow.end > flow.start else "shrinks" if flow.end < flow.start else "same"
    table = rows.select(
        pl.col("stage").alias("deal_stage"), deals_start="start", moved_in="moved_in", moved_out="moved_out",
        deals_end="end",
    )  # fmt: skip
    return Finding.worded(
        "funnel.book", kind, values, words=words, status="ok" if fine else "fail", table=table,
        view=views.readable(table, words=words), row_key=("deal_stage",), role="check",
    )  # fmt: skip


def records(
    deals: pl.DataFrame, slipped: pl.DataFrame, expected: pl.DataFrame, *, words: Words, feed: date | None, as_of: date
) -> Finding:
    """Four things that records lack, each counted with its value."""
    form = words.format
    won = (pl.col("outcome") == "won") & (pl.col("closed_on") <= as_of)
    unseen = deals.filter(pl.col("opened_on") < feed) if feed is not None else deals.clear()
    no_order = deals.filter(won & pl.col("order_id").is_null())
    late = expected.join(slipped, on="deal_id", how="semi")
    parts = {
        "unseen": unseen,
        "no_order": no_order,
        "past_day": late,
        "no_value": expected.filter(pl.col("value_minor").is_null()),
    }
    table = pl.DataFrame(
        [(words(f"funnel.record.{k}"), t.height, int(t["value_minor"].sum() or 0)) for k, t in parts.items()],
        schema={"lacking": pl.String, "deals_count": pl.Int64, "deal_minor": pl.Int64}, orient="row",
    )  # fmt: skip
    bad = no_order.height + late.height + parts["no_value"].height
    kind = "some" if bad else "none"
    values = {
        "late": form.count(late.height), "money": form.money(int(late["value_minor"].sum() or 0)),
        "open": form.count(expected.height), "no_order": form.count(no_order.height),
        "unseen": form.count(unseen.height), "feed": form.day(feed),
        "moved": form.count(int((slipped["moved"] > 0).sum())),
    }  # fmt: skip
    return Finding.worded(
        "funnel.records", kind, values, words=words, status="warn" if bad else "ok", table=table,
        view=views.readable(table, words=words), row_key=("lacking",), role="check",
    )  # fmt: skip


def listed(
    stalled: pl.DataFrame, names: dict[str, str], gone: Set[str], *, words: Words, as_of: date, capacity: int
) -> ActionList:
    """Deals that stand still, in the order of the study: move or close them; a leaver's get a new owner first."""
    form, chosen = words.format, stalled.head(capacity)
    reason, advice = [], []
    for row in chosen.iter_rows(named=True):
        owner = row["owner_staff"]
        values = {"stage": row["stage"], "days": form.count(row["days"]), "limit": form.number(row["limit"])}
        reason.append(words("funnel.reason", **values))
        free = owner is None or owner in gone
        kind = ("owner" if free else "move") if row["live"] else ("shut" if free else "close")
        advice.append(words(f"funnel.advice.{kind}"))
    table = chosen.select(
        pl.col("deal_id").alias("deal"),
        pl.Series("reason", reason, dtype=pl.String),
        pl.col("value_minor").alias("deal_minor"),
        pl.col("expected_minor").alias("coming_minor"),
        pl.Series("suggestion", advice, dtype=pl.String),
        pl.Series("owner", [owner_name(o, names, gone, words) for o in chosen["owner_staff"]], dtype=pl.String),
        pl.lit(as_of + timedelta(days=WEEK)).alias("due_on"),
    )
    kind = "none" if not stalled.height else "all" if stalled.height <= capacity else "capped"
    live = stalled.filter("live")
    values = {
        "count": form.count(table.height), "found": form.count(stalled.height), "live": form.count(live.height),
        "dead": form.count(stalled.height - live.height), "saved": form.money(int(chosen["expected_minor"].sum())),
    }  # fmt: skip
    return ActionList(
        headline=words(f"funnel.actions.headline.{kind}", **values), table=table,
        view=views.readable(table, words=words), note=words("funnel.actions.note"), row_key=("deal",),
    )  # fmt: skip
