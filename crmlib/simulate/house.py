"""What running the house costs, by month: rent, wages and energy of every shop, and what all shops share.

Freight and card fees vary with sales; the rest is fixed. Planted: since two months advertising costs half as much
again, and one shop pays a third more for energy since half a year.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from crmlib.simulate import exports
from crmlib.simulate.season import EPOCH
from crmlib.simulate.story import Telling, World, chunks
from crmlib.simulate.vocabulary import toml

WAGES, ENERGY = 0.11, 2.4
"""Share of the shop's usual sales; yuan a month per square metre."""
FREIGHT, FEE, MEDIA = 0.021, 0.004, 0.03
OFFICE, SYSTEMS, INTEREST = 0.025, 0.006, 0.004
"""Shares of the usual sales of all shops."""
MEDIA_RISE, ENERGY_RISE, RISE_MONTHS = 1.5, 1.33, 6


def write(world: World, told: Telling, folder: Path, *, rng: np.random.Generator) -> None:
    """Write expenses.csv.gz and the truth: what was planted."""
    sales = _sales(world, told)
    months = sales["month"].unique().sort().to_list()
    dear = _open_all_the_time(world, rng)
    rows = [*_of_shops(world, told, months, dear, rng), *_shared(sales, months, rng)]
    columns = ["line", "store_id", "region", "month", "amount"]
    words = toml("words")["expense"]
    made = pl.DataFrame(rows, schema=columns, orient="row", infer_schema_length=None).filter(pl.col("amount") > 0)
    made = made.sort("month", "line", "store_id", nulls_last=True, maintain_order=True).with_row_index("n", offset=1)
    keys = pl.DataFrame(
        [(line, one["name"], one["kind"], one["variable"], one["key"]) for line, one in words["lines"].items()],
        schema=["line", "said", "kind", "variable", "key"], orient="row",
    )  # fmt: skip
    flag = toml("words")["flag"]
    shown = made.join(keys, on="line", maintain_order="left").select(
        pl.format("E{}", "n").alias("expense_id"),
        pl.col("kind").replace_strict(words["kind"]),
        pl.col("said").alias("line"),
        "store_id",
        "region",
        "month",
        (pl.col("amount") / 100).alias("amount"),
        pl.when("variable").then(pl.lit(flag["yes"])).otherwise(pl.lit(flag["no"])).alias("variable"),
        pl.when(pl.col("store_id").is_null()).then(pl.col("key").replace_strict(words["key"])).alias("allocation_key"),
    )
    exports.write_csv(shown, folder / "expenses.csv.gz", table="expenses")
    truth = pl.DataFrame({"line": ["media", "energy"], "store_id": [None, dear], "times": [MEDIA_RISE, ENERGY_RISE]})
    truth.write_parquet(folder / "truth" / "expenses.parquet", compression="zstd")


def _month(day: int) -> date:
    return (EPOCH + timedelta(days=int(day))).replace(day=1)


def _sales(world: World, told: Telling) -> pl.DataFrame:
    """True net sales of every month [fen]."""
    parts = [
        part.select(month=pl.lit(_month(first)), net=pl.col("net_minor").sum()).head(1)
        for (first, _), part in zip(chunks(world), told.totals, strict=True)
    ]
    return pl.concat(parts).group_by("month").agg(pl.col("net").sum()).sort("month")


def _open_all_the_time(world: World, rng: np.random.Generator) -> str:
    still = np.flatnonzero(world.shops.closed > world.last_day)
    return str(world.shops.frame["store_id"][int(rng.choice(still))])


def _of_shops(
    world: World, told: Telling, months: list[date], dear: str, rng: np.random.Generator
) -> list[tuple[str, str | None, str | None, date, int]]:
    """Rent, wages and energy of every shop that is open."""
    rows: list[tuple[str, str | None, str | None, date, int]] = []
    shops = world.shops.frame
    totals = pl.concat(told.totals).group_by("store").agg(pl.col("net_minor").sum())
    usual = {store: net / len(months) for store, net in totals.iter_rows()}
    for number, row in enumerate(shops.iter_rows(named=True)):
        for place, month in enumerate(months):
            day = (month - EPOCH).days
            if int(world.shops.closed[number]) <= day or (row["opened_on"] and row["opened_on"] > month):
                continue
            rise = ENERGY_RISE if row["store_id"] == dear and place >= len(months) - RISE_MONTHS else 1.0
            bills = {
                "rent": (row["rent_yuan"] or 0) * 100,
                "wages": usual.get(number, 0.0) * WAGES * float(rng.normal(1, 0.02)),
                "energy": (row["area_m2"] or 0) * ENERGY * 100 * float(rng.normal(1, 0.04)) * rise,
            }
            rows += [(line, row["store_id"], row["region"], month, round(amount)) for line, amount in bills.items()]
    return rows


def _shared(
    sales: pl.DataFrame, months: list[date], rng: np.random.Generator
) -> list[tuple[str, str | None, str | None, date, int]]:
    """What all shops share: two lines that vary with sales, four that do not."""
    net = dict(sales.iter_rows())
    usual = float(sales["net"].mean() or 0.0)  # type: ignore[arg-type]
    rows: list[tuple[str, str | None, str | None, date, int]] = []
    for place, month in enumerate(months):
        rise = MEDIA_RISE if place >= len(months) - 2 else 1.0
        bills = {
            "freight": net[month] * FREIGHT * float(rng.normal(1, 0.02)),
            "fee": net[month] * FEE,
            "media": usual * MEDIA * float(rng.normal(1, 0.05)) * rise,
            "office": usual * OFFICE * float(rng.normal(1, 0.02)),
            "systems": usual * SYSTEMS,
            "interest": usual * INTEREST,
        }
        rows += [(line, None, None, month, round(amount)) for line, amount in bills.items()]
    return rows
