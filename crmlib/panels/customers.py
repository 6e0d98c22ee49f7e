"""One row per customer, or per customer and day.

A purchase day is a (customer, day) with at least one line of quantity > 0; its value is net of that day's returns.
A day of returns only is no purchase, but counts in net totals. Lines without a customer are left out.
"""

from __future__ import annotations

from datetime import date

import narwhals as nw
import polars as pl

from crmlib.core.dates import day_number
from crmlib.core.errors import ParameterError
from crmlib.core.frames import AnyFrame, wrap
from crmlib.panels import from_cells
from crmlib.panels.engine import Lines, lines_of, reduced
from crmlib.panels.handle import opened

_DAY_NEEDS = ("customer_id", "day_n", "quantity_milli", "net_minor")
_PERIOD_NEEDS = (*_DAY_NEEDS, "receipt_id", "cost_minor")

CUSTOMER_DAY = {
    "customer_id": pl.String,
    "day_n": pl.Int32,
    "is_purchase": pl.Boolean,
    "quantity_milli": pl.Int64,
    "net_minor": pl.Int64,
}
CUSTOMER_SUMMARY = {
    "customer_id": pl.String,
    "first_day_n": pl.Int32,
    "last_day_n": pl.Int32,
    "purchase_days": pl.Int32,
    "net_minor": pl.Int64,
    "spend_minor": pl.Int64,
    "first_spend_minor": pl.Int64,
}
CUSTOMER_SPAN = {
    "customer_id": pl.String,
    "seen_day_n": pl.Int32,
    "first_day_n": pl.Int32,
    "last_day_n": pl.Int32,
}
CUSTOMER_PERIOD = {
    "customer_id": pl.String,
    "first_day_n": pl.Int32,
    "last_day_n": pl.Int32,
    "purchase_days": pl.Int32,
    "paid_days": pl.Int32,
    "receipts": pl.Int32,
    "lines": pl.Int64,
    "quantity_milli": pl.Int64,
    "net_minor": pl.Int64,
    "cost_minor": pl.Int64,
    "margin_minor": pl.Int64,
    "returned_minor": pl.Int64,
    "uncosted_lines": pl.Int64,
}

# A day and its value share one integer, so that "the value on the first day" is a plain minimum on every engine.
_VALUE_SPAN = 1 << 40  # a customer's value of one day stays within ±5.5e11 minor units


def customer_day(lines: AnyFrame, *, period_end: date | None = None) -> pl.DataFrame:
    """Lines reduced to one row per customer and day, up to and including `period_end`.

    Parameters
    ----------
    lines : receipt lines; needs customer_id, day_n, quantity_milli, net_minor.

    Returns
    -------
    customer_id, day_n [days since 1970], is_purchase, quantity_milli, net_minor [minor units]; sorted by both keys.
    """
    return reduced(_days(lines, end=period_end), schema=CUSTOMER_DAY, sort=("customer_id", "day_n"))


def customer_summary(lines: AnyFrame, *, period_end: date) -> pl.DataFrame:
    """Each customer's first and last purchase day, number of purchase days and sums, up to and including `period_end`.

    Parameters
    ----------
    lines : receipt lines, or the stored reduction of `customer_day` (recognised by its column `is_purchase`).
    period_end : last day included; lines after it are left out.

    Returns
    -------
    customer_id; first_day_n, last_day_n [days since 1970; null where nothing was ever bought]; purchase_days;
    net_minor (all days); spend_minor (purchase days only); first_spend_minor (the first purchase day).

    Examples
    --------
    >>> lines = pl.DataFrame({"customer_id": ["a", "a", "a"], "day_n": [10, 10, 12],
    ...     "quantity_milli": [1000, -1000, -1000], "net_minor": [500, -200, -100]})
    >>> customer_summary(lines, period_end=date(1970, 2, 1)).row(0)
    ('a', 10, 10, 1, 200, 300, 300)
    """
    bought = nw.col("is_purchase")
    first = nw.when(bought).then(nw.col("day_n").cast(nw.Int64) * _VALUE_SPAN + nw.col("net_minor") + _VALUE_SPAN // 2)
    by_customer = (
        _days(lines, end=period_end)
        .with_columns(
            bought_on=nw.when(bought).then(nw.col("day_n")),
            bought_for=nw.when(bought).then(nw.col("net_minor")).otherwise(0),
            first=first,
            purchase=nw.when(bought).then(1).otherwise(0),
        )
        .group_by("customer_id")
        .agg(
            first_day_n=nw.col("bought_on").min(),
            last_day_n=nw.col("bought_on").max(),
            purchase_days=nw.col("purchase").sum(),
            net_minor=nw.col("net_minor").sum(),
            spend_minor=nw.col("bought_for").sum(),
            first=nw.col("first").min(),
        )
        .with_columns(first_spend_minor=nw.col("first") % _VALUE_SPAN - _VALUE_SPAN // 2)
    )
    return reduced(by_customer, schema=CUSTOMER_SUMMARY, sort=("customer_id",))


def customer_span(lines: AnyFrame, *, period_end: date) -> pl.DataFrame:
    """When each customer was first seen, and first and last bought, up to and including `period_end`.

    Parameters
    ----------
    lines : receipt lines; needs customer_id, day_n, quantity_milli.

    Returns
    -------
    customer_id; seen_day_n, the first day with any line; first_day_n, last_day_n, of purchases (null where nothing was
    ever bought) [days since 1970].
    """
    days = from_cells.sold_days(lines)
    if days is None:
        needs = ("customer_id", "day_n", "quantity_milli")
        days = _carded(lines_of(lines, needs=needs, name="receipt_lines"), start=None, end=None)
        days = days.with_columns(sold_n=nw.when(nw.col("quantity_milli") > 0).then(nw.col("day_n")))
    ends = (
        _to(days, end=period_end)
        .group_by("customer_id")
        .agg(seen_day_n=nw.col("day_n").min(), first_day_n=nw.col("sold_n").min(), last_day_n=nw.col("sold_n").max())
    )
    return reduced(ends, schema=CUSTOMER_SPAN, sort=("customer_id",))


def customer_period(lines: AnyFrame, *, start: date, end: date) -> pl.DataFrame:
    """What each customer bought from `start` to `end`, both days included.

    Parameters
    ----------
    lines : receipt lines; needs customer_id, receipt_id, day_n, quantity_milli, net_minor, cost_minor.

    Returns
    -------
    customer_id; first_day_n, last_day_n; purchase_days; paid_days (purchase days with value > 0); receipts; lines;
    quantity_milli; net_minor; cost_minor (of the lines that have one); margin_minor (null where any line lacks its
    cost); returned_minor (≤ 0); uncosted_lines.

    Raises
    ------
    ParameterError
        `panels.empty_period` if `end` lies before `start`.
    """
    if day_number(end) < day_number(start):
        raise ParameterError("panels.empty_period", values={"start": str(start), "end": str(end)})
    first, last = day_number(start), day_number(end)
    stored = from_cells.period_days(lines, first, last, lambda apart: _period_days(apart, start=start, end=end))
    by_day = _period_days(lines, start=start, end=end) if stored is None else stored
    bought = nw.col("sale") == 1
    by_customer = (
        by_day.with_columns(
            bought_on=nw.when(bought).then(nw.col("day_n")),
            paid=nw.when(bought & (nw.col("net_minor") > 0)).then(1).otherwise(0),
        )
        .group_by("customer_id")
        .agg(
            *(
                nw.col(name).sum()
                for name in ("receipts", "lines", "quantity_milli", "net_minor", "cost_minor", "returned_minor")
            ),
            nw.col("uncosted_lines").sum(),
            first_day_n=nw.col("bought_on").min(),
            last_day_n=nw.col("bought_on").max(),
            purchase_days=nw.col("sale").sum(),
            paid_days=nw.col("paid").sum(),
        )
        .with_columns(
            margin_minor=nw.when(nw.col("uncosted_lines") == 0).then(nw.col("net_minor") - nw.col("cost_minor"))
        )
    )
    return reduced(by_customer, schema=CUSTOMER_PERIOD, sort=("customer_id",))


def _period_days(lines: AnyFrame, *, start: date, end: date) -> Lines:
    """What each customer bought on each day, with returns and lines without a cost apart."""
    is_sale = nw.col("quantity_milli") > 0
    return (
        _carded(lines_of(lines, needs=_PERIOD_NEEDS, name="receipt_lines"), start=start, end=end)
        .with_columns(
            sale=nw.when(is_sale).then(1).otherwise(0),
            returned=nw.when(nw.col("quantity_milli") < 0).then(nw.col("net_minor")).otherwise(0),
            uncosted=nw.when(nw.col("cost_minor").is_null()).then(1).otherwise(0),
        )
        .group_by("customer_id", "day_n")
        .agg(
            sale=nw.col("sale").max(),
            receipts=nw.col("receipt_id").n_unique(),
            lines=nw.len(),
            quantity_milli=nw.col("quantity_milli").sum(),
            net_minor=nw.col("net_minor").sum(),
            cost_minor=nw.col("cost_minor").sum(),
            returned_minor=nw.col("returned").sum(),
            uncosted_lines=nw.col("uncosted").sum(),
        )
    )


def _days(lines: AnyFrame, *, end: date | None) -> Lines:
    """Lines as customer-days, lazily; a frame that already is one passes through."""
    stored = from_cells.customer_days(lines)
    if stored is not None:
        return _to(stored, end=end).with_columns(is_purchase=nw.col("most") > 0)
    if "is_purchase" in wrap(opened(lines), name="receipt_lines").collect_schema().names():
        frame = lines_of(lines, needs=("customer_id", "day_n", "net_minor"), name="customer_day")
        return frame if end is None else frame.filter(nw.col("day_n") <= day_number(end))
    return (
        _carded(lines_of(lines, needs=_DAY_NEEDS, name="receipt_lines"), start=None, end=end)
        .group_by("customer_id", "day_n")
        .agg(
            most=nw.col("quantity_milli").max(),
            quantity_milli=nw.col("quantity_milli").sum(),
            net_minor=nw.col("net_minor").sum(),
        )
        .with_columns(is_purchase=nw.col("most") > 0)
    )


def _to(frame: Lines, *, end: date | None) -> Lines:
    return frame if end is None else frame.filter(nw.col("day_n") <= day_number(end))


def _carded(frame: Lines, *, start: date | None, end: date | None) -> Lines:
    kept = frame.filter(~nw.col("customer_id").is_null())
    if start is not None:
        kept = kept.filter(nw.col("day_n") >= day_number(start))
    return kept if end is None else kept.filter(nw.col("day_n") <= day_number(end))
