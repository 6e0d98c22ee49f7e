"""A whole review: every ended promotion judged, priced and compared, from the tables of the lake."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import polars as pl

from crmlib import panels
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.promotion.audit.agreement import agreement
from crmlib.promotion.audit.sensitivity import sensitivity
from crmlib.promotion.books.ledger import COSTS, ledger, returns
from crmlib.promotion.books.slots import partners
from crmlib.promotion.lift.baseline import past_bases, untreated
from crmlib.promotion.lift.calendar import MONDAY, event_cells, festival_weeks, frozen_versions, in_full
from crmlib.promotion.lift.everywhere import Everywhere, everywhere
from crmlib.promotion.lift.footprint import Treated, treated
from crmlib.promotion.lift.lift import MIN_CLEAN_WEEKS, MIN_CONTROLS, Lift, lift
from crmlib.promotion.lift.panel import KEY, Panel, panel

DIP_WEEKS, GIFT_DIP_WEEKS = 2, 4
"""Weeks customers live on what they bought: gift boxes last longer."""
AUDITED = 6
HABIT = 1 / 3
"""With more promotions than this share without an untreated store, they are judged from depth and time."""
_FACTS = (
    *("promotion_id", "name", "mechanic", "category", "slot", "depth_bp", "budget_minor", "objective"),
    *("first_day", "last_day", "stores", "products", "edited"),
)


@dataclass(frozen=True, slots=True)
class Review:
    """events : one row per promotion that had ended, newest last; columns of its facts, lift, money and checks.

    status : ok (judged by the model), r7 (no untreated store) or r8 (too little clean history), then from depth and
        time (engine response: weaker evidence; against: none, or least where goods are never without an offer) or by
        the audit engine alone where it could; lift, lower, upper, net in thousandths of a unit; margin in minor units.
        net_margin_low_minor, net_margin_high_minor : the margin where the net units are at the ends of their interval,
        or the event's as another engine has them, whichever is further out: what the sign of the margin stands on.
    lift : its base is filled from `depth` where it could not be imputed. depth : where more than a third of the
        promotions have no untreated store, else None.
    """

    events: pl.DataFrame
    panel: Panel
    lift: Lift
    engines: pl.DataFrame
    tipping: pl.DataFrame
    book: pl.DataFrame
    partners: pl.DataFrame
    depth: Everywhere | None = None


def whole_weeks(first: date, last: date) -> tuple[date, date]:
    """First Monday and last Sunday within a period.

    Examples
    --------
    >>> [str(d) for d in whole_weeks(date(2026, 1, 1), date(2026, 2, 3))]
    ['2026-01-05', '2026-02-01']
    """
    return first + timedelta(days=-first.weekday() % 7), last - timedelta(days=(last.weekday() + 1) % 7)


def review(
    grid: AnyFrame,
    money: pl.DataFrame,
    *,
    promotions: AnyFrame,
    products: AnyFrame,
    stores: AnyFrame,
    rng: np.random.Generator,
    stock: AnyFrame | None = None,
    rounds: int = 4,
) -> Review:
    """Judge every promotion that ended within the weeks of the grid.

    Parameters
    ----------
    grid : `panels.store_product_week` without bulk orders. money : `economics` of all lines. promotions, products,
        stores : tables of the lake.
    stock : store_id, product_id, counted_on, on_hand_milli, if connected: weeks of empty shelves are neither learnt
        from nor counted.

    Raises
    ------
    ModelError
        promotion.none_judged: too few stores for any promotion to be compared.
    """
    plans = frozen_versions(promotions)
    goods = _goods(products)
    cells = _grid(grid, goods, stock)
    first_day, last_start = cells.select(a=pl.col("week_start").min(), b=pl.col("week_start").max()).row(0)
    last_day = last_start + timedelta(days=6)
    events = event_cells(plans, panel=cells, last_day=last_day)
    shops = to_polars(stores, needs=["store_id", "city"], name="stores")
    whole = panel(cells.drop("week_start"), stores=shops, products=goods)
    feasts = festival_weeks(first_day, last_day)
    found = lift(whole, events, rng=rng, festival_weeks=feasts, rounds=rounds)
    rows = treated(events, panel=whole)
    weak = _by_depth(whole, rows, plans, found, feasts=feasts)
    if not (found.events["status"] == "ok").any() and (weak is None or weak.events.is_empty()):
        raise _none_judged(found, stores=len(whole.stores))
    unit = money.select("event_id", unit_minor=pl.col("price_minor") - pl.col("cost_minor"))
    engines = agreement(
        whole, rows, clean=found.clean, parts=found.parts, value_minor=unit, audited=AUDITED,
        depth=None if weak is None else weak.events,
    )  # fmt: skip
    tipping = sensitivity(whole, rows, base=found.base, clean=found.clean, parts=found.parts)
    priced = pl.concat([found.parts, _as_parts(engines)])
    book = ledger(priced.join(money.select("event_id"), on="event_id", how="semi"), money)
    named = in_full(plans, stores=shops["store_id"], products=goods["product_id"])
    facts = named.select([c for c in _FACTS if c in named.columns])
    filled = found if weak is None else replace(found, base=np.where(np.isfinite(found.base), found.base, weak.base))
    draft = Review(pl.DataFrame(), whole, filled, engines, tipping, book, partners(plans), weak)
    return replace(
        draft,
        events=_events(facts, draft, money).join(
            _forecasts(whole, filled, rows), on="promotion_id", how="left", maintain_order="left"
        ),
    )


def _by_depth(
    whole: Panel, rows: Treated, plans: pl.DataFrame, found: Lift, *, feasts: frozenset[int]
) -> Everywhere | None:
    """Judge from depth and time where offers run in all stores as a habit; None where few promotions do."""
    alone = found.events.filter(pl.col("status") != "ok")
    if alone.height <= HABIT * found.events.height:
        return None
    kinds = plans.select("mechanic", "depth_bp", event_id="promotion_id")
    weak = everywhere(whole, rows, kinds, festival_weeks=feasts, phi=found.carry.phi, coverage=found.coverage)
    return replace(weak, events=weak.events.join(alone, on="event_id", how="semi", maintain_order="left"))


def _as_parts(engines: pl.DataFrame) -> pl.DataFrame:
    """Events judged from depth against no offer, as parts of the ledger: what they did besides is not known."""
    mine = engines.filter((pl.col("engine") == "response") & (pl.col("against") == "none"))
    base, effect = pl.col("depth_base_milli"), pl.col("depth_effect_milli")
    event = mine.select(
        "event_id", role=pl.lit("event"), actual_milli=base + effect, base_milli=base, effect_milli=effect,
        lower_milli="depth_lower_milli", upper_milli="depth_upper_milli",
    )  # fmt: skip
    return pl.concat([event, event.with_columns(role=pl.lit("net"))])


def _none_judged(found: Lift, *, stores: int) -> ModelError:
    count = found.events.height
    return ModelError(
        "promotion.none_judged",
        values={"count": count, "stores": stores, "controls": MIN_CONTROLS, "weeks": MIN_CLEAN_WEEKS},
    )


def _forecasts(panel: Panel, found: Lift, rows: Treated) -> pl.DataFrame:
    """Base of every event as it would have been forecast before it: promotion_id, forecast_milli, flat_milli."""
    flat = untreated(panel.units, found.base, found.clean)
    columns = {
        name: past_bases(panel, flat, rows, noise=found.carry.phi, seasonal=seasonal)
        for name, seasonal in (("forecast_milli", True), ("flat_milli", False))
    }
    milli = {name: pl.Series(np.rint(1000 * base)).fill_nan(None).cast(pl.Int64) for name, (base, _) in columns.items()}
    return pl.DataFrame({"promotion_id": rows.ids, **milli})


def economics(lines: AnyFrame, *, costs: AnyFrame | None = None, bulk: pl.Series | None = None) -> pl.DataFrame:
    """Prices and costs of a unit, and the booked discount, of every promotion, from its own lines.

    Lines without cost are left out of the unit cost (their number is in `uncosted`), never taken as 0. Prices, costs
    and units are those of lines outside bulk orders; the discount is that of all, `bulk_discount_minor` that of bulk.

    Parameters
    ----------
    lines : receipt lines, bulk orders among them.
    costs : promotion_costs, if connected: promotion_id, kind (gift, points, display, labour, funding), amount_minor.
    bulk : receipts that are bulk orders (`bulk.bulk_receipts`): their discount is booked apart.
    """
    sums = panels.promotion_money(lines, bulk=bulk)

    def per_unit(column: str, milli: str) -> pl.Expr:
        return (pl.col(column) * 1000 / pl.col(milli)).round().cast(pl.Int64, strict=False)

    money = sums.select(
        event_id="promotion_id",
        price_minor=per_unit("usual_list_minor", "usual_milli"),
        paid_minor=per_unit("usual_net_minor", "usual_milli"),
        cost_minor=per_unit("costed_minor", "costed_milli"),
        discount_minor="discount_minor",
        bulk_discount_minor="bulk_discount_minor",
        promoted_milli="usual_milli",
        net_minor="net_minor",
        uncosted="uncosted",
    )
    money = money.filter(pl.col("cost_minor").is_not_null()).sort("event_id")
    if costs is None:
        return money
    paid = to_polars(costs, needs=["promotion_id", "kind", "amount_minor"], name="promotion_costs")
    wide = paid.group_by("promotion_id", "kind").agg(pl.col("amount_minor").sum())
    wide = wide.with_columns(kind=pl.format("{}_minor", "kind"))
    wide = wide.pivot(on="kind", index="promotion_id", values="amount_minor", sort_columns=True)  # the same bytes
    joined = money.join(wide.rename({"promotion_id": "event_id"}), on="event_id", how="left", maintain_order="left")
    vouchers = {c: pl.col(c) if c in joined.columns else pl.lit(None, dtype=pl.Int64) for c in COSTS}
    return joined.with_columns(**{c: v.fill_null(0) for c, v in vouchers.items()})  # connected: no voucher is no cost


def _goods(products: AnyFrame) -> pl.DataFrame:
    table = to_polars(products, needs=["product_id", "category_2"], name="products")
    service = pl.col("is_service") if "is_service" in table.columns else pl.lit(value=False)
    gift = pl.col("is_gift") if "is_gift" in table.columns else pl.lit(value=False)
    weeks = pl.when(gift).then(GIFT_DIP_WEEKS).otherwise(DIP_WEEKS)
    partner = pl.col("goes_with") if "goes_with" in table.columns else pl.lit(None, dtype=pl.String)
    return table.filter(~service).select(
        "product_id", sibling_group="category_2", dip_weeks=weeks, halo_product=partner
    )


def _grid(grid: AnyFrame, goods: pl.DataFrame, stock: AnyFrame | None) -> pl.DataFrame:
    """The panel's columns; a week with more returns than sales sold nothing, one of an empty shelf is unknown."""
    columns = ["store_id", "product_id", "week_n", "week_start", "state", "quantity_milli"]
    table = to_polars(grid, needs=columns, name="grid").select(columns)
    kept = table.join(goods.select("product_id"), on="product_id", how="semi", maintain_order="left")
    kept = kept.with_columns(pl.col("quantity_milli").clip(lower_bound=0))
    return (
        kept
        if stock is None
        else kept.join(out_weeks(stock), on=KEY, how="left", maintain_order="left").select(
            *columns[:4],
            state=pl.when("out").then(pl.lit("stock_out")).otherwise(pl.col("state").cast(pl.String)),
            quantity_milli="quantity_milli",
        )
    )


def out_weeks(stock: AnyFrame) -> pl.DataFrame:
    """Weeks in which a shelf stood empty for a whole day: store_id, product_id, week_n, out (true).

    stock : store_id, product_id, counted_on, on_hand_milli at closing. A day is empty if its closing and the one before
    it found nothing.
    """
    table = to_polars(stock, needs=["store_id", "product_id", "counted_on", "on_hand_milli"], name="stock")
    empty = table.filter(pl.col("on_hand_milli") <= 0).select("store_id", "product_id", "counted_on")
    before = empty.with_columns(pl.col("counted_on") + timedelta(days=1))
    days = empty.join(before, on=empty.columns, how="semi")
    weeks = days.select("store_id", "product_id", week_n=(pl.col("counted_on").cast(pl.Int32) + MONDAY) // 7)
    return weeks.unique().with_columns(pl.col("week_n").cast(pl.Int32), out=pl.lit(value=True)).sort(KEY)


def _events(facts: pl.DataFrame, review: Review, money: pl.DataFrame) -> pl.DataFrame:
    """Everything known of each promotion in one row."""
    parts = review.lift.parts
    core = parts.filter(pl.col("role") == "event").select("event_id", "actual_milli", "base_milli")
    net = parts.filter(pl.col("role") == "net").select(
        "event_id",
        net_milli="effect_milli",
        net_below=pl.col("lower_milli") - pl.col("effect_milli"),
        net_above=pl.col("upper_milli") - pl.col("effect_milli"),
    )
    chosen = review.engines.select(
        "event_id",
        "engine",
        "agrees",
        "control",
        "against",
        "depth_base_milli",
        *(pl.col(f"{engine}_effect_milli") - pl.col("effect_milli") for engine in ("did", "audit")),
        lift_milli=pl.coalesce("effect_milli", "depth_effect_milli", "audit_effect_milli"),
        low_milli=pl.coalesce("lower_milli", "depth_lower_milli", "audit_lower_milli"),
        high_milli=pl.coalesce("upper_milli", "depth_upper_milli", "audit_upper_milli"),
    )
    table = review.lift.events.select("event_id", "status", "controls", treated="stores").join(chosen, on="event_id")
    earned = returns(review.book).rename({"net_minor": "net_margin_minor"})
    unit = money.select("event_id", "price_minor", "paid_minor", "cost_minor", "discount_minor", "net_minor")
    for other in (core, net, review.tipping.select("event_id", "tipping_low", "fires"), earned, unit):
        table = table.join(other, on="event_id", how="left", maintain_order="left")
    deep = pl.col("depth_base_milli")
    table = table.with_columns(
        base_milli=pl.coalesce("base_milli", deep),
        actual_milli=pl.coalesce("actual_milli", deep + pl.col("lift_milli")),
        **_margin_range(),
    ).drop("depth_base_milli", *_APART)
    joined = facts.join(table.rename({"event_id": "promotion_id"}), on="promotion_id", maintain_order="left")
    return joined.with_columns(lift=pl.col("lift_milli") / pl.col("base_milli")).sort("last_day", "promotion_id")


_APART = ("net_below", "net_above", "did_effect_milli", "audit_effect_milli")
"""How far the ends of the net units, and the event's of other engines, are from what the model says."""


def _margin_range() -> dict[str, pl.Expr]:
    """Ends of the net margin; null where the net units have no interval.

    The booked discount and the vouchers are known: a unit more or less moves the net by its margin at the usual price.
    """
    net, unit = pl.col("net_margin_minor"), pl.col("price_minor") - pl.col("cost_minor")
    below = pl.min_horizontal(pl.col("net_below"), *_APART[2:])
    above = pl.max_horizontal(pl.col("net_above"), *_APART[2:])
    moved = {"net_margin_low_minor": below * unit, "net_margin_high_minor": above * unit}
    known = pl.col("net_below").is_not_null() & pl.col("net_above").is_not_null()
    return {name: pl.when(known).then(net + (by / 1000).round().cast(pl.Int64)) for name, by in moved.items()}


def focus(events: pl.DataFrame, *, promotion_id: str | None, recent_days: int = 60) -> dict[str, object]:
    """The promotion asked for; else, of those judged by the model that ended lately, the one that sold most.

    Raises
    ------
    ModelError
        promotion.unknown_promotion: not among the ended ones.
    """
    chosen = events.filter(pl.col("promotion_id") == promotion_id) if promotion_id else events
    if chosen.is_empty():
        raise ModelError(
            "promotion.unknown_promotion", values={"promotion_id": promotion_id or "", "count": events.height}
        )
    if not promotion_id:
        last = chosen["last_day"].max()
        judged = chosen.filter(
            (pl.col("status") == "ok") & (pl.col("last_day") >= pl.lit(last) - pl.duration(days=recent_days))
        )
        chosen = (judged if judged.height else chosen).sort("net_minor", nulls_last=False)
    return chosen.row(-1, named=True)
