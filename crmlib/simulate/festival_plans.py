"""The plans of the three festivals: what each store is to sell of each festival good, made from the festival before.

A planner asks for a seventh more than was sold last time, and errs by three tenths in every shelf; where there is no
last time, the plan is the demand with that error. The truth keeps what was sold between T−45 and T+14.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from crmlib.core.calendar import PEAKS, festival_day
from crmlib.simulate import exports
from crmlib.simulate.goods import festive
from crmlib.simulate.season import EPOCH
from crmlib.simulate.story import Telling, World
from crmlib.simulate.vocabulary import toml

FROM, TO = -45, 14
AHEAD = 120
"""Days before the festival from which on its plan exists."""
WANTED, ERROR = 1.15, 0.3
LEAD = {"spring_festival": 14, "dragon_boat": 7, "mid_autumn": 7}
"""Days from order to delivery; before Spring Festival the makers close."""
RESERVE = 2
PAIR = ["store", "product"]


def write(world: World, told: Telling, folder: Path, *, rng: np.random.Generator) -> None:
    """Write festival_plans.csv.gz and truth/festivals.parquet."""
    sold = pl.concat(told.festive)
    parts, truths = [], []
    year = (EPOCH + timedelta(days=int(world.last_day))).year
    for slot in PEAKS:
        for place in range(year - 3, year + 2):
            day = (festival_day(slot, place) - EPOCH).days
            if day + FROM < world.first_day or day - AHEAD > world.last_day:
                continue
            now = _season(world, sold, slot, day)
            last = _season(world, sold, slot, (festival_day(slot, place - 1) - EPOCH).days)
            base = now if last.is_empty() else last.with_columns(pl.col("milli") * WANTED)
            open_ones = world.shops.closed[base["store"].to_numpy()] > day
            base = base.filter(pl.Series(open_ones, dtype=pl.Boolean))
            units = base["milli"].to_numpy() / 1000 * np.exp(rng.normal(0.0, ERROR, base.height))
            made = base.select(PAIR).with_columns(
                slot=pl.lit(slot), year=pl.lit(place), day=pl.lit(day), lead_days=pl.lit(LEAD[slot]),
                units_plan=pl.Series(np.maximum(np.rint(units), 1).astype(np.int64)),
            )  # fmt: skip
            parts.append(made)
            truths.append(now.with_columns(slot=pl.lit(slot), year=pl.lit(place)))
    rows = _named(world, pl.concat(parts)) if parts else None
    if rows is None:
        rows = _named(world, pl.DataFrame(schema=_SCHEMA))
    order = rows.sort("day", "store_id", "product_id")
    exports.write_csv(
        order.select(
            slot=pl.col("slot").replace_strict(toml("words")["slot"], return_dtype=pl.String), year="year",
            product_id="product_id", store_id="store_id", units_plan="units_plan",
            last_order_on=_date(pl.col("day") - pl.col("lead_days") - RESERVE), lead_days="lead_days",
            markdown_on=_date(pl.col("day") + 1),
        ),
        folder / "festival_plans.csv.gz", table="festival_plans",
    )  # fmt: skip
    true = _named(world, pl.concat(truths)) if truths else _named(world, sold.clear().select(*PAIR, "milli"))
    true.sort("store_id", "product_id", *(c for c in ("year", "slot") if c in true.columns)).write_parquet(
        folder / "truth" / "festivals.parquet", compression="zstd"
    )


_SCHEMA = {
    "store": pl.Int64, "product": pl.Int64, "slot": pl.String, "year": pl.Int64, "day": pl.Int64, "lead_days": pl.Int64,
    "units_plan": pl.Int64,
}  # fmt: skip


def _season(world: World, sold: pl.DataFrame, slot: str, day: int) -> pl.DataFrame:
    """store, product, milli sold of the festival's goods from T−45 to T+14, above nothing."""
    seasons = ("spring_festival", "lantern") if slot == "spring_festival" else (slot,)
    category = world.goods.category.tolist()
    goods = [place for place in festive(world.goods) if world.goods.seasons[category[place]] in seasons]
    rows = sold.filter(pl.col("day").is_between(day + FROM, day + TO), pl.col("product").is_in(goods))
    return rows.group_by(PAIR).agg(pl.col("milli").sum()).filter(pl.col("milli") > 0).sort(PAIR)


def _named(world: World, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(
        store_id=pl.lit(world.shops.frame["store_id"]).gather(pl.col("store")),
        product_id=pl.lit(world.goods.frame["product_id"]).gather(pl.col("product")),
    ).drop(PAIR)


def _date(day: pl.Expr) -> pl.Expr:
    return day.cast(pl.Int32).cast(pl.Date)
