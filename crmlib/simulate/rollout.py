"""The introduction of the system: its steps, and the old reports' figures with differences of every reason.

The old system left out the counters of one region, closed its month on the 25th, knew amounts without tax, rounded to
whole yuan by store and day, and held one day of a shop twice; one figure is off by an amount that nobody can explain.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from crmlib.simulate import exports
from crmlib.simulate.season import EPOCH
from crmlib.simulate.story import Telling, World
from crmlib.simulate.vocabulary import toml

MONTHS, TAX_BP, CLOSING, FULL = 3, 900, 25, 10_000
UNEXPLAINED = 128_600
"""What the figure of the last month in the last region is short of [fen]."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How the old system counted: kind of store left out, last day of its month, store and day held twice."""

    without: str | None
    closing: int | None
    twice: str | None


def write(world: World, told: Telling, folder: Path, *, rng: np.random.Generator) -> None:
    """Write rollout_steps.csv.gz, old_figures.csv and the truth: the planted differences."""
    words = toml("rollout")["words"]
    flag = toml("words")["flag"]
    regions = sorted(set(world.shops.frame["region"].to_list()))
    pilot = words["pilot"] if words["pilot"] in regions else regions[0]
    steps = [
        (code, title, words["phase"][phase], pilot if "{pilot}" in owner else None, owner.format(pilot=pilot),
         world.last_day + due, None if late == "" else world.last_day + due + late, evidence or None,
         flag["yes" if blocks else "no"])
        for code, (phase, title, owner, due, late, blocks, evidence) in words["steps"].items()
    ]  # fmt: skip
    names = ["step_id", "title", "phase", "region", "owner", "due_on", "done_on", "evidence", "blocking"]
    table = pl.DataFrame(steps, schema=names, orient="row", infer_schema_length=None)
    days = pl.col("due_on", "done_on").cast(pl.Int32).cast(pl.Date)
    exports.write_csv(table.with_columns(days), folder / "rollout_steps.csv.gz", table="rollout_steps")
    _figures(world, told, regions, folder, rng)


def _figures(world: World, told: Telling, regions: list[str], folder: Path, rng: np.random.Generator) -> None:
    """Old figures of the last whole months by region, and what was planted."""
    shops = world.shops
    sums = pl.concat(told.totals).group_by("store", "day").agg(pl.col("len", "net_minor").sum()).with_columns(
        region=pl.lit(shops.frame["region"]).gather(pl.col("store")),
        store_id=pl.lit(shops.frame["store_id"]).gather(pl.col("store")),
        own=pl.lit(pl.Series(shops.own == 1)).gather(pl.col("store")),
        date=pl.col("day").cast(pl.Int32).cast(pl.Date),
    )  # fmt: skip
    last = EPOCH + timedelta(days=int(world.last_day) + 1)
    whole = [m for m in _months(sums) if m < f"{last:%Y-%m}"][-MONTHS:]
    rows: list[tuple[object, ...] | None] = []
    truth = []
    for number, region in enumerate(regions):
        without = "counter" if number == 1 else None
        closing = CLOSING if number == 2 else None
        mine = sums.filter(pl.col("region") == region, pl.col("own") | (without is None))
        for month in whole:
            inside = mine.filter(_period(closing) == month).sort("day", "store")
            twice = _twice(inside, rng) if number == 0 and month == whole[-1] else None
            gap = UNEXPLAINED if region == regions[-1] and month == whole[-1] else 0
            rows.append(_net(inside, (region, month), Rules(without, closing, twice), gap=gap))
            truth.append((region, month, gap, "" if twice is None else twice))
        rows.append(_lines(mine.filter(_period(None) == whole[-1]) if whole else mine, region, whole[-1:], without))
    kept = [row for row in rows if row is not None]
    table = pl.DataFrame(kept, schema=list(exports.headers("old_figures")), orient="row", infer_schema_length=None)
    exports.write_csv(table, folder / "old_figures.csv", table="old_figures")
    told_truth = pl.DataFrame(
        truth, schema={"scope": pl.String, "period": pl.String, "unexplained": pl.Int64, "repeated": pl.String},
        orient="row",
    )  # fmt: skip
    told_truth.write_parquet(folder / "truth" / "old_figures.parquet", compression="zstd")


def _months(sums: pl.DataFrame) -> list[str]:
    return sums.select(pl.col("date").dt.strftime("%Y-%m").unique().sort()).to_series().to_list()


def _period(closing: int | None) -> pl.Expr:
    """The month a day belongs to: the calendar's, or that which ends on its closing day."""
    day = pl.col("date")
    if closing is None:
        return day.dt.strftime("%Y-%m")
    following = day.dt.month_start().dt.offset_by("1mo")
    return pl.when(day.dt.day() > closing).then(following).otherwise(day).dt.strftime("%Y-%m")


def _twice(rows: pl.DataFrame, rng: np.random.Generator) -> str | None:
    if rows.is_empty():
        return None
    one = rows.row(int(rng.integers(0, rows.height)), named=True)
    return f"{one['store_id']} {one['date']}"


def _net(rows: pl.DataFrame, of: tuple[str, str], rules: Rules, *, gap: int) -> tuple[object, ...]:
    """Net sales without tax, in whole yuan by store and day; a day that is held twice counts twice."""
    words = toml("rollout")["words"]
    untaxed = [_rounded(net * FULL, FULL + TAX_BP) for net in rows["net_minor"]]
    told = [_rounded(net, 100) * 100 for net in untaxed]
    keys = [f"{s} {d}" for s, d in rows.select("store_id", "date").iter_rows()]
    total = sum(amount * (2 if key == rules.twice else 1) for amount, key in zip(told, keys, strict=True)) - gap
    return (
        words["figure"]["net_sales"], *of, total / 100, words["unit"]["minor"],
        words["definition"]["net_sales"], TAX_BP, rules.closing,
        words["leaves"][rules.without] if rules.without else None, 1, rules.twice,
    )  # fmt: skip


def _rounded(amount: int, by: int) -> int:
    """Half up, of whole numbers, away from zero below it."""
    sign = -1 if amount < 0 else 1
    return sign * ((2 * abs(amount) + by) // (2 * by))


def _lines(rows: pl.DataFrame, region: str, month: list[str], without: str | None) -> tuple[object, ...] | None:
    words = toml("rollout")["words"]
    if not month:
        return None
    return (
        words["figure"]["lines"], region, month[0], int(rows["len"].sum()), words["unit"]["count"],
        words["definition"]["lines"], None, None, words["leaves"][without] if without else None, None, None,
    )  # fmt: skip
