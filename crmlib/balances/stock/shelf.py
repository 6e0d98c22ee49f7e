"""The shelf today: what each store has of each product, what will be asked of it, since when it lies, what it lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from crmlib.balances.stock import demand as demands
from crmlib.balances.stock import negative_binomial as nb
from crmlib.balances.stock import season, stockouts
from crmlib.balances.stock.days_of_cover import cover, excess
from crmlib.core.apportion import Floats, Ints
from crmlib.core.dates import a_day
from crmlib.core.frames import AnyFrame, to_polars

PAIR = ("store_id", "product_id")
LOST_DAYS = 28
"""Days of which lost sales are told."""
SEEN_DAYS = 180
"""Days from which empty shelves are inferred."""
LEVEL_DAYS = 365
"""Days from which levels are learnt; seasons are learnt from all."""
HORIZON = 120
"""Days ahead."""
AHEAD = 28
"""Days of the back-test."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """What lies and what will be asked of it.

    Parameters
    ----------
    items : one row per store and product: store_id, product_id, category, price_minor, cost_minor [of a unit],
        on_hand_milli, last_sold_on (null: never).
    sold : units a day, shape (items, days). first : the first of these days.
    demand : of the `HORIZON` days after the last.
    lost : expected units not sold for want of stock in the last `LOST_DAYS` days, shape (items,).
    p_out : probability that the shelf is empty today, shape (items,).
    """

    items: pl.DataFrame
    sold: Floats
    first: date
    demand: demands.Demand
    lost: Floats
    p_out: Floats

    @property
    def as_of(self) -> date:
        """The last day of sales."""
        return self.first + timedelta(days=self.sold.shape[1] - 1)


def shelf(
    daily: AnyFrame, on_hand: pl.DataFrame, products: AnyFrame, *, as_of: date, counts: AnyFrame | None = None
) -> Shelf:
    """Lay daily sales beside what is on hand; forecast, and infer empty shelves.

    Parameters
    ----------
    daily : store_id, product_id, day_n, quantity_milli, as `crmlib.panels.store_product_day`.
    on_hand : store_id, product_id, on_hand_milli at the close of `as_of`; only these pairs are looked at.
    products : product_id, category_1, category_2, list_minor, cost_minor.
    counts : the table of counts: a shelf counted empty is empty, one counted with stock is not.
    """
    day = a_day(as_of, name="as_of")
    known = to_polars(
        products, needs=["product_id", "category_1", "category_2", "list_minor", "cost_minor"], name="products",
        key="product_id",
    )  # fmt: skip
    named = known.select(
        "product_id",
        category=pl.coalesce("category_2", "category_1"),
        price_minor=pl.col("list_minor").fill_null(0),
        cost_minor=pl.col("cost_minor").fill_null(0),
    )
    rows = to_polars(daily, needs=[*PAIR, "day_n", "quantity_milli"], name="sales by day")
    rows = rows.filter(pl.col("day_n") <= (day - date(1970, 1, 1)).days)
    begin = int(rows["day_n"].min()) if rows.height else (day - date(1970, 1, 1)).days  # type: ignore[arg-type]
    days = (day - date(1970, 1, 1)).days - begin + 1
    sums = rows.join(named, on="product_id", how="left")
    items = on_hand.join(named, on="product_id", how="left", maintain_order="left").sort(PAIR)
    items = items.with_columns(pl.col("category").fill_null(""), pl.col("price_minor", "cost_minor").fill_null(0))
    lasts = rows.filter(pl.col("quantity_milli") > 0).group_by(PAIR).agg(last=pl.col("day_n").max())
    items = items.join(lasts, on=list(PAIR), how="left", maintain_order="left")
    items = items.with_columns(last_sold_on=pl.col("last").cast(pl.Date)).drop("last")
    names = items["category"].unique().sort()
    factors = _factors(sums, names, begin=begin, days=days)
    sold = _laid(rows, items, begin=begin, days=days)
    category = names.search_sorted(items["category"]).to_numpy().astype(np.int64)
    recent = sold[:, -LEVEL_DAYS:]
    later = factors[:, days - recent.shape[1] :]
    made = demands.forecast(recent, factors=later, category=category, horizon=HORIZON)
    p_out, lost = _empty(sold, factors, category, _counted(counts, items, begin=begin, days=days))
    return Shelf(items, sold, date(1970, 1, 1) + timedelta(days=begin), made, lost, p_out)


def position(made: Shelf, *, wanted_days: int, lead_days: int) -> pl.DataFrame:
    """Every store and product: how long it lasts, what it lost, what lies beyond the wanted days, in whole units.

    Parameters
    ----------
    wanted_days : cover wanted [days], on top of the lead time. lead_days : from order to delivery [days].

    Returns
    -------
    store_id, product_id, category, on_hand_milli, stock_minor (at cost), sold_milli (last 28 days), cover_days (null:
    beyond the horizon), p_out, lost_milli, lost_minor (margin), short_minor (expected margin lost before a delivery
    ordered today comes), order_milli (what to order today, whole units), excess_milli, excess_minor (at cost),
    last_sold_on, idle_days (since the last sale, null: never sold).
    """
    units = made.items["on_hand_milli"].to_numpy() / 1000
    lasts = cover(units, made.demand.mean)
    beyond = np.floor(excess(units, made.demand.mean, days=np.full(units.size, float(wanted_days + lead_days))) + 1e-9)
    soon = made.demand.mean[:, :lead_days].sum(axis=1)
    left = nb.left_over(np.maximum(soon, 1e-9), demands.spread_of(made.demand, lead_days), units)
    short = np.maximum(soon - (units - left), 0.0)
    target = made.demand.mean[:, : lead_days + wanted_days].sum(axis=1)
    order = np.where(units < soon, np.ceil(np.maximum(target - units, 0.0)), 0.0)
    recent = made.sold[:, -LOST_DAYS:].sum(axis=1)
    each = pl.col("cost_minor")
    return made.items.with_columns(
        stock_minor=(pl.col("on_hand_milli") * each / 1000).round().cast(pl.Int64),
        sold_milli=pl.Series(np.rint(recent * 1000).astype(np.int64)),
        cover_days=pl.Series(np.where(np.isfinite(lasts), lasts, np.nan)).fill_nan(None),
        p_out=pl.Series(made.p_out),
        lost_milli=pl.Series(np.rint(made.lost * 1000).astype(np.int64)),
        lost_minor=(pl.Series(made.lost) * (pl.col("price_minor") - each)).round().cast(pl.Int64),
        short_minor=(pl.Series(short) * (pl.col("price_minor") - each)).round().cast(pl.Int64),
        order_milli=pl.Series(np.rint(order * 1000).astype(np.int64)),
        excess_milli=pl.Series(np.rint(beyond * 1000).astype(np.int64)),
        excess_minor=(pl.Series(beyond) * each).round().cast(pl.Int64),
        idle_days=(pl.lit(made.as_of) - pl.col("last_sold_on")).dt.total_days(),
    )


def apart(rows: pl.DataFrame, ends: pl.DataFrame) -> pl.DataFrame:
    """`rows` of `position` whose excess leaves out what `ends.ends` expects to expire: no yuan is told twice."""
    left = ends.group_by(PAIR).agg(__left=pl.col("left_milli").sum())
    both = rows.join(left, on=list(PAIR), how="left", maintain_order="left")
    less = (pl.col("excess_milli") - pl.col("__left").fill_null(0)).clip(lower_bound=0) // 1000 * 1000
    both = both.with_columns(excess_milli=less)
    worth = (pl.col("excess_milli") * pl.col("cost_minor") / 1000).round().cast(pl.Int64)
    return both.with_columns(excess_minor=worth).drop("__left")


def held_share(made: Shelf, *, level: float = 0.95) -> float | None:
    """Share of stores and products that sold in the last 28 days no more than the `level` quantile of the forecast made
    before them; none with less than three times as many days.
    """  # noqa: D205
    days = made.sold.shape[1]
    if days < 3 * AHEAD or not made.items.height:
        return None
    names = made.items["category"].unique().sort()
    category = names.search_sorted(made.items["category"]).to_numpy().astype(np.int64)
    past = made.sold[:, :-AHEAD]
    recent = past[:, -LEVEL_DAYS:]
    factors = np.stack(
        [season.factors(past[category == c].sum(axis=0), first=made.first, horizon=AHEAD) for c in range(names.len())]
    )
    later = factors[:, past.shape[1] - recent.shape[1] :]
    then = demands.forecast(recent, factors=later, category=category, horizon=AHEAD)
    mean = then.mean.sum(axis=1)
    most = nb.quantile(mean, demands.spread_of(then, AHEAD), level)
    sells = mean > 0
    return float((made.sold[:, -AHEAD:].sum(axis=1) <= most)[sells].mean()) if sells.any() else None


def _factors(sums: pl.DataFrame, names: pl.Series, *, begin: int, days: int) -> Floats:
    """Season of each category, from all that the company sold of it, shape (categories, days + horizon)."""
    start = date(1970, 1, 1) + timedelta(days=begin)
    parts = []
    for name in names:
        mine = sums.filter(pl.col("category") == name)
        daily = np.bincount(mine["day_n"].to_numpy() - begin, weights=mine["quantity_milli"].to_numpy(), minlength=days)
        parts.append(season.factors(np.maximum(daily / 1000, 0.0), first=start, horizon=HORIZON))
    return np.stack(parts) if parts else np.ones((0, days + HORIZON))


def _laid(rows: pl.DataFrame, items: pl.DataFrame, *, begin: int, days: int) -> Floats:
    """Sales on the grid of items and days [units]; a day of more returns than sales sold nothing."""
    at = rows.join(items.select(PAIR).with_row_index("__item"), on=list(PAIR))
    grid = np.zeros((items.height, days))
    place = (at["__item"].to_numpy().astype(np.int64), at["day_n"].to_numpy() - begin)
    np.add.at(grid, place, at["quantity_milli"].to_numpy() / 1000)
    return np.maximum(grid, 0.0)


def _counted(counts: AnyFrame | None, items: pl.DataFrame, *, begin: int, days: int) -> Ints:
    """1 a count found the shelf empty, 0 it found stock, −1 nobody counted, shape (items, days)."""
    known = np.full((items.height, days), -1, dtype=np.int64)
    if counts is None:
        return known
    rows = to_polars(counts, needs=[*PAIR, "counted_on", "on_hand_milli"], name="stock")
    rows = rows.group_by(*PAIR, "counted_on").agg(pl.col("on_hand_milli").sum())
    day = pl.col("counted_on").cast(pl.Int32) - begin
    at = rows.with_columns(__day=day).filter(pl.col("__day").is_between(0, days - 1))
    at = at.join(items.select(PAIR).with_row_index("__item"), on=list(PAIR))
    place = (at["__item"].to_numpy().astype(np.int64), at["__day"].to_numpy())
    known[place] = (at["on_hand_milli"] == 0).to_numpy().astype(np.int64)
    return known


def _empty(sold: Floats, factors: Floats, category: Ints, counted: Ints) -> tuple[Floats, Floats]:
    """Probability that each shelf is empty today, and what empty shelves lost in the last days."""
    days = sold.shape[1]
    seen = min(days, SEEN_DAYS)
    p_out, lost = np.zeros(sold.shape[0]), np.zeros(sold.shape[0])
    for number in range(factors.shape[0]):
        mine = np.flatnonzero(category == number)
        pieces = np.ceil(sold[mine, -seen:]).astype(np.int64)
        if not pieces.any():
            continue
        found = stockouts.detect(pieces, season=factors[number, days - seen : days], counted=counted[mine, -seen:])
        p_out[mine] = found.p_out[:, -1]
        scale = sold[mine, -seen:].sum(axis=1) / np.maximum(pieces.sum(axis=1), 1)
        lost[mine] = found.lost[:, -LOST_DAYS:].sum(axis=1) * scale
    return p_out, lost
