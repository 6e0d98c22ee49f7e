"""A draft on its way: base, drafts, what-if grid, stock by store, clashes, holdout, from the tables of the lake."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.promotion.forecast import Response, drafts, forecast, learn, what_if
from crmlib.promotion.holdout import holdout_curve
from crmlib.promotion.lift import Lift
from crmlib.promotion.panel import Panel
from crmlib.promotion.sensitivity import store_weeks

BASE_WEEKS = 8
CATEGORY_WEEKS = 4
"""The largest category is sought in so few weeks, or a season that is over would win."""
DEPTHS_BP = (500, 1000, 1500, 2000, 2500, 3000)
LENGTHS = (7, 14, 21)


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be planned: category, mechanic, depth, first day, days; money that goes with it [minor units]."""

    category: str
    mechanic: str
    depth_bp: int
    first_day: date
    days: int
    display_minor: int = 0
    funding_minor: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """draft; stores : store_id, base_milli for its days, stock_milli at the service level; drafts, grid : `forecast`.

    asked : the forecast of the draft as asked, one row. holdout : `holdout_curve`. clashes : promotions of the
        category that
    meet it. response : what was learnt.
    """

    draft: Draft
    response: Response
    stores: pl.DataFrame
    asked: pl.DataFrame
    drafts: pl.DataFrame
    grid: pl.DataFrame
    holdout: pl.DataFrame
    clashes: pl.DataFrame


def past_events(events: AnyFrame) -> pl.DataFrame:
    """Events a forecast may learn from: judged by the model, with a base."""
    table = to_polars(
        events, needs=["promotion_id", "mechanic", "depth_bp", "lift", "base_milli", "status"], name="events"
    )
    good = table.filter((pl.col("status") == "ok") & (pl.col("base_milli") > 0))
    return good.select("mechanic", "depth_bp", "lift", "base_milli", event_id="promotion_id")


def plan(
    draft: Draft,
    lines: AnyFrame,
    *,
    events: AnyFrame,
    promotions: AnyFrame,
    products: AnyFrame,
    stores: AnyFrame,
    panel: Panel,
    lift: Lift,
    as_of: date,
    rng: np.random.Generator,
    service: float = 0.95,
) -> Plan:
    """Plan a draft.

    Parameters
    ----------
    lines : receipt lines up to `as_of`. events : `Review.events`. promotions : judged versions.
    panel, lift : of the review; their residual tells how store-weeks vary, for the holdout.

    Raises
    ------
    ModelError
        promotion.no_base: the category sold nothing lately; promotion.few_events.
    """
    response = learn(past_events(events))
    goods = to_polars(products, needs=["product_id", "category_2"], name="products")
    wares = goods.filter(pl.col("category_2") == draft.category)
    usual, per_day = _usual(lines, wares, draft, as_of=as_of)
    base = int(per_day["per_day"].sum() * draft.days)
    money = _money(usual, draft, lift)
    asked = {**money, "plan_id": "asked", "depth_bp": draft.depth_bp, "base_milli": base}
    mine = forecast(pl.DataFrame([asked]), response, service=service)
    each = _by_store(per_day, stores, days=draft.days, factor=mine["stock_milli"].item() / max(base, 1))
    return Plan(
        draft=draft,
        response=response,
        stores=each,
        asked=mine,
        drafts=drafts(asked, response=response),
        grid=_grid(money, draft, response, base=base, stores=per_day.height),
        holdout=holdout_curve(
            _selling(each),
            lift=max(float(mine["units_milli"].item() / max(base, 1) - 1), 0.01),
            phi=lift.carry.phi,
            tau=_swing(panel, lift, wares["product_id"], weeks=draft.days / 7),
            rng=rng,
        ),
        clashes=_clashes(promotions, draft),
    )


def _usual(lines: AnyFrame, wares: pl.DataFrame, draft: Draft, *, as_of: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Sales of the category on store-days without a promotion of it in the last weeks, and each store's daily mean."""
    needs = ["store_id", "product_id", "day", "quantity_milli", "list_minor", "cost_minor", "promotion_id"]
    table = to_polars(lines, needs=needs, name="lines").join(wares.select("product_id"), on="product_id", how="semi")
    recent = table.filter(pl.col("day") > as_of - timedelta(weeks=BASE_WEEKS), pl.col("quantity_milli") > 0)
    promoted = recent.filter(pl.col("promotion_id").is_not_null()).select("store_id", "day").unique()
    usual = recent.join(promoted, on=["store_id", "day"], how="anti")
    if usual.is_empty():
        raise ModelError(
            "promotion.no_base",
            given=f"category {draft.category}: no sales in the last {BASE_WEEKS} weeks",
            expected="a category that sells",
            mend="choose another category",
            values={"category": draft.category},
        )
    taken = promoted.group_by("store_id").agg(taken=pl.len())
    sums = usual.group_by("store_id").agg(sold=pl.col("quantity_milli").sum()).join(taken, on="store_id", how="left")
    days = (7 * BASE_WEEKS - pl.col("taken").fill_null(0)).clip(lower_bound=1)
    return usual, sums.select("store_id", per_day=pl.col("sold") / days).sort("store_id")


def _money(usual: pl.DataFrame, draft: Draft, lift: Lift) -> dict[str, object]:
    """What a unit costs and brings, and the money of the whole event."""
    return {
        "mechanic": draft.mechanic,
        "price_minor": _mean(usual, "list_minor"),
        "cost_minor": _mean(usual, "cost_minor"),
        "display_minor": draft.display_minor,
        "funding_minor": draft.funding_minor,
        "dip": _dip(lift),
    }


def _by_store(per_day: pl.DataFrame, stores: AnyFrame, *, days: int, factor: float) -> pl.DataFrame:
    """Base and stock of every store, the largest first."""
    shops = to_polars(stores, needs=["store_id", "city"], name="stores")
    known = shops.select(c for c in ("store_id", "city", "name") if c in shops.columns)
    base = per_day.with_columns(base_milli=(pl.col("per_day") * days).round().cast(pl.Int64)).join(known, on="store_id")
    stocked = base.with_columns(stock_milli=(pl.col("base_milli") * factor).ceil().cast(pl.Int64)).drop("per_day")
    return stocked.sort("stock_milli", "store_id", descending=[True, False])


def _grid(money: dict[str, object], draft: Draft, response: Response, *, base: int, stores: int) -> pl.DataFrame:
    """Depth × length around the draft, in the stores that sell the category."""
    return what_if(
        {**money, "base_per_store_day_milli": base // max(draft.days * stores, 1)},
        depths_bp=sorted({*DEPTHS_BP, draft.depth_bp}),
        days=sorted({*LENGTHS, draft.days}),
        stores=[stores],
        response=response,
    )


def _mean(usual: pl.DataFrame, column: str) -> int:
    """Minor units of a unit, from the lines that have the figure."""
    known = usual.filter(pl.col(column).is_not_null())
    return round(int(known[column].sum()) * 1000 / max(int(known["quantity_milli"].sum()), 1))


def _dip(lift: Lift) -> float:
    """Share of the extra units that past events took back afterwards; 0 to 0.9."""
    sums = dict(lift.parts.group_by("role").agg(pl.col("effect_milli").sum()).iter_rows())
    extra = sums.get("event", 0)
    return min(max(-(sums.get("dip", 0) + sums.get("waiting", 0)) / extra, 0.0), 0.9) if extra > 0 else 0.0


def _selling(each: pl.DataFrame) -> pl.DataFrame:
    """Stores that sell the category, with the units they are expected to sell."""
    return each.filter(pl.col("base_milli") > 0).select("store_id", "city", base_units=pl.col("base_milli") / 1000)


def _swing(panel: Panel, lift: Lift, wares: pl.Series, *, weeks: float) -> float:
    """How much a store's sales of the category swing over the event, beyond counting noise, as a share."""
    mine = np.flatnonzero(panel.products.is_in(wares.implode()).to_numpy())
    _, swing = store_weeks(panel.units[:, mine], lift.base[:, mine], lift.clean[:, mine])
    return float(swing / np.sqrt(max(weeks, 1.0)))


def _clashes(promotions: AnyFrame, draft: Draft) -> pl.DataFrame:
    """Promotions of the category that meet the draft's days."""
    table = to_polars(
        promotions, needs=["promotion_id", "category", "first_day", "last_day", "stores"], name="promotions"
    )
    last = draft.first_day + timedelta(days=draft.days - 1)
    met = table.filter(
        pl.col("category") == draft.category, pl.col("first_day") <= last, pl.col("last_day") >= draft.first_day
    )
    return met.with_columns(stores=pl.col("stores").list.len()).select(
        "promotion_id", "name", "mechanic", "depth_bp", "first_day", "last_day", "stores"
    )


def largest_category(lines: AnyFrame, products: AnyFrame, *, as_of: date) -> str:
    """The category that sold most, without a promotion, in the last weeks."""
    goods = to_polars(products, needs=["product_id", "category_2"], name="products")
    service = pl.col("is_service") if "is_service" in goods.columns else pl.lit(value=False)
    table = to_polars(lines, needs=["product_id", "day", "net_minor", "promotion_id"], name="lines")
    recent = table.filter(pl.col("day") > as_of - timedelta(weeks=CATEGORY_WEEKS), pl.col("promotion_id").is_null())
    sums = recent.join(goods.filter(~service), on="product_id").group_by("category_2").agg(pl.col("net_minor").sum())
    return str(sums.sort("net_minor", "category_2", descending=[True, False])["category_2"][0])
