"""The books of a channel of several levels: months of every partner, what people bought in the end, who is overstocked.

Goods that a distributor sells to its own terminals stay in the channel: consumption is what leaves it. A month of which
a distributor or one of its terminals reports too little is no month of that distributor's network.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crmlib.cases import channel
from crmlib.core.frames import AnyFrame, timed, to_polars

KEYS = ("partner_id", "product_id", "month")
COUNT_WINDOW = 7
"""A count within so many days before a month's end is its closing."""


def months(moves: AnyFrame, counts: AnyFrame, partners: AnyFrame, *, as_of: date) -> pl.DataFrame:
    """The months of every partner and product, as `channel.roll` wants them; nothing unknown is made zero.

    Parameters
    ----------
    moves : partner_id, product_id, day, kind (sell_in, sell_out, return_up, return_down, adjust, gift), quantity_milli,
        to_partner (the partner below it; null: others).
    counts : partner_id, product_id, on_day, on_hand_milli.
    partners : partner_id, parent_id (null: supplied by the house).

    Returns
    -------
    partner_id, product_id, month (first day), opening_milli, sell_in_milli, sell_out_milli, returned_milli,
    counted_milli, closing_milli. What the house sends it knows; what a terminal gets is known if its distributor
    reported sales of that month; sales are known where the partner reported any of that month.
    """
    log = timed(
        moves, at="day", needs=("partner_id", "product_id", "kind", "quantity_milli", "to_partner"), name="moves"
    )
    log = log.with_columns(pl.col("kind").cast(pl.String), month=pl.col("day").dt.truncate("1mo"))
    tree = to_polars(partners, needs=("parent_id",), name="partners", key="partner_id").select(
        "partner_id", "parent_id"
    )
    closing = _closings(counts, as_of=as_of)
    base = _grid(log, closing)
    told = log.filter(pl.col("kind") == "sell_out").select("partner_id", "month").unique()
    sums = log.group_by(KEYS).agg(
        _sum("sell_in").alias("own_in"), _sum("sell_out").alias("out"),
        (_sum("return_up") - _sum("return_down") + _sum("gift")).alias("returned_milli"),
        _sum("adjust").alias("counted_milli"),
    )  # fmt: skip
    got = log.filter(pl.col("kind") == "sell_out", pl.col("to_partner").is_not_null()).group_by(
        pl.col("to_partner").alias("partner_id"), "product_id", "month"
    ).agg(got=pl.col("quantity_milli").sum())  # fmt: skip
    reported, supplied = told.with_columns(told=pl.lit(value=True)), told.rename({"partner_id": "parent_id"})
    rows = (
        base.join(tree, on="partner_id", how="left")
        .join(sums, on=list(KEYS), how="left")
        .join(got, on=list(KEYS), how="left")
        .join(reported, on=["partner_id", "month"], how="left")
        .join(supplied.with_columns(sent=pl.lit(value=True)), on=["parent_id", "month"], how="left")
        .join(closing.rename({"on_hand_milli": "closing_milli"}), on=list(KEYS), how="left")
        .join(
            closing.select(
                "partner_id", "product_id", pl.col("month").dt.offset_by("1mo"), opening_milli="on_hand_milli"
            ),
            on=list(KEYS), how="left",
        )
    )  # fmt: skip
    zero = pl.lit(0, dtype=pl.Int64)
    below = pl.col("parent_id").is_not_null()
    return rows.select(
        *KEYS, "opening_milli",
        sell_in_milli=pl.when(~below).then(pl.coalesce("own_in", zero)).when("sent").then(pl.coalesce("got", zero)),
        sell_out_milli=pl.when("told").then(pl.coalesce("out", zero)),
        returned_milli=pl.coalesce("returned_milli", zero), counted_milli=pl.coalesce("counted_milli", zero),
        closing_milli="closing_milli",
    ).sort(KEYS)  # fmt: skip


def _sum(kind: str) -> pl.Expr:
    return pl.col("quantity_milli").filter(pl.col("kind") == kind).sum()


def _closings(counts: AnyFrame, *, as_of: date) -> pl.DataFrame:
    """The last count of a month, if it lies near the month's end (or near `as_of`)."""
    rows = timed(counts, at="on_day", needs=("partner_id", "product_id", "on_hand_milli"), name="partner_stock")
    rows = rows.drop_nulls(["on_day", "on_hand_milli"]).with_columns(month=pl.col("on_day").dt.truncate("1mo"))
    end = pl.min_horizontal(pl.col("month").dt.month_end(), pl.lit(as_of))
    near = rows.filter(end - pl.col("on_day") < timedelta(days=COUNT_WINDOW))
    return near.sort("on_day").group_by(KEYS, maintain_order=True).agg(pl.col("on_hand_milli").last())


def _grid(log: pl.DataFrame, closing: pl.DataFrame) -> pl.DataFrame:
    """Every month from a partner's first count or move of a product to the last month of all."""
    seen = pl.concat([log.select(KEYS), closing.select(KEYS)])
    if seen.is_empty():
        return seen
    first, last = log["month"].min(), seen["month"].max()
    assert first is None or isinstance(first, date)
    assert isinstance(last, date)
    spans = seen.group_by("partner_id", "product_id").agg(pl.col("month").min())
    spans = spans.with_columns(pl.max_horizontal("month", pl.lit(first)))
    return spans.with_columns(month=pl.date_ranges("month", pl.lit(last), "1mo")).explode("month").sort(KEYS)


def outer(rolled: pl.DataFrame, partners: AnyFrame) -> pl.DataFrame:
    """The network of each partner that the house supplies, in and out of it; from `channel.roll` of `months`.

    Returns
    -------
    partner_id, product_id, month, sell_in_milli (from the house), sell_out_milli (to people and to shops that are no
    partners), closing_milli (of all levels), unknown (the partner's own month or one of its terminals' is).
    """
    tree = to_polars(partners, needs=("parent_id",), name="partners", key="partner_id").select(
        "partner_id", "parent_id"
    )
    rows = rolled.join(tree, on="partner_id", how="left").with_columns(top=pl.coalesce("parent_id", "partner_id"))
    inner = pl.col("parent_id").is_not_null()
    return (
        rows.group_by(pl.col("top").alias("partner_id"), "product_id", "month")
        .agg(
            sell_in_milli=pl.col("sell_in_milli").filter(~inner).sum(),
            sell_out_milli=pl.col("sell_out_milli").sum() - pl.col("sell_in_milli").filter(inner).sum(),
            closing_milli=pl.col("closing_milli").sum(),
            unknown=pl.col("unknown").any(),
        )
        .sort(KEYS)
    )


def growth(network: pl.DataFrame, *, before: tuple[date, date], after: tuple[date, date]) -> channel.Growth:
    """Sell-in against consumption, of the partners, products and months known in both spans; from `outer`.

    before, after : first months of the spans, both ends included, equally many months.
    """
    known = network.filter(~pl.col("unknown"))
    parts = [
        known.filter(pl.col("month").is_between(*span)).with_columns(
            at=(pl.col("month").dt.year() - span[0].year) * 12 + pl.col("month").dt.month() - span[0].month
        )
        for span in (before, after)
    ]
    keys = ["partner_id", "product_id", "at"]
    both = [part.join(other.select(keys), on=keys, how="semi") for part, other in (parts, parts[::-1])]
    return channel.growth(pl.concat(both), before=before, after=after)


def breaks(rolled: pl.DataFrame, *, since: date) -> pl.DataFrame:
    """Books that do not close since a month, largest first; derived months have no difference.

    Returns
    -------
    partner_id, residual_milli (signed), missing_milli (Σ |residual|), sell_in_milli, share (missing over what came in).
    """
    rows = rolled.filter(pl.col("month") >= since, ~pl.col("unknown"))
    return (
        rows.group_by("partner_id")
        .agg(
            pl.col("residual_milli").sum(),
            missing_milli=pl.col("residual_milli").abs().sum(),
            sell_in_milli=pl.col("sell_in_milli").sum(),
        )
        .filter(pl.col("missing_milli") > 0)
        .with_columns(
            share=pl.when(pl.col("sell_in_milli") > 0).then(pl.col("missing_milli") / pl.col("sell_in_milli"))
        )
        .sort("missing_milli", "partner_id", descending=[True, False])
    )


def overstocked(cover: pl.DataFrame, prices: AnyFrame, *, days: int) -> pl.DataFrame:
    """Stock above `days` of sales by partner, from `channel.cover`.

    Parameters
    ----------
    prices : product_id, price_minor (of one piece).

    Returns
    -------
    partner_id, on_hand_milli, a_day_milli, cover_days (of all products together), excess_minor (what lies above `days`
    of each product at its price; goods that nobody buys count whole); most first.
    """
    worth = to_polars(prices, needs=("price_minor",), name="prices", key="product_id").select(
        "product_id", "price_minor"
    )
    usual = pl.col("a_day_milli").fill_null(0)
    above = (pl.col("on_hand_milli") - usual * days).clip(lower_bound=0)
    rows = cover.join(worth, on="product_id", how="left").with_columns(
        excess_minor=(above * pl.col("price_minor").fill_null(0) / 1000).round(0).cast(pl.Int64)
    )
    return (
        rows.group_by("partner_id")
        .agg(pl.col("on_hand_milli", "excess_minor").sum(), a_day_milli=usual.sum())
        .with_columns(
            cover_days=pl.when(pl.col("a_day_milli") > 0).then(pl.col("on_hand_milli") / pl.col("a_day_milli"))
        )
        .sort("excess_minor", "partner_id", descending=[True, False])
    )


def year_before(as_of: date) -> date:
    """First month of the twelve that end with the month of `as_of`.

    Examples
    --------
    >>> year_before(date(2026, 10, 31))
    datetime.date(2025, 11, 1)
    """
    return date(as_of.year - 1 + as_of.month // 12, as_of.month % 12 + 1, 1)


def spans(rolled: pl.DataFrame, *, as_of: date) -> tuple[tuple[date, date], tuple[date, date]] | None:
    """Months to compare, first and last of each: those of a year ago, and the same up to the last whole month.

    Twelve months where both years are known, else as many as are; none without any.
    """
    if rolled.is_empty():
        return None
    last = as_of.replace(day=1)
    if (as_of + timedelta(days=1)).month == as_of.month:  # the month is not over
        last = (last - timedelta(days=1)).replace(day=1)
    first = rolled["month"].min()
    assert isinstance(first, date)
    back = (last.year - first.year) * 12 + last.month - first.month - 11
    if back < 1:
        return None
    n = min(back, 12)
    starts = [_shift(last, -(n - 1)), _shift(last, -(n - 1) - 12)]
    return (starts[1], _shift(last, -12)), (starts[0], last)


def _shift(month: date, by: int) -> date:
    number = month.year * 12 + month.month - 1 + by
    return date(number // 12, number % 12 + 1, 1)


RECENT = 3
"""Months by which it is judged who reports."""


def recent(rolled: pl.DataFrame, partners: AnyFrame, *, as_of: date) -> pl.DataFrame:
    """The last months of the partners that the house supplies, as `channel.reporting` wants them."""
    top = _supplied(partners)
    return rolled.filter(pl.col("month") > _shift(as_of.replace(day=1), -RECENT)).join(top, on="partner_id", how="semi")


def silent(rolled: pl.DataFrame, counts: AnyFrame, partners: AnyFrame, *, as_of: date) -> pl.DataFrame:
    """Partners that report too little in the last months: partner_id, last_on (last count), sell_in_milli of a year."""
    late = recent(rolled, partners, as_of=as_of).filter("unknown").select("partner_id").unique()
    told = to_polars(counts, needs=("partner_id", "on_day"), name="partner_stock")
    year = (
        rolled.filter(pl.col("month") >= year_before(as_of)).group_by("partner_id").agg(pl.col("sell_in_milli").sum())
    )
    return (
        late.join(told.group_by("partner_id").agg(last_on=pl.col("on_day").max()), on="partner_id", how="left")
        .join(year, on="partner_id", how="left")
        .sort("sell_in_milli", "partner_id", descending=[True, False], nulls_last=True)
    )


def _supplied(partners: AnyFrame) -> pl.DataFrame:
    tree = to_polars(partners, needs=("parent_id",), name="partners", key="partner_id")
    return tree.filter(pl.col("parent_id").is_null()).select("partner_id")


def by_month(network: pl.DataFrame) -> pl.DataFrame:
    """Shipped in and sold to people by month: month, sell_in_milli, sell_out_milli; of networks known in every month.

    A network that was silent in one month is left out of all, so that the lines compare like with like.
    """
    gaps = network.filter("unknown").select("partner_id").unique()
    rows = network.join(gaps, on="partner_id", how="anti")
    return rows.group_by("month").agg(pl.col("sell_in_milli", "sell_out_milli").sum()).sort("month")
