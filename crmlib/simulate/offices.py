"""Lists kept in offices: contacts, closures, staff."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from crmlib.simulate import exports
from crmlib.simulate.receipts import card_numbers, owner_codes
from crmlib.simulate.shops import NEVER, Shops
from crmlib.simulate.story import World
from crmlib.simulate.vocabulary import toml

CALLS_PER_DAY = (10, 25)
"""Fewest and most calls an adviser makes a day."""


def write(world: World, contacts: pl.DataFrame, folder: Path, *, rng: np.random.Generator) -> None:
    """Write closures.xlsx, staff.xlsx and contacts.csv.gz."""
    exports.write_xlsx(staff_list(world.shops, world.first_day, rng), folder / "staff.xlsx", table="staff")
    exports.write_xlsx(closure_list(world.shops, rng), folder / "closures.xlsx", table="closures")
    exports.write_csv(contact_list(world, contacts), folder / "contacts.csv.gz", table="contacts")


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


def staff_list(shops: Shops, first_day: int, rng: np.random.Generator) -> pl.DataFrame:
    """Four advisers per region, numbered as `receipts.owner_codes` does, and three cashiers per store."""
    words = toml("words")["staff_role"]
    regions = shops.frame["region"].to_list()
    named = {int(r): regions[i] for i, r in enumerate(shops.region)}
    advisers = [
        {"staff_id": f"G{(r + 1) * 100 + k}", "role": words["adviser"], "region": named[r], "calls_per_day": int(c)}
        for r in sorted(named)
        for k, c in zip(range(1, 5), rng.integers(*CALLS_PER_DAY, 4), strict=True)
    ]
    cashiers = [
        {"staff_id": f"E{i + 1:03d}{k}", "role": words["cashier"], "region": regions[i], "store_id": store}
        for i, store in enumerate(shops.frame["store_id"])
        for k in (1, 2, 3)
    ]
    schema = dict.fromkeys(exports.headers("staff"), pl.String) | {"calls_per_day": pl.Int64}
    table = pl.DataFrame([*advisers, *cashiers], schema=schema)
    joined = pl.Series(first_day - rng.integers(30, 2000, table.height)).cast(pl.Int32).cast(pl.Date)
    left = pl.Series([None] * table.height, dtype=pl.Date)
    return table.with_columns(joined_on=joined, left_on=left)


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
