"""Lists kept in offices: promotions, contacts, closures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from crmlib.simulate import exports
from crmlib.simulate.draws import Ints
from crmlib.simulate.events import Event
from crmlib.simulate.goods import Goods
from crmlib.simulate.receipts import card_numbers, owner_codes
from crmlib.simulate.shops import NEVER, Shops
from crmlib.simulate.story import Telling, World
from crmlib.simulate.vocabulary import toml

APPROVED_DAYS = 14
"""Days before its start that a plan is approved."""
BUDGET_STEP = 500_00
"""Budgets are whole multiples of 500 yuan."""


def write(world: World, told: Telling, contacts: pl.DataFrame, folder: Path, *, rng: np.random.Generator) -> None:
    """Write promotions.xlsx, closures.xlsx and contacts.csv.gz."""
    spent = event_costs(world, told)
    exports.write_xlsx(promotion_list(world, spent, rng), folder / "promotions.xlsx", table="promotions")
    exports.write_xlsx(closure_list(world.shops, rng), folder / "closures.xlsx", table="closures")
    exports.write_csv(contact_list(world, contacts), folder / "contacts.csv.gz", table="contacts")


def event_costs(world: World, told: Telling) -> Ints:
    """What each event gave away: discounts and gifts [fen], shape (events,)."""
    given = (
        pl.concat(told.effects)
        .filter(pl.col("kind").is_in(["base", "extra"]))
        .group_by("event")
        .agg(off=(pl.col("list_minor") - pl.col("net_minor")).sum(), milli=pl.col("milli").sum())
    )
    gift = pl.Series([e.gift_cost for e in world.events], dtype=pl.Int64)
    cost = np.zeros(len(world.events), dtype=np.int64)
    if given.height:
        place = given["event"]
        cost[place.to_numpy()] = (given["off"] + given["milli"] * gift.gather(place) // 1000).to_numpy()
    return cost


def promotion_list(world: World, spent: Ints, rng: np.random.Generator) -> pl.DataFrame:
    """The promotion plans as the marketing office lists them; budgets near what was spent, some too small."""
    words = toml("words")
    budget = np.ceil(np.maximum(spent, 1) * rng.uniform(0.8, 1.35, len(spent)) / BUDGET_STEP) * BUDGET_STEP / 100
    rows = [
        _plan(event, world.goods, world.shops, float(b), words) for event, b in zip(world.events, budget, strict=True)
    ]
    schema = dict.fromkeys(exports.headers("promotions"), pl.String) | {
        "version": pl.Int64, "depth_bp": pl.Int64, "budget": pl.Float64,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema)


def _plan(
    event: Event, goods: Goods, shops: Shops, budget: float, words: dict[str, dict[str, str]]
) -> dict[str, object]:
    path = goods.frame.filter(pl.col("category") == goods.categories.index(event.category))["category_2"][0]
    slot = words["slot"][event.slot] if event.slot else None
    purpose = "festival" if event.slot else ("traffic", "launch", "clearance")[event.first % 3]
    days = (
        pl.Series([event.first, event.last + 1, event.first - APPROVED_DAYS], dtype=pl.Int32)
        .cast(pl.Date)
        .dt.strftime("%Y-%m-%d 00:00")
    )
    return {
        "promotion_id": event.promotion_id,
        "version": 1,
        "name": f"{slot or ''}{path}{words['mechanic'][event.mechanic]}",
        "mechanic": words["mechanic"][event.mechanic],
        "starts_at": days[0],
        "ends_at": days[1],
        "slot": slot,
        "stores": ";".join(shops.frame["store_id"].filter(pl.Series(event.stores))),
        "products": ";".join(goods.frame["product_id"].filter(pl.Series(event.products))),
        "category": path,
        "depth_bp": event.depth_bp,
        "budget": budget,
        "objective": words["objective"][purpose],
        "state": words["state"]["closed"],
        "frozen": words["flag"]["yes"],
        "known_at": days[2],
    }


def closure_list(shops: Shops, rng: np.random.Generator) -> pl.DataFrame:
    """Temporary closures with their end, final ones without."""
    words = toml("words")
    ids = shops.frame["store_id"]
    refits = [
        {
            "store_id": ids[int(i)],
            "starts_on": shops.shut_from[i],
            "ends_on": shops.shut_to[i],
            "reason": words["closure"]["refit"],
        }
        for i in np.flatnonzero(shops.shut_from != NEVER)
    ]
    ended = [
        {
            "store_id": ids[int(i)],
            "starts_on": shops.closed[i],
            "ends_on": None,
            "reason": str(rng.choice(words["store"]["close_reasons"])),
        }
        for i in np.flatnonzero(shops.closed != NEVER)
    ]
    schema = {"store_id": pl.String, "starts_on": pl.Int64, "ends_on": pl.Int64, "reason": pl.String}
    table = pl.DataFrame(refits + ended, schema=schema)
    return table.with_columns(pl.col("starts_on", "ends_on").cast(pl.Int32).cast(pl.Date)).sort("starts_on", "store_id")


def contact_list(world: World, contacts: pl.DataFrame) -> pl.DataFrame:
    """The call centre's log in its own words."""
    words = toml("words")
    known = {code: toml("reasons")[code] for code in toml("reasons")}
    region = pl.Series(world.shops.region[contacts["home"]])
    return contacts.with_columns(
        contact_id=_contact_ids(),
        customer_id=card_numbers(contacts["member"]),
        staff_id=owner_codes(region, contacts["home"]),
        at=_clock(pl.col("day"), pl.col("second")),
        due_at=_clock(pl.col("due"), pl.lit(18 * 3600)),
        solved_at=_clock(pl.col("solved"), pl.col("second")),
        channel=pl.col("channel").replace_strict(words["contact_channel"]),
        purpose=pl.col("purpose").replace_strict(words["purpose"]),
        outcome=pl.col("outcome").replace_strict(words["outcome"]),
        reason=pl.col("reason").replace(known),
        cost=pl.col("cost_minor") / 100,
    )


def _contact_ids() -> pl.Expr:
    """Running numbers; those of a campaign's list carry the campaign's."""
    number = (pl.int_range(pl.len()) + 1).cast(pl.String).str.zfill(7)
    called = pl.col("campaign").is_not_null()
    return (
        pl.when(called)
        .then(pl.format("WB{}-{}", pl.col("campaign").cast(pl.String).str.zfill(2), number))
        .otherwise(pl.format("T{}", number))
    )


def _clock(day: pl.Expr, second: pl.Expr) -> pl.Expr:
    at = day.cast(pl.Int32).cast(pl.Date).cast(pl.Datetime("us")) + pl.duration(seconds=second)
    return at.dt.strftime("%Y-%m-%d %H:%M")
