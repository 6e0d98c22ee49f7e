"""A promotion while it runs: its plan, what was sold so far, store by store, and what it does to its siblings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.promotion.execution import PRICED_BY_LINE, compliance, label_compliance
from crmlib.promotion.forecast import Response
from crmlib.promotion.watch import alarms, track, weekday_weights

BASE_WEEKS = 8
COVERAGE = 0.8


@dataclass(frozen=True, slots=True)
class Running:
    """A promotion on one of its days.

    daily : `watch.track`. stores : store_id, status, at_plan, actual_milli, plan_milli, share. alarms : `watch.alarms`.
    margin_rate, plan_margin_rate : so far and as planned. sibling_ratio : siblings against their usual sales.
    discount_minor : so far; projected_discount_minor : at the end. promotion : facts of the judged version.
    """

    promotion: dict[str, object]
    as_of: date
    daily: pl.DataFrame
    stores: pl.DataFrame
    alarms: pl.DataFrame
    margin_rate: float | None
    plan_margin_rate: float | None
    sibling_ratio: float | None
    discount_minor: int
    projected_discount_minor: int
    budget_minor: int | None


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
        raise ModelError(
            "promotion.none_running",
            given=f"promotion {promotion_id or '(any)'} on {as_of}",
            expected="a promotion that has started by that day",
            mend="choose another day or promotion",
            values={"promotion_id": promotion_id or "", "as_of": as_of},
        )
    live = started.filter(pl.col("last_day") >= as_of)
    return (live if live.height else started).row(-1, named=True)


def running(
    lines: AnyFrame, *, promotion: dict[str, object], products: AnyFrame, response: Response, as_of: date
) -> Running:
    """Follow one promotion.

    Parameters
    ----------
    lines : receipt lines up to `as_of`. promotion : a row of `calendar.frozen_versions`. response : from past events,
        judged before this one started.
    """
    event = _Event(promotion)
    table = to_polars(lines, needs=["store_id", "product_id", "day", "quantity_milli", "net_minor"], name="lines")
    goods = to_polars(products, needs=["product_id", "category_2"], name="products")
    mine = table.filter(pl.col("product_id").is_in(event.products), pl.col("store_id").is_in(event.stores))
    before = mine.filter(
        pl.col("day").is_between(event.first - timedelta(weeks=BASE_WEEKS), event.first - timedelta(days=1))
    )
    during = mine.filter(pl.col("day").is_between(event.first, min(event.last, as_of)))
    days = (event.last - event.first).days + 1
    base = before["quantity_milli"].sum() / (7 * BASE_WEEKS) * days
    growth = np.exp(response.log_lift(event.mechanic, event.depth_bp))
    spread = np.exp(np.quantile(response.errors, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2]))
    daily = track(
        during.select("day", "quantity_milli"),
        plan_milli=round(base * growth),
        low_milli=round(base * growth * spread[0]),
        high_milli=round(base * growth * spread[1]),
        first_day=event.first,
        last_day=event.last,
        as_of=as_of,
        weights=weekday_weights(table.select("day", "quantity_milli")),
    )
    seen = min((min(event.last, as_of) - event.first).days + 1, days)
    rate, planned = _margin_rate(during), _plan_margin(before, event.depth_bp)
    siblings = _sibling_ratio(table, goods, event, seen=seen, as_of=as_of)
    discount = int((during["list_minor"].fill_null(0) - during["net_minor"]).sum()) if during.height else 0
    budget = promotion.get("budget_minor")
    return Running(
        promotion=promotion,
        as_of=as_of,
        daily=daily,
        stores=_stores(during, before, event, growth=float(growth), seen=seen),
        alarms=alarms(daily, as_of=as_of, margin_rate=rate, plan_margin_rate=planned, sibling_ratio=siblings),
        margin_rate=rate,
        plan_margin_rate=planned,
        sibling_ratio=siblings,
        discount_minor=discount,
        projected_discount_minor=round(
            discount * daily["projected_milli"][-1] / max(during["quantity_milli"].sum(), 1)
        ),
        budget_minor=int(str(budget)) if budget is not None else None,
    )


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


def _margin_rate(lines: pl.DataFrame) -> float | None:
    """Margin over sales of the lines with a cost; None without any."""
    costed = lines.filter(pl.col("cost_minor").is_not_null())
    net = int(costed["net_minor"].sum())
    return None if net <= 0 else 1 - int(costed["cost_minor"].sum()) / net


def _plan_margin(before: pl.DataFrame, depth_bp: int) -> float | None:
    """Margin rate the plan implies: the usual price less the discount, at the usual cost."""
    usual = before.filter(pl.col("promotion_id").is_null(), pl.col("quantity_milli") > 0)
    rate = _margin_rate(usual)
    return None if rate is None else 1 - (1 - rate) / (1 - depth_bp / 10_000)


def _sibling_ratio(table: pl.DataFrame, goods: pl.DataFrame, event: _Event, *, seen: int, as_of: date) -> float | None:
    """Sales of the other goods of the category in the same stores, against their daily mean before."""
    own = goods.filter(pl.col("product_id").is_in(event.products))["category_2"].unique()
    mates = goods.filter(pl.col("category_2").is_in(own.implode()), ~pl.col("product_id").is_in(event.products))
    theirs = table.join(mates.select("product_id"), on="product_id", how="semi").filter(
        pl.col("store_id").is_in(event.stores)
    )
    start = event.first - timedelta(weeks=BASE_WEEKS)
    usual = theirs.filter(pl.col("day").is_between(start, event.first - timedelta(days=1)))["quantity_milli"].sum()
    now = theirs.filter(pl.col("day").is_between(event.first, min(event.last, as_of)))["quantity_milli"].sum()
    due = int(usual) / (7 * BASE_WEEKS) * seen
    return int(now) / due if due > 0 else None


def _stores(during: pl.DataFrame, before: pl.DataFrame, event: _Event, *, growth: float, seen: int) -> pl.DataFrame:
    """Each store against its own plan so far, and whether it carried the offer out."""
    if event.mechanic in PRICED_BY_LINE:
        done = compliance(during, depth_bp=event.depth_bp, stores=event.stores)
    else:
        done = label_compliance(during, promotion_id=event.promotion_id, stores=event.stores)
    sold = during.group_by("store_id").agg(actual_milli=pl.col("quantity_milli").sum())
    usual = before.group_by("store_id").agg(base=pl.col("quantity_milli").sum() / (7 * BASE_WEEKS))
    joined = (
        done.join(sold, on="store_id", how="left")
        .join(usual, on="store_id", how="left")
        .with_columns(
            pl.col("actual_milli").fill_null(0),
            plan_milli=(pl.col("base").fill_null(0.0) * seen * growth).round().cast(pl.Int64),
        )
    )
    share = pl.when(pl.col("plan_milli") > 0).then(pl.col("actual_milli") / pl.col("plan_milli"))
    return joined.drop("base").with_columns(share=share).sort("store_id")
