"""What every list of the register brought, side by side: closed lists read out, open ones looked at for harm only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.outreach import aims, register
from crmlib.outreach import draw as drawing
from crmlib.outreach.outcomes import outcomes
from crmlib.outreach.read_out import ReadOut, read_out

TOUCHED = ("delivered", "opened", "clicked", "answered", "refused", "promised")
"""Events that say that somebody was reached."""
LOOKS = 2
"""Looks at a list: one while it is open, for harm only, and the last."""
REFUSED = {
    "outreach.control_contacted": "contacted",
    "outreach.drawn": "edited",
    "outreach.no_control": "no_control",
    "outreach.no_outcome": "not_measurable",
}
"""Refusals of a read-out as its verdict."""
TABLE = pl.Schema({
    "list_id": pl.String, "version": pl.Int32, "name": pl.String, "objective": pl.String, "channel": pl.String,
    "owner": pl.String, "state": pl.String, "starts_on": pl.Date, "ends_on": pl.Date, "closed": pl.Boolean,
    "n_contact": pl.Int64, "n_control": pl.Int64, "came_contact": pl.Int64, "came_control": pl.Int64,
    "effect": pl.Float64, "low": pl.Float64, "high": pl.Float64, "money_per_head_minor": pl.Int64,
    "money_low_minor": pl.Int64, "money_high_minor": pl.Int64, "raw_contact_minor": pl.Int64,
    "raw_control_minor": pl.Int64, "cost_minor": pl.Int64, "net_minor": pl.Int64, "net_low_minor": pl.Int64,
    "net_high_minor": pl.Int64, "cuped_gain": pl.Float64, "srm_p": pl.Float64, "overlap": pl.Int64,
    "touched_control": pl.Int64, "planned": pl.Float64, "outcome": pl.String, "verdict": pl.String,
    "recipient": pl.String,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Register:
    """The register's tables as they are known on a day.

    Parameters
    ----------
    campaigns, steps, rows, events : of `campaigns`, `campaign_steps`, `outreach`, `outreach_events`.
    whole : whether `rows` are all rows of each list; a region's are not, and no seal can be checked.
    """

    campaigns: pl.DataFrame
    steps: pl.DataFrame
    rows: pl.DataFrame
    events: pl.DataFrame
    whole: bool = True


def results(
    book: Register, days: AnyFrame, *, margin: float, as_of: date, feeds: aims.Feeds | None = None
) -> pl.DataFrame:
    """One row per list that was sent by `as_of`, the columns of `TABLE`, oldest first.

    Parameters
    ----------
    days : customer_id, day_n, is_purchase, net_minor: one row per member and day.
    margin : of a unit of spend [share]; of partners' orders their own, where it is known.
    feeds : what tells outcomes other than coming, and what distributors ordered; lists to distributors are not
        measurable without.

    Returns
    -------
    came_contact, came_control, effect : of the list's own outcome, whatever that is.
    verdict : that of the read-out; `open` while the window is (`harm` if a look shows it); `contacted`, `edited` or
        `no_control` where no effect may be told.
    """
    bought = to_polars(days, needs=["customer_id", "day_n", "is_purchase", "net_minor"], name="days")
    every = standing(book, as_of=as_of).with_columns(pl.col("recipient").cast(pl.String))
    sent = [row for row in every.iter_rows(named=True) if row["starts_on"] is not None]
    asked = _Asked(bought, margin, as_of, feeds or aims.Feeds())
    made = [_result(row, book, asked, others=_others(row, sent, book)) for row in sent]
    return pl.DataFrame(made, schema=TABLE).sort("starts_on", "list_id")


def standing(book: Register, *, as_of: date) -> pl.DataFrame:
    """Every list drawn by `as_of` with where it stands: `campaigns` with state, starts_on, ends_on (null: not sent)."""
    key = ["list_id", "version"]
    done = book.steps.filter(pl.col("at").dt.date() <= as_of).sort("at", "state")  # at one time in their order
    steps = done.with_columns(pl.col("state").cast(pl.String))
    last = steps.group_by(key, maintain_order=True).agg(pl.col("state").last())
    first = _first(steps, "sending", "starts_on")
    ended = _first(steps, "sent", "sent_on")
    drawn = book.campaigns.filter(pl.col("frozen_at").dt.date() <= as_of).drop("state")
    found = drawn.join(last, on=key).join(first, on=key, how="left").join(ended, on=key, how="left")
    ends = pl.coalesce("sent_on", "starts_on") + pl.duration(days=pl.col("window_days"))
    return found.with_columns(ends_on=ends).sort("planned_at", "list_id", "version")


def _first(steps: pl.DataFrame, state: str, name: str) -> pl.DataFrame:
    on = steps.filter(pl.col("state") == state).group_by("list_id", "version").agg(pl.col("at").min().dt.date())
    return on.rename({"at": name})


def _others(row: dict[str, Any], sent: list[dict[str, Any]], book: Register) -> set[str]:
    """Recipients of other lists of the same kind of people whose windows touch this one's."""
    names = [
        o["list_id"] for o in sent
        if o["list_id"] != row["list_id"] and o["recipient"] == row["recipient"]
        and o["starts_on"] <= row["ends_on"] and o["ends_on"] >= row["starts_on"]
    ]  # fmt: skip
    rows = book.rows.filter(pl.col("list_id").is_in(names), pl.col("group").cast(pl.String) == "contact")
    return set(rows["recipient_id"])


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is the same for every list that is read."""

    days: pl.DataFrame
    margin: float
    as_of: date
    feeds: aims.Feeds


def _result(row: dict[str, Any], book: Register, asked: _Asked, *, others: set[str]) -> dict[str, Any]:
    this = (pl.col("list_id") == row["list_id"]) & (pl.col("version") == row["version"])
    mine = book.rows.filter(this)
    told_of = book.events.filter(pl.col("list_id") == row["list_id"])
    events = told_of.filter(pl.col("kind").cast(pl.String).is_in(TOUCHED))
    touched = mine.filter(
        pl.col("group").cast(pl.String) == "control", pl.col("recipient_id").is_in(events["recipient_id"].implode())
    ).height
    counts = mine.group_by(pl.col("group").cast(pl.String)).len()
    n = dict(counts.iter_rows())
    cost = int(mine["cost_minor"].sum()) + (row["cost_fixed_minor"] if book.whole else 0)
    closed = row["ends_on"] < asked.as_of
    known = {name: row[name] for name in ("list_id", "version", "name", "owner", "state", "starts_on", "ends_on")}
    told: dict[str, Any] = known | {
        "objective": str(row["objective"]), "channel": str(row["channel"]), "closed": closed,
        "n_contact": n.get("contact", 0), "n_control": n.get("control", 0), "cost_minor": cost,
        "touched_control": touched, "planned": _share(row["planned_effect_bp"]), "verdict": "open",
        "outcome": _aim(row), "recipient": row["recipient"],
    }  # fmt: skip
    try:
        found = _read(row, mine, book, asked, events=told_of, cost=cost, others=others)
    except ModelError as refused:
        return told | {"verdict": REFUSED.get(refused.code, "broken")}
    return told | _figures(found, closed=closed)


def _read(
    row: dict[str, Any],
    mine: pl.DataFrame,
    book: Register,
    asked: _Asked,
    *,
    events: pl.DataFrame,
    cost: int,
    others: set[str],
) -> ReadOut:
    asked = _asked_of(row, asked)
    drawn = register.frozen(row, mine) if book.whole and row["seal"] else _unsealed(row, mine)
    hits = aims.hits(_aim(row), mine, days=asked.days, events=events, feeds=asked.feeds)
    last = min(row["ends_on"], asked.as_of)
    did = outcomes(drawn.table["recipient_id"], asked.days, start=row["starts_on"], end=last, hits=hits)
    touched = events.filter(pl.col("kind").cast(pl.String).is_in(TOUCHED))["recipient_id"]
    did = did.with_columns(contacted=pl.col("recipient_id").is_in(touched.implode()))
    closed = row["ends_on"] < asked.as_of
    return read_out(
        drawn, did, margin=asked.margin, cost_minor=cost, planned=_share(row["planned_effect_bp"]),
        on_other_lists=others, look=LOOKS if closed else 1, looks=LOOKS,
    )  # fmt: skip


def _aim(row: dict[str, Any]) -> str:
    aim = str(row["outcome"])
    return aims.of_partners(aim) if row["recipient"] == "partner" else aim


def _asked_of(row: dict[str, Any], asked: _Asked) -> _Asked:
    """What a list to distributors is read from: their orders instead of visits.

    Raises
    ------
    ModelError
        `outreach.no_outcome` where no orders of partners are known.
    """
    if row["recipient"] != "partner":
        return asked
    known = asked.feeds.partners
    if known is None:
        raise ModelError("outreach.no_outcome", values={"outcome": _aim(row)})
    orders = known.days.select(recipient_id="customer_id", day_n="day_n")
    margin = asked.margin if known.margin is None else known.margin
    return _Asked(known.days, margin, asked.as_of, aims.Feeds(known.goods, orders, known))


def _unsealed(row: dict[str, Any], mine: pl.DataFrame) -> drawing.Drawn:
    """A draw of which only part is seen, or that came without a seal."""
    seen = mine.filter(pl.col("group").cast(pl.String) != "season").sort("recipient_id")
    table = seen.select("recipient_id", pl.col("group").cast(pl.String), "stratum", "draw_u")
    made = drawing.seal(table, list_id=row["list_id"], version=row["version"])
    return drawing.Drawn(table, row["list_id"], row["version"], row["control_bp"], made)


def _share(bp: int | None) -> float | None:
    return None if bp is None else bp / 10_000


def _figures(found: ReadOut, *, closed: bool) -> dict[str, Any]:
    money = found.money
    told = {name: getattr(found, name) for name in ("came_contact", "came_control", "srm_p", "overlap")}
    told |= {"raw_contact_minor": found.raw_contact_minor, "raw_control_minor": found.raw_control_minor}
    if not closed and found.verdict != "broken":
        return told | {"verdict": "harm" if found.verdict == "harm" else "open"}
    told |= {name: getattr(found, name) for name in ("effect", "low", "high", "net_minor", "net_low_minor")}
    told |= {"net_high_minor": found.net_high_minor, "verdict": found.verdict}
    if money is not None:
        told |= {
            "money_per_head_minor": round(money.effect), "money_low_minor": round(money.low),
            "money_high_minor": round(money.high), "cuped_gain": money.cuped_gain,
        }  # fmt: skip
    return told


def season_of(members: pl.Series, held: pl.Series, spent: AnyFrame, before: AnyFrame) -> pl.DataFrame:
    """What everybody spent in a season, for `programme`: recipient_id, season_holdout, net_minor, before_minor.

    Parameters
    ----------
    members : everybody who was there when the season began; held : those of them who stand on no list.
    spent, before : customer_id, net_minor of the season and of the same days a year earlier.
    """
    rows = members.rename("recipient_id").to_frame()
    for name, sums in (("net_minor", spent), ("before_minor", before)):
        table = to_polars(sums, needs=["net_minor"], name=name, key="customer_id")
        known = table.select(pl.col("net_minor").alias(name), recipient_id="customer_id")
        rows = rows.join(known, on="recipient_id", how="left", maintain_order="left")
    return rows.with_columns(
        pl.col("net_minor", "before_minor").fill_null(0),
        season_holdout=pl.col("recipient_id").is_in(held.implode()),
    )


def deliveries(book: Register, lists: pl.DataFrame) -> pl.DataFrame:
    """How each list left: list_id, name, channel, n_contact, sent, bounced, held_up, opted_out, cost_minor.

    `held_up` is whoever was to be contacted and was not: no consent, suppressed, capped, quiet hours, not known.
    """
    status = pl.col("status").cast(pl.String)
    mine = book.rows.filter(pl.col("group").cast(pl.String) == "contact")
    reached = status.is_in(["sent", "delivered"])
    gone = status.is_in(["failed", "bounced"])
    counts = mine.group_by("list_id").agg(
        sent=reached.sum().cast(pl.Int64), bounced=gone.sum().cast(pl.Int64),
        held_up=(~reached & ~gone).sum().cast(pl.Int64),
    )  # fmt: skip
    out = book.events.filter(pl.col("kind").cast(pl.String).is_in(["opted_out", "complained"]))
    left = out.group_by("list_id").agg(opted_out=pl.col("recipient_id").n_unique().cast(pl.Int64))
    rows = lists.select("list_id", "name", "channel", "n_contact", "cost_minor")
    joined = rows.join(counts, on="list_id", how="left", maintain_order="left")
    joined = joined.join(left, on="list_id", how="left", maintain_order="left")
    return joined.with_columns(pl.col("sent", "bounced", "held_up", "opted_out").fill_null(0))
