"""Who to contact first, who is held back so that the effect can be seen, and what came of the last list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from crmlib.core.dates import day_number
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.members import purchases
from crmlib.core.proportions import wilson

LIST, CONTROL = "list", "control"


@dataclass(frozen=True, slots=True)
class ContactList:
    """People to contact and people held back.

    Parameters
    ----------
    chosen : the rows to contact, in order of value, at most the capacity.
    held_back : the control group, not to be contacted.
    found : how many qualified.
    """

    chosen: pl.DataFrame
    held_back: pl.DataFrame
    found: int


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a list.

    Parameters
    ----------
    listed, came, control, control_came : people, and those of them with a purchase since.
    rate, control_rate : shares (nan where a group is empty); low, high : Wilson interval of the list's share.
    """

    listed: int
    came: int
    control: int
    control_came: int
    rate: float
    control_rate: float
    low: float
    high: float


def choose(candidates: AnyFrame, *, capacity: int) -> ContactList:
    """Take the most valuable candidates, those aside whom every list leaves alone.

    Parameters
    ----------
    candidates : customer_id, at_risk_minor and held (whether left alone).
    capacity : most people the team can contact.

    Examples
    --------
    >>> few = pl.DataFrame({"customer_id": ["a", "b", "c"], "at_risk_minor": [5, 9, 7], "held": [False, True, False]})
    >>> choose(few, capacity=2).chosen["customer_id"].to_list()
    ['c', 'a']
    """
    needs = ("at_risk_minor", "held")
    table = to_polars(candidates, needs=needs, name="candidates", key="customer_id").sort(
        "at_risk_minor", "customer_id", descending=[True, False], nulls_last=True
    )
    reached = table.filter((~pl.col("held")).cum_sum() <= capacity)
    return ContactList(chosen=reached.filter(~pl.col("held")), held_back=reached.filter("held"), found=table.height)


def as_state(listed: ContactList, *, as_of: date) -> pl.DataFrame:
    """What the next run needs to judge this list: customer_id, group, listed_day_n."""
    return pl.concat(
        [
            listed.chosen.select("customer_id", group=pl.lit(LIST)),
            listed.held_back.select("customer_id", group=pl.lit(CONTROL)),
        ]
    ).with_columns(listed_day_n=pl.lit(day_number(as_of, name="as_of"), dtype=pl.Int64))


def result(state: AnyFrame | None, customer_day: AnyFrame, *, until: date) -> Result | None:
    """How many of the last list, and of its control group, bought after it was made; none without a last list.

    Parameters
    ----------
    state : customer_id, group, listed_day_n, as `as_state` gives it.
    until : last day included.
    """
    if state is None:
        return None
    people = to_polars(state, needs=("group", "listed_day_n"), name="state", key="customer_id")
    bought = purchases(customer_day, until=day_number(until, name="until"))
    last = bought.group_by("customer_id").agg(last=pl.col("day_n").max())
    back = people.join(last, on="customer_id").filter(pl.col("last") > pl.col("listed_day_n"))
    counts = [(group, people.filter(pl.col("group") == group).height) for group in (LIST, CONTROL)]
    hits = [back.filter(pl.col("group") == group).height for group, _ in counts]
    low, high = wilson(np.array(hits), np.array([n for _, n in counts]))
    rates = [hit / n if n else float("nan") for hit, (_, n) in zip(hits, counts, strict=True)]
    return Result(
        listed=counts[0][1],
        came=hits[0],
        control=counts[1][1],
        control_came=hits[1],
        rate=rates[0],
        control_rate=rates[1],
        low=float(low[0]),
        high=float(high[0]),
    )
