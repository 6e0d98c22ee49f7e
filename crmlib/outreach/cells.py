"""What earlier lists did in each cell of members, and what the next one may be expected to bring.

A cell is purpose × class of spend × days since the last visit, both as they stood on the list's first day: nothing that
the list itself changed decides where somebody counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from crmlib.core.frames import AnyFrame, to_polars
from crmlib.outreach.money import Z, difference
from crmlib.outreach.outcomes import outcomes

BANDS = ((30, "month"), (90, "quarter"))
"""Most days since the last visit of each band; beyond them `longer`, without any visit `never`."""
YEAR = timedelta(days=364)
LEAST = 10
"""With fewer on either side a cell says nothing."""
CELLS = pl.Schema({
    "list_id": pl.String, "objective": pl.String, "tier": pl.String, "recency": pl.String, "contact": pl.Int64,
    "control": pl.Int64, "effect_minor": pl.Float64, "se_minor": pl.Float64,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Expected:
    """What a list may bring.

    Parameters
    ----------
    people, known : contacted; of these in a cell that earlier lists have read.
    net_minor, low_minor, high_minor : margin less cost, 95 %; null where no list of the purpose says anything.
    """

    people: int
    known: int
    net_minor: int | None
    low_minor: int | None
    high_minor: int | None


def placed(ids: pl.Series, days: AnyFrame, *, on: date, cuts: Sequence[int | None]) -> pl.DataFrame:
    """Where each of `ids` stands on the morning of `on`: recipient_id, tier, recency, value_minor.

    Parameters
    ----------
    days : customer_id, day_n, is_purchase, net_minor: one row per member and day.
    cuts : smallest spend of a year that belongs to the first, second … class [minor units]; null: nobody reaches it.

    Examples
    --------
    >>> days = pl.DataFrame({"customer_id": ["a"], "day_n": [20_000], "is_purchase": [True], "net_minor": [500]})
    >>> placed(pl.Series(["a", "b"]), days, on=date(2024, 10, 14), cuts=[400]).rows()
    [('a', 'A', 'month', 500), ('b', 'B', 'never', 0)]
    """
    rows = to_polars(days, needs=["customer_id", "day_n", "is_purchase", "net_minor"], name="days")
    day = pl.from_epoch("day_n", time_unit="d")
    mine = rows.filter(pl.col("customer_id").is_in(ids.unique().implode()), day < on)
    known = mine.group_by("customer_id").agg(
        value_minor=pl.col("net_minor").filter(day >= on - YEAR).sum(), last=day.filter("is_purchase").max()
    )
    asked = ids.rename("recipient_id").to_frame()
    both = asked.join(known, left_on="recipient_id", right_on="customer_id", how="left", maintain_order="left")
    both = both.with_columns(pl.col("value_minor").fill_null(0))
    limits = [cut for cut in cuts if cut is not None]
    place = pl.sum_horizontal([(pl.col("value_minor") < cut).cast(pl.Int64) for cut in limits] or [pl.lit(0)])
    letters = [chr(ord("A") + n) for n in range(len(limits) + 1)]
    away = (pl.lit(on) - pl.col("last")).dt.total_days()
    band = pl.coalesce(*[pl.when(away <= most).then(pl.lit(name)) for most, name in BANDS], pl.lit("longer"))
    return both.select(
        "recipient_id", tier=place.replace_strict(list(range(len(letters))), letters, return_dtype=pl.String),
        recency=pl.when(pl.col("last").is_null()).then(pl.lit("never")).otherwise(band), value_minor="value_minor",
    )  # fmt: skip


def read_cells(lists: AnyFrame, rows: AnyFrame, days: AnyFrame, *, cuts: Sequence[int | None]) -> pl.DataFrame:
    """Difference in spend per head of contact and control in each cell of each closed list, the columns of `CELLS`.

    Parameters
    ----------
    lists : list_id, objective, starts_on, ends_on (both days count) of closed lists.
    rows : list_id, recipient_id, group.
    days, cuts : as `placed`.
    """
    table = to_polars(lists, needs=["list_id", "objective", "starts_on", "ends_on"], name="lists", key="list_id")
    drawn = to_polars(rows, needs=["list_id", "recipient_id", "group"], name="rows of lists")
    drawn = drawn.filter(pl.col("group").cast(pl.String).is_in(["contact", "control"]))
    made = []
    for name, objective, start, end in table.select("list_id", "objective", "starts_on", "ends_on").iter_rows():
        mine = drawn.filter(list_id=name)
        did = outcomes(mine["recipient_id"], days, start=start, end=end)
        cell = placed(mine["recipient_id"], days, on=start, cuts=cuts)
        both = did.with_columns(
            contact=(mine["group"].cast(pl.String) == "contact"), tier=cell["tier"], recency=cell["recency"]
        )
        for (tier, recency), part in both.group_by("tier", "recency", maintain_order=True):
            contact = part["contact"].to_numpy()
            n1, n0 = int(contact.sum()), int((~contact).sum())
            if min(n1, n0) < LEAST:
                continue
            spent, before = (part[c].to_numpy().astype(np.float64) for c in ("net_minor", "before_minor"))
            found = difference(spent, contact, before=before)
            made.append((name, str(objective), tier, recency, n1, n0, found.effect, found.se))
    return pl.DataFrame(made, schema=CELLS, orient="row")


def expected(
    chosen: pl.DataFrame, effects: pl.DataFrame, *, objective: str, margin: float, cost_minor: int
) -> Expected:
    """What `chosen` (tier, recency) may bring by `members.cell_effects`.

    Cells shrunk to one mean err together, so their errors are added up as they are: wide rather than narrow.

    Parameters
    ----------
    margin : of a unit of spend [share]. cost_minor : of one contact.
    """
    told = effects.filter(pl.col("objective") == objective).select(
        "tier", "recency", "lists", "effect_minor", "se_minor"
    )
    counts = chosen.group_by("tier", "recency").len("n").join(told, on=["tier", "recency"])
    if counts.is_empty():
        return Expected(chosen.height, 0, None, None, None)
    known = int(counts.filter(pl.col("lists") > 0)["n"].sum())
    n, effect, se = (counts[c].to_numpy().astype(np.float64) for c in ("n", "effect_minor", "se_minor"))
    net = float((n * (effect * margin - cost_minor)).sum())
    half = Z * margin * float((n * se).sum())
    return Expected(chosen.height, known, round(net), round(net - half), round(net + half))
