"""The win-back lists that were sent, read out one by one and together.

A list is the contacts with purpose `win_back` whose `contact_id` begins alike (before the first ``-``); those held out
by lot stand in it with outcome `holdout`. Margin counts only inside the window of the read-out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from crmlib.churn.visits import day_number
from crmlib.churn.winback import MIN_HELD_OUT, ReadOut, outcome, read_out
from crmlib.core.frames import AnyFrame, to_polars

WINDOW_DAYS = 56
TOGETHER = "all"
SCHEMA = {
    "list": pl.String, "sent_on": pl.Date, "closed": pl.Boolean, "treated": pl.Int64, "held_out": pl.Int64,
    "came_treated": pl.Int64, "came_held_out": pl.Int64, "effect": pl.Float64, "low": pl.Float64, "high": pl.Float64,
    "extra": pl.Float64, "cost_minor": pl.Int64, "net_minor": pl.Int64, "net_low_minor": pl.Int64,
    "net_high_minor": pl.Int64,
}  # fmt: skip


def lists(contacts: AnyFrame) -> pl.DataFrame:
    """Everybody on a win-back list: list, sent_on, customer_id, group (contact, holdout), cost_minor."""
    needs = ["contact_id", "customer_id", "at", "purpose", "outcome"]
    table = to_polars(contacts, needs=needs, name="contacts").filter(pl.col("purpose").cast(pl.String) == "win_back")
    cost = pl.col("cost_minor").fill_null(0) if "cost_minor" in table.columns else pl.lit(0, dtype=pl.Int64)
    group = pl.when(pl.col("outcome") == "holdout").then(pl.lit("holdout")).otherwise(pl.lit("contact"))
    named = table.select(
        pl.col("contact_id").str.split("-").list.first().alias("list"),
        pl.col("at").dt.date().alias("sent_on"),
        "customer_id",
        group.alias("group"),
        cost.cast(pl.Int64).alias("cost_minor"),
    )
    return named.with_columns(pl.col("sent_on").min().over("list")).sort("sent_on", "list", "customer_id")


def margins(lines: pl.LazyFrame) -> pl.DataFrame:
    """Margin of each customer and day, days with a line without cost left out: customer_id, day_n, margin_minor."""
    margin = pl.col("net_minor") - pl.col("cost_minor")
    days = lines.filter(pl.col("customer_id").is_not_null()).group_by("customer_id", "day_n")
    made = days.agg(margin.sum().alias("margin_minor"), pl.col("cost_minor").is_null().any().alias("unknown"))
    return made.filter(~pl.col("unknown")).drop("unknown").collect(engine="streaming").sort("customer_id", "day_n")


def read_lists(
    contacts: AnyFrame, trips: pl.DataFrame, margins: pl.DataFrame, *, as_of: date, days: int = WINDOW_DAYS
) -> pl.DataFrame:
    """The read-out of each list whose window has closed, in order of sending, and of all together (`all`).

    Parameters
    ----------
    trips : customer_id, day_n.
    margins : customer_id, day_n, margin_minor of each trip day; an empty frame where no cost is known.

    Returns
    -------
    The columns of `SCHEMA`; effect and money are null where a list has no holdout that could show one.
    """
    every = lists(contacts).filter(pl.col("sent_on") <= as_of)
    rows, closed_parts = [], []
    for (name,), part in every.group_by("list", maintain_order=True):
        sent = part["sent_on"][0]
        closed = sent + timedelta(days=days) <= as_of
        seen = outcome(part, trips, sent_on=sent, until=min(sent + timedelta(days=days), as_of))
        rows.append(_row(str(name), sent, seen, _margin(seen, margins, sent, days), closed=closed))
        if closed:
            closed_parts.append((seen, _margin(seen, margins, sent, days)))
    if len(closed_parts) > 1:
        rows.append(_together(closed_parts))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _margin(seen: pl.DataFrame, margins: pl.DataFrame, sent: date, days: int) -> int | None:
    """Mean margin inside the window of those who came, or none if no margin is known."""
    first = day_number(sent)
    came = seen.filter(pl.col("came") == 1)
    if margins.is_empty() or came.is_empty():
        return None
    inside = margins.filter(pl.col("day_n").is_between(first + 1, first + days))
    total = inside.join(came.select("customer_id"), on="customer_id", how="semi")["margin_minor"].sum()
    return round(total / came.height)


def _row(name: str, sent: date | None, seen: pl.DataFrame, margin: int | None, *, closed: bool) -> list[object]:
    treated, held = seen.filter(pl.col("group") == "contact"), seen.filter(pl.col("group") == "holdout")
    came = [int(treated["came"].sum()), int(held["came"].sum())]
    counts = [name, sent, closed, treated.height, held.height, *came]
    cost = int(treated["cost_minor"].sum())
    if not closed or min(treated.height, held.height) < MIN_HELD_OUT:
        return [*counts, None, None, None, None, cost, None, None, None]
    made: ReadOut = read_out(seen, margin_minor=margin or 0, cost_minor=cost)
    money = [made.net_minor, made.net_low_minor, made.net_high_minor] if margin is not None else [None] * 3
    return [*counts, made.effect, made.low, made.high, made.extra, cost, *money]


def _together(parts: Sequence[tuple[pl.DataFrame, int | None]]) -> list[object]:
    """All closed lists as one: each was drawn by lot with the same share, so they may be pooled."""
    seen = pl.concat([p for p, _ in parts])
    known = [(int(p["came"].sum()), m) for p, m in parts if m is not None]
    people = sum(n for n, _ in known)
    margin = round(sum(n * m for n, m in known) / people) if people else None
    return _row(TOGETHER, None, seen, margin, closed=True)
