"""Staff: coverage, workload, hand-over, counted reports, and comparisons only where there is something to see.

Thirty agents between .550 and .704 differ no more than chance (χ² p = .26): then nobody is ranked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, timed, to_polars
from crmlib.core.owners import owned, owner_on
from crmlib.core.proportions import equal_shares, limits, shrink

RANK_P, RANK_N, NAMED = 0.05, 30, 0.998
"""Ranked only below this p and from this many trials each; named only beyond these limits."""
LATE_HOURS = 24


def coverage(contacts: AnyFrame, assignments: AnyFrame, *, as_of: date, days: int) -> pl.DataFrame:
    """Customers contacted by their owner of that day in the last `days`, over customers owned.

    Parameters
    ----------
    contacts : customer_id, staff_id, at.
    assignments : customer_id, starts_on, staff_id, ends_on.

    Returns
    -------
    staff_id, owned (on `as_of`), covered, share; a call by somebody else, or to another's customer, covers nobody.
    """
    table = timed(contacts, at="at", needs=("customer_id", "staff_id"), name="contacts")
    day = pl.col("at") if table.schema["at"] == pl.Date else pl.col("at").dt.date()
    recent = table.filter(day.is_between(as_of - timedelta(days=days - 1), as_of))
    own = owner_on(recent, assignments).filter(pl.col("owner_staff") == pl.col("staff_id"))
    now = owned(assignments, as_of=as_of)
    covered = own.select("customer_id", "staff_id").unique().join(now, on=["customer_id", "staff_id"], how="semi")
    return (
        now.group_by("staff_id")
        .agg(owned=pl.len().cast(pl.Int64))
        .join(covered.group_by("staff_id").agg(covered=pl.len().cast(pl.Int64)), on="staff_id", how="left")
        .with_columns(pl.col("covered").fill_null(0))
        .with_columns(share=pl.col("covered") / pl.col("owned"))
        .sort("staff_id")
    )


def workload(tasks: AnyFrame, rosters: AnyFrame) -> pl.DataFrame:
    """staff_id, due_minutes, rostered_minutes, load (null where nobody is rostered).

    Parameters
    ----------
    tasks : staff_id, minutes. rosters : staff_id, from_minute, to_minute, activity (leave does not count).
    """
    due = to_polars(tasks, needs=("staff_id", "minutes"), name="tasks")
    here = to_polars(rosters, needs=("staff_id", "from_minute", "to_minute", "activity"), name="rosters")
    minutes = (
        here.filter(pl.col("activity").cast(pl.String) != "leave")
        .group_by("staff_id")
        .agg(rostered_minutes=(pl.col("to_minute") - pl.col("from_minute")).cast(pl.Int64).sum())
    )
    return (
        due.group_by("staff_id")
        .agg(due_minutes=pl.col("minutes").sum())
        .join(minutes, on="staff_id", how="full", coalesce=True)
        .with_columns(pl.col("due_minutes", "rostered_minutes").fill_null(0))
        .with_columns(
            load=pl.when(pl.col("rostered_minutes") > 0).then(pl.col("due_minutes") / pl.col("rostered_minutes"))
        )
        .sort("staff_id")
    )


def hand_over(things: AnyFrame, staff: AnyFrame, *, as_of: date) -> pl.DataFrame:
    """New owners for what is owned by somebody gone.

    Parameters
    ----------
    things : kind (customer, deal, task, ticket, debt, goods), thing_id, owner_staff, region, value_minor.
    staff : staff_id, region, left_on, load (things owned now).

    Returns
    -------
    kind, thing_id, owner_staff (who left, or nobody known), region, value_minor, new_owner: the least loaded of the
    region, dearest first; null where a region has nobody. Each thing stands once, so new owners' sums are the leaver's.
    """
    every = to_polars(things, needs=("kind", "thing_id", "owner_staff", "region", "value_minor"), name="owned things")
    people = to_polars(staff, needs=("region", "left_on", "load"), name="staff", key="staff_id")
    here = people.filter(pl.col("left_on").is_null() | (pl.col("left_on") > as_of))
    orphaned = every.filter(pl.col("owner_staff").is_not_null()).join(
        here, left_on="owner_staff", right_on="staff_id", how="anti"
    )
    load: dict[str | None, dict[str, int]] = {row[0]: {} for row in here.select("region").unique().iter_rows()}
    for staff_id, region, now in here.select("staff_id", "region", "load").sort("staff_id").iter_rows():
        load[region][staff_id] = int(now)
    rows = orphaned.sort("value_minor", "kind", "thing_id", descending=[True, False, False], nulls_last=True)
    return rows.with_columns(new_owner=pl.Series(_dealt(rows["region"].to_list(), load), dtype=pl.String))


def _dealt(regions: Sequence[str | None], load: dict[str | None, dict[str, int]]) -> list[str | None]:
    out: list[str | None] = []
    for region in regions:
        local = load.get(region)
        if not local:
            out.append(None)
            continue
        least = min(local, key=lambda s: (local[s], s))
        local[least] += 1
        out.append(least)
    return out


def reports(counted: AnyFrame, typed: AnyFrame) -> pl.DataFrame:
    """Counted figures beside what was typed: staff_id, figure_id, counted, typed, gap (typed − counted).

    Parameters
    ----------
    counted : staff_id, figure_id, one row per fact (linked rows), booked_at, happened_at.
    typed : staff_id, figure_id, value.

    Returns
    -------
    Also late (rows booked more than 24 hours after they happened).
    """
    facts = to_polars(counted, needs=("staff_id", "figure_id", "booked_at", "happened_at"), name="counted rows")
    said = to_polars(typed, needs=("staff_id", "figure_id", "value"), name="work_reports")
    late = (pl.col("booked_at") - pl.col("happened_at")) > timedelta(hours=LATE_HOURS)
    by = facts.group_by("staff_id", "figure_id").agg(counted=pl.len().cast(pl.Int64), late=late.sum().cast(pl.Int64))
    return (
        by.join(said.rename({"value": "typed"}), on=["staff_id", "figure_id"], how="full", coalesce=True)
        .with_columns(pl.col("counted", "late").fill_null(0))
        .with_columns(gap=pl.col("typed") - pl.col("counted"))
        .sort("staff_id", "figure_id")
    )


@dataclass(frozen=True, slots=True)
class Comparison:
    """Shares within one role, shrunk; p of the χ² gate; `ranked` false means that differences are chance.

    Parameters
    ----------
    table : staff_id, hits, trials, share, shrunk, expected, low, high (99.8 %), beyond (above, below; null).
    """

    table: pl.DataFrame
    p: float
    ranked: bool

    def ranking(self) -> pl.DataFrame:
        """Best first, by shrunk share.

        Raises
        ------
        ModelError
            `cases.too_few_to_rank` where the gates are not passed.
        """
        if not self.ranked:
            least = int(self.table["trials"].min() or 0)  # type: ignore[arg-type]
            raise ModelError(
                "cases.too_few_to_rank",
                values={"p": round(self.p, 3), "least": least, "limit": RANK_P, "needed": RANK_N},
            )
        return self.table.sort("shrunk", "staff_id", descending=[True, False])


def compare(results: AnyFrame) -> Comparison:
    """Whether people of one role differ, and by how much.

    Parameters
    ----------
    results : staff_id, hits, trials, and expected (hits expected for the customers given) where known.
    """
    table = to_polars(results, needs=("hits", "trials"), name="results", key="staff_id")
    hits, trials = (table[c].cast(pl.Int64).to_numpy() for c in ("hits", "trials"))
    expected = table["expected"].cast(pl.Float64).to_numpy() if "expected" in table.columns else None
    test = equal_shares(hits, trials, expected=expected)
    own = test.share if expected is None else expected / trials.clip(1)
    low, high = limits(trials, share=own, level=NAMED)
    share = pl.col("hits") / pl.col("trials")
    out = table.with_columns(
        share=share,
        shrunk=pl.Series(shrink(hits, trials)),
        expected=pl.Series(trials * own, dtype=pl.Float64),
        low=pl.Series(low),
        high=pl.Series(high),
    ).with_columns(
        beyond=pl.when(pl.col("share") > pl.col("high")).then(pl.lit("above"))
        .when(pl.col("share") < pl.col("low")).then(pl.lit("below"))
    )  # fmt: skip
    enough = bool((trials >= RANK_N).all())
    return Comparison(out.sort("staff_id"), test.p, ranked=test.p < RANK_P and enough)
