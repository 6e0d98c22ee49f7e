"""The year's sales targets: split from the company down to persons and months, lowered once at mid-year.

The company wants a seventh more than its stores are expected to sell: what they sold in the year before, moved to the
year's own festivals. The truth keeps the expectation of every store and month.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl

from crmlib.core.apportion import over_levels
from crmlib.core.calendar import lunar_aligned
from crmlib.simulate import exports
from crmlib.simulate.season import EPOCH
from crmlib.simulate.shops import NEVER
from crmlib.simulate.story import Telling, World
from crmlib.simulate.vocabulary import toml

WANTED = 1.15
"""Targets over expectation."""
LOWERED = 0.97
"""What remains of a store's second half when targets are lowered on 1 July; closed stores lose theirs."""
STEP, ROUND = 1_000, 1_000_000
"""Persons' targets are multiples of 10 yuan, the company's first year target one of 10,000 [fen]."""
CASHIERS = 3
LEVELS = ("region", "store_id", "staff_id", "month")


def write(world: World, told: Telling, folder: Path) -> None:
    """Write targets.csv.gz and truth/targets.parquet."""
    year = _date(world.last_day).year
    expected = expectation(world, told, year=year)
    leaves = _leaves(world, expected)
    total = round(int(leaves["weight"].sum()) // CASHIERS * WANTED / ROUND) * ROUND
    rows = _versions(world, over_levels(total, leaves, levels=LEVELS, part="amount_minor", step=STEP), year=year)
    exports.write_csv(rows, folder / "targets.csv.gz", table="targets")
    expected.write_parquet(folder / "truth" / "targets.parquet", compression="zstd")


def expectation(world: World, told: Telling, *, year: int) -> pl.DataFrame:
    """What a store is expected to sell in each month of `year`: store_id, month, expected_minor.

    The company's sales on the lunar-aligned days of the year before, an average day where these are not known, times
    the store's share; without a year before, of all that is known.
    """
    ids, begin = world.shops.frame["store_id"], (date(year, 1, 1) - EPOCH).days
    sold = pl.concat(told.totals)
    known = sold.filter(pl.col("day") < begin) if world.first_day < begin else sold
    by_store = dict(known.group_by("store").agg(pl.col("net_minor").sum()).iter_rows())
    by_day = dict(known.group_by("day").agg(pl.col("net_minor").sum()).iter_rows())
    whole, usual = sum(by_store.values()), sum(by_day.values()) / len(by_day)
    rows = []
    for first in (date(year, month, 1) for month in range(1, 13)):
        days = [first + timedelta(days=n) for n in range((_next(first) - first).days)]
        company = sum(by_day.get((lunar_aligned(d) - EPOCH).days, usual) for d in days)
        rows += [
            (name, first, round(company * by_store[store] / whole))
            for store, name in enumerate(ids)
            if by_store.get(store, 0) > 0 and world.shops.closed[store] > begin
        ]
    return pl.DataFrame(
        rows, schema={"store_id": pl.String, "month": pl.Date, "expected_minor": pl.Int64}, orient="row"
    )


def _leaves(world: World, expected: pl.DataFrame) -> pl.DataFrame:
    """One row per person and month, a store's weight shared by its cashiers."""
    regions = world.shops.frame.select("store_id", "region")
    number = pl.col("store_id").str.slice(1).cast(pl.Int64)
    people = pl.DataFrame({"k": list(range(1, CASHIERS + 1))}, schema={"k": pl.Int64})
    table = expected.join(regions, on="store_id", maintain_order="left").join(people, how="cross")
    return table.select(
        "region", "store_id", staff_id=pl.format("E{}{}", number.cast(pl.String).str.zfill(3), "k"),
        month="month", weight="expected_minor",
    ).sort(LEVELS)  # fmt: skip


def _versions(world: World, first: pl.DataFrame, *, year: int) -> pl.DataFrame:
    """Rows of both versions at every level, children summing to their parents."""
    change = date(year, 7, 1)
    gone = world.shops.frame.filter(
        pl.Series((world.shops.closed != NEVER) & (world.shops.closed < (change - EPOCH).days))
    )
    late = pl.col("month") >= change
    lower = (pl.col("amount_minor") * LOWERED / STEP).round().cast(pl.Int64) * STEP
    second = first.filter(late & ~pl.col("store_id").is_in(gone["store_id"].implode())).with_columns(amount_minor=lower)
    words = toml("words")["targets"]
    parts = []
    for version, leaves, since in ((1, first, date(year, 1, 1)), (2, second, change)):
        for level, key in (("company", None), ("region", "region"), ("store", "store_id"), ("staff", "staff_id")):
            unit = pl.lit(None, dtype=pl.String) if key is None else pl.col(key)
            rows = leaves.group_by(unit.alias("unit_id"), "month", maintain_order=True).agg(
                pl.col("amount_minor").sum()
            )
            parts.append(rows.with_columns(level=pl.lit(level), version=pl.lit(version), valid_from=pl.lit(since)))
    table = pl.concat(parts).with_columns(
        valid_to=pl.when((pl.col("version") == 1) & late).then(pl.lit(change - timedelta(days=1))),
        reason=pl.when(pl.col("version") == 2).then(pl.lit(words["reason"])),
        decided_by=pl.lit(words["decided_by"]),
        rule=pl.lit("last_year_lunar"),
        year=pl.lit(year), measure=pl.lit("net"), step=pl.lit(STEP // 100), amount=pl.col("amount_minor") // 100,
    )  # fmt: skip
    order = pl.col("level").replace_strict(["company", "region", "store", "staff"], range(4), return_dtype=pl.Int64)
    table = table.sort("version", order, "unit_id", "month")
    named = pl.format("MB{}-{}-{}", pl.col("month").dt.strftime("%Y%m"), "level", pl.col("unit_id").fill_null("0"))
    said = {column: pl.col(column).replace_strict(words[column]) for column in ("level", "measure", "rule")}
    return table.with_columns(target_id=named, **said)


def _next(first: date) -> date:
    return (first + timedelta(days=32)).replace(day=1)


def _date(day: int) -> date:
    return EPOCH + timedelta(days=day)
