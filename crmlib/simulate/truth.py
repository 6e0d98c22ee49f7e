"""What really happened, saved beside the exports as Parquet for tests and for judging reports."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from crmlib.simulate.leaving import CAUSES, Departures
from crmlib.simulate.members import MOTIVES, ROLES, Members, need_names
from crmlib.simulate.receipts import card_numbers
from crmlib.simulate.shops import NEVER, Shops


def write(members: Members, leaving: Departures, shops: Shops, folder: Path) -> None:
    """Write customers.parquet and stores.parquet."""
    customer_truth(members, leaving, shops).write_parquet(folder / "customers.parquet", compression="zstd")
    store_truth(shops).write_parquet(folder / "stores.parquet", compression="zstd")


def customer_truth(members: Members, leaving: Departures, shops: Shops) -> pl.DataFrame:
    """One row per card: person, role, need, motive, rate, last day and cause."""
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


def day_or_null(day: np.ndarray) -> pl.Series:
    """Day numbers as dates, `NEVER` as null."""
    number = pl.Series(day)
    return number.zip_with(number < NEVER, pl.Series([None], dtype=pl.Int64)).cast(pl.Int32).cast(pl.Date)
