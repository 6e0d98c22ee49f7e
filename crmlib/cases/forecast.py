"""What open deals will bring in the next days: value times the chance of a win at this age, from recent ends.

An open deal older than any that ever closed brings nothing: a weighted pipeline says 1,003 wins where 74 are to come.
The band is that of rolling origins, never the binomial one, which is a tenth of the true error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np
import polars as pl

from crmlib.cases.engine import curves, watched
from crmlib.cases.funnel import OUTCOMES
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.incidence import Incidence

LEAST_ORIGINS = 4
WARN, FAIL = 0.25, 0.5
"""Last origin missed by more than this: warn, fail."""


def expected_wins(
    deals: AnyFrame,
    *,
    as_of: date,
    ahead: float | None,
    window: int | None = None,
    feed_start: date | None = None,
    stage: str | None = None,
) -> pl.DataFrame:
    """Open deals with p_win (within `ahead` days; ever, if none) and expected_minor.

    Parameters
    ----------
    deals : deal_id, opened_on, closed_on, outcome, and value_minor where money is asked for.
    window : learn from ends of the last so many days (full quarters: closings pile up at their ends); all if none.
    stage : column of the current stage; each stage with wins has its own curve.

    Returns
    -------
    The open deals with age, p_win, expected_minor (rounded per deal, so owners' sums are the total), beyond (older than
    any deal that closed).
    """
    since = None if window is None else as_of - timedelta(days=window - 1)
    table = watched(deals, as_of=as_of, outcomes=OUTCOMES, key="deal_id", feed_start=feed_start, since=since)
    everybody = curves(table, causes=2)
    parts = []
    for _, group in table.group_by(stage or pl.lit(1), maintain_order=True):
        own = curves(group, causes=2) if stage else everybody
        law = own if own.ended[0].sum() > 0 else everybody
        parts.append(_chances(group.filter(pl.col("event") == 0), law, ahead))
    out = pl.concat(parts).sort("deal_id")
    if "value_minor" not in out.columns:
        return out
    return out.with_columns(expected_minor=(pl.col("value_minor") * pl.col("p_win")).round().cast(pl.Int64))


def month_ends(*, first: date, as_of: date, ahead: int, most: int = 12) -> list[date]:
    """The last `most` month-ends from `first` on whose next `ahead` days have passed, as origins of a forecast.

    Examples
    --------
    >>> month_ends(first=date(2026, 1, 5), as_of=date(2026, 6, 15), ahead=31)
    [datetime.date(2026, 1, 31), datetime.date(2026, 2, 28), datetime.date(2026, 3, 31), datetime.date(2026, 4, 30)]
    """
    last = as_of - timedelta(days=ahead)
    starts = pl.date_range(first, max(last, first) + timedelta(days=31), "1d", eager=True)
    ends = starts.filter((starts + timedelta(days=1)).dt.day() == 1)
    return ends.filter(ends <= last).to_list()[-most:]


def _chances(rows: pl.DataFrame, law: Incidence, ahead: float | None) -> pl.DataFrame:
    age = rows["age"].to_numpy()
    far = np.inf if ahead is None else float(ahead)
    longest = float(law.times[-1]) if law.times.size else 0.0
    chance = law.within(age, far, cause=1) if law.times.size else np.zeros(len(age))
    return rows.with_columns(p_win=pl.Series(chance, dtype=pl.Float64), beyond=pl.Series(age > longest))


@dataclass(frozen=True, slots=True)
class Origins:
    """Rolling origins: origin, expected, won, miss (won / expected − 1); status of the last (ok, warn, fail).

    expected and won are deals, or minor units where the origins were asked for money.
    """

    table: pl.DataFrame
    status: Literal["ok", "warn", "fail"]

    def band(self, expected: float) -> tuple[float, float]:
        """Expected times the least and greatest ratio of true to said.

        Raises
        ------
        ModelError
            `cases.few_origins` with fewer than four closed origins.
        """
        ratios = self.table.filter(pl.col("expected") > 0).select(r=pl.col("won") / pl.col("expected"))["r"].to_list()
        if len(ratios) < LEAST_ORIGINS:
            raise ModelError("cases.few_origins", values={"origins": len(ratios), "needed": LEAST_ORIGINS})
        return expected * min(ratios), expected * max(ratios)


def origins(
    deals: AnyFrame,
    *,
    days: Sequence[date],
    ahead: int,
    as_of: date,
    window: int | None = None,
    feed_start: date | None = None,
    money: bool = False,
) -> Origins:
    """The forecast as it would have been on earlier `days`, against what was won since; only days closed by `as_of`.

    Parameters
    ----------
    money : of `value_minor`, not of deals: a few large ones decide, so its misses are larger.
    """
    table = to_polars(deals, needs=("deal_id", "opened_on", "closed_on", "outcome"), name="deals", key="deal_id")
    rows = []
    for day in sorted(days):
        until = day + timedelta(days=ahead)
        if until > as_of:
            continue
        said = expected_wins(table, as_of=day, ahead=ahead, window=window, feed_start=feed_start)
        came = table.filter(
            (pl.col("opened_on") <= day)
            & (pl.col("closed_on") > day)
            & (pl.col("closed_on") <= until)
            & (pl.col("outcome") == "won")
        )
        won = int(came["value_minor"].sum()) if money else came.height
        expected = float(said["expected_minor" if money else "p_win"].sum())
        rows.append((day, expected, won, won / expected - 1 if expected else None))
    schema = {"origin": pl.Date, "expected": pl.Float64, "won": pl.Int64, "miss": pl.Float64}
    out = pl.DataFrame(rows, schema=schema, orient="row")
    last = abs(out["miss"][-1] or 0.0) if out.height else 0.0
    return Origins(out, "fail" if last > FAIL else "warn" if last > WARN else "ok")
