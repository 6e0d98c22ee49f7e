"""One night: everything the early-warning page knows about each eligible customer, in one frame."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from crmlib import panels
from crmlib.churn.features.features import Options, features, features_of, rhythm, rhythm_of
from crmlib.churn.features.festivals import festival_buyers
from crmlib.churn.features.visits import ROWS, Visits, blocks, known_days, texts, whose
from crmlib.churn.models import overdue
from crmlib.churn.risk import RiskFit
from crmlib.core.dates import day_number
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.margins import margin_rate

DAYS_A_YEAR = 365
TELLING = ("store", "promotion", "service", "season")
"""Groups of features that can stand for a cause; that somebody came less is the loss itself."""


@dataclass(frozen=True, slots=True)
class Night:
    """What `night` gives, and what `usual_gaps` gives, of one law."""

    table: pl.DataFrame
    usual_gaps: pl.DataFrame


def night(
    seen: Visits, *, as_of: date, before: date, risk: RiskFit, rng: np.random.Generator, options: Options | None = None
) -> pl.DataFrame:
    """Features, risk with reasons, and state against the own rhythm, today and at the last list.

    Returns the features of `crmlib.churn.features.features.features` and besides: risk, base, part_*, reason_1 …
    reason_3, overdue, usual_gap, state, state_before (null = not eligible then), waiting (a festival buyer whose next
    festival is still to come).
    """
    return whole_night(seen, as_of=as_of, before=before, risk=risk, rng=rng, options=options).table


def whole_night(
    seen: Visits, *, as_of: date, before: date, risk: RiskFit, rng: np.random.Generator, options: Options | None = None
) -> Night:
    """`night` and `usual_gaps` together: the members are looked at block by block, and the law is fitted once."""
    chosen = options or Options()
    made = [_block(part, as_of=as_of, before=before, risk=risk, options=chosen) for part in blocks(seen, rows=ROWS)]
    table, days, past, ever = (pl.concat(parts, rechunk=True) for parts in zip(*made, strict=True))
    del made
    fit = overdue.fit(table, log_gaps=_log_gaps(days), rng=rng)
    earlier = fit.overdue(past).select("customer_id", state_before="state")
    joined = table.join(fit.overdue(table), on="customer_id").join(earlier, on="customer_id", how="left")
    shown = joined.select(pl.exclude("waiting"), "waiting")
    return Night(_by_customer(shown), fit.overdue(ever).select("customer_id", "usual_gap"))


def _block(
    seen: Visits, *, as_of: date, before: date, risk: RiskFit, options: Options
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Of some customers: features with risk, trips, rhythm at `before`, rhythm of all who came twice."""
    known = known_days(seen, t0=as_of)
    table = features_of(known, seen, t0=as_of, options=options)
    days = known.filter("trip")
    waiting = pl.Series([], dtype=pl.String)
    if options.festivals is not None:
        waiting = festival_buyers(days, options.festivals, t0=as_of)["customer_id"].cast(pl.String)
    scored = table.join(risk.score(table), on="customer_id")
    return (
        scored.with_columns(waiting=pl.col("customer_id").is_in(waiting.implode())),
        days.select("customer_id", "day_n"),
        rhythm(seen, t0=before, options=options),
        rhythm_of(known, t0=as_of, options=options, lost_too=True).filter(pl.col("trips") > 1),
    )


def _by_customer(table: pl.DataFrame) -> pl.DataFrame:
    """`table` in the order of customers; one that is in order stays, for a sort would hold all of it twice."""
    return table if table["customer_id"].is_sorted() else table.sort("customer_id")


def _log_gaps(trips: pl.DataFrame) -> pl.DataFrame:
    """Log gaps of all at once: a sum of floats in parts would differ in its last digits, and move the law."""
    return overdue.log_gap_sums(trips).with_columns(pl.col("customer_id").cast(pl.String))


def usual_gaps(seen: Visits, *, t0: date, rng: np.random.Generator, options: Options | None = None) -> pl.DataFrame:
    """Days between two visits of everybody who came twice or more, those who are lost included, as `night` has them.

    Returns
    -------
    customer_id, usual_gap.

    Raises
    ------
    ModelError
        `churn.no_rhythm` if too few customers came twice.
    """
    days = known_days(seen, t0=t0)
    law = overdue.fit(rhythm_of(days, t0=t0, options=options), log_gaps=_log_gaps(days.filter("trip")), rng=rng)
    twice = rhythm_of(days, t0=t0, options=options, lost_too=True).filter(pl.col("trips") > 1)
    return law.overdue(twice).select("customer_id", "usual_gap")


def reasons_before(seen: Visits, risk: RiskFit, lost: pl.DataFrame, *, options: Options | None = None) -> pl.DataFrame:
    """What the model would have said of each lost customer on the last origin they were still seen before.

    Parameters
    ----------
    lost : customer_id, last_n.

    Returns
    -------
    customer_id, reason_1: only where the origin lies after the last trip and the group says more than that they came
    less, which is the loss itself and no cause of it.
    """
    parts = []
    for t in risk.origins:
        cut = day_number(t)
        by_then = lost.filter(pl.col("last_n") <= cut).select("customer_id", "last_n")
        theirs = texts(whose(seen, by_then["customer_id"]))
        gone = features(theirs, t0=t, options=options).join(by_then, on="customer_id")
        if gone.height:
            parts.append(risk.score(gone).select("customer_id", "reason_1", pl.lit(cut).alias("cut")))
    if not parts:
        return pl.DataFrame(schema={"customer_id": pl.String, "reason_1": pl.String})
    latest = pl.concat(parts).sort("customer_id", "cut").group_by("customer_id", maintain_order=True)
    made = latest.agg(pl.col("reason_1").last())
    return made.filter(pl.col("reason_1").is_in(TELLING))


def last_goods(lines: AnyFrame, goods: AnyFrame, customers: pl.Series) -> pl.DataFrame:
    """What the customers bought on their last day: customer_id, last_day, last_goods (the two dearest kinds).

    Parameters
    ----------
    lines : receipt lines with customer_id, product_id, day_n, quantity_milli, net_minor.
    goods : product_id, category_2.
    """
    named = to_polars(goods, needs=["product_id", "category_2"], name="products").select("product_id", "category_2")
    last = panels.last_goods(lines, customers).join(named, on="product_id", how="left")
    kinds = last.group_by("customer_id", "day", "category_2").agg(pl.col("net_minor").sum()).drop_nulls("category_2")
    ranked = kinds.sort("customer_id", "net_minor", "category_2", descending=[False, True, False])
    made = ranked.group_by("customer_id", maintain_order=True).agg(
        pl.col("day").first().alias("last_day"), pl.col("category_2").head(2).alias("last_goods")
    )
    return made


def with_value(
    table: pl.DataFrame,
    *,
    year: pl.DataFrame,
    tiers: pl.DataFrame,
    horizon: int,
    returns: float = 0.0,
) -> tuple[pl.DataFrame, str]:
    """Add tier, margin_minor, stake_minor and estimated to a night's table; and say: margin or sales.

    Parameters
    ----------
    year : net_minor and margin_minor of each customer in the last twelve months; where the cost of most
        sales is not known, sales count.
        A margin that one line without cost leaves unknown is not 0: it is estimated by the margin rate of all others.
    horizon : days within which no trip is risked; at stake is the year's margin for so many days of it.
    returns : share of those who did not come in a horizon and came again later (`labels.came_again`): what they bring
        then is not lost, and not at stake.
    tiers : customer_id, tier; who bought nothing in the year belongs to the last tier.
    """
    found = margin_rate(year)
    basis, rate = ("margin", found.rate) if found.measured else ("sales", 1.0)
    guess = (pl.col("net_minor") * rate).round().cast(pl.Int64)
    unknown = pl.col("margin_minor").is_null() & pl.lit(basis == "margin")
    value = (pl.coalesce("margin_minor", guess) if basis == "margin" else pl.col("net_minor")).alias("margin_minor")
    lowest = max(tiers["tier"].to_list(), default="D")
    worth = year.select("customer_id", unknown.alias("estimated"), value)
    joined = table.join(worth, on="customer_id", how="left").with_columns(pl.col("estimated").fill_null(value=False))
    joined = joined.join(
        tiers.select("customer_id", pl.col("tier").cast(pl.String)), on="customer_id", how="left"
    ).with_columns(pl.col("margin_minor").fill_null(0), pl.col("tier").fill_null(lowest))
    part = min(horizon / DAYS_A_YEAR, 1.0) * (1.0 - returns)
    joined = joined.with_columns(stake_minor=(pl.col("margin_minor") * part).round().cast(pl.Int64))
    return _by_customer(joined), basis


def earlier_list(stored: pl.DataFrame | None, table: pl.DataFrame) -> tuple[pl.DataFrame, bool]:
    """The last list that was stored; else everybody who was newly overdue then, from `table`, and that it is rebuilt.

    Parameters
    ----------
    stored : customer_id, tier, at_risk_minor of the last run, or none.
    table : candidates of the earlier night.
    """
    if stored is not None:
        return stored.select("customer_id", "tier", "at_risk_minor"), False
    return table.select("customer_id", "tier", "at_risk_minor"), True
