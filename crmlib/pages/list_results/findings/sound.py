"""Whether the lists were kept as experiments, how they left, and which are under way."""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.finding import Finding, Status
from crmlib.kit.words import Words
from crmlib.pages.list_results.findings.brought import BROKEN

MOST_OPTED_OUT = 0.01
"""Of a list's contacted, from this share of opt-outs on it annoys."""
MOST_BOUNCED = 0.05
"""From this share of messages that never arrived on the addresses want mending."""


def checks(lists: pl.DataFrame, *, words: Words) -> Finding:
    """Groups of the size that was drawn, nobody of the control contacted, nothing edited: else no effect is told."""
    form = words.format
    wrong = lists.filter(pl.col("verdict").is_in(BROKEN))
    several = int(lists["overlap"].fill_null(0).sum())
    kind = "none" if lists.is_empty() else "broken" if wrong.height else "sound"
    values = {
        "wrong": form.count(wrong.height),
        "lists": form.count(lists.height),
        "names": words("page.join").join(wrong["name"]),
        "several": form.count(several),
    }
    shown = wrong if wrong.height else lists
    table = shown.select(
        list_name="name", verdict="verdict", n_contact="n_contact", n_control="n_control", srm_p="srm_p",
        touched_control="touched_control", overlap="overlap",
    )  # fmt: skip
    return Finding.worded(
        "list_results.sound",
        kind,
        values,
        words=words,
        status="none" if kind == "none" else "fail" if wrong.height else "ok",
        table=table,
        names={"verdict": "list_results.verdict"},
        view=views.readable(table, words=words, names={"verdict": "list_results.verdict"}) if table.height else None,
        value_minor=int(wrong["cost_minor"].sum()) or None,
        row_key=("list_name",),
    )


def left(rows: pl.DataFrame, *, words: Words) -> Finding:
    """Messages that left, never arrived, or made somebody ask for no more."""
    form = words.format
    contact = int(rows["n_contact"].sum())
    total = {name: int(rows[name].sum()) for name in ("sent", "bounced", "held_up", "opted_out", "cost_minor")}
    sent = max(total["sent"], 1)
    annoyed = total["opted_out"] / sent > MOST_OPTED_OUT
    lost = total["bounced"] / max(total["sent"] + total["bounced"], 1) > MOST_BOUNCED
    kind = "none" if not total["sent"] else "annoyed" if annoyed else "bounced" if lost else "fine"
    values = {
        "contact": form.count(contact),
        "sent": form.count(total["sent"]),
        "bounced": form.count(total["bounced"]),
        "held": form.count(total["held_up"]),
        "opted_out": form.count(total["opted_out"]),
        "share": form.share(total["opted_out"] / sent, digits=1),
        "bounced_share": form.share(total["bounced"] / max(contact, 1), digits=1),
        "cost": form.money(total["cost_minor"]),
    }
    status: dict[str, Status] = {"none": "none", "annoyed": "warn", "bounced": "warn", "fine": "ok"}
    table = rows.select(
        list_name="name", channel="channel", n_contact="n_contact", sent="sent", bounced="bounced", held_up="held_up",
        opted_out="opted_out", list_cost_minor="cost_minor",
    )  # fmt: skip
    return Finding.worded(
        "list_results.left",
        kind,
        values,
        words=words,
        status=status[kind],
        table=table,
        names={"channel": "list_results.channel"},
        view=views.readable(table, words=words, names={"channel": "list_results.channel"}) if table.height else None,
        row_key=("list_name",),
    )


def under_way(lists: pl.DataFrame, waiting: pl.DataFrame, *, words: Words, as_of: date) -> Finding:
    """Lists sent and not over, and lists drawn and not sent: nothing is told of them, but for harm."""
    form = words.format
    sent = lists.filter(~pl.col("closed")).select(
        list_name="name",
        list_state=pl.when(pl.col("verdict") == "harm").then(pl.lit("harm")).otherwise(pl.lit("sent")),
        n_contact="n_contact", n_control="n_control", ends_on="ends_on", owner="owner",
    )  # fmt: skip
    drawn = waiting.select(
        list_name="name", list_state="state", n_contact=pl.lit(None, dtype=pl.Int64),
        n_control=pl.lit(None, dtype=pl.Int64), ends_on=pl.lit(None, dtype=pl.Date), owner="owner",
    )  # fmt: skip
    table = pl.concat([sent, drawn])
    harm = table.filter(pl.col("list_state") == "harm").height
    next_ = sent.sort("ends_on").row(0, named=True) if sent.height else None
    kind = "none" if table.is_empty() else "harm" if harm else "open" if sent.height else "waiting"
    values = {
        "sent": form.count(sent.height),
        "waiting": form.count(drawn.height),
        "name": next_["list_name"] if next_ else "",
        "day": form.day(next_["ends_on"] if next_ else None),
        "days": form.count((next_["ends_on"] - as_of).days if next_ else 0),
    }
    return Finding.worded(
        "list_results.open",
        kind,
        values,
        words=words,
        status="fail" if harm else "none",
        table=table,
        names={"list_state": "list_results.state"},
        view=views.readable(table, words=words, names={"list_state": "list_results.state"}) if table.height else None,
        row_key=("list_name",),
    )
