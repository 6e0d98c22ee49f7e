"""The margin ledger of an event, in whole minor units: what it brought, what it cost, what is left.

Base margin is what the base would have earned at the usual price; incremental margin is what the extra units would earn
at that price; the discount is then taken off both, and what it costs on base units, and on bulk orders, is the subsidy
of sales that would have happened anyway. Net = incremental margin − discounts − vouchers paid + funding + dip +
cannibalised + halo, of what is known: a part that could not be estimated, and a cost whose vouchers are not connected,
has no amount (null, never 0), and the net leaves it out. ROI = net / own cost; input : output = money paid out : money
that came in because of it.
"""

from __future__ import annotations

import polars as pl

from crmlib.core.errors import ContractError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.promotion.lift.flags import refuse_text
from crmlib.promotion.lift.panel import refusal

LINES = (
    "base_margin",
    "incremental_margin",
    "discount_on_base",
    "discount_on_extra",
    "discount_on_bulk",
    "gift",
    "points",
    "display",
    "labour",
    "media",
    "other",
    "funding",
    "dip",
    "cannibalised",
    "halo",
    "net",
)
"""Lines of the ledger in order; net is the sum of those after base_margin."""
COSTS = tuple(f"{k}_minor" for k in ("gift", "points", "display", "labour", "media", "other", "funding"))
UNIT = ("price_minor", "paid_minor", "cost_minor")
DISCOUNTS = ("discount_on_base", "discount_on_extra", "discount_on_bulk")
PAID_OUT = ("gift", "points", "display", "labour", "media", "other")


def ledger(parts: AnyFrame, economics: AnyFrame) -> pl.DataFrame:
    """Ledger of every event: event_id, line, amount_minor, in the order of `LINES`.

    Parameters
    ----------
    parts : event_id, role, effect_milli, base_milli, as `Lift.parts`.
    economics : event_id, price_minor (usual price of a unit), paid_minor (price in the event), cost_minor (of a unit);
        optional discount_minor (all discount booked to the event; otherwise price − paid on every unit),
        bulk_discount_minor (of it, on bulk orders, which `parts` do not hold), gift_minor, points_minor,
        display_minor, labour_minor, funding_minor … (≥ 0, whole event; a column that is absent is not connected),
        sibling_margin_minor and halo_margin_minor (margin of a unit; the event's own if absent), vat (included or
        excluded).

    Raises
    ------
    ContractError
        promotion.r11: a cost is missing, or prices with and without tax stand in one table.
    """
    money = _money(economics)
    wide = _units(parts).join(money, on="event_id", maintain_order="left")
    margin, off = pl.col("price_minor") - pl.col("cost_minor"), pl.col("price_minor") - pl.col("paid_minor")
    asked = _times("event", off)
    booked = pl.col("discount_minor") - pl.col("bulk_discount_minor")
    on_extra = pl.when(booked.is_null()).then(asked).otherwise(asked.clip(0, booked))
    amounts = {
        "base_margin": _times("base", margin),
        "incremental_margin": _times("event", margin),
        "discount_on_base": -pl.when(booked.is_null()).then(_times("base", off)).otherwise(booked - on_extra),
        "discount_on_extra": -on_extra,
        "discount_on_bulk": -pl.col("bulk_discount_minor"),
        **{kind: -pl.col(f"{kind}_minor") for kind in PAID_OUT},
        "funding": pl.col("funding_minor"),
        "dip": _times("after", margin),
        "cannibalised": _times("sibling", pl.col("sibling_margin_minor").fill_null(margin)),
        "halo": _times("halo", pl.col("halo_margin_minor").fill_null(margin)),
    }
    table = wide.select("event_id", **amounts)
    table = table.with_columns(net=pl.sum_horizontal([pl.col(c) for c in LINES[1:-1]]))
    return table.unpivot(on=list(LINES), index="event_id", variable_name="line", value_name="amount_minor").sort(
        "event_id", pl.col("line").replace_strict({n: i for i, n in enumerate(LINES)}, return_dtype=pl.Int64)
    )


def returns(book: pl.DataFrame) -> pl.DataFrame:
    """Return on every event: event_id, net_minor, own_cost_minor, roi, paid_out_minor, came_in_minor, output_per_input.

    roi : net / own cost; null where own cost is 0 or less (the supplier paid more than the event cost).
    output_per_input : money that came in (incremental margin after its discount, dip, cannibalised, halo, funding, and
        the subsidy taken off) for each unit of money paid out; null where nothing was paid out.
    """
    wide = book.pivot(on="line", on_columns=list(LINES), index="event_id", values="amount_minor")
    own = -(pl.sum_horizontal(*DISCOUNTS, *PAID_OUT, "funding"))
    paid = -pl.sum_horizontal(*PAID_OUT)
    came = pl.col("net") + paid
    return wide.select(
        "event_id",
        net_minor="net",
        own_cost_minor=own,
        roi=pl.when(own > 0).then(pl.col("net") / own),
        paid_out_minor=paid,
        came_in_minor=came,
        output_per_input=pl.when(paid > 0).then(came / paid),
    ).sort("event_id")


def _times(units: str, minor: pl.Expr) -> pl.Expr:
    """Thousandths of a unit × minor units, rounded half away from zero to whole minor units."""
    product = pl.col(units) * minor
    return product.sign() * ((2 * product.abs() + 1000) // 2000)


def _units(parts: AnyFrame) -> pl.DataFrame:
    """Units by role, null where a role has none; after: dip and waiting, of those that are known."""
    table = to_polars(parts, needs=["event_id", "role", "effect_milli", "base_milli"], name="parts")
    wide = table.filter(pl.col("role") != "net").pivot(on="role", index="event_id", values="effect_milli")
    roles = ("event", "dip", "waiting", "sibling", "halo")
    wide = wide.with_columns(pl.lit(None, dtype=pl.Int64).alias(r) for r in roles if r not in wide.columns)
    both = pl.all_horizontal(pl.col("dip", "waiting").is_null())
    wide = wide.with_columns(after=pl.when(~both).then(pl.sum_horizontal("dip", "waiting")))
    base = table.filter(pl.col("role") == "event").select("event_id", base="base_milli")
    return wide.join(base, on="event_id").sort("event_id")


def _money(economics: AnyFrame) -> pl.DataFrame:
    table = to_polars(economics, needs=["event_id", *UNIT], name="economics")
    refuse_text(table, numbers=(*UNIT, *(c for c in COSTS if c in table.columns)), name="economics")
    if "vat" in table.columns and table["vat"].n_unique() > 1:
        raise ContractError("promotion.r11", values={"count": table.height})
    missing = table.filter(pl.any_horizontal(pl.col(c).is_null() for c in UNIT))
    if missing.height:
        raise refusal("promotion.r11", missing, key="event_id")
    connected = [c for c in (*COSTS, "bulk_discount_minor") if c in table.columns]
    optional = (*COSTS, "discount_minor", "bulk_discount_minor", "sibling_margin_minor", "halo_margin_minor")
    table = table.with_columns(pl.col(c).fill_null(0) for c in connected)
    table = table.with_columns(pl.lit(None, dtype=pl.Int64).alias(c) for c in optional if c not in table.columns)
    table = table.with_columns(pl.col("bulk_discount_minor").fill_null(0))
    return table.with_columns(pl.col(c).cast(pl.Int64) for c in (*UNIT, *optional))
