"""One grade from A to E per member or prospect, with its parts shown and its worth checked.

A member's grade weighs three ranks, value, risk and engagement, each from 0 to 1 by strict rank. Value is margin of
the last year until a lifetime value is given; risk is the probability of not coming back, from churn or from the
member's own rhythm; engagement is purchase days and contacts of the last 90 days. A prospect's grade reads contacts
only: how warm (recent and frequent contacts) and how keen (outcomes).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from crmlib.core.dates import a_day, day_number
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, timed, to_polars
from crmlib.core.margins import margin_rate
from crmlib.core.members import members
from crmlib.customers.loyalty.overdue import staying_away, without_rhythm

GRADES = ("A", "B", "C", "D", "E")
SHARES = (0.1, 0.3, 0.6, 0.85)
"""Cumulative shares of members in A, A-B, A-C, A-D."""
WEIGHTS = (50, 30, 20)
"""Weights of value, risk and engagement in percent."""
WARM_DAYS = 90
KEEN = ("interested", "agreed", "bought", "accepted", "positive")
"""Outcomes of a contact that count as keen."""


@dataclass(frozen=True, slots=True)
class Grades:
    """Grades of one date.

    Parameters
    ----------
    customers : customer_id, grade, score (0 to 1), value_minor, risk (probability), engagement (count), and the rank
        of each (value_rank, safety_rank, engagement_rank; 0 to 1).
    by_grade : grade, customers, value_minor, risk (mean), engagement (mean), realised_minor (what the members of the
        grade brought in the period after the grade was given, if known), realised_per_customer_minor.
    """

    customers: pl.DataFrame
    by_grade: pl.DataFrame


def grade_members(
    frame: AnyFrame, *, weights: tuple[int, int, int] = WEIGHTS, realised: AnyFrame | None = None
) -> Grades:
    """Grade every member from value, risk and engagement.

    Parameters
    ----------
    frame : customer_id, value_minor [minor units: margin of 12 months, or CLV margin], risk [probability of not
        coming back, 0 to 1], engagement [count: purchase days and contacts of 90 days].
    weights : percent for value, risk, engagement; they add up to 100.
    realised : customer_id, margin_minor (or net_minor) of the period after the grade; for the check beside it.

    Raises
    ------
    ModelError
        `scoring.weights`, `scoring.risk`.

    Examples
    --------
    >>> frame = pl.DataFrame({"customer_id": ["a", "b"], "value_minor": [900, 1], "risk": [.1, .9],
    ...     "engagement": [5, 0]})
    >>> grade_members(frame).customers["grade"].to_list()
    ['C', 'E']
    """
    if len(weights) != 3 or min(weights) < 0 or sum(weights) != 100:
        raise ModelError("scoring.weights", values={"weights": str(weights)})
    table = members(frame, needs=("value_minor", "risk", "engagement"))
    outside = int((~table["risk"].is_between(0, 1)).sum())
    if outside:
        raise ModelError("scoring.risk", values={"rows": outside})
    ranks = {
        "value_rank": rank(table["value_minor"].to_numpy().astype(np.float64)),
        "safety_rank": rank(-table["risk"].to_numpy().astype(np.float64)),
        "engagement_rank": rank(table["engagement"].to_numpy().astype(np.float64)),
    }
    score = sum(w / 100 * r for w, r in zip(weights, ranks.values(), strict=True))
    customers = table.select("customer_id", "value_minor", "risk", "engagement").with_columns(
        **{name: pl.Series(values) for name, values in ranks.items()},
        score=pl.Series(np.asarray(score)),
        grade=_letters(np.asarray(score)),
    )
    return Grades(customers=customers, by_grade=_by_grade(customers, realised))


@dataclass(frozen=True, slots=True)
class Staying:
    """What a grade reads of everybody's days, whatever period is valued.

    Parameters
    ----------
    customers : customer_id, stay_away (back-tested share; null without a rhythm), recent (purchase days of 90 days).
    without_rhythm : share staying away of those who had no rhythm.
    """

    customers: pl.DataFrame
    without_rhythm: float


def staying(bought: pl.DataFrame, *, as_of: date) -> Staying:
    """How surely everybody stays, and how engaged they are, as of a day.

    Parameters
    ----------
    bought : customer_id (texts, or an Enum of them), day_n; each customer's purchase days once, sorted by both.
    """
    as_of = a_day(as_of, name="as_of")
    today = day_number(as_of)
    bought = bought.filter(pl.col("day_n") <= today)
    recent = bought.filter(pl.col("day_n") > today - WARM_DAYS).group_by("customer_id").agg(recent=pl.len())
    risks = staying_away(bought, today=today).select("customer_id", "stay_away")
    customers = risks.join(recent, on="customer_id", how="full", coalesce=True)
    return Staying(customers.with_columns(pl.col("customer_id").cast(pl.String)), without_rhythm(bought, today=today))


def member_inputs(period: AnyFrame, staying: Staying, *, as_of: date, contacts: AnyFrame | None = None) -> pl.DataFrame:
    """What a grade reads, from the tables at hand, until a lifetime value and a churn risk are given.

    Parameters
    ----------
    period : customer_id, net_minor, margin_minor of 12 months; a missing margin is estimated by the mean rate.
    staying : members against their own rhythm as of the same day: the back-tested share staying away is the risk;
        who has no rhythm yet gets the share of all who had none.
    contacts : customer_id, at.

    Returns
    -------
    customer_id, value_minor, risk, engagement (purchase days and contacts of the last 90 days).

    Raises
    ------
    ModelError
        `scoring.no_cost`: less than half of the sales have a cost.
    """
    table = members(period, needs=("net_minor",))
    costs = margin_rate(table) if "margin_minor" in table.columns else None
    if costs is not None and not costs.measured:
        raise ModelError("scoring.no_cost")
    rate = 1.0 if costs is None else costs.rate or 0.0
    margin = pl.col("margin_minor") if "margin_minor" in table.columns else pl.lit(None, dtype=pl.Int64)
    joined = (
        table.select(
            "customer_id",
            value_minor=pl.coalesce(margin, (pl.col("net_minor") * rate).round().cast(pl.Int64)),
        )
        .join(staying.customers, on="customer_id", how="left", maintain_order="left")
        .with_columns(
            risk=pl.col("stay_away").fill_null(staying.without_rhythm),
            engagement=pl.col("recent").fill_null(0).cast(pl.Int64),
        )
    )
    if contacts is not None:
        as_of = a_day(as_of, name="as_of")
        talks = timed(contacts, needs=("customer_id",), name="contacts")
        age = (pl.lit(as_of) - pl.col("at").dt.date()).dt.total_days()
        talked = talks.filter(age.is_between(0, WARM_DAYS)).group_by("customer_id").agg(talks=pl.len())
        joined = joined.join(talked, on="customer_id", how="left", maintain_order="left").with_columns(
            engagement=pl.col("engagement") + pl.col("talks").fill_null(0).cast(pl.Int64)
        )
    return joined.select("customer_id", "value_minor", "risk", "engagement")


def grade_prospects(contacts: AnyFrame, *, as_of: date, customers: AnyFrame | None = None) -> pl.DataFrame:
    """Grade those who have been talked to and have not bought: how warm, how keen.

    Parameters
    ----------
    contacts : customer_id, at, outcome; contacts after `as_of` are left out.
    customers : customer_id of those who bought already; they are members, not prospects.

    Returns
    -------
    customer_id, grade, score, contacts (of 90 days), days_since [last contact], keen (keen outcomes).
    """
    as_of = a_day(as_of, name="as_of")
    table = timed(contacts, needs=("customer_id", "outcome"), name="contacts").filter(
        pl.col("at").dt.date() <= as_of, pl.col("customer_id").is_not_null()
    )
    if customers is not None:
        bought = to_polars(customers, needs=("customer_id",), name="customers").select("customer_id").unique()
        table = table.join(bought, on="customer_id", how="anti")
    age = (pl.lit(as_of) - pl.col("at").dt.date()).dt.total_days()
    found = (
        table.group_by("customer_id")
        .agg(
            contacts=(age <= WARM_DAYS).sum().cast(pl.Int64),
            days_since=age.min(),
            keen=pl.col("outcome").is_in(KEEN).sum().cast(pl.Int64),
        )
        .sort("customer_id")
    )
    if found.is_empty():
        return found.with_columns(grade=pl.lit(None, dtype=pl.Enum(GRADES)), score=pl.lit(None, dtype=pl.Float64))
    columns = [found["keen"].to_numpy(), -found["days_since"].to_numpy(), found["contacts"].to_numpy()]
    score = sum(w / 100 * rank(c.astype(np.float64)) for w, c in zip(WEIGHTS, columns, strict=True))
    return found.with_columns(score=pl.Series(np.asarray(score)), grade=_letters(np.asarray(score)))


def rank(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Share of members strictly below each value, 0 to 1; equal values get equal ranks; shape (n,).

    Examples
    --------
    >>> rank(np.array([1.0, 1.0, 5.0, 9.0]))
    array([0.  , 0.  , 0.5 , 0.75])
    """
    ordered = np.sort(values)
    return np.searchsorted(ordered, values, side="left") / max(values.size, 1)


def _letters(score: npt.NDArray[np.float64]) -> pl.Series:
    """A is the top tenth and so on; a tied block goes down as a whole."""
    above = 1 - (np.searchsorted(np.sort(score), score, side="left")) / score.size
    place = np.searchsorted(np.array(SHARES), above - 1e-12, side="left")
    return pl.Series(place.astype(np.uint32)).replace_strict(
        list(range(len(GRADES))), list(GRADES), return_dtype=pl.Enum(GRADES)
    )


def _by_grade(customers: pl.DataFrame, realised: AnyFrame | None) -> pl.DataFrame:
    joined = customers
    known = realised is not None
    if realised is not None:
        after = to_polars(realised, name="realised", key="customer_id")
        money = "margin_minor" if "margin_minor" in after.columns else "net_minor"
        joined = customers.join(
            after.select("customer_id", realised_minor=pl.col(money)), on="customer_id", how="left"
        ).with_columns(pl.col("realised_minor").fill_null(0))
    sums = joined.group_by(pl.col("grade").cast(pl.String)).agg(
        customers=pl.len().cast(pl.Int64),
        value_minor=pl.col("value_minor").sum(),
        risk=pl.col("risk").mean(),
        engagement=pl.col("engagement").mean(),
        realised_minor=pl.col("realised_minor").sum() if known else pl.lit(None, dtype=pl.Int64),
    )
    return (
        pl.DataFrame({"grade": GRADES})
        .join(sums, on="grade", how="left", maintain_order="left")
        .with_columns(pl.col("customers", "value_minor").fill_null(0))
        .with_columns(
            realised_per_customer_minor=pl.when(pl.col("customers") > 0).then(
                pl.col("realised_minor") // pl.col("customers")
            )
        )
    )
