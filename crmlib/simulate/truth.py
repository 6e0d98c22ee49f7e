"""What really happened, saved beside the exports as Parquet for tests and for judging reports."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from crmlib.simulate.campaigns import Outcome
from crmlib.simulate.leaving import CAUSES, Departures
from crmlib.simulate.members import MOTIVES, ROLES, Members, need_names
from crmlib.simulate.presence import Presence
from crmlib.simulate.receipts import card_numbers
from crmlib.simulate.shops import NEVER, Shops
from crmlib.simulate.story import Telling, World


def write(world: World, told: Telling, contacts: pl.DataFrame, dirt: list[tuple[str, str, int]], folder: Path) -> None:
    """Write all truth tables."""
    tables = {
        "customers": customer_truth(world.members, world.leaving, world.shops, told.presence),
        "stores": store_truth(world.shops),
        "promotions": promotion_truth(world),
        "promotion_effects": effect_truth(world, told),
        "campaigns": campaign_truth(told.lists),
        "sales": sales_truth(world, told),
        "dirt": pl.DataFrame(dirt, schema=["file", "kind", "lines"], orient="row")
        .group_by("file", "kind")
        .agg(pl.col("lines").sum())
        .sort("file", "kind"),
    }
    for name, table in tables.items():
        table.write_parquet(folder / f"{name}.parquet", compression="zstd")


def customer_truth(members: Members, leaving: Departures, shops: Shops, presence: Presence) -> pl.DataFrame:
    """One row per card: person, role, need, motive, rate, last day and cause, return after a win-back."""
    codes = card_numbers(pl.Series(np.arange(len(members.rate))))
    return pl.DataFrame(
        {
            "customer_id": codes,
            "person": codes.gather(pl.Series(members.person)),
            "role": pl.Series(ROLES).gather(pl.Series(members.role)),
            "need": pl.Series(need_names()).gather(pl.Series(members.need)),
            "motive": pl.Series(MOTIVES).gather(pl.Series(members.motive)),
            "price_sensitive": pl.Series(members.price_sensitive == 1),
            "visits_per_day": members.rate,
            "lines_per_visit": members.basket,
            "joined_on": pl.Series(members.joined).cast(pl.Int32).cast(pl.Date),
            "dropout_on": day_or_null(leaving.day),
            "cause": pl.Series(CAUSES).gather(pl.Series(leaving.cause)),
            "won_back_on": day_or_null(presence.back),
            "left_again_on": day_or_null(presence.gone_again),
            "hazard_per_year": leaving.hazard,
            "home_store": shops.frame["store_id"].gather(pl.Series(members.home)),
        }
    )


def store_truth(shops: Shops) -> pl.DataFrame:
    """One row per store: quality, size, competitor and its effect."""
    return pl.DataFrame(
        {
            "store_id": shops.frame["store_id"],
            "quality": shops.quality,
            "size": shops.size,
            "closed_on": day_or_null(shops.closed),
            "competitor_on": day_or_null(shops.competitor),
            "competitor_loss": shops.competitor_loss,
        }
    )


PROMOTION = pl.Schema(
    dict.fromkeys(("promotion_id", "category", "slot", "mechanic"), pl.String())
    | dict.fromkeys(("depth_bp", "dip_days", "funding_bp", "gift_cost", "first", "last"), pl.Int64())
    | dict.fromkeys(("lift", "dip", "cannibal"), pl.Float64())
)


def promotion_truth(world: World) -> pl.DataFrame:
    """One row per promotion, planned ones too: the parameters of its effect, its stores, those that did nothing."""
    events, ids = world.events, world.shops.frame["store_id"]
    table = pl.DataFrame([{name: getattr(e, name) for name in PROMOTION} for e in events], schema=PROMOTION)
    return table.with_columns(
        pl.col("first", "last").cast(pl.Int32).cast(pl.Date),
        stores=pl.Series([int(e.stores.sum()) for e in events], dtype=pl.Int64),
        not_done=pl.Series(
            [ids.filter(pl.Series(e.planned & ~e.stores)).to_list() for e in events], dtype=pl.List(pl.String)
        ),
    )


def effect_truth(world: World, told: Telling) -> pl.DataFrame:
    """Counted effects by promotion, store and kind; lost lines (dip, cannibalised) at what they would have brought."""
    table = (
        pl.concat(told.effects)
        .group_by("event", "store", "kind")
        .agg(pl.col("lines", "milli", "list_minor", "net_minor", "cost_minor").sum())
    )
    codes = pl.Series([e.promotion_id for e in world.events], dtype=pl.String)
    return (
        table.sort("event", "store", "kind")
        .with_columns(
            promotion_id=pl.lit(codes).gather(pl.col("event")),
            store_id=pl.lit(world.shops.frame["store_id"]).gather(pl.col("store")),
        )
        .select("promotion_id", "store_id", "kind", "lines", "milli", "list_minor", "net_minor", "cost_minor")
    )


def campaign_truth(lists: list[Outcome]) -> pl.DataFrame:
    """One row per listed member of a win-back campaign: arm, reached, truly lost, won back by it."""
    parts = [
        pl.DataFrame(
            {
                "campaign": pl.Series([f"WB{int(c):02d}" for c in o.campaign], dtype=pl.String),
                "customer_id": card_numbers(pl.Series(o.member)),
                "day": pl.Series(o.day).cast(pl.Int32).cast(pl.Date),
                "held_out": o.held_out,
                "reached": o.reached,
                "lost": o.lost,
                "won_back": o.won_back,
            }
        )
        for o in lists
    ]
    return (
        pl.concat(parts)
        if parts
        else pl.DataFrame({"campaign": [], "customer_id": []}, schema_overrides={"campaign": pl.String})
    )


def sales_truth(world: World, told: Telling) -> pl.DataFrame:
    """True lines, quantity and amounts by store over all days, dirt left out."""
    table = (
        pl.concat(told.totals)
        .group_by("store")
        .agg(pl.col("len").sum().alias("lines"), pl.col("milli", "list_minor", "net_minor").sum())
    )
    return table.sort("store").select(
        pl.lit(world.shops.frame["store_id"]).gather(pl.col("store")).alias("store_id"),
        "lines", "milli", "list_minor", "net_minor",
    )  # fmt: skip


def day_or_null(day: np.ndarray) -> pl.Series:
    """Day numbers as dates, `NEVER` as null."""
    number = pl.Series(day)
    return number.zip_with(number < NEVER, pl.Series([None], dtype=pl.Int64)).cast(pl.Int32).cast(pl.Date)
