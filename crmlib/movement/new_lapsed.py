"""Who is new, returning, repeat or lapsed between two periods, and how many of the lapsed came back.

`new` = in period 2 and never before; `returning` = in period 2, not in period 1, but earlier. Only with twelve known
months before period 2 can the two be told apart: with less, old customers look new (`settled` is then False).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from crmlib.core.dates import a_day
from crmlib.core.frames import AnyFrame, ids_as_text, to_polars, whole
from crmlib.movement.periods import Period, check_periods

KINDS = ("new", "returning", "repeat", "lapsed")
KNOWN_DAYS = 365
BACK_DAYS = 90
"""Days after period 2 in which the lapsed may come back."""


@dataclass(frozen=True, slots=True)
class NewLapsed:
    """Customers of two periods by kind.

    Parameters
    ----------
    table : the columns of `by`, then kind (all of `KINDS`), customers, net_1_minor, net_2_minor, came_back (of the
        lapsed, in the days after period 2; null where these are not over).
    known_days : days of data before period 2.
    settled : whether these are at least 365.
    """

    table: pl.DataFrame
    known_days: int
    settled: bool


def new_lapsed(
    sales: AnyFrame, *, first: Period, second: Period, as_of: date, by: str | None = None, back_days: int = BACK_DAYS
) -> NewLapsed:
    """Classify the customers of two periods of one length.

    Parameters
    ----------
    sales : customer_id, day, net_minor and the column `by`, from the beginning of the data; without card = left out.
    as_of : last day known.
    by : a column (brand, store) within which customers are new or lapsed.

    Raises
    ------
    ModelError
        `movement.periods`.
    """
    check_periods(first, second)
    keys = [by] if by else []
    table = whole(
        to_polars(sales, needs=["customer_id", "day", "net_minor", *keys], name="sales", texts=False),
        ["net_minor"],
        name="sales",
    ).filter(pl.col("customer_id").is_not_null(), pl.col("day") <= a_day(as_of, name="as_of"))
    until = second.end + timedelta(days=back_days)
    day, net = pl.col("day"), pl.col("net_minor")
    in_1, in_2 = day.is_between(first.start, first.end), day.is_between(second.start, second.end)
    seen = table.lazy().with_columns(
        in_1=in_1, in_2=in_2, earlier=(day < first.start) | _between(first, second),
        back=day.is_between(second.end, until, closed="right"),
        net_1_minor=pl.when(in_1).then(net).otherwise(0), net_2_minor=pl.when(in_2).then(net).otherwise(0),
    )  # fmt: skip
    flags, sums = ("in_1", "in_2", "earlier", "back"), ("net_1_minor", "net_2_minor")
    facts = seen.group_by(*keys, "customer_id").agg(pl.col(flags).any(), pl.col(sums).sum()).collect(engine="streaming")
    kind = (
        pl.when(pl.col("in_1") & pl.col("in_2")).then(pl.lit("repeat"))
        .when(pl.col("in_1")).then(pl.lit("lapsed"))
        .when(pl.col("in_2") & pl.col("earlier")).then(pl.lit("returning"))
        .when(pl.col("in_2")).then(pl.lit("new"))
    )  # fmt: skip
    lapsed = pl.col("kind") == "lapsed"
    over = until <= as_of
    counted = (
        facts.with_columns(kind=kind)
        .drop_nulls("kind")
        .group_by(*keys, "kind")
        .agg(
            pl.len().cast(pl.Int64).alias("customers"),
            pl.col("net_1_minor", "net_2_minor").sum(),
            came_back=pl.when(lapsed.first() & over).then(pl.col("back").sum().cast(pl.Int64)),
        )
    )
    known = 0 if table.is_empty() else max((second.start - a_day(table["day"].min(), name="day")).days, 0)  # type: ignore[arg-type]
    return NewLapsed(_complete(ids_as_text(counted), keys, over=over), known, known >= KNOWN_DAYS)


def _between(first: Period, second: Period) -> pl.Expr:
    return (pl.col("day") > first.end) & (pl.col("day") < second.start)


def _complete(counted: pl.DataFrame, keys: list[str], *, over: bool) -> pl.DataFrame:
    grid = pl.DataFrame({"kind": KINDS})
    if keys:
        grid = (
            counted.select(keys).unique(maintain_order=True).sort(keys).join(grid, how="cross", maintain_order="left")
        )
    joined = grid.join(counted, on=[*keys, "kind"], how="left", maintain_order="left")
    filled = joined.with_columns(pl.col("customers", "net_1_minor", "net_2_minor").fill_null(0))
    lapsed = (pl.col("kind") == "lapsed") & over
    return filled.with_columns(came_back=pl.when(lapsed).then(pl.col("came_back").fill_null(0)))
