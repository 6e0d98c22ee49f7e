"""Where the classes of recency, frequency and monetary value are cut.

Strict rank: score = 1 + floor(q · #{y < x} / n), recency reversed. Equal values always get equal scores, empty
classes stay empty, and the result does not depend on the order of rows. A cut table can be kept and used again next
month, so that migration compares like with like.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.core.dates import day_number
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame
from crmlib.panels.customers import customer_summary


def rfm_cuts(lines: AnyFrame, *, period_end: date, classes: int = 5) -> pl.DataFrame:
    """The cut table of all customers who bought by `period_end`.

    Parameters
    ----------
    lines : receipt lines or stored customer-days.
    classes : number of score classes per measure.

    Returns
    -------
    One row per measure (recency, frequency, monetary) and score 1 … classes: `at_least`, the smallest value that
    gets the score (minus days since the last purchase day; purchase days; net minor units), null for an empty class;
    `customers`, how many have it.

    Raises
    ------
    ModelError
        `panels.no_customers` if nobody bought, `panels.classes`.
    """
    if classes < 1:
        raise ModelError("panels.classes", values={"classes": classes})
    bought = customer_summary(lines, period_end=period_end).filter(pl.col("purchase_days") > 0)
    if bought.is_empty():
        raise ModelError("panels.no_customers", values={"period_end": str(period_end)})
    measures = bought.select(
        recency=(pl.col("last_day_n") - day_number(period_end)).cast(pl.Int64),
        frequency=pl.col("purchase_days").cast(pl.Int64),
        monetary=pl.col("net_minor"),
    )
    return pl.concat(_cuts(measures[name], classes=classes) for name in measures.columns)


def _cuts(values: pl.Series, *, classes: int) -> pl.DataFrame:
    counts = values.alias("value").value_counts(name="customers").sort("value")
    scored = counts.with_columns(
        score=1 + classes * (pl.col("customers").cum_sum() - pl.col("customers")).cast(pl.Int64) // values.len()
    )
    found = scored.group_by("score").agg(at_least=pl.col("value").min(), customers=pl.col("customers").sum())
    return (
        pl.DataFrame({"score": range(1, classes + 1)}, schema={"score": pl.Int64})
        .join(found, on="score", how="left")
        .select(
            pl.lit(values.name).alias("measure"), "score", "at_least", pl.col("customers").fill_null(0).cast(pl.Int64)
        )
        .sort("score")
    )
