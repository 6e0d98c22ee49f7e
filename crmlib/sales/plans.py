"""The year's targets as a plan: month by month beside what was sold, how they were changed, and next year's split."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta

import polars as pl

from crmlib.core.apportion import whole_parts
from crmlib.core.calendar import lunar_aligned
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, timed, to_polars
from crmlib.sales import targets

MONTHS = {"month": pl.Date, "target_minor": pl.Int64, "actual_minor": pl.Int64}


def path(days: AnyFrame, *, first: date, last: date, amount_minor: int) -> pl.DataFrame:
    """A target over the days of its period by last year's lunar-aligned sales: day, target_minor; exact.

    days : day, net_minor. Days without a partner in the table count as an average one; without any, all are equal.
    """
    table = timed(days, at="day", needs=["net_minor"], name="days").with_columns(pl.col("day").cast(pl.Date))
    net = dict(table.group_by("day").agg(pl.col("net_minor").sum()).iter_rows())
    span = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    known = [net.get(lunar_aligned(d)) for d in span]
    positive = [max(v, 0) for v in known if v is not None]
    usual = sum(positive) / len(positive) if sum(positive) else 1.0
    weight = pl.Series([usual if v is None or not sum(positive) else float(max(v, 0)) for v in known])
    parts = whole_parts((weight / weight.sum() * amount_minor).to_numpy(), amount_minor)
    return pl.DataFrame({"day": span, "target_minor": parts})


def by_month(rows: AnyFrame, days: AnyFrame, *, year: int, as_of: date) -> pl.DataFrame:
    """The company's target and sales of each month of a year: month, target_minor, actual_minor (null: ahead).

    A month counts against the version in force on its last day, later ones against that of the as-of day. The company
    is its own rows; a reader who sees none gets the sum of the stores.

    rows : contract `targets`; days : day, net_minor.
    """
    table = timed(days, at="day", needs=["net_minor"], name="days").with_columns(pl.col("day").cast(pl.Date))
    sold = dict(table.group_by(pl.col("day").dt.truncate("1mo")).agg(pl.col("net_minor").sum()).iter_rows())
    found = []
    for number in range(1, 13):
        month = date(year, number, 1)
        end = month.replace(day=monthrange(year, number)[1])
        try:
            held = targets.of_stores(targets.of_month(rows, month=month, on=min(end, as_of)))
        except ModelError as refused:
            if refused.code != "sales.no_target":
                raise
            continue
        whole = held.filter(pl.col("unit_id").is_null())["amount_minor"].sum()
        found.append((month, int(whole), sold.get(month, 0) if month <= as_of else None))
    return pl.DataFrame(found, schema=MONTHS, orient="row")


def changes(rows: AnyFrame, *, year: int) -> pl.DataFrame:
    """How the company's months were changed: valid_from, month, before_minor, after_minor, gap_minor, reason."""
    needs = ["level", "unit_id", "month", "measure", "year", "version", "amount_minor", "valid_from", "reason"]
    table = to_polars(rows, needs=needs, name="targets").filter(
        (pl.col("level").cast(pl.String) == "company") & (pl.col("year") == year), pl.col("month").is_not_null()
    )
    keys = ["month", "measure"]
    table = table.sort(*keys, "version").with_columns(before_minor=pl.col("amount_minor").shift().over(keys))
    later = table.drop_nulls("before_minor").with_columns(gap_minor=pl.col("amount_minor") - pl.col("before_minor"))
    shown = later.select(
        "valid_from", "month", "before_minor", pl.col("amount_minor").alias("after_minor"), "gap_minor", "reason"
    )
    return shown.filter(pl.col("gap_minor") != 0).sort("valid_from", "month")


def proposal(days: AnyFrame, *, year: int, total_minor: int, step_minor: int) -> pl.DataFrame:
    """A year's total split to region, store and month by last year's lunar-aligned sales, exact in steps.

    Parameters
    ----------
    days : region (null: unknown), store_id, day, net_minor.

    Returns
    -------
    region, store_id, month, amount_minor. Months whose partners are still to come have the shape of the year before;
    stores without sales in the last 90 days get none.
    """
    table = timed(days, at="day", needs=["region", "store_id", "net_minor"], name="days")
    table = table.with_columns(pl.col("day").cast(pl.Date), pl.col("region").fill_null(""))
    last: date = table["day"].max()  # type: ignore[assignment]
    live = table.filter(pl.col("day") > last - timedelta(days=90))["store_id"].unique()
    table = table.filter(pl.col("store_id").is_in(live.implode()))
    by = ["region", "store_id"]
    reach = date(year - 1, last.month, 1) if last.year >= year - 1 else last
    shape = targets.weights(table, year=year, by=by).filter(pl.col("month") < reach.replace(year=year))
    earlier = targets.weights(table, year=year - 1, by=by).with_columns(pl.col("month").dt.offset_by("1y"))
    rest = earlier.join(shape.select("month").unique(), on="month", how="anti")
    weights = pl.concat([shape, rest]).sort(*by, "month")
    whole = total_minor // step_minor * step_minor
    return targets.split(whole, weights, levels=[*by, "month"], step_minor=step_minor).drop("weight")
