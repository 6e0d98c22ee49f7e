"""Deals by cohort: won, lost, open, and what share will be won; never a win rate without its cohort and horizon.

A snapshot won/(won + lost) forgets the open ones, who are mostly slow, and counts on a log of ends that may begin after
the log of beginnings: on a real pipeline .632 where .529 of deals are won by the greatest age ever seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import rankdata

from crmlib.cases.engine import curves, watched
from crmlib.core.frames import AnyFrame
from crmlib.core.incidence import incidence
from crmlib.core.proportions import wilson

OUTCOMES = ("won", "lost")
AGES = (30, 60, 90)
OWED = 0.55
"""A score is shown only where the lower bound of its AUC on later deals is above this."""


@dataclass(frozen=True, slots=True)
class WinRate:
    """A win rate with its cohort and horizon: shares won, lost and open by age `days`; counts so far; Wilson of won."""

    first: date
    last: date
    days: float
    opened: int
    won: int
    lost: int
    open: int
    share_won: float
    share_lost: float
    share_open: float
    low: float
    high: float


def win_rate(
    deals: AnyFrame, *, as_of: date, first: date, last: date, days: float | None = None, feed_start: date | None = None
) -> WinRate:
    """Of the deals opened from `first` to `last`: how they stand, and the share won by `days` (longest seen if none).

    Parameters
    ----------
    deals : deal_id, opened_on, closed_on, outcome (won, lost).
    feed_start : first day of the log of outcomes.

    Notes
    -----
    `low`, `high`: Wilson of the share won so far of all opened.
    """
    table = watched(deals, as_of=as_of, outcomes=OUTCOMES, key="deal_id", feed_start=feed_start)
    cohort = table.filter(pl.col("opened_on").is_between(first, last))
    fit = curves(cohort, causes=2)
    age = float(fit.times[-1]) if days is None and fit.times.size else float(days or 0)
    won, lost = (int((cohort["event"] == k).sum()) for k in (1, 2))
    low, high = wilson(won, cohort.height)
    share = fit.at(age)
    return WinRate(
        first=first, last=last, days=age, opened=cohort.height, won=won, lost=lost, open=cohort.height - won - lost,
        share_won=float(share[0]), share_lost=float(share[1]), share_open=float(fit.open_at(age)),
        low=float(low), high=float(high),
    )  # fmt: skip


def cohorts(
    deals: AnyFrame, *, as_of: date, feed_start: date | None = None, ages: Sequence[int] = AGES
) -> pl.DataFrame:
    """Deals by month of opening.

    Returns
    -------
    cohort (first day of the month), opened, won, lost, open, unseen (opened before the log of outcomes began), won_30 …
    by each age (null where the cohort is not that old, or nobody of it was watched when it was young), won_longest and
    longest (greatest age at an end, days). opened = won + lost + open exactly.
    """
    table = watched(deals, as_of=as_of, outcomes=OUTCOMES, key="deal_id", feed_start=feed_start)
    rows = [
        _cohort(month, group, ages)
        for (month,), group in table.with_columns(cohort=pl.col("opened_on").dt.truncate("1mo"))
        .sort("opened_on", "deal_id")
        .group_by("cohort", maintain_order=True)
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def _cohort(month: object, group: pl.DataFrame, ages: Sequence[int]) -> dict[str, object]:
    fit = curves(group, causes=2)
    won, lost = (int((group["event"] == k).sum()) for k in (1, 2))
    old = int(group["age"].to_numpy().max())
    whole = int(group["entry"].to_numpy().min()) == 0
    longest = float(fit.times[-1]) if fit.times.size and whole else None
    return {
        "cohort": month,
        "opened": group.height,
        "won": won,
        "lost": lost,
        "open": group.height - won - lost,
        "unseen": int((group["entry"] > 0).sum()),
        **{f"won_{age}": float(fit.at(age)[0]) if old >= age and whole else None for age in ages},
        "won_longest": None if longest is None else float(fit.at(longest)[0]),
        "longest": longest,
    }


def fates(deals: AnyFrame, *, as_of: date, feed_start: date | None = None, most: int = 120) -> pl.DataFrame:
    """Shares won, lost and open by age [days] of all deals, at `most` ages from 0 to the greatest at an end.

    Returns age, won, lost, open; each row sums to 1.
    """
    fit = curves(watched(deals, as_of=as_of, outcomes=OUTCOMES, key="deal_id", feed_start=feed_start), causes=2)
    longest = int(fit.times[-1]) if fit.times.size else 0
    ages = np.unique(np.linspace(0, longest, min(most, longest + 1)).round()).astype(np.int64)
    shares = np.array([fit.at(float(age)) for age in ages])
    open_ = np.array([fit.open_at(float(age)) for age in ages])
    return pl.DataFrame({"age": ages, "won": shares[:, 0], "lost": shares[:, 1], "open": open_})


LEAST_FITTED = 40
"""Fewer closed deals on either side of the middle fit and judge no score."""


def later_score(deals: AnyFrame, *, fields: Sequence[str], as_of: date) -> Gate | None:
    """What a naive Bayes score over `fields`, learned on the earlier half of ends, is worth on the later half.

    None with fewer than `LEAST_FITTED` closed deals in either half.

    Parameters
    ----------
    deals : deal_id, opened_on, closed_on, outcome and `fields`: only what is known of open deals, too.
    """
    table = watched(deals, as_of=as_of, outcomes=OUTCOMES, key="deal_id", feed_start=date(1970, 1, 1))
    closed = table.filter(pl.col("event") > 0).sort("closed_on", "deal_id")
    half = closed.height // 2
    if half < LEAST_FITTED:
        return None
    won = (closed["event"] == 1).to_numpy()
    base = (won[:half].sum() + 1) / (half + 2)
    score = np.zeros(closed.height - half)
    for name in fields:
        past = pl.DataFrame({"value": closed[name][:half], "won": won[:half]}).group_by("value").agg(
            share=(pl.col("won").sum() + 10 * base) / (pl.len() + 10)
        )  # fmt: skip
        later = closed[half:].select(value=name).join(past, on="value", how="left", maintain_order="left")
        share = later["share"].fill_null(base).to_numpy()
        score += np.log(share / (1 - share))
    return score_gate(won[half:], score)


def closing_season(deals: AnyFrame, *, as_of: date) -> pl.DataFrame:
    """quarter_end (closed in its last month), won, closed, share, low, high: deals are closed where quotas are due."""
    table = watched(deals, as_of=as_of, outcomes=OUTCOMES, key="deal_id", feed_start=date(1970, 1, 1))
    counted = (
        table.filter(pl.col("event") > 0)
        .group_by(quarter_end=pl.col("closed_on").dt.month() % 3 == 0)
        .agg(won=(pl.col("event") == 1).sum().cast(pl.Int64), closed=pl.len().cast(pl.Int64))
        .sort("quarter_end")
    )
    low, high = wilson(counted["won"].to_numpy(), counted["closed"].to_numpy())
    return counted.with_columns(share=pl.col("won") / pl.col("closed"), low=pl.Series(low), high=pl.Series(high))


@dataclass(frozen=True, slots=True)
class Gate:
    """AUC on later deals, its lower bound (95 %, Hanley & McNeil 1982), and whether a score is owed to anybody."""

    auc: float
    low: float
    owed: bool


def score_gate(won: npt.NDArray[np.bool_], score: npt.NDArray[np.float64]) -> Gate:
    """Whether a lead score ranks deals it has never seen.

    Parameters
    ----------
    won : of deals closed after those the score was fitted on, shape (n,). A field that only open deals lack is a leak.
    """
    n1, n0 = int(won.sum()), int((~won).sum())
    if not n1 or not n0:
        return Gate(0.5, 0.0, owed=False)
    a = float((rankdata(score)[won].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))
    q1, q2 = a / (2 - a), 2 * a**2 / (1 + a)
    variance = (a * (1 - a) + (n1 - 1) * (q1 - a**2) + (n0 - 1) * (q2 - a**2)) / (n1 * n0)
    low = a - 1.959963984540054 * float(np.sqrt(max(variance, 0)))
    return Gate(a, low, owed=low > OWED)


def naive_rates(deals: AnyFrame, *, as_of: date) -> dict[str, float]:
    """What other tools print, for the comparison on the page: snapshot won/(won + lost), and 1 − KM of each alone."""
    table = watched(deals, as_of=as_of, outcomes=OUTCOMES, key="deal_id", feed_start=date(1970, 1, 1))
    age, event = table["age"].to_numpy(), table["event"].to_numpy()
    alone = [incidence(age, (event == k).astype(np.int64)).share[0] for k in (1, 2)]
    closed = int((event > 0).sum())
    return {
        "snapshot": float((event == 1).sum() / closed) if closed else 0.0,
        "km_won": float(alone[0][-1]) if alone[0].size else 0.0,
        "km_lost": float(alone[1][-1]) if alone[1].size else 0.0,
    }
