"""What the lines say of the feeds that brought them: days, counts, gaps, the first and the last day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import narwhals as nw
import polars as pl

from crmlib.core.frames import AnyFrame
from crmlib.panels import from_cells
from crmlib.panels.engine import lines_of, reduced

SPAN = {"first": pl.Int32, "last": pl.Int32}
COUNTS = {"day_n": pl.Int32, "lines": pl.Int64, "net_minor": pl.Int64, "quantity_milli": pl.Int64}


def span(lines: AnyFrame) -> tuple[date, date] | None:
    """The first and the last day of the lines; none where there is no line."""
    stored = from_cells.span(lines)
    days = lines_of(lines, needs=("day_n",), name="receipt_lines") if stored is None else stored
    ends = days.select(first=nw.col("day_n").min(), last=nw.col("day_n").max())
    found = reduced(ends, schema=SPAN, sort=()).select(pl.all().cast(pl.Date)).row(0)
    return None if found[0] is None else found


def costed_sums(lines: AnyFrame) -> tuple[int, int]:
    """Net sales and cost of the lines that have a cost [minor units]."""
    sums = (
        lines_of(lines, needs=("day_n", "net_minor", "cost_minor"), name="receipt_lines")
        .filter(~nw.col("cost_minor").is_null())
        .select(nw.col("net_minor", "cost_minor").sum())
    )
    net, cost = reduced(sums, schema={"net_minor": pl.Int64, "cost_minor": pl.Int64}, sort=()).row(0)
    return int(net or 0), int(cost or 0)


def day_sums(lines: AnyFrame) -> pl.DataFrame:
    """Lines and sums of each day: day, lines, quantity_milli, net_minor; lines without a day are left out."""
    sums = from_cells.days(lines)
    if sums is None:
        sums = (
            lines_of(lines, needs=("day_n", "quantity_milli", "net_minor"), name="receipt_lines")
            .filter(~nw.col("day_n").is_null())
            .group_by("day_n")
            .agg(nw.col("quantity_milli", "net_minor").sum(), lines=nw.len())
        )
    found = reduced(sums, schema=COUNTS, sort=("day_n",))
    return found.select(pl.col("day_n").cast(pl.Date).alias("day"), "lines", "quantity_milli", "net_minor")


def feed_days(lines: AnyFrame) -> pl.DataFrame:
    """Days with data of each feed of sales: source, day."""
    days = from_cells.feed_days(lines)
    if days is None:
        days = lines_of(lines, needs=("src_name", "day_n"), name="receipt_lines").select("src_name", "day_n")
    found = reduced(days.unique(), schema={"src_name": pl.String, "day_n": pl.Int32}, sort=("src_name", "day_n"))
    return found.select(source="src_name", day=pl.col("day_n").cast(pl.Date))


def missing_fields(lines: AnyFrame, fields: Iterable[str]) -> pl.DataFrame:
    """Missing values of the lines' fields: table, field, rows, missing."""
    fields = tuple(fields)
    counted = from_cells.missing(lines, fields)
    if counted is None:
        counted = lines_of(lines, needs=fields, name="receipt_lines").select(
            nw.len().alias("rows"), *(nw.col(f).null_count().alias(f) for f in fields)
        )
    row = reduced(counted, schema=dict.fromkeys(("rows", *fields), pl.Int64), sort=()).row(0, named=True)
    return pl.DataFrame(
        {
            "table": "receipt_lines",
            "field": fields,
            "rows": [row["rows"]] * len(fields),
            "missing": [row[f] for f in fields],
        },
        schema={"table": pl.String, "field": pl.String, "rows": pl.Int64, "missing": pl.Int64},
    )


def ids(lines: AnyFrame, column: str) -> pl.DataFrame:
    """When each store, product or card was sold on: `column` as id, first_day, last_day, lines, net_minor.

    Parameters
    ----------
    column : store_id, product_id or customer_id; lines without one are left out.
    """
    days = from_cells.of_ids(lines, column)
    if days is None:
        days = lines_of(lines, needs=(column, "day_n", "net_minor"), name="receipt_lines").with_columns(lines=nw.lit(1))
    made = (
        days.filter(~nw.col(column).is_null())
        .group_by(column)
        .agg(nw.col("day_n").min(), nw.col("day_n").max().alias("last"), nw.col("lines", "net_minor").sum())
        .filter(nw.col("lines") > 0)
    )
    schema = {column: pl.String, "day_n": pl.Int32, "last": pl.Int32, "lines": pl.Int64, "net_minor": pl.Int64}
    found = reduced(made, schema=schema, sort=(column,))
    days_of = (pl.col(c).cast(pl.Date).alias(name) for c, name in (("day_n", "first_day"), ("last", "last_day")))
    return found.select(pl.col(column).alias("id"), *days_of, "lines", "net_minor")


def goods_sums(lines: AnyFrame) -> pl.DataFrame:
    """Sums of each product and day: product_id, day_n, lines, quantity_milli, net_minor."""
    keys = ("product_id", "day_n")
    parts = from_cells.goods(lines)
    if parts is None:
        needs = (*keys, "quantity_milli", "net_minor")
        made = lines_of(lines, needs=needs, name="receipt_lines").with_columns(lines=nw.lit(1))
    else:
        made = nw.from_native(parts)
    made = made.group_by(*keys).agg(nw.col("lines", "quantity_milli", "net_minor").sum()).filter(nw.col("lines") > 0)
    return reduced(made, schema={"product_id": pl.String, **COUNTS}, sort=keys).select(
        *keys, "lines", "quantity_milli", "net_minor"
    )


def day_cards(lines: AnyFrame) -> pl.DataFrame:
    """Sales of each day and the part on a card: day, net_minor, card_net_minor, card_lines."""
    carded = ~nw.col("customer_id").is_null()
    sums = from_cells.days(lines, cards=True)
    if sums is None:
        sums = (
            lines_of(lines, needs=("day_n", "customer_id", "net_minor"), name="receipt_lines")
            .with_columns(
                card_net_minor=nw.when(carded).then(nw.col("net_minor")).otherwise(0),
                card_lines=nw.when(carded).then(1).otherwise(0),
            )
            .group_by("day_n")
            .agg(nw.col("net_minor", "card_net_minor", "card_lines").sum())
        )
    schema = {"day_n": pl.Int32, "net_minor": pl.Int64, "card_net_minor": pl.Int64, "card_lines": pl.Int64}
    found = reduced(sums, schema=schema, sort=("day_n",))
    return found.select(pl.col("day_n").cast(pl.Date).alias("day"), "net_minor", "card_net_minor", "card_lines")


def values_of(lines: AnyFrame, column: str) -> tuple[str, ...]:
    """What stands in a column of the lines, each once as text, sorted; nothing where they do not have it."""
    frame = lines_of(lines, needs=(), name="receipt_lines")
    if column not in frame.collect_schema().names():
        return ()
    found = reduced(frame.select(nw.col(column).cast(nw.String)).unique(), schema={column: pl.String}, sort=(column,))
    return tuple(found[column].drop_nulls())
