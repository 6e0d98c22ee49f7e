"""What promotions earned together, by mechanic, depth and category: stop, repeat or test.

A single promotion rarely shows the sign of its margin; several of one kind together do sooner. Their net margins add
up; the distances to the ends of their ranges add up by squares, as errors of different events do.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from crmlib.core.frames import AnyFrame, to_polars

BY = ("mechanic", "depth_bp")
ADVICE = ("repeat", "stop", "test", "dark")


def portfolio(events: AnyFrame, *, by: Sequence[str] = BY) -> pl.DataFrame:
    """One row per kind of promotion, the most money first.

    Parameters
    ----------
    events : `Review.events`. by : columns that make a kind; none: all together.

    Returns
    -------
    by …, events, dark (without a margin: nothing to compare with), discount_minor, dark_discount_minor (of it, on
    those), net_margin_minor, net_margin_low_minor, net_margin_high_minor (null without any margin), advice: repeat
    (its range is above zero), stop (below), test (holds zero), dark (no margin known).
    """
    needs = [*by, "promotion_id", "discount_minor", *(f"net_margin{e}_minor" for e in ("", "_low", "_high"))]
    table = to_polars(events, needs=needs, name="events")
    net, low, high = (pl.col(f"net_margin{e}_minor") for e in ("", "_low", "_high"))
    known = net.is_not_null() & low.is_not_null() & high.is_not_null()
    sums = {
        "events": pl.len(),
        "dark": (~known).sum(),
        "discount_minor": pl.col("discount_minor").fill_null(0).sum(),
        "dark_discount_minor": pl.col("discount_minor").fill_null(0).filter(~known).sum(),
        "net_margin_minor": pl.when(known.any()).then(net.filter(known).sum()),
        "below": (net - low).filter(known).cast(pl.Float64).pow(2).sum().sqrt(),
        "above": (high - net).filter(known).cast(pl.Float64).pow(2).sum().sqrt(),
    }
    found = table.group_by(*by).agg(**sums) if by else table.select(**sums)
    moved = {"low": -pl.col("below"), "high": pl.col("above")}
    found = found.with_columns(
        **{f"net_margin_{k}_minor": net + v.round().cast(pl.Int64) for k, v in moved.items()}
    ).drop("below", "above")
    advice = (
        pl.when(net.is_null()).then(pl.lit("dark"))
        .when(low > 0).then(pl.lit("repeat"))
        .when(high < 0).then(pl.lit("stop"))
        .otherwise(pl.lit("test"))
    )  # fmt: skip
    return found.with_columns(advice=advice).sort(net.abs().fill_null(0), *by, descending=[True, *[False] * len(by)])
