"""What a period's trade was made of: net sales, receipts, the value of a receipt, lines, cards, margin.

The value of a receipt and the number of receipts split the gap of two periods without a rest (`core.divisia`):
w·ln(n1/n0) + w·ln(t1/t0), w = L(v1, v0).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from crmlib.core import divisia
from crmlib.core.calendar import lunar_aligned
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, timed, to_polars
from crmlib.sales import causes
from crmlib.sales.causes import Traffic
from crmlib.sales.comparisons import COMPARISONS, partners

NOW = "now"
SUMS = ("receipts", "lines", "net_minor", "cost_minor", "uncosted_minor", "member_net_minor")
WEEK = 7


def compared(days: AnyFrame, *, first: date, last: date) -> pl.DataFrame:
    """The trade of a period and of the periods it is compared with, one row each.

    Parameters
    ----------
    days : store_id, day and `SUMS`, one row per store and day.

    Returns
    -------
    comparison (now, last_period, same_dates, same_slot), store_days, stores, receipts, net_minor, ticket_minor (net ÷
    receipts), lines_each, card_share (null where no day has a sale on a card: a till that reads none), margin_minor and
    margin_rate of lines with a cost (null without one), uncosted_share of net. Periods that begin before the first day
    of the table are left out.
    """
    table = timed(days, at="day", needs=["store_id", *SUMS], name="days").with_columns(pl.col("day").cast(pl.Date))
    begins: date | None = table["day"].min()  # type: ignore[assignment]
    asked = {NOW: partners(first, last, "same_dates")["day"]}
    asked |= {name: partners(first, last, name)["partner"].drop_nulls() for name in COMPARISONS}
    rows = []
    for name, wanted in asked.items():
        if name != NOW and (begins is None or wanted.min() < begins):  # type: ignore[operator]
            continue
        part = on_days(table, wanted)
        stores = part.filter(pl.col("receipts") > 0)["store_id"].n_unique()
        sums = part.select(pl.col(*SUMS).sum())
        rows.append(sums.with_columns(comparison=pl.lit(name), stores=stores, store_days=part.height))
    costed = pl.col("net_minor") - pl.col("uncosted_minor")
    margin = pl.when(costed != 0).then(costed - pl.col("cost_minor"))
    each = pl.when(pl.col("receipts") > 0)
    net = pl.when(pl.col("net_minor") > 0)
    carded = net if (table["member_net_minor"] != 0).any() else pl.when(pl.lit(value=False))
    return pl.concat(rows).select(
        "comparison", "stores", "store_days", "receipts", "net_minor",
        ticket_minor=each.then(pl.col("net_minor") / pl.col("receipts")).round().cast(pl.Int64),
        lines_each=each.then(pl.col("lines") / pl.col("receipts")),
        card_share=carded.then(pl.col("member_net_minor") / pl.col("net_minor")),
        margin_minor=margin, uncosted_share=net.then(pl.col("uncosted_minor") / pl.col("net_minor")),
        margin_rate=pl.when(costed > 0).then(margin / costed),
    )  # fmt: skip


def on_days(table: pl.DataFrame, days: Sequence[date] | pl.Series) -> pl.DataFrame:
    """Rows of `table` (day, …) on each of `days`, as often as it stands there."""
    return pl.DataFrame({"day": days}, schema={"day": pl.Date}).join(table, on="day", maintain_order="left")


def traffic(table: pl.DataFrame, days: Sequence[date] | pl.Series) -> Traffic:
    """What stood behind the sales of `days`: stores, store-days, receipts; rows of a store and day with receipts."""
    part = on_days(table.filter(pl.col("receipts") > 0), days)
    return Traffic(part["store_id"].n_unique(), part.height, int(part["receipts"].sum()))


def by_ticket(net: tuple[int, int], receipts: tuple[int, int]) -> dict[str, int]:
    """The gap in net sales (before, after) by number of receipts and by their value: receipts, ticket; exact.

    Raises
    ------
    ModelError
        sales.no_traffic: no receipts or no sales in one of the periods.

    Examples
    --------
    >>> by_ticket((10_000, 12_100), (100, 110))
    {'receipts': 1050, 'ticket': 1050}
    """
    if min(*net, *receipts) <= 0:
        raise ModelError(
            "sales.no_traffic", values={"before": str((net[0], receipts[0])), "after": str((net[1], receipts[1]))}
        )
    weight = float(divisia.log_mean(np.array([float(net[1])]), np.array([float(net[0])]))[0])
    more = receipts[1] / receipts[0]
    return divisia.finer(net[1] - net[0], {"receipts": more, "ticket": net[1] / net[0] / more}, weight=weight)


def margin_split(before: AnyFrame, after: AnyFrame) -> pl.DataFrame:
    """The gap in margin of lines with a cost by class of units and cause: unit, cause, gap_minor; exact.

    Parameters
    ----------
    before, after : product_id, unit, quantity_milli, net_minor, cost_minor, uncosted_minor (net of lines without cost).

    Returns
    -------
    Rows as of `causes.margin_split` for goods with a cost on every line, and one of cause ``partly`` per class: goods
    of which only some lines have one; how much of them was sold at that cost is not known.

    Raises
    ------
    ModelError
        sales.no_cost: no good has a cost on every line of both periods.
    """
    needs = ["product_id", "unit", "net_minor", "cost_minor", "uncosted_minor"]
    tables = [to_polars(t, needs=needs, name="sales") for t in (before, after)]
    without = pl.concat([t.filter(pl.col("uncosted_minor") != 0).select("product_id") for t in tables]).unique()
    kept = [t.join(without, on="product_id", how="anti", maintain_order="left") for t in tables]
    known = pl.col("net_minor") - pl.col("uncosted_minor")
    if any(t.is_empty() or t.select(known.sum()).item() <= 0 for t in kept):
        raise ModelError("sales.no_cost", values={"rows": without.height, "all": pl.concat(tables).height})
    margin = pl.col("net_minor") - pl.col("uncosted_minor") - pl.col("cost_minor")
    parts = [
        t.join(without, on="product_id", how="semi").select("unit", gap_minor=sign * margin)
        for t, sign in zip(tables, (-1, 1), strict=True)
    ]
    rest = pl.concat(parts).group_by("unit").agg(pl.col("gap_minor").sum()).sort("unit")
    rest = rest.select("unit", pl.lit("partly").alias("cause"), "gap_minor")
    return pl.concat([causes.margin_split(*kept), rest])


def course(days: AnyFrame, *, as_of: date, length: int = WEEK, periods: int = 52) -> pl.DataFrame:
    """Sales of the periods that end with `as_of`, and of the same slots a year before: ends, net_minor, then_minor.

    Parameters
    ----------
    days : day, net_minor, one row per day or finer.
    length : days of a period.

    Returns
    -------
    One row per whole period from the first day of the table on; then_minor is null where last year's days are not
    whole.
    """
    table = timed(days, at="day", needs=["net_minor"], name="days").with_columns(pl.col("day").cast(pl.Date))
    net = dict(table.group_by("day").agg(pl.col("net_minor").sum()).iter_rows())
    begins = min(net, default=as_of)
    rows = []
    for back in reversed(range(periods)):
        wanted = [as_of - timedelta(days=back * length + n) for n in range(length)]
        if wanted[-1] < begins:
            continue
        then = [lunar_aligned(d) for d in wanted]
        known = min(then) >= begins
        rows.append(
            (wanted[0], sum(net.get(d, 0) for d in wanted), sum(net.get(d, 0) for d in then) if known else None)
        )
    return pl.DataFrame(rows, schema={"ends": pl.Date, "net_minor": pl.Int64, "then_minor": pl.Int64}, orient="row")


def weeks(days: AnyFrame, *, as_of: date, length: int = WEEK) -> pl.DataFrame:
    """Sales of each store in the periods of `length` days that end with `as_of`, the first, incomplete one left out.

    Returns
    -------
    store_id, week (its last day), net_minor, days (with sales).
    """
    table = timed(days, at="day", needs=["store_id", "net_minor"], name="days").with_columns(
        pl.col("day").cast(pl.Date)
    )
    table = table.filter(pl.col("day") <= as_of)
    begins = table["day"].min()
    back = (pl.lit(as_of) - pl.col("day")).dt.total_days() // length * length
    found = table.with_columns(week=pl.lit(as_of) - pl.duration(days=back))
    found = found.group_by("store_id", "week").agg(pl.col("net_minor").sum(), days=pl.col("day").n_unique())
    whole = pl.col("week") - pl.duration(days=length - 1) >= pl.lit(begins, dtype=pl.Date)
    return found.filter(whole).sort("store_id", "week")
