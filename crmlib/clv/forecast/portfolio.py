"""The customer base as a portfolio: who holds the future value, when they came, where they shop, whom to keep."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from crmlib.clv.estimate.result import ModelFit
from crmlib.clv.forecast import intervals, value
from crmlib.clv.forecast.posterior import Posterior
from crmlib.clv.forecast.total_error import TotalError, widened
from crmlib.clv.horizon import Horizon, months
from crmlib.clv.models.gamma_gamma import SpendFit
from crmlib.core.dates import day_number
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.margins import margin_rate

TIERS = (("A", 0.01), ("B", 0.05), ("C", 0.20), ("D", 1.0))
"""Tiers of future value: cumulative share of customers from the top."""
HERE_LOW, HERE_HIGH = 0.10, 0.90
"""Below, a customer is as good as gone; above, as good as here: a call changes little."""
SHARE, FIRST = "_share", "_first_day_n"


@dataclass(frozen=True, slots=True)
class Margin:
    """What of each unit of spend stays: `rate`, and whether it was measured, given, or unknown (then rate is 1).

    A measured rate keeps its sign: a company that sells below cost loses by every purchase to come. It is measured
    where the cost of at least half the sales is known (`core.margins.COST_KNOWN`).
    """

    rate: float
    source: str


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Future value of every customer and of groups, in currency units.

    Parameters
    ----------
    customers : `customer_id`, `x`, `t_x`, `T`, `p_alive`, `expected` discounted purchases, `spend_next`, `value`,
        `tier`, and `store_id` where stores are known.
    tiers, stores : totals by group as `intervals.totals` returns them; stores may be none.
    total : the row of the whole.
    level : of the intervals.
    """

    customers: pl.DataFrame
    tiers: pl.DataFrame
    stores: pl.DataFrame | None
    total: dict[str, Any]
    horizon: Horizon
    margin: Margin
    annual_rate: float
    level: float


def margin_of(bought: AnyFrame, *, given: float | None) -> Margin:
    """The margin rate to value purchases with.

    Parameters
    ----------
    bought : `panels.customer_period`: `net_minor`, `margin_minor` (null where a cost is missing).
    given : a rate that overrides the measured one.

    Examples
    --------
    >>> margin_of(pl.DataFrame({"net_minor": [300, 100], "margin_minor": [-60, None]}), given=None)
    Margin(rate=-0.2, source='measured')
    """
    if given is not None:
        return Margin(rate=given, source="given")
    found = margin_rate(to_polars(bought, needs=["net_minor", "margin_minor"], name="bought"))
    if found.rate is None or not found.measured:
        return Margin(rate=1.0, source="unknown")
    return Margin(rate=found.rate, source="measured")


def portfolio(
    fit: ModelFit[Any],
    posterior: Posterior,
    spend: SpendFit,
    history: AnyFrame,
    *,
    as_of: date,
    horizon: Horizon,
    annual_rate: float,
    margin: Margin,
    rng: np.random.Generator,
    homes: AnyFrame | None = None,
    error: TotalError | None = None,
    seasonal: pl.DataFrame | None = None,
    level: float = 0.9,
) -> Portfolio:
    """Value every customer and add up by tier and by home store.

    Not by cohort: customers of different age are at different points of their lives (`equal_age` compares them).

    Parameters
    ----------
    history : `customer_id`, `x`, `t_x`, `T`, `spend` at `as_of`.
    homes : `panels.traits.customer_part(..., by="store_id")`; each customer belongs to the store of most days.
    error : how far totals were off (`Backtest.error`), which the intervals of groups and of the whole then hold; the
        groups share it, since a year that is better or worse is so for most of them.
    seasonal : `month` of the first purchase and `factor` by which festivals move what is bought within the horizon
        (`seasonal.lifetime_calendar.trial`), or none.
    """
    frame = to_polars(history, needs=["customer_id", "x", "t_x", "T", "spend"], name="purchase_history")
    frame = _with_share(frame, seasonal, as_of=as_of, unit_days=_days(fit), rate=margin.rate)
    worth = value.customers(fit, spend, frame, horizon=horizon, annual_rate=annual_rate, margin=SHARE)
    customers = frame.join(worth, on="customer_id", how="left", maintain_order="left")
    if seasonal is not None and margin.rate:
        customers = customers.with_columns(expected=pl.col("expected") * pl.col(SHARE) / margin.rate)
    customers = customers.with_columns(tier=tier_of(customers["value"]))
    if homes is not None:
        home = home_store(homes)
        customers = customers.join(home, on="customer_id", how="left", maintain_order="left")

    segments = [c for c in ("tier", "store_id") if c in customers.columns]
    sums = intervals.totals(
        fit,
        posterior,
        customers,
        horizon=horizon,
        rng=rng,
        segments=segments,
        spend=spend,
        margin=SHARE,
        annual_rate=annual_rate,
        level=level,
    )
    if error is not None:
        sums = widened(sums, error, days=horizon.days, level=level)
    parts = {segment: sums.filter(pl.col("by") == segment).drop("by") for segment in segments}
    return Portfolio(
        customers=customers.drop(SHARE),
        tiers=parts["tier"],
        stores=parts.get("store_id"),
        total=sums.filter(pl.col("by").is_null()).row(0, named=True),
        horizon=horizon,
        margin=margin,
        annual_rate=annual_rate,
        level=level,
    )


def _with_share(
    frame: pl.DataFrame, seasonal: pl.DataFrame | None, *, as_of: date, unit_days: int, rate: float
) -> pl.DataFrame:
    """`frame` with what of each unit of spend counts: the margin rate, times the calendar's factor if there is one."""
    if seasonal is None:
        return frame.with_columns(pl.lit(rate, dtype=pl.Float64).alias(SHARE))
    first = day_number(as_of) - (pl.col("T") * unit_days).round().cast(pl.Int64)
    month = pl.col(FIRST).cast(pl.Int32).cast(pl.Date).dt.truncate("1mo").alias("month")
    joined = (
        frame.with_columns(first.alias(FIRST))
        .with_columns(month)
        .join(seasonal.select("month", "factor"), on="month", how="left", maintain_order="left")
    )
    usual = float(seasonal["factor"].to_numpy().mean())
    return joined.with_columns((pl.col("factor").fill_null(usual) * rate).alias(SHARE)).drop("month", "factor", FIRST)


def tier_of(worth: pl.Series) -> pl.Series:
    """A to D by expected value from the top; equal values share a tier.

    Examples
    --------
    >>> tier_of(pl.Series([5.0, 1.0, 3.0, 2.0])).to_list()
    ['A', 'D', 'D', 'D']
    """
    rank = worth.rank("min", descending=True)
    share = (rank - 1) / max(len(worth), 1)
    expression = pl.lit(TIERS[-1][0])
    for name, upto in reversed(TIERS[:-1]):
        expression = pl.when(pl.col("share") < upto).then(pl.lit(name)).otherwise(expression)
    return pl.DataFrame({"share": share}).select(tier=expression)["tier"]


def home_store(homes: AnyFrame) -> pl.DataFrame:
    """The store where each customer bought on most days: `customer_id`, `store_id`."""
    frame = to_polars(homes, needs=["customer_id", "part", "days", "net_minor"], name="homes").drop_nulls("part")
    ordered = frame.sort("days", "net_minor", "part", descending=[True, True, False])
    return ordered.group_by("customer_id", maintain_order=True).agg(store_id=pl.col("part").first())


def newcomer_curve(
    fit: ModelFit[Any],
    posterior: Posterior,
    spend: SpendFit,
    *,
    annual_rate: float,
    margin: float,
    rng: np.random.Generator,
    at_months: tuple[int, ...] = (1, 3, 6, 9, 12, 18, 24, 36),
    error: TotalError | None = None,
    level: float = 0.9,
) -> pl.DataFrame:
    """Value of a customer who has just bought for the first time, that purchase not counted, by months ahead.

    Parameters
    ----------
    error : how far totals were off, which the interval then holds: an average over newcomers is a total per head.

    Returns
    -------
    Columns: `months`, `purchases`, `value`, `value_low`, `value_high` (interval of the expectation).
    """
    draws = value.newcomer_draws(
        fit, posterior, spend, at_months=at_months, annual_rate=annual_rate, margin=margin, rng=rng
    )
    edges = [(1.0 - level) / 2.0, (1.0 + level) / 2.0]
    low, high = np.quantile(draws, edges, axis=0)
    curve = pl.DataFrame(
        {
            "months": at_months,
            "purchases": [float(value.newcomer_purchases(fit, horizon=months(m))) for m in at_months],
            "expected": [
                value.newcomer(fit, spend, horizon=months(m), annual_rate=annual_rate, margin=margin) for m in at_months
            ],
            "low": low,
            "high": high,
        }
    )
    if error is not None:
        parts = curve.partition_by("months", maintain_order=True)
        curve = pl.concat([widened(p, error, days=months(p["months"][0]).days, level=level) for p in parts])
    return curve.rename({"expected": "value", "low": "value_low", "high": "value_high"})


def keep_list(customers: pl.DataFrame, *, capacity: int, unit_days: int, held: pl.Series) -> pl.DataFrame:
    """Whom to contact, and those whom every list leaves alone.

    The value at stake is what a customer would be worth if we knew they are still here, minus what they are worth
    as it is: value · (1 − P(alive)) / P(alive). Only those are listed whose staying is open and worth something.

    Parameters
    ----------
    held : ids of those left alone; they take no place of the list.

    Returns
    -------
    `customer_id`, `tier`, `p_alive`, `gap_days` usual gap, `days_since` last purchase, `value`, `at_stake`, `group`
    (``"contact"`` or ``"control"``), in order of the value at stake.
    """
    ranked = (
        undecided(customers)
        .with_columns(
            at_stake=at_stake(),
            gap_days=pl.col("t_x") / pl.col("x") * unit_days,
            days_since=(pl.col("T") - pl.col("t_x")) * unit_days,
        )
        .sort("at_stake", "customer_id", descending=[True, False])
    )
    control = pl.col("customer_id").is_in(held.implode())
    grouped = ranked.with_columns(group=pl.when(control).then(pl.lit("control")).otherwise(pl.lit("contact")))
    top = grouped.filter((pl.col("group") == "contact").cum_sum() <= capacity)  # the controls among the places reached
    return top.select("customer_id", "tier", "p_alive", "gap_days", "days_since", "value", "at_stake", "group")


def undecided(customers: pl.DataFrame) -> pl.DataFrame:
    """Those whose staying is open and worth something."""
    return customers.filter(pl.col("p_alive").is_between(HERE_LOW, HERE_HIGH), pl.col("x") > 0, pl.col("value") > 0)


def at_stake() -> pl.Expr:
    """What a member would be worth if known to be still here, less what they are worth as it is: of value, p_alive."""
    alive = pl.col("p_alive").clip(lower_bound=1e-6)
    return pl.col("value") * (1.0 - alive) / alive


def as_state(listed: pl.DataFrame, *, as_of: date) -> pl.DataFrame:
    """What the next report needs of this list: who, in which group, since when."""
    return listed.select("customer_id", "group", listed_on=pl.lit(as_of))


def outcome_of_last(last: pl.DataFrame | None, days: pl.DataFrame, *, until: date) -> dict[str, int] | None:
    """Numbers of the last list's contacts and controls, and of those who have bought since."""
    if last is None or not {"customer_id", "group", "listed_on"} <= set(last.columns) or last.is_empty():
        return None
    since, end = day_number(last["listed_on"][0]), day_number(until)
    if end <= since:
        return None
    bought = days.filter(pl.col("is_purchase"), pl.col("day_n") > since, pl.col("day_n") <= end)["customer_id"]
    marked = last.with_columns(back=pl.col("customer_id").is_in(bought.unique().implode()))
    out: dict[str, int] = {}
    for group in ("contact", "control"):
        part = marked.filter(pl.col("group") == group)
        out |= {group: part.height, f"{group}_back": int(part["back"].sum())}
    return out


def _days(fit: ModelFit[Any]) -> int:
    return 7 if fit.unit == "week" else 1
