"""What to do with which partner, by rep and yuan: late orders, stock above the limit, goods elsewhere, silence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.finding import ActionList
from crmlib.kit.words import Words

OLD = 60
"""An order overdue for longer is delivered or closed."""
WITHIN = {"late": 1, "old": 7, "stock": 7, "diverted": 3, "silent": 3}
"""Days to act."""
ROW = {"partner_id": pl.String, "what": pl.String, "reason": pl.String, "stake_minor": pl.Int64}


@dataclass(frozen=True, slots=True)
class Found:
    """What there is to do.

    Parameters
    ----------
    late : order_id, partner_id, open_minor, late_days. stock : of `network.overstocked`.
    diverted : of `shared.diverted.scanned`; none without scans. silent : of `network.silent`.
    """

    late: pl.DataFrame
    stock: pl.DataFrame
    diverted: pl.DataFrame | None
    silent: pl.DataFrame


def listed(
    what: Found, partners: pl.DataFrame, people: dict[str, str], *, words: Words, as_of: date, cover: int,
    capacity: int, gone: frozenset[str] = frozenset(),
) -> ActionList:  # fmt: skip
    """Whoever leaks first, then yuan: open orders and stock above `cover` days; who does not report comes last.

    partners : partner_id, name, owner_staff. people : name by staff number.
    gone : numbers of those who have left: what they own, and what nobody owns, gets an owner first.
    """
    form = words.format
    rows = [
        (
            r["partner_id"],
            "old" if r["late_days"] > OLD else "late",
            words("channel.reason.late", order=r["order_id"], days=r["late_days"]),
            r["open_minor"],
        )
        for r in what.late.iter_rows(named=True)
    ]
    rows += [
        (r["partner_id"], "stock", words(
            "channel.reason.stock", days=form.number(r["cover_days"], digits=0), limit=cover,
        ) if r["cover_days"] is not None else words("channel.reason.unsold"), r["excess_minor"])
        for r in what.stock.filter(pl.col("excess_minor") > 0).iter_rows(named=True)
    ]  # fmt: skip
    first = [] if what.diverted is None else [
        (r["partner_id"], "diverted", words(
            "channel.reason.diverted", share=form.share(r["share"], digits=0), region=r["main_region"]), None)
        for r in what.diverted.filter("named").iter_rows(named=True)
    ]  # fmt: skip
    last = [
        (r["partner_id"], "silent", words("channel.reason.silent", day=form.day(r["last_on"])), None)
        for r in what.silent.iter_rows(named=True)
    ]
    every = [*first, *sorted(rows, key=lambda row: (-row[3], row[2])), *last]
    found = pl.DataFrame(every[:capacity], schema=ROW, orient="row").join(
        partners.select("partner_id", "name", "owner_staff"), on="partner_id", how="left", maintain_order="left"
    )
    owners = [people.get(s, s) if s else words("channel.no_owner") for s in found["owner_staff"]]
    due = [as_of + timedelta(days=WITHIN[w]) for w in found["what"]]
    advice = [
        words("channel.advice.owner") if s is None or s in gone else words(f"channel.advice.{w}")
        for s, w in found.select("owner_staff", "what").iter_rows()
    ]
    table = found.select(
        pl.coalesce("name", "partner_id").alias("partner"), "reason", "stake_minor",
        pl.Series("suggestion", advice, dtype=pl.String),
        pl.Series("owner", owners, dtype=pl.String), pl.Series("due_on", due, dtype=pl.Date),
    )  # fmt: skip
    kind = "none" if not every else "all" if len(every) <= capacity else "capped"
    values = {
        "count": form.count(table.height), "found": form.count(len(every)),
        "money": form.money(int(table["stake_minor"].sum())),
    }  # fmt: skip
    return ActionList(
        headline=words(f"channel.actions.headline.{kind}", **values), table=table,
        view=views.readable(table, words=words),
        note=words("channel.actions.note"), row_key=("partner", "reason"),
    )  # fmt: skip
