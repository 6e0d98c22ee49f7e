"""What meetings brought by lot, side by side, to media; and whom to see again."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crmlib.cases.meetings import Effect
from crmlib.core.money import MINOR_PER_UNIT
from crmlib.kit import table as views
from crmlib.kit.charts import intervals, labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import ActionList, Finding
from crmlib.kit.words import Words
from crmlib.pages.shared.points_wording import points

SHOWN, WEEK, FILLED = 12, 7, 0.8


def effect(
    found: list[tuple[str, Effect]], flattered: float | None, missing: int, *, words: Words, wanted: int, events: int
) -> Finding:
    """Brings or costs orders only where the interval of all events leaves zero out."""
    form, every = words.format, found[-1][1]
    low, high = every.interval or (None, None)
    kind = "nobody" if low is None or high is None else "brings" if low > 0 else "harms" if high < 0 else "unsure"
    own = found[0][1]
    values = {
        "points": points(every.per_comer, words), "low": points(low, words), "high": points(high, words),
        "naive": points(flattered, words), "invited": form.count(every.invited), "held": form.count(every.held_out),
        "events": form.count(events), "missing": form.count(missing), "wanted": wanted,
        "own": points(own.per_comer, words), "come": points(own.come_difference, words),
    }  # fmt: skip
    rows = [(name or words("meetings.together"), one) for name, one in found]
    spans = [one.interval or (None, None) for _, one in rows]
    table = pl.DataFrame(
        {"event_name": [n for n, _ in rows], "guests_invited": [e.invited for _, e in rows],
         "guests_held_out": [e.held_out for _, e in rows], "came_more": [e.come_difference for _, e in rows],
         "brought_share": [e.per_comer for _, e in rows], "share_low": [s[0] for s in spans],
         "share_high": [s[1] for s in spans]},
        schema_overrides=dict.fromkeys(("brought_share", "share_low", "share_high"), pl.Float64),
    )  # fmt: skip
    bars = table.filter(pl.col("brought_share").is_not_null()).select(
        pl.col("event_name").alias("name"), pl.col("brought_share").alias("value"), low="share_low", high="share_high",
    )  # fmt: skip
    bars = bars.with_columns(pl.Series("label", [points(v, words) for v in bars["value"]], dtype=pl.String))
    return Finding.worded(
        "meetings.effect", kind, values, words=words, table=table,
        status="ok" if kind == "brings" else "fail" if kind == "harms" else "none",
        view=views.readable(table, words=words),
        chart=intervals.intervals(bars, words=words, title=words("meetings.chart.points"), percent=True)
        if bars.height
        else None,
        row_key=("event_name",),
    )  # fmt: skip


def compared(rows: pl.DataFrame, *, words: Words) -> Finding:
    """Meetings by what is left after their cost."""
    form = words.format
    table = rows.with_columns(left_minor=pl.col("collected_minor") - pl.col("cost_minor")).sort("day", descending=True)
    known = table.filter(pl.col("cost_minor") > 0)
    loses = known.filter(pl.col("left_minor") <= 0)
    best = known.sort("left_minor", "meeting", descending=[True, False]).head(1)
    kind = "none" if known.is_empty() else "some" if loses.height else "all"
    values = {
        "count": form.count(known.height), "loses": form.count(loses.height),
        "best": best["meeting"][0] if best.height else "",
        "left": form.money(int(best["left_minor"][0]) if best.height else 0),
        "total": form.money(int(known["left_minor"].sum())),
        "which": words("page.join").join(loses["meeting"]),
    }  # fmt: skip
    out = table.select(
        event_name="meeting", guests_came="came", orders="orders",
        event_cost_minor="cost_minor", net_collected_minor="collected_minor", above_cost_minor="left_minor",
    )  # fmt: skip
    shown = out.head(SHOWN)
    bars = shown.select(
        pl.col("event_name").alias("name"),
        (pl.col("above_cost_minor") / MINOR_PER_UNIT[form.currency]).alias("value"),
        pl.Series("label", [form.money(m) for m in shown["above_cost_minor"]], dtype=pl.String),
    )
    return Finding.worded(
        "meetings.compared", kind, values, words=words, table=out,
        status="none" if kind == "none" else "warn" if kind == "some" else "ok",
        view=views.readable(out, words=words) if out.height else None,
        chart=labelled.bars(bars, words=words, title=words("meetings.chart.money")) if known.height else None,
        row_key=("event_name",),
    )  # fmt: skip


def shares(rows: pl.DataFrame, *, words: Words) -> Finding:
    """What contracts pay; the sum is paid to the fen."""
    form, due = words.format, int(rows["due_minor"].sum())
    kind = "some" if due > 0 else "none"
    values = {
        "due": form.money(due), "top": rows["medium"][0] if rows.height else "",
        "most": form.money(int(rows["due_minor"][0]) if rows.height else 0),
        "guests": form.count(int(rows["guests"].sum())), "exact": form.money_exact(due),
    }  # fmt: skip
    out = rows.select(
        "medium", guests_came="guests", sold_at_minor="orders", net_collected_minor="collected", share_bp="share_bp",
        due_minor="due_minor",
    )  # fmt: skip
    bars = out.select(
        pl.col("medium").alias("name"), (pl.col("due_minor") / MINOR_PER_UNIT[form.currency]).alias("value"),
        pl.Series("label", [form.money(m) for m in out["due_minor"]], dtype=pl.String),
    )  # fmt: skip
    return Finding.worded(
        "meetings.shares", kind, values, words=words, status="none", table=out,
        view=views.readable(out, words=words, exact=True) if out.height else None,
        chart=labelled.bars(bars, words=words, title=words("meetings.chart.money")) if due > 0 else None,
        value_minor=due, row_key=("medium",),
    )  # fmt: skip


def waiting(rows: pl.DataFrame, *, words: Words, as_of: date) -> Finding:
    """Intent of those who came and did not buy; who has intent and no date, or one that has passed, is the hole."""
    form = words.format
    keen = rows.filter(pl.col("intent").is_in(["hot", "warm"]))
    undated = keen.filter(pl.col("next_on").is_null())
    late = keen.filter(pl.col("next_on") < as_of)
    kind = "none" if rows.is_empty() else "undated" if undated.height else "late" if late.height else "dated"
    why = rows.filter(pl.col("not_bought_reason").is_not_null())
    top = why.group_by("not_bought_reason").len().sort("len", "not_bought_reason", descending=[True, False]).head(1)
    values = {
        "count": form.count(rows.height), "keen": form.count(keen.height), "undated": form.count(undated.height),
        "late": form.count(late.height),
        "told": form.share(why.height / rows.height if rows.height else None),
        "top": top["not_bought_reason"][0] if top.height else words("meetings.unsaid"),
        "times": form.count(int(top["len"][0]) if top.height else 0),
        "unknown": form.count(rows["intent"].null_count()),
    }  # fmt: skip
    by = rows.with_columns(pl.col("intent").fill_null("unknown")).group_by("intent").agg(
        guests=pl.len().cast(pl.Int64), dated=pl.col("next_on").is_not_null().sum().cast(pl.Int64)
    )  # fmt: skip
    order = pl.DataFrame({"intent": ["hot", "warm", "cold", "none", "unknown"]})
    table = order.join(by, on="intent", how="inner", maintain_order="left").select(
        guest_intent="intent", guests_waiting="guests", guests_dated="dated"
    )
    names = {"guest_intent": "meetings.intent"}
    labels = [words("meetings.waiting.label", count=form.count(n), dated=form.count(d)) for n, d in
              table.select("guests_waiting", "guests_dated").iter_rows()]  # fmt: skip
    bars = table.select(
        pl.Series("name", [words(f"meetings.intent.{i}") for i in table["guest_intent"]], dtype=pl.String),
        pl.col("guests_waiting").cast(pl.Float64).alias("value"), pl.Series("label", labels, dtype=pl.String),
        toned(pl.col("guest_intent").is_in(["none", "unknown"]), "quiet").alias("tone"),
    )  # fmt: skip
    return Finding.worded(
        "meetings.waiting", kind, values, words=words, table=table, names=names,
        status="none" if kind == "none" else "ok" if kind == "dated" else "warn",
        view=views.readable(table, words=words, names=names) if table.height else None,
        chart=labelled.bars(bars, words=words, title=words("meetings.chart.guests")) if table.height else None,
        row_key=("guest_intent",),
    )  # fmt: skip


def listed(
    rows: pl.DataFrame, names: dict[str, str], *, words: Words, as_of: date, capacity: int, pseudonyms: dict[str, str]
) -> ActionList:
    """Strongest intent first; a date that has passed or was never made is made now."""
    form, chosen = words.format, rows.head(capacity)
    reason, advice, due = [], [], []
    for row in chosen.iter_rows(named=True):
        intent = words(f"meetings.intent.{row['intent'] or 'unknown'}")
        why = row["not_bought_reason"] or words("meetings.unsaid")
        reason.append(words("meetings.reason", intent=intent, why=why))
        day = row["next_on"]
        kind = "none" if day is None else "late" if day < as_of else "ahead"
        advice.append(words(f"meetings.advice.{kind}", day=form.day(day)))
        due.append(day if kind == "ahead" else as_of + timedelta(days=1 if kind == "late" else WEEK))
    keepers = [names.get(s, s) if s else words("meetings.no_owner") for s in chosen["by_staff"]]
    table = chosen.select(
        pl.Series("guest", [pseudonyms[c] for c in chosen["customer_id"]], dtype=pl.String),
        pl.Series("guest_kind", ["walk_in" if w else "new" if n else "old" for w, n in
                                 chosen.select("walk_in", "is_new").iter_rows()], dtype=pl.String),
        pl.Series("reason", reason, dtype=pl.String),
        pl.Series("suggestion", advice, dtype=pl.String),
        pl.Series("owner", keepers, dtype=pl.String),
        pl.Series("due_on", due, dtype=pl.Date),
    )  # fmt: skip
    kind = "none" if not rows.height else "all" if rows.height <= capacity else "capped"
    values = {"count": form.count(table.height), "found": form.count(rows.height)}
    said = {"guest_kind": "meetings.kind"}
    return ActionList(
        headline=words(f"meetings.actions.headline.{kind}", **values), table=table,
        view=views.readable(table, words=words, names=said), note=words("meetings.actions.note"), row_key=("guest",),
        names=said,
    )  # fmt: skip
