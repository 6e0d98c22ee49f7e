"""What comes, whether the data can be relied on, and every page with its light."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from crmlib.kit.finding import Finding, Status
from crmlib.kit.table import readable
from crmlib.kit.words import Words
from crmlib.report.record.newest import Published

SOON = 7
"""An offer that starts within so many days and is still a draft is late [days]."""
UNREADY = ("draft", "submitted")


def ahead(events: pl.DataFrame, *, days: int, with_offers: bool, words: Words) -> Finding:
    """Say what starts and ends, and which festival comes next.

    Parameters
    ----------
    events : day, in_days, event, name, offer_state (`Study.ahead`).
    days : how far ahead offers are looked for.
    with_offers : whether a table of promotions is connected.
    """
    form = words.format
    count = {event: events.filter(pl.col("event") == event).height for event in ("starts", "ends", "festival")}
    unready = events.filter(
        (pl.col("event") == "starts") & (pl.col("in_days") <= SOON) & pl.col("offer_state").is_in(UNREADY)
    )
    festivals = events.filter(pl.col("event") == "festival")
    following = words("home.ahead.no_festival")
    if festivals.height:
        row = festivals.row(0, named=True)
        following = words("home.ahead.festival", name=row["name"], days=form.count(row["in_days"]))
    moving = count["starts"] + count["ends"]
    kind = "unready" if unready.height else "offers" if moving else "quiet" if with_offers else "festivals"
    values = {
        "days": form.count(days),
        "starts": form.count(count["starts"]),
        "ends": form.count(count["ends"]),
        "festival": following,
        "unready": form.count(unready.height),
        "soon": form.count(SOON),
        "first": str(unready["name"][0]) if unready.height else "",
    }
    return Finding.worded(
        "home.ahead",
        kind,
        values,
        words=words,
        status="warn" if unready.height else "none",
        table=events,
        view=readable(events, words=words),
        row_key=("day", "event", "name"),
    )


def data(health: Published | None, *, as_of: date, words: Words) -> Finding:
    """Repeat what the health page says; an old one is said to be old.

    Parameters
    ----------
    health : the newest page of data health, or none.
    """
    if health is None:
        return Finding.worded("home.data", "none", {}, words=words, status="none", table=pl.DataFrame())
    record = health.record
    wrong = [f for f in record.findings if f.status in ("warn", "fail")]
    table = pl.DataFrame(
        [(f.status, f.headline, f.do) for f in wrong],
        schema={"status": pl.String, "headline": pl.String, "advice": pl.String},
        orient="row",
    )
    old = record.as_of < as_of.isoformat()
    kind = "old" if old else record.status if record.status in ("warn", "fail") else "ok"
    values = {
        "count": words.format.count(len(wrong)),
        "answer": record.answer,
        "day": words.format.day(date.fromisoformat(record.as_of)),
    }
    status: Status = "warn" if old else "fail" if kind == "fail" else "warn" if kind == "warn" else "ok"
    return Finding.worded(
        "home.data",
        kind,
        values,
        words=words,
        status=status,
        table=table,
        view=readable(table, words=words, names={"status": "portal.light"}),
        row_key=("headline",),
        names={"status": "portal.light"},
    )


def reports(lights: pl.DataFrame, leads: Sequence[str], *, as_of: date, words: Words) -> Finding:
    """Count the pages by light, and say which are older than this one.

    Parameters
    ----------
    lights : report_title, status, answer, as_of, output, stake_minor (`Study.lights`).
    leads : the address of each page; empty where nothing leads there.
    """
    form = words.format
    red, amber = (lights.filter(pl.col("status") == light).height for light in ("fail", "warn"))
    old = lights.filter(pl.col("as_of") < as_of).height
    kind = "none" if lights.is_empty() else "red" if red else "amber" if amber else "ok"
    values = {"count": form.count(lights.height), "red": form.count(red), "amber": form.count(amber)}
    table = lights.select("report_title", "status", "stake_minor", "answer", "as_of")
    view = readable(
        table.with_columns(pl.Series("address", list(leads), dtype=pl.String)),
        words=words,
        names={"status": "portal.light"},
        links={"report_title": "address"},
    )
    return Finding.worded(
        "home.reports",
        kind,
        values,
        words=words,
        status="none",
        table=table,
        view=view,
        seen=words(f"home.reports.seen.{'old' if old else 'fresh'}", count=form.count(old)),
        row_key=("report_title",),
        names={"status": "portal.light"},
    )
