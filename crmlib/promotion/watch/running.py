"""A promotion while it runs: its plan, what was sold so far, store by store, and what it does to its siblings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np
import polars as pl
from scipy.stats import poisson

from crmlib import panels
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.promotion.arrays import Floats
from crmlib.promotion.lift.calendar import week_number
from crmlib.promotion.lift.lift import Lift
from crmlib.promotion.lift.panel import Panel
from crmlib.promotion.plan.base import plan_base, without_offers
from crmlib.promotion.plan.forecast import Response
from crmlib.promotion.watch.execution import PRICED_BY_LINE, compliance, label_compliance
from crmlib.promotion.watch.watch import SIBLING_SLACK, alarms, track, weekday_weights

BASE_WEEKS = 8
COVERAGE = 0.8
BEHIND, CHANCE = 0.7, 0.1
"""A store is behind below this share of its own plan, if so little would be sold by chance less often than this."""
MIN_DUE = 10
"""Units that others must be due to sell before siblings are compared with them."""
Z_90 = 1.645


Against = Literal["stores", "goods", "before"]
Standing = Literal["unplanned", "behind", "on_plan", "ahead"]


@dataclass(frozen=True, slots=True)
class Siblings:
    """Goods of the category outside the event, in its stores: ratio to usual and `against`; whether surely low."""

    ratio: float | None
    against: Against
    sure: bool


@dataclass(frozen=True, slots=True)
class Running:
    """A promotion on one of its days.

    daily : `watch.track`. stores : store_id, status, at_plan, actual_milli, plan_milli, share, behind (below 70 % of
        its plan, and hardly by chance). alarms : `watch.alarms`.
    shelves : store_id, stock_milli, per_day_milli, empty (goods with none left); None where stock is not connected.
    margin_rate, plan_margin_rate : so far and as planned. sibling_ratio : siblings against their usual sales, taken
        against what the same goods did in stores without the offer (sibling_against: stores), else other goods in the
        same stores (goods), else nothing: then the season is in it (before). sibling_sure : whether they surely sell
        less than they would have.
    discount_minor : so far; projected_discount_minor : at the end. promotion : facts of the judged version.
    """

    promotion: dict[str, object]
    as_of: date
    daily: pl.DataFrame
    stores: pl.DataFrame
    alarms: pl.DataFrame
    shelves: pl.DataFrame | None
    margin_rate: float | None
    plan_margin_rate: float | None
    sibling_ratio: float | None
    discount_minor: int
    projected_discount_minor: int
    budget_minor: int | None
    sibling_against: Against = "before"
    sibling_sure: bool = False

    @property
    def over(self) -> bool:
        """Whether its last day is behind us: nothing can be done about it any more."""
        return bool(self.as_of >= self.daily["day"][-1])

    @property
    def planned(self) -> bool:
        """Whether there is a plan: goods without a season to go by have none."""
        return bool(self.daily["plan_milli"][-1] > 0)

    @property
    def standing(self) -> Standing:
        """Where it will end, or ended, against the band of its plan."""
        last = self.daily.row(-1, named=True)
        end = last["projected_milli"]
        if not self.planned:
            return "unplanned"
        return "behind" if end < last["low_milli"] else "ahead" if end > last["high_milli"] else "on_plan"


def pick(plans: pl.DataFrame, *, as_of: date, promotion_id: str | None) -> dict[str, object]:
    """The promotion asked for, else the one running on `as_of` that started last, else the last that started.

    Raises
    ------
    ModelError
        promotion.none_running: none has started; promotion.unknown_promotion.
    """
    started = plans.filter(pl.col("first_day") <= as_of).sort("first_day", "promotion_id")
    if promotion_id:
        started = started.filter(pl.col("promotion_id") == promotion_id)
    if started.is_empty():
        raise ModelError("promotion.none_running", values={"promotion_id": promotion_id or "", "as_of": as_of})
    live = started.filter(pl.col("last_day") >= as_of)
    return (live if live.height else started).row(-1, named=True)


def running(
    lines: AnyFrame,
    *,
    promotion: dict[str, object],
    products: AnyFrame,
    response: Response,
    panel: Panel,
    lift: Lift,
    as_of: date,
    promotions: AnyFrame | None = None,
    bulk: pl.Series | None = None,
    stock: AnyFrame | None = None,
) -> Running:
    """Follow one promotion.

    Parameters
    ----------
    lines : receipt lines up to `as_of`. promotion : a row of `calendar.frozen_versions`. response : from past events,
        judged before this one started. panel, lift : of the review, for the base of the plan.
    promotions : past ones with promotion_id, mechanic, depth_bp: what was sold under offers of goods with no other
        history is then taken back to what it would have been without.
    bulk : receipts that are bulk orders: plan and pace leave them out, the discount has them in.
    stock : store_id, product_id, counted_on, on_hand_milli, if connected.
    """
    event = _Event(promotion)
    goods = to_polars(products, needs=["product_id", "category_2"], name="products")
    until, since = min(event.last, as_of), event.first - timedelta(weeks=BASE_WEEKS)
    retail = lines if bulk is None else panels.part(lines, without=bulk)
    table = panels.sales_cells(panels.part(retail, start=since, end=until))
    mine = event.its(table)
    before, during = mine.filter(pl.col("day") < event.first), mine.filter(pl.col("day") >= event.first)
    booked = panels.sales_cells(event.sales(lines, end=until))
    points = panels.price_points(event.sales(retail, end=until))
    days = (event.last - event.first).days + 1
    seen = min((until - event.first).days + 1, days)
    kinds = pl.DataFrame(schema=_KINDS) if promotions is None else _kinds(promotions)
    flat = without_offers(panel, lift, kinds, response)
    per_store = _bases(event, panel, lift, flat, days=days)
    weights = weekday_weights(panels.day_sums(retail))
    daily = _track(during, weights, event, response, base=int(per_store["base_milli"].sum()), as_of=as_of)
    rate, planned = _margin_rate(during), _plan_margin(before, event.depth_bp)
    siblings = _siblings(table, goods, event, seen=seen, as_of=as_of)
    shelves = None if stock is None else _shelves(stock, during, event, seen=seen, as_of=as_of)
    off = pl.col("list_minor").fill_null(pl.col("net_minor")) - pl.col("net_minor")
    discount = int(booked.select(off.sum()).item())
    budget = promotion.get("budget_minor")
    return Running(
        promotion=promotion,
        as_of=as_of,
        daily=daily,
        stores=_stores(during, per_store, event, response, points=points, seen=seen / days),
        alarms=alarms(
            daily,
            as_of=as_of,
            stock=None if as_of >= event.last else shelves,
            margin_rate=rate,
            plan_margin_rate=planned,
            sibling_ratio=siblings.ratio if siblings.sure else None,
        ),
        shelves=shelves,
        margin_rate=rate,
        plan_margin_rate=planned,
        sibling_ratio=siblings.ratio,
        sibling_against=siblings.against,
        sibling_sure=siblings.sure,
        discount_minor=discount,
        projected_discount_minor=round(
            discount * daily["projected_milli"][-1] / max(during["quantity_milli"].sum(), 1)
        ),
        budget_minor=int(str(budget)) if budget is not None else None,
    )


_KINDS = {"event_id": pl.String(), "mechanic": pl.String(), "depth_bp": pl.Int64()}


def _kinds(promotions: AnyFrame) -> pl.DataFrame:
    table = to_polars(promotions, needs=["promotion_id", "mechanic", "depth_bp"], name="promotions")
    return table.select("mechanic", "depth_bp", event_id="promotion_id").unique("event_id")


def _bases(event: _Event, panel: Panel, lift: Lift, flat: Floats, *, days: int) -> pl.DataFrame:
    """Base of the event's goods in its stores, as it would have been forecast before its week of waiting."""
    until = min(week_number(event.first) - panel.first_week - 2, panel.weeks - 1)
    span = [event.first + timedelta(days=i) for i in range(days)]
    try:
        found = plan_base(
            panel, flat, products=pl.Series(event.products), days=span, until=until, noise=lift.carry.phi,
            name=event.promotion_id,
        ).stores  # fmt: skip
    except ModelError:  # goods without a season to go by: followed without a plan
        found = pl.DataFrame({"store_id": panel.stores, "base_milli": np.zeros(len(panel.stores), dtype=np.int64)})
    return found.filter(pl.col("store_id").is_in(event.stores))


def _track(
    during: pl.DataFrame, weights: tuple[float, ...], event: _Event, response: Response, *, base: int, as_of: date
) -> pl.DataFrame:
    """Plan, band and actual by day."""
    growth = np.exp(response.log_lift(event.mechanic, event.depth_bp))
    spread = np.exp(np.quantile(response.errors, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2]))
    return track(
        during.select("day", "quantity_milli"),
        plan_milli=round(base * growth),
        low_milli=round(base * growth * spread[0]),
        high_milli=round(base * growth * spread[1]),
        first_day=event.first,
        last_day=event.last,
        as_of=as_of,
        weights=weights,
    )


def _shelves(stock: AnyFrame, during: pl.DataFrame, event: _Event, *, seen: int, as_of: date) -> pl.DataFrame:
    """The last count by store: store_id, stock_milli, per_day_milli (sold so far), empty (goods with none left)."""
    table = to_polars(stock, needs=["store_id", "product_id", "counted_on", "on_hand_milli"], name="stock")
    counted = event.its(table).filter(pl.col("counted_on").is_between(event.first, as_of)).sort("counted_on")
    latest = counted.group_by("store_id", "product_id").agg(pl.col("on_hand_milli").last())
    sums = latest.group_by("store_id").agg(
        stock_milli=pl.col("on_hand_milli").sum(), empty=(pl.col("on_hand_milli") <= 0).sum()
    )
    sold = during.group_by("store_id").agg(per_day_milli=(pl.col("quantity_milli").sum() / seen).round().cast(pl.Int64))
    joined = sums.join(sold, on="store_id", how="left").with_columns(pl.col("per_day_milli").fill_null(0))
    return joined.sort("store_id").select("store_id", "stock_milli", "per_day_milli", "empty")


class _Event:
    """Typed view of a row of promotions."""

    __slots__ = ("depth_bp", "first", "last", "mechanic", "products", "promotion_id", "stores")

    def __init__(self, row: dict[str, object]) -> None:
        first, last, stores, products = row["first_day"], row["last_day"], row["stores"], row["products"]
        assert isinstance(first, date)
        assert isinstance(last, date)
        assert isinstance(stores, list)
        assert isinstance(products, list)
        self.first, self.last, self.stores, self.products = first, last, stores, products
        self.promotion_id, self.mechanic = str(row["promotion_id"]), str(row["mechanic"])
        self.depth_bp = int(str(row["depth_bp"] or 0))

    def sales(self, lines: AnyFrame, *, end: date) -> panels.ReceiptLines:
        """Lines of the event's goods in its stores and days, up to `end`."""
        stores, products = (pl.Series(ids, dtype=pl.String) for ids in (self.stores, self.products))
        return panels.part(lines, start=self.first, end=end, stores=stores, products=products)

    def its(self, table: pl.DataFrame) -> pl.DataFrame:
        """Rows of the event's goods in its stores."""
        return table.filter(pl.col("product_id").is_in(self.products), pl.col("store_id").is_in(self.stores))


def _margin_rate(sold: pl.DataFrame) -> float | None:
    """Margin over sales of what has a cost; None without any."""
    costed = sold.filter(pl.col("cost_minor").is_not_null())
    net = int(costed["net_minor"].sum())
    return None if net <= 0 else 1 - int(costed["cost_minor"].sum()) / net


def _plan_margin(before: pl.DataFrame, depth_bp: int) -> float | None:
    """Margin rate the plan implies: the usual price less the discount, at the usual cost."""
    usual = before.filter(pl.col("promotion_id").is_null(), pl.col("quantity_milli") > 0)
    rate = _margin_rate(usual)
    return None if rate is None else 1 - (1 - rate) / (1 - depth_bp / 10_000)


def _siblings(table: pl.DataFrame, goods: pl.DataFrame, event: _Event, *, seen: int, as_of: date) -> Siblings:
    """Sales of the other goods of the category in the event's stores, less what moves everybody.

    Their ratio to the daily mean of the weeks before holds the season; it is divided by the same ratio of the same
    goods in other stores, else of other goods in the same stores. Low is sure where the upper end of the 90 % interval
    (counting noise) is below 1 and the ratio below the alarm.
    """
    own = goods.filter(pl.col("product_id").is_in(event.products))["category_2"].unique().implode()
    kin = pl.col("category_2").is_in(own)
    here = pl.col("store_id").is_in(event.stores)
    sold = table.join(goods.select("product_id", "category_2"), on="product_id")
    sold = sold.filter(~pl.col("product_id").is_in(event.products))
    start = event.first - timedelta(weeks=BASE_WEEKS)
    before = pl.col("day").is_between(start, event.first - timedelta(days=1))
    during = pl.col("day").is_between(event.first, min(event.last, as_of))
    counts = {
        name: sold.filter(rows).select(now=_units(during), usual=_units(before)).row(0)
        for name, rows in {"mine": kin & here, "stores": kin & ~here, "goods": ~kin & here}.items()
    }
    scale = seen / (7 * BASE_WEEKS)
    now, usual = counts["mine"]
    if usual <= 0:
        return Siblings(None, "before", sure=False)
    choices: tuple[Against, ...] = ("stores", "goods")
    known = [k for k in choices if counts[k][1] * scale >= MIN_DUE and counts[k][0] > 0]
    against: Against = known[0] if known else "before"
    beside = (1.0, 1.0) if against == "before" else (counts[against][0], counts[against][1] * scale)
    ratio = now / (usual * scale) * beside[1] / beside[0]
    noise = 1 / max(now, 1) + 1 / usual + (0 if against == "before" else 1 / beside[0] + scale / beside[1])
    high = max(ratio, 1e-9) * float(np.exp(Z_90 * np.sqrt(noise)))
    return Siblings(ratio, against, sure=against != "before" and high < 1 and ratio < 1 - SIBLING_SLACK)


def _units(rows: pl.Expr) -> pl.Expr:
    """Units of the rows that hold, 0 without any."""
    return pl.when(rows).then(pl.col("quantity_milli")).otherwise(0).sum() / 1000


def _stores(
    during: pl.DataFrame,
    per_store: pl.DataFrame,
    event: _Event,
    response: Response,
    *,
    points: pl.DataFrame,
    seen: float,
) -> pl.DataFrame:
    """Each store against its own plan so far, and whether it carried the offer out; seen : share of the days."""
    if event.mechanic in PRICED_BY_LINE:
        done = compliance(points, depth_bp=event.depth_bp, stores=event.stores)
    else:
        done = label_compliance(points, promotion_id=event.promotion_id, stores=event.stores)
    growth = float(np.exp(response.log_lift(event.mechanic, event.depth_bp)))
    sold = during.group_by("store_id").agg(actual_milli=pl.col("quantity_milli").sum())
    due = per_store.select("store_id", plan_milli=(pl.col("base_milli") * seen * growth).round().cast(pl.Int64))
    joined = done.join(sold, on="store_id", how="left").join(due, on="store_id", how="left")
    joined = joined.with_columns(pl.col("actual_milli", "plan_milli").fill_null(0))
    share = pl.when(pl.col("plan_milli") > 0).then(pl.col("actual_milli") / pl.col("plan_milli"))
    joined = joined.with_columns(share=share).sort("store_id")
    sold_milli, due_milli = (joined[c].to_numpy() for c in ("actual_milli", "plan_milli"))
    chance = poisson.cdf(np.maximum(sold_milli, 0) // 1000, due_milli / 1000)
    return joined.with_columns(
        behind=pl.Series((due_milli > 0) & (sold_milli < BEHIND * due_milli) & (chance < CHANCE))
    )
