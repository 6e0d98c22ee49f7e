"""How regular is buying? What a model of regular buyers needs besides x, t_x and T, and a quick look without one."""

from __future__ import annotations

import polars as pl

from crmlib.clv.history import DAYS_PER_UNIT, Unit
from crmlib.core.errors import check_choice
from crmlib.core.frames import AnyFrame, to_polars


def with_log_gaps(history: AnyFrame, days: AnyFrame, *, unit: Unit = "week") -> pl.DataFrame:
    """`history` with `log_gaps`: each customer's sum of ln(time between purchases) [log unit], 0 without a repeat.

    Parameters
    ----------
    history : `customer_id`, `x`, `t_x`, `T`.
    days : purchase days, `customer_id`, `day_n`, up to the end of the history and not beyond; each day once.

    Examples
    --------
    >>> h = pl.DataFrame({"customer_id": ["a", "b"], "x": [2, 0], "t_x": [9.0, 0.0], "T": [9.0, 4.0]})
    >>> d = pl.DataFrame({"customer_id": ["a", "a", "a", "b"], "day_n": [0, 1, 9, 5]})
    >>> with_log_gaps(h, d, unit="day")["log_gaps"].round(4).to_list()
    [2.0794, 0.0]
    """
    check_choice(unit, DAYS_PER_UNIT, name="unit")
    frame = to_polars(history, needs=["customer_id"], name="purchase_history")
    sums = gaps(days).group_by("customer_id").agg(log_gaps=(pl.col("gap") / DAYS_PER_UNIT[unit]).log().sum())
    joined = frame.drop("log_gaps", strict=False).join(sums, on="customer_id", how="left", maintain_order="left")
    return joined.with_columns(pl.col("log_gaps").fill_null(0.0))


def gaps(days: AnyFrame) -> pl.DataFrame:
    """Days between purchases: `customer_id`, `gap` [days], in the order of time within each customer."""
    ordered = to_polars(days, needs=["customer_id", "day_n"], name="days").sort("customer_id", "day_n")
    same = pl.col("customer_id") == pl.col("customer_id").shift(1)
    gap = pl.when(same).then(pl.col("day_n").cast(pl.Int64) - pl.col("day_n").shift(1).cast(pl.Int64))
    return ordered.select("customer_id", gap=gap).filter(pl.col("gap") > 0)


def wheat_morrison(days: AnyFrame) -> tuple[float, int]:
    """Regularity of each customer's last two gaps, and on how many customers it rests: 1 is chance, more is regular.

    Source: Wheat & Morrison (1990), Estimating purchase regularity with two interpurchase times, Journal of Marketing
    Research 27(1), 87-93: the share of one gap in two is Beta(k, k), of variance 1 / (4(2k + 1)).

    Parameters
    ----------
    days : purchase days, `customer_id`, `day_n`.

    Examples
    --------
    >>> steady = pl.DataFrame({"customer_id": ["a"] * 3 + ["b"] * 3, "day_n": [0, 7, 15, 0, 9, 17]})
    >>> k, customers = wheat_morrison(steady)
    >>> k > 50, customers
    (True, 2)
    """
    last = gaps(days).group_by("customer_id", maintain_order=True).tail(2)
    pairs = last.group_by("customer_id", maintain_order=True).agg(pl.col("gap")).filter(pl.col("gap").list.len() == 2)
    away = pl.col("gap").list.first() / pl.col("gap").list.sum() - 0.5
    spread, customers = pairs.select(away.pow(2).mean().alias("spread"), pl.len()).row(0)
    if customers < 2:
        return float("nan"), customers
    return (0.25 / spread - 1.0) / 2.0 if spread > 0 else float("inf"), customers
