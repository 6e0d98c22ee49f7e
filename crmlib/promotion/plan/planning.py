"""A draft on its way: base, drafts, what-if grid, stock by store, clashes, holdout, from the tables of the lake."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import polars as pl

from crmlib import panels
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.promotion.arrays import Floats
from crmlib.promotion.audit.sensitivity import store_weeks
from crmlib.promotion.lift.baseline import Season
from crmlib.promotion.lift.everywhere import Everywhere
from crmlib.promotion.lift.lift import Lift
from crmlib.promotion.lift.panel import Panel, positions
from crmlib.promotion.plan.base import PlanBase, plan_base, without_offers
from crmlib.promotion.plan.forecast import Response, drafts, forecast, learn, what_if
from crmlib.promotion.plan.holdout import holdout_curve

PRICE_WEEKS = 8
"""Weeks whose unpromoted sales tell the usual price and cost of a unit."""
CATEGORY_WEEKS = 4
"""The largest category is sought in so few weeks, or a season that is over would win."""
DEPTHS_BP = (500, 1000, 1500, 2000, 2500, 3000)
LENGTHS = (7, 14, 21)
PER_UNIT, PER_STORE = ("gift", "points", "funding"), ("display", "labour", "media", "other")
"""Lines of the ledger that grow with what is sold, and those that grow with stores and weeks."""


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
        category that meet it. response : what was learnt. season : the factor in the base. goods : product_id, kind
        (level, slot, out of season, none: no history), base_milli. costed : whether what such events usually cost is in
        the margin. on_hand : whether stock is
        connected: then stores has on_hand_milli and order_milli, what is still to be sent.
    """

    draft: Draft
    response: Response
    season: Season
    stores: pl.DataFrame
    asked: pl.DataFrame
    drafts: pl.DataFrame
    grid: pl.DataFrame
    holdout: pl.DataFrame
    clashes: pl.DataFrame
    goods: pl.DataFrame = field(default_factory=pl.DataFrame)
    costed: bool = False
    on_hand: bool = False


def past_events(events: AnyFrame) -> pl.DataFrame:
    """Events a forecast may learn from: judged by the model, or from depth and time, with a base."""
    table = to_polars(
        events, needs=["promotion_id", "mechanic", "depth_bp", "lift", "base_milli", "status"], name="events"
    )
    told = pl.col("status") == "ok"
    if "engine" in table.columns:
        told |= pl.col("engine") == "response"
    good = table.filter(told & (pl.col("base_milli") > 0) & pl.col("lift").is_not_null())
    made = [c for c in ("forecast_milli", "flat_milli") if c in good.columns]
    return good.select("mechanic", "depth_bp", "lift", "base_milli", *made, event_id="promotion_id")


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
    book: pl.DataFrame | None = None,
    depth: Everywhere | None = None,
    stock: AnyFrame | None = None,
    service: float = 0.95,
) -> Plan:
    """Plan a draft.

    Parameters
    ----------
    lines : receipt lines up to `as_of`, without bulk orders. events : `Review.events`. promotions : judged versions.
    panel, lift : of the review: the base is made from them, and how store-weeks vary, for the holdout.
    book : `Review.book`: what events of the mechanic usually cost, so that a plan counts what its review will count.
    depth : `Review.depth`: goods never without an offer are planned against their shallowest one.
    stock : store_id, product_id, counted_on, on_hand_milli, if connected.

    Raises
    ------
    ModelError
        promotion.no_base: the category never sold; promotion.out_of_season, promotion.no_slot: nothing to go by on the
        days asked for; promotion.few_events.
    """
    past = past_events(events)
    response = learn(past)
    goods = to_polars(products, needs=["product_id", "category_2"], name="products")
    wares = goods.filter(pl.col("category_2") == draft.category)
    usual = _usual(lines, wares, draft, as_of=as_of)
    kinds = to_polars(promotions, needs=["promotion_id", "mechanic", "depth_bp"], name="promotions").select(
        "mechanic", "depth_bp", event_id="promotion_id"
    )
    flat = without_offers(panel, lift, kinds.unique("event_id"), response)
    bases = _Bases(panel, flat, lift.carry.phi, draft)
    found = bases.over(wares["product_id"], draft.days)
    per_store, base = found.stores, int(found.stores["base_milli"].sum())
    rates = _rates(book, to_polars(events, name="events"), draft)
    costs = {"mechanic": draft.mechanic, "dip": _dip(lift), "base_depth_bp": _shallow(depth, panel, found)}
    size = {"days": draft.days, "stores": per_store.filter(pl.col("base_milli") > 0).height}
    asked = {
        **costs, **_prices(usual), **_money(draft, rates, **size), "plan_id": "asked", "depth_bp": draft.depth_bp,
        "base_milli": base,
    }  # fmt: skip
    mine = forecast(pl.DataFrame([asked]), response, service=service)
    need = _by_store(per_store, stores, factor=mine["stock_milli"].item() / max(base, 1))
    each = need if stock is None else _to_send(need, stock, wares)
    return Plan(
        draft=draft,
        response=response,
        season=found.season,
        goods=found.goods,
        costed=bool(rates),
        stores=each,
        asked=mine,
        drafts=drafts(asked, response=response),
        grid=what_if(
            costs,
            _scenarios(bases, usual, found, rates),
            depths_bp=sorted({*DEPTHS_BP, draft.depth_bp}),
            response=response,
        ),
        holdout=holdout_curve(
            _selling(each),
            lift=max(float(mine["units_milli"].item() / max(base, 1) - 1), 0.01),
            phi=lift.carry.phi,
            tau=_swing(panel, lift, wares["product_id"], weeks=draft.days / 7),
            rng=rng,
        ),
        clashes=_clashes(promotions, draft),
        on_hand=stock is not None,
    )


@dataclass(frozen=True, slots=True)
class _Bases:
    """Bases of any goods over any number of days from the first day of the draft."""

    panel: Panel
    flat: Floats
    noise: float
    draft: Draft

    def over(self, products: pl.Series, days: int) -> PlanBase:
        """Base by store and by product, and the season in it."""
        span = [self.draft.first_day + timedelta(days=i) for i in range(days)]
        return plan_base(
            self.panel, self.flat, products=products, days=span, until=self.panel.weeks - 1, noise=self.noise,
            name=self.draft.category,
        )  # fmt: skip


def _scenarios(bases: _Bases, usual: pl.DataFrame, found: PlanBase, rates: dict[str, float]) -> pl.DataFrame:
    """Lengths × goods (all of the category, its best half) × stores (all, the larger half), with base and price."""
    draft = bases.draft
    ranked = usual.group_by("product_id").agg(pl.col("quantity_milli").sum())
    ranked = ranked.sort("quantity_milli", "product_id", descending=[True, False])
    rows = []
    for count in sorted({ranked.height, -(-ranked.height // 2)}, reverse=True):
        chosen = ranked["product_id"].head(count)
        prices = _prices(usual.filter(pl.col("product_id").is_in(chosen.implode())))
        for days in sorted({*LENGTHS, draft.days}):
            try:
                per_store = bases.over(chosen, days).stores
            except ModelError:  # these goods, or these days, are out of season: no scenario
                continue
            sold = per_store.filter(pl.col("base_milli") > 0)["base_milli"].sort(descending=True)
            for stores in sorted({len(sold), -(-len(sold) // 2)}, reverse=True):
                size = {"days": days, "products": count, "stores": stores}
                money = _money(draft, rates, days=days, stores=stores)
                rows.append({**size, "base_milli": int(sold.head(stores).sum()), **prices, **money})
    if not rows:  # the goods with a price of their own are out of season on their own: the whole category stands
        base = found.stores.filter(pl.col("base_milli") > 0)
        size = {"days": draft.days, "products": found.goods.height, "stores": base.height}
        money = _money(draft, rates, days=draft.days, stores=base.height)
        rows.append({**size, "base_milli": int(base["base_milli"].sum()), **_prices(usual), **money})
    return pl.DataFrame(rows)


def _usual(lines: AnyFrame, wares: pl.DataFrame, draft: Draft, *, as_of: date) -> pl.DataFrame:
    """Sales of the category on store-days without a promotion of it in the last weeks; of all time out of season.

    Where it never sold without one: its lines with a list price.
    """
    table = panels.sales_cells(panels.part(lines, products=wares["product_id"]))
    sold = table.filter(pl.col("quantity_milli") > 0)
    promoted = sold.filter(pl.col("promotion_id").is_not_null()).select("store_id", "day").unique()
    plain = sold.join(promoted, on=["store_id", "day"], how="anti")
    listed = sold.filter(pl.col("list_minor").is_not_null())  # never without an offer: list prices still stand
    lately = pl.col("day") > as_of - timedelta(weeks=PRICE_WEEKS)
    usual = next((t for t in (plain.filter(lately), plain, listed.filter(lately), listed) if t.height), sold.clear())
    if usual.is_empty():
        raise ModelError("promotion.no_base", values={"category": draft.category})
    return usual


def _prices(usual: pl.DataFrame) -> dict[str, int]:
    """Usual price and cost of a unit."""
    return {"price_minor": _mean(usual, "list_minor"), "cost_minor": _mean(usual, "cost_minor")}


def _rates(book: pl.DataFrame | None, events: pl.DataFrame, draft: Draft) -> dict[str, float]:
    """What past events of the mechanic cost: by unit sold (gift, points, funding), by store-week (the rest).

    Of the same category where there are any. Nothing where no vouchers are connected.
    """
    if book is None or book.is_empty():
        return {}
    kin = events.filter(pl.col("mechanic") == draft.mechanic, pl.col("promotion_id").is_in(book["event_id"].implode()))
    same = kin.filter(pl.col("category") == draft.category) if "category" in kin.columns else kin.clear()
    used = same if same.height else kin
    weeks = ((pl.col("last_day") - pl.col("first_day")).dt.total_days() + 1) / 7
    size = used.select(
        units=pl.col("actual_milli").sum() / 1000, store_weeks=(pl.col("treated") * weeks).sum()
    ).row(0)  # fmt: skip
    paid = book.filter(
        pl.col("event_id").is_in(used["promotion_id"].implode()), pl.col("line").is_in(PER_UNIT + PER_STORE)
    )
    sums = {
        k: v for k, v in paid.drop_nulls("amount_minor").group_by("line").agg(pl.col("amount_minor").sum()).iter_rows()
    }
    if not sums or min(size) <= 0:
        return {}
    return {k: v / size[k in PER_STORE] for k, v in sums.items()}


def _money(draft: Draft, rates: dict[str, float], *, days: int, stores: int) -> dict[str, int | float]:
    """Costs of an event of this length and in so many stores; what the draft says itself comes first."""
    store_weeks = stores * days / 7
    money: dict[str, int | float] = {f"{k}_minor": round(-rates.get(k, 0.0) * store_weeks) for k in PER_STORE}
    money["given_minor"] = -sum(rates.get(k, 0.0) for k in PER_UNIT if k != "funding" or not draft.funding_minor)
    if draft.display_minor:
        money["display_minor"] = draft.display_minor
    return {**money, "funding_minor": draft.funding_minor}


def _shallow(depth: Everywhere | None, panel: Panel, found: PlanBase) -> int:
    """Depth of the shallowest offer that the base stands for, 0 where it is no offer."""
    if depth is None:
        return 0
    at = positions(found.goods["product_id"], panel.products)
    weight = found.goods["base_milli"].to_numpy().astype(np.float64)
    return round(float((depth.least_bp[at] * weight).sum() / max(weight.sum(), 1.0)))


def _by_store(per_store: pl.DataFrame, stores: AnyFrame, *, factor: float) -> pl.DataFrame:
    """Base and stock of every store that sells the goods, the largest first."""
    shops = to_polars(stores, needs=["store_id", "city"], name="stores")
    known = shops.select(c for c in ("store_id", "city", "name") if c in shops.columns)
    base = per_store.filter(pl.col("base_milli") > 0).join(known, on="store_id")
    stocked = base.with_columns(stock_milli=(pl.col("base_milli") * factor).ceil().cast(pl.Int64))
    return stocked.sort("stock_milli", "store_id", descending=[True, False])


def _to_send(need: pl.DataFrame, stock: AnyFrame, wares: pl.DataFrame) -> pl.DataFrame:
    """The latest count of the goods in every store, and what is still to be sent; null where it was never counted."""
    table = to_polars(stock, needs=["store_id", "product_id", "counted_on", "on_hand_milli"], name="stock")
    mine = table.join(wares.select("product_id"), on="product_id", how="semi")
    latest = mine.sort("counted_on").group_by("store_id", "product_id").agg(pl.col("on_hand_milli").last())
    sums = latest.group_by("store_id").agg(pl.col("on_hand_milli").sum())
    joined = need.join(sums, on="store_id", how="left", maintain_order="left")
    short = (pl.col("stock_milli") - pl.col("on_hand_milli")).clip(lower_bound=0)
    return joined.with_columns(order_milli=short).sort("order_milli", "store_id", descending=[True, False])


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
    """How much a store's sales of the category swing over the event, beyond counting noise, as a share.

    Told by untouched weeks; where there are none, by each store's part of what all stores sold in a week.
    """
    mine = np.flatnonzero(panel.products.is_in(wares.implode()).to_numpy())
    units, base, clean = panel.units[:, mine], lift.base[:, mine], lift.clean[:, mine]
    if not clean.any():
        clean = panel.known[:, mine]
        due, sold = ((np.nan_to_num(a) * clean).sum(axis=0) for a in (base, units))
        base = base * np.divide(sold, due, out=np.ones_like(due), where=due > 0)[None]
    _, swing = store_weeks(units, base, clean)
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
    """The category that sold most in the last weeks, without a promotion where anything did.

    Raises
    ------
    ModelError
        promotion.no_sales: nothing sold at all.
    """
    goods = to_polars(products, needs=["product_id", "category_2"], name="products")
    service = pl.col("is_service") if "is_service" in goods.columns else pl.lit(value=False)
    table = panels.product_day(lines).join(goods.filter(~service), on="product_id").drop_nulls("category_2")
    recent = table.filter(pl.col("day") > as_of - timedelta(weeks=CATEGORY_WEEKS))
    plain = recent.filter(pl.col("promotion_id").is_null())
    used = next((t for t in (plain, recent, table) if t.height), table)
    if used.is_empty():
        raise ModelError("promotion.no_sales", values={"count": table.height})
    sums = used.group_by("category_2").agg(pl.col("net_minor").sum())
    return str(sums.sort("net_minor", "category_2", descending=[True, False])["category_2"][0])


def markdowns(response: Response, *, mechanic: str = "rate") -> pl.DataFrame:
    """Demand at each depth that was seen, over demand at full price: depth_bp, multiplier (≥ 1)."""
    seen = [depth for depth in DEPTHS_BP if not response.extrapolates(mechanic, depth)]
    times = [max(float(np.exp(response.log_lift(mechanic, depth))), 1.0) for depth in seen]
    return pl.DataFrame(
        {"depth_bp": seen, "multiplier": times}, schema={"depth_bp": pl.Int64, "multiplier": pl.Float64}
    )
