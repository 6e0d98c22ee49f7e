"""Did winning back work (H6)? A part of the list is left alone at random, and the difference is the answer.

The holdout is drawn and stored when the list leaves, at least 10 % of it. Before sending, the smallest effect that such
a list can show is known; after, the effect comes with its interval and its cost. Without a holdout there is a result
(so many came) but no effect, and the word is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from crmlib.churn.winback.clusters import product
from crmlib.core.dates import day_number
from crmlib.core.errors import ModelError
from crmlib.core.experiments import detectable
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.proportions import newcombe

MIN_HOLDOUT = 0.1
MIN_HELD_OUT = 30
"""People in the holdout below which it shows nothing but chance."""


@dataclass(frozen=True, slots=True)
class Power:
    """What a list can show before it is sent.

    Parameters
    ----------
    treated, held_out : people.
    base : share expected to come back by themselves.
    detectable : smallest difference in that share found with the power asked for.
    detectable_extra : the same as extra people among the treated.
    """

    treated: int
    held_out: int
    base: float
    detectable: float
    detectable_extra: float


@dataclass(frozen=True, slots=True)
class ReadOut:
    """What a list brought.

    Parameters
    ----------
    treated, held_out, came_treated, came_held_out : people.
    effect, low, high : difference in the share that came back, 95 % (Newcombe).
    extra, extra_low, extra_high : that difference as people among the treated.
    cost_minor : what was spent, free riders included.
    net_minor, net_low_minor, net_high_minor : extra people × margin − cost, 95 % by the errors of both.
    """

    treated: int
    held_out: int
    came_treated: int
    came_held_out: int
    effect: float
    low: float
    high: float
    extra: float
    extra_low: float
    extra_high: float
    cost_minor: int
    net_minor: int
    net_low_minor: int
    net_high_minor: int


def assign(
    listed: AnyFrame, *, rng: np.random.Generator, holdout: float = MIN_HOLDOUT, strata: str | None = None
) -> pl.DataFrame:
    """Add `group` (contact, holdout) to a list at random, within each stratum if one is named.

    Store the result with the list: an assignment that can be drawn again is no assignment.

    Raises
    ------
    ModelError
        `churn.holdout_small` for a share below 10 %.
    """
    if not MIN_HOLDOUT <= holdout < 1:
        raise ModelError("churn.holdout_small", values={"holdout": holdout})
    frame = to_polars(listed, needs=["customer_id", *([strata] if strata else [])], name="list")
    keyed = frame.with_columns(pl.Series("_draw", rng.random(frame.height)))
    place = pl.col("_draw").rank("ordinal")
    size = pl.len()
    if strata:
        place, size = place.over(strata), size.over(strata)
    held = place <= (size * holdout).ceil()
    group = pl.when(held).then(pl.lit("holdout")).otherwise(pl.lit("contact"))
    return keyed.with_columns(group.alias("group")).drop("_draw")


def power(*, people: int, holdout: float, base: float, strength: float = 0.8, alpha: float = 0.05) -> Power:
    """Smallest difference a list of `people` can show (two-sided test, normal approximation).

    Examples
    --------
    >>> round(power(people=1000, holdout=0.2, base=0.1).detectable, 3)
    0.078
    """
    held = int(np.ceil(people * holdout))
    treated = people - held
    found = detectable(treated=treated, held=held, base=base, strength=strength, alpha=alpha)
    return Power(treated, held, base, found, found * treated)


def outcome(assigned: AnyFrame, trips: pl.DataFrame, *, sent_on: date, until: date) -> pl.DataFrame:
    """Who of the list came in (sent_on, until]: the list with `came` (0/1) and `came_n` (first day)."""
    frame = to_polars(assigned, needs=["customer_id"], name="list")
    inside = trips.filter(pl.col("day_n").is_between(day_number(sent_on) + 1, day_number(until)))
    first = inside.group_by("customer_id").agg(pl.col("day_n").min().alias("came_n"))
    joined = frame.join(first, on="customer_id", how="left", maintain_order="left")
    return joined.with_columns(pl.col("came_n").is_not_null().cast(pl.Int8).alias("came"))


def read_out(result: AnyFrame, *, margin_minor: float, cost_minor: int, margin_half: float = 0.0) -> ReadOut:
    """The effect of a list with its interval, and what it earned net.

    Parameters
    ----------
    result : customer_id, group, came (from `outcome`).
    margin_minor : margin of one customer who came back, over the time it is counted for.
    margin_half : half of the 95 % interval of that margin; 0 where it is known beforehand.
    cost_minor : all contacts and all offers redeemed by the treated, free riders included.

    Raises
    ------
    ModelError
        `churn.no_holdout` without a holdout of at least 30 people.
    """
    frame = to_polars(result, needs=["group", "came"], name="list with outcome")
    treated, held = frame.filter(pl.col("group") == "contact"), frame.filter(pl.col("group") == "holdout")
    refuse_no_holdout(treated=treated.height, held_out=held.height)
    k1, n1, k0, n0 = int(treated["came"].sum()), treated.height, int(held["came"].sum()), held.height
    effect, low, high = (float(v) for v in newcombe(k1, n1, k0, n0))
    gains = product(effect, low, high, worth=margin_minor, worth_half=margin_half)
    money = [round(gain * n1) - cost_minor for gain in gains]
    return ReadOut(
        treated=n1,
        held_out=n0,
        came_treated=k1,
        came_held_out=k0,
        effect=effect,
        low=low,
        high=high,
        extra=effect * n1,
        extra_low=low * n1,
        extra_high=high * n1,
        cost_minor=cost_minor,
        net_minor=money[0],
        net_low_minor=money[1],
        net_high_minor=money[2],
    )


def refuse_no_holdout(*, treated: int, held_out: int) -> None:
    """Refuse to speak of an effect without people who were left alone at random."""
    if held_out < MIN_HELD_OUT or treated < MIN_HELD_OUT:
        raise ModelError("churn.no_holdout", values={"treated": treated, "held_out": held_out})


def closes_on(sent_on: date, *, days: int) -> date:
    """The last day on which a return counts for a list.

    Examples
    --------
    >>> closes_on(date(2024, 1, 1), days=28)
    datetime.date(2024, 1, 29)
    """
    return sent_on + timedelta(days=days)
