"""The sheet of a seller: sold, collected, to remind, calls, open leads, and what a day must still bring.

Sold goes by contribution: where several people sold one line, each has his share (`credited`, `moved`). A person
without any record has no data, which is not 0 %. Parents show the sums of their children (`parents`).
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from crmlib.core.apportion import largest_remainder, run_starts
from crmlib.core.errors import ModelError, mask
from crmlib.core.frames import AnyFrame, timed, to_polars

WHOLE_BP = 10_000
COUNTS = ("sold_minor", "collected_minor", "to_remind", "calls", "open_leads")


def credited(credits: AnyFrame) -> pl.DataFrame:
    """Each person's part of lines sold together, exact line by line: line_id, staff_id, net_minor.

    credits : line_id, staff_id, share_bp (contract `line_credits`), net_minor of the line.

    Raises
    ------
    ModelError
        sales.credits: the shares of a line do not sum to 10,000.
    """
    table = to_polars(credits, needs=["line_id", "staff_id", "share_bp", "net_minor"], name="line_credits")
    table = table.sort("line_id", "staff_id")
    wrong = table.group_by("line_id").agg(pl.col("share_bp").sum()).filter(pl.col("share_bp") != WHOLE_BP)
    if wrong.height:
        raise ModelError(
            "sales.credits", values={"rows": wrong.height}, examples=[mask(v) for v in wrong["line_id"].sort().head(5)]
        )
    if table.is_empty():
        return table.select("line_id", "staff_id", "net_minor")
    starts = run_starts(table["line_id"].rank("dense").cast(pl.Int64).to_numpy())
    net = table["net_minor"].to_numpy().astype(np.int64)[starts]
    parts = largest_remainder(table["share_bp"].to_numpy().astype(np.int64), np.abs(net), starts)
    signed = pl.Series("net_minor", parts) * pl.Series(np.sign(net)).gather(_runs(starts, table.height))
    return table.select("line_id", "staff_id", signed.alias("net_minor"))


def moved(shared: AnyFrame) -> pl.DataFrame:
    """What lines sold together take from who rang them up and give to each who sold them; sums to 0 where he is noted.

    shared : line_id, day, seller (who rang it up; null: nobody), staff_id, share_bp, net_minor of the whole line (of
        `panels.lines_shared`).

    Returns
    -------
    staff_id, day, net_minor [minor units, below 0: given away], lines (credited lines).

    Raises
    ------
    ModelError
        sales.credits: the shares of a line do not sum to 10,000.
    """
    table = to_polars(shared, needs=["line_id", "day", "seller", "staff_id", "share_bp", "net_minor"], name="shared")
    parts = credited(table).join(table.select("line_id", "staff_id", "day"), on=["line_id", "staff_id"])
    given = parts.select("staff_id", "day", "net_minor", lines=pl.lit(1, dtype=pl.Int64))
    whole = table.unique("line_id").drop_nulls("seller")
    taken = whole.select(staff_id="seller", day="day", net_minor=-pl.col("net_minor"), lines=pl.lit(0, dtype=pl.Int64))
    both = pl.concat([given, taken]).group_by("staff_id", "day").agg(pl.col("net_minor", "lines").sum())
    return both.sort("staff_id", "day")


def _runs(starts: np.ndarray[tuple[int], np.dtype[np.int64]], n: int) -> pl.Series:
    marks = np.zeros(n, dtype=np.int64)
    marks[starts[1:]] = 1
    return pl.Series(np.cumsum(marks))


def sheet(
    staff: AnyFrame,
    *,
    targets: AnyFrame,
    facts: AnyFrame,
    as_of: date,
    last: date,
    days_off: frozenset[date] = frozenset(),
) -> pl.DataFrame:
    """One row per person: target, gap, days left, what each must bring beside the usual day, state.

    Parameters
    ----------
    staff : staff_id (and parent_id, region …, kept).
    targets : staff_id, amount_minor of the period.
    facts : staff_id and any of sold_minor, collected_minor, to_remind, calls, open_leads, usual_day_minor; one row per
        person with a record.
    as_of, last : last day known, last day of the period; `days_off` are not trading days.

    Returns
    -------
    staff's columns, target_minor, the facts (null: no record), gap_minor, days_left, day_needs_minor, state (no_data,
    reached, behind: needs more than the usual day, on_course), largest gap first.
    """
    people = to_polars(staff, key="staff_id", name="staff")
    asked = to_polars(targets, needs=["staff_id", "amount_minor"], name="targets")
    asked = asked.group_by("staff_id").agg(target_minor=pl.col("amount_minor").sum())
    known = to_polars(facts, needs=["sold_minor"], key="staff_id", name="facts")
    for name in (*COUNTS, "usual_day_minor"):
        if name not in known.columns:
            known = known.with_columns(pl.lit(None, dtype=pl.Int64).alias(name))
    table = people.join(asked, on="staff_id", how="left").join(
        known.select("staff_id", *COUNTS, "usual_day_minor"), on="staff_id", how="left"
    )
    left = sum(1 for n in range(1, (last - as_of).days + 1) if date.fromordinal(as_of.toordinal() + n) not in days_off)
    gap = pl.col("target_minor") - pl.col("sold_minor")
    needs = (gap.clip(lower_bound=0) / left).ceil().cast(pl.Int64) if left else pl.lit(None, dtype=pl.Int64)
    state = (
        pl.when(pl.col("sold_minor").is_null())
        .then(pl.lit("no_data"))
        .when(pl.col("target_minor").is_null())
        .then(None)
        .when(pl.col("gap_minor") <= 0)
        .then(pl.lit("reached"))
        .when(pl.col("day_needs_minor").is_null() | (pl.col("day_needs_minor") > pl.col("usual_day_minor")))
        .then(pl.lit("behind"))
        .otherwise(pl.lit("on_course"))
    )
    table = table.with_columns(gap_minor=gap, days_left=pl.lit(left), day_needs_minor=needs)
    return table.with_columns(state=state).sort("gap_minor", "staff_id", descending=[True, False], nulls_last=True)


def by_keeper(
    owners: AnyFrame,
    *,
    payments: AnyFrame | None,
    items: AnyFrame | None,
    deals: AnyFrame | None,
    first: date,
    last: date,
) -> pl.DataFrame:
    """What each keeper of partners collected, has to remind and has open: the facts of a sheet that no till knows.

    Parameters
    ----------
    owners : partner_id, owner_staff. payments : partner_id, staff_id (else the partner's keeper), at, amount_minor.
    items : owner (partner), open_minor, days_late of open instalments. deals : owner_staff, opened_on, closed_on.
    first, last : the period of payments, and the day on which the others are counted.

    Returns
    -------
    staff_id, collected_minor, to_remind (instalments that are late), open_leads; null where that table is not given.
    """
    keeper = to_polars(owners, needs=["partner_id", "owner_staff"], name="partners")
    keeper = keeper.select("partner_id", keeper=pl.col("owner_staff").cast(pl.String)).drop_nulls()
    parts = []
    if payments is not None:
        paid = timed(payments, needs=["partner_id", "staff_id", "amount_minor"], name="payments")
        paid = paid.filter(pl.col("at").cast(pl.Date).is_between(first, last)).join(keeper, on="partner_id", how="left")
        by = paid.group_by(staff_id=pl.coalesce(pl.col("staff_id").cast(pl.String), "keeper"))
        parts.append(by.agg(collected_minor=pl.col("amount_minor").sum()))
    if items is not None:
        late = to_polars(items, needs=["owner", "days_late"], name="items").filter(pl.col("days_late") > 0)
        by = late.join(keeper, left_on="owner", right_on="partner_id").group_by(staff_id="keeper")
        parts.append(by.agg(to_remind=pl.len().cast(pl.Int64)))
    if deals is not None:
        open_ = to_polars(deals, needs=["owner_staff", "opened_on", "closed_on"], name="deals").filter(
            pl.col("opened_on") <= last, pl.col("closed_on").is_null() | (pl.col("closed_on") > last)
        )
        by = open_.group_by(staff_id=pl.col("owner_staff").cast(pl.String))
        parts.append(by.agg(open_leads=pl.len().cast(pl.Int64)))
    found = pl.DataFrame(schema={"staff_id": pl.String})
    for part in parts:
        found = found.join(part.drop_nulls("staff_id"), on="staff_id", how="full", coalesce=True)
    return found


def parents(rows: pl.DataFrame, *, parent: str) -> pl.DataFrame:
    """Sums of a sheet by a column of it: parent, people, no_data, target_minor, the facts, gap_minor.

    Targets count for all children, the facts for those that have any; `no_data` says how many have none.
    """
    return (
        rows.group_by(parent)
        .agg(
            people=pl.len(),
            no_data=(pl.col("state") == "no_data").sum(),
            **{name: pl.col(name).sum() for name in ("target_minor", *COUNTS)},
        )
        .with_columns(gap_minor=pl.col("target_minor") - pl.col("sold_minor"))
        .sort("gap_minor", descending=True)
    )
