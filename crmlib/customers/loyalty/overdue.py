"""How often members stay away after a silence of so many of their usual gaps, and how much margin is at risk.

A member's rhythm is the median gap between purchase days; the silence is told in multiples of it, by band. How often
such members stay away is not assumed but counted: the same bands are made 90 days before the reporting day, and those
who did not come in the 90 days since are the back-test, by band and usual gap. Bands are no verdict: who is late says
`crmlib.core.renewal` alone. At risk is the margin a member brings in 90 days (a year's margin, pro rata) times that
share.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from crmlib.core.dates import day_number
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.margins import margin_rate
from crmlib.core.members import purchases
from crmlib.core.proportions import wilson
from crmlib.core.runs import in_order

LEAST_DAYS = 4
"""Purchase days needed to know a rhythm (three gaps)."""
AHEAD_DAYS = 90
BANDS = (1.5, 3.0, 6.0, 12.0)
BAND_NAMES = ("in_rhythm", "short", "long", "longer", "silent")
"""Days since the last purchase over the usual gap: up to 1.5, 3, 6, 12 times, and beyond."""
YEAR_DAYS = 365
GAP_CLASSES = (14, 30, 60)
"""Usual gaps up to 14, 30, 60 days and longer: who comes weekly and pauses is judged by others who come weekly."""
LEAST_TESTED = 30
"""Members in a back-tested cell below which the band's rate is used for all gaps together."""
_DAY_BITS = 20
"""A gap between two days is below 2 ** 20 days."""
_COUNTED = (
    pl.len().cast(pl.Int64).alias("customers"),
    pl.col("came").is_null().sum().cast(pl.Int64).alias("stayed_away"),
)
_RATE = pl.col("stayed_away") / pl.col("customers")


@dataclass(frozen=True, slots=True)
class Overdue:
    """Members against their own rhythm.

    Parameters
    ----------
    customers : customer_id, gap_days (median), days_since, times (days_since / gap), band, stay_away (back-tested
        share), margin_minor (of the year; net where no cost is known at all), at_risk_minor; every member with a
        rhythm, largest risk first. A member with some missing cost gets the mean margin rate of the others.
    back_test : band, customers, stayed_away, rate, low, high (Wilson, 95 %), as of 90 days earlier.
    with_margin : whether money is margin (else net sales).
    """

    customers: pl.DataFrame
    back_test: pl.DataFrame
    with_margin: bool


def overdue(customer_day: AnyFrame, values: AnyFrame, *, as_of: date, ahead: int = AHEAD_DAYS) -> Overdue:
    """Find who should have come by now, and what stays away with them.

    Parameters
    ----------
    customer_day : customer_id, day_n, is_purchase; from the beginning; days after `as_of` are left out.
    values : customer_id, net_minor and, where known, margin_minor of the last 12 months.
    ahead : days over which staying away is counted and margin is at risk.
    """
    today = day_number(as_of, name="as_of")
    days = purchases(customer_day, until=today)
    test = back_test(days, today=today, ahead=ahead)
    money = to_polars(values, needs=("net_minor",), name="values", key="customer_id")
    costs = margin_rate(money) if "margin_minor" in money.columns else None
    with_margin = costs is not None and costs.measured
    rate = costs.rate if costs is not None else None
    worth = pl.coalesce("margin_minor", pl.col("net_minor") * (rate or 0.0)) if with_margin else pl.col("net_minor")
    now = (
        staying_away(days, today=today, ahead=ahead)
        .join(money.select("customer_id", margin_minor=worth.round().cast(pl.Int64)), on="customer_id", how="left")
        .with_columns(pl.col("margin_minor").fill_null(0))
        .with_columns(
            at_risk_minor=(pl.col("margin_minor").clip(lower_bound=0) * pl.col("stay_away") * ahead / YEAR_DAYS)
            .round()
            .cast(pl.Int64)
        )
        .sort("at_risk_minor", "customer_id", descending=[True, False], nulls_last=True)
    )
    return Overdue(customers=now, back_test=test, with_margin=with_margin)


def staying_away(days: pl.DataFrame, *, today: int, ahead: int = AHEAD_DAYS) -> pl.DataFrame:
    """`rhythm`, with the back-tested share of such members who stay away: stay_away."""
    return rhythm(days, today=today).join(
        _rates(days, today=today, ahead=ahead), on=["band", "gap_class"], how="left", maintain_order="left"
    )


def rhythm(days: pl.DataFrame, *, today: int) -> pl.DataFrame:
    """Usual gap and time since the last purchase of everybody with at least four purchase days by `today`.

    Parameters
    ----------
    days : customer_id, day_n [days since 1970], one row per purchase day.
    today : day number; later days are left out.

    Returns
    -------
    customer_id, gap_days (median), days_since, times, band, gap_class (0 = shortest); sorted by customer_id.

    Examples
    --------
    >>> days = pl.DataFrame({"customer_id": ["a"] * 4, "day_n": [0, 10, 20, 30]})
    >>> rhythm(days, today=60).row(0)
    ('a', 10.0, 30, 3.0, 'short', 0)
    """
    kept = in_order(days.filter(pl.col("day_n") <= today))
    return (
        _gaps(kept, today=today)
        .with_columns(times=pl.col("days_since") / pl.col("gap_days"))
        .with_columns(
            band=pl.coalesce(
                *(pl.when(pl.col("times") <= b).then(pl.lit(n)) for b, n in zip(BANDS, BAND_NAMES, strict=False)),
                pl.lit(BAND_NAMES[-1]),
            ).cast(pl.Enum(BAND_NAMES)),
            gap_class=pl.sum_horizontal(pl.col("gap_days") > edge for edge in GAP_CLASSES).cast(pl.Int64),
        )
    )


def _gaps(days: pl.DataFrame, *, today: int) -> pl.DataFrame:
    """customer_id, gap_days and days_since of `rhythm`; days in order, by arrays: members are millions."""
    run, day = days["customer_id"].rle_id().to_numpy().astype(np.int64), days["day_n"].to_numpy().astype(np.int64)
    first = np.flatnonzero(np.diff(run, prepend=-1))
    gaps = np.diff(first, append=run.size) - 1
    same = np.diff(run) == 0
    ordered = np.sort((run[1:] << _DAY_BITS | np.diff(day))[same]) & ((1 << _DAY_BITS) - 1)  # each one's gaps in order
    known = gaps >= LEAST_DAYS - 1
    begin, several = (first - np.arange(first.size))[known], gaps[known]
    median = (ordered[begin + (several - 1) // 2] + ordered[begin + several // 2]) / 2
    since = today - day[(first + gaps)[known]]
    return days.select(pl.col("customer_id").gather(first[known])).with_columns(
        gap_days=pl.Series(median, dtype=pl.Float64), days_since=pl.Series(since, dtype=pl.Int64)
    )


def back_test(days: pl.DataFrame, *, today: int, ahead: int = AHEAD_DAYS) -> pl.DataFrame:
    """How many of each band, `ahead` days ago, did not come since; one row per band, empty ones too."""
    counted = _outcomes(days, today=today, ahead=ahead).group_by("band").agg(*_COUNTED)
    table = (
        pl.DataFrame({"band": pl.Series(BAND_NAMES, dtype=pl.Enum(BAND_NAMES))})
        .join(counted, on="band", how="left", maintain_order="left")
        .with_columns(pl.col("customers", "stayed_away").fill_null(0))
        .with_columns(rate=pl.when(pl.col("customers") > 0).then(pl.col("stayed_away") / pl.col("customers")))
    )
    low, high = wilson(table["stayed_away"].to_numpy(), table["customers"].to_numpy())
    return table.with_columns(low=pl.Series(low), high=pl.Series(high))


def without_rhythm(days: pl.DataFrame, *, today: int, ahead: int = AHEAD_DAYS) -> float:
    """Share of those with too few purchases for a rhythm, `ahead` days ago, who did not come since; .5 if none."""
    then = (
        days.filter(pl.col("day_n") <= today - ahead)
        .group_by("customer_id")
        .agg(purchase_days=pl.len())
        .filter(pl.col("purchase_days") < LEAST_DAYS)
    )
    came = days.filter(pl.col("day_n").is_between(today - ahead + 1, today)).select("customer_id").unique()
    return 1 - then.join(came, on="customer_id", how="semi").height / then.height if then.height else 0.5


def _rates(days: pl.DataFrame, *, today: int, ahead: int) -> pl.DataFrame:
    """Share staying away by band and usual gap; the band's own where a cell is too small."""
    outcomes = _outcomes(days, today=today, ahead=ahead)
    bands = outcomes.group_by("band").agg(*_COUNTED).select("band", band_rate=_RATE)
    cells = outcomes.group_by("band", "gap_class").agg(*_COUNTED)
    grid = pl.DataFrame({"band": pl.Series(BAND_NAMES, dtype=pl.Enum(BAND_NAMES))}).join(
        pl.DataFrame({"gap_class": range(len(GAP_CLASSES) + 1)}, schema={"gap_class": pl.Int64}), how="cross"
    )
    return (
        grid.join(cells, on=["band", "gap_class"], how="left")
        .join(bands, on="band", how="left")
        .select(
            "band",
            "gap_class",
            stay_away=pl.when(pl.col("customers") >= LEAST_TESTED).then(_RATE).otherwise(pl.col("band_rate")),
        )
    )


def _outcomes(days: pl.DataFrame, *, today: int, ahead: int) -> pl.DataFrame:
    """Everybody with a rhythm `ahead` days ago, and whether they came since."""
    then = rhythm(days, today=today - ahead)
    came = days.filter(pl.col("day_n").is_between(today - ahead + 1, today)).select("customer_id").unique()
    return then.join(came.with_columns(came=pl.lit(value=True)), on="customer_id", how="left")
