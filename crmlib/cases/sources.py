"""Where deals come from: what became of each source's deals in the same months, and credit; descriptive."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from crmlib.cases.engine import curves, watched
from crmlib.cases.funnel import OUTCOMES
from crmlib.cases.media import Path, shapley, touch
from crmlib.core.frames import AnyFrame, timed
from crmlib.core.incidence import Incidence, standard_error
from crmlib.core.proportions import wilson


def by_source(
    deals: AnyFrame, *, as_of: date, first: date, last: date, days: float, feed_start: date | None = None
) -> pl.DataFrame:
    """Share won by `days` by source, for deals opened in the same months, so that no source is merely younger.

    Returns source, opened, won, lost, open, share_won, low, high (95 % of share_won: Wilson at as many deals as its
    standard error is worth), largest first.
    """
    table = watched(deals, as_of=as_of, outcomes=OUTCOMES, key="deal_id", feed_start=feed_start)
    rows = []
    for (source,), group in table.filter(pl.col("opened_on").is_between(first, last)).group_by("source"):
        fit = curves(group, causes=2)
        won, lost = (int((group["event"] == k).sum()) for k in (1, 2))
        share = float(fit.at(days)[0])
        low, high = _interval(fit, share, days=days, deals=group.height)
        rows.append((source, group.height, won, lost, group.height - won - lost, share, low, high))
    names = ["source", "opened", "won", "lost", "open", "share_won", "low", "high"]
    return pl.DataFrame(rows, schema=names, orient="row").sort("opened", "source", descending=[True, False])


def _interval(fit: Incidence, share: float, *, days: float, deals: int) -> tuple[float, float]:
    """95 % of the share won by `days`: where nothing is cut off, Wilson's at `deals`; fewer are worth more doubt."""
    errors = standard_error(fit)[0][fit.times <= days]
    error = float(errors[-1]) if len(errors) else 0.0
    worth = share * (1 - share) / error**2 if error > 0 else float(deals)
    low, high = wilson(np.array([share * worth]), np.array([worth]))
    return float(low[0]), float(high[0])


def paths(touches: AnyFrame, *, key: str = "lead_id") -> pl.DataFrame:
    """`key` and path (media in order of time) from touches (key, at, medium)."""
    table = timed(touches, at="at", needs=(key, "medium"), name="touches")
    return table.sort(key, "at", "medium").group_by(key, maintain_order=True).agg(path=pl.col("medium").cast(pl.String))


def credit(won: dict[Path, int]) -> pl.DataFrame:
    """medium, first, last, equal (over touches), shapley: shares of conversions side by side; none is an effect."""
    ways = {which: touch(won, which=which) for which in ("first", "last", "equal")} | {"shapley": shapley(won)}
    total = max(sum(won.values()), 1)
    media = sorted({m for path in won for m in path})
    return pl.DataFrame(
        {"medium": media, **{name: [float(way.get(m, 0)) / total for m in media] for name, way in ways.items()}}
    )
