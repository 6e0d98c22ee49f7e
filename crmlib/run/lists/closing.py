"""A list whose window is over is closed and read out by its frozen draw; the read-out is filed beside it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from crmlib import panels
from crmlib.core.contracts import CONTRACTS
from crmlib.core.errors import ModelError
from crmlib.data import Lake
from crmlib.data.lake.filed import file_rows
from crmlib.outreach import aims, results
from crmlib.outreach.results import Register
from crmlib.report import stored
from crmlib.run.lists import audit, book

YEAR = 364
VERDICTS = {"contacted": "broken", "edited": "broken", "no_control": "not_measurable"}
"""Verdicts of the page in the words of the table of read-outs."""


def close(lake: Lake, list_id: str, *, at: datetime, by: str, margin: float | None = None) -> dict[str, Any]:
    """Close a list and file its read-out; the row of `outreach.results.TABLE`.

    Parameters
    ----------
    margin : of a unit of sales; the last year's of all lines with a cost without it.

    Raises
    ------
    ModelError
        `outreach.state` unless sent, `outreach.window_open` before its last day is over or its sales are known.
    """
    listed = book.find(lake, list_id)
    if listed.life.state == "sent":
        _check_sales(lake, listed.life.closes_on())
        listed = book.move(lake, listed, "closed", at=at, by=by)
    elif listed.life.state != "closed":
        raise ModelError("outreach.state", values={"state": listed.life.state, "to": "closed"})
    recent = panels.part(lake.table("receipt_lines"), start=listed.life.closes_on() - timedelta(days=2 * YEAR))
    rate = _margin(recent, until=listed.life.closes_on()) if margin is None else margin
    known = register_of(lake, list_id)
    day = listed.life.closes_on() + timedelta(days=1)
    goods = panels.goods_bought(recent, aims.suggested(known.rows), end=listed.life.closes_on())
    feeds = aims.feeds(goods, *(lake.table(name) if lake.has(name) else None for name in aims.ORDERS))
    theirs = panels.part(recent, customers=known.rows["recipient_id"].unique())
    table = results.results(known, panels.customer_day(theirs), margin=rate, as_of=day, feeds=feeds)
    row = table.filter(pl.col("version") == listed.life.version).row(0, named=True)
    _file(lake, row, as_of=day, at=at, by=by)
    book.move(lake, listed, "read_out", at=at, by=by)
    audit.note(lake.path, what="read out", by=by, at=at, list=list_id, verdict=row["verdict"])
    return row


def register_of(lake: Lake, list_id: str) -> Register:
    """The register's rows of one list."""
    mine = pl.col("list_id") == list_id
    campaigns, steps, rows = (
        lake.table(name).filter(mine).collect() for name in ("campaigns", "campaign_steps", "outreach")
    )
    if lake.has("outreach_events"):
        events = lake.table("outreach_events").filter(mine).collect()
    else:
        events = pl.DataFrame(schema=dict.fromkeys(("list_id", "recipient_id", "kind"), pl.String))
    return Register(campaigns, steps, rows, events)


def _check_sales(lake: Lake, until: date) -> None:
    """The last day that counts must be in the lake."""
    known = panels.span(stored.every_line(lake))
    if known is None or known[1] < until:
        at = None if known is None else known[1]
        raise ModelError("outreach.window_open", values={"at": str(at), "closes": until.isoformat()})


def _margin(lines: panels.ReceiptLines, *, until: date) -> float:
    net, cost = panels.costed_sums(panels.part(lines, start=until - timedelta(days=YEAR), end=until))
    return 1 - cost / net if net else 0.0


def _file(lake: Lake, row: dict[str, Any], *, as_of: date, at: datetime, by: str) -> None:
    told = {name: row.get(name) for name in CONTRACTS["read_outs"].columns if name in row}
    told |= {
        "as_of": as_of, "closed": True, "method": "cut99_post_cuped",
        "srm_p": 1.0 if row["srm_p"] is None else row["srm_p"], "overlap": row["overlap"] or 0,
        "verdict": VERDICTS.get(row["verdict"], row["verdict"]),
        **{name: row[name] or 0 for name in ("came_contact", "came_control", "raw_contact_minor", "raw_control_minor")},
    }  # fmt: skip
    batch = f"read-out-{row['list_id']}-{row['version']}"
    file_rows(lake, CONTRACTS["read_outs"], pl.DataFrame([told]), batch=batch, source=book.SOURCE, by=by, now=at)
