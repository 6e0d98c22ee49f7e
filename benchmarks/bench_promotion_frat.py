"""A review of real weeks: what features and displays brought at Breakfast at the Frat, and how its base is missed.

Events are runs of weeks in which a product was featured in the leaflet, displayed, or both, in at least three stores.
The data stand beside the project (`../shared/data/breakfast_frat`) or under `CRMLIB_REAL_DATA`.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from crmlib.promotion.lift.baseline import past_bases, untreated
from crmlib.promotion.lift.calendar import MONDAY
from crmlib.promotion.lift.footprint import treated
from crmlib.promotion.lift.lift import Lift, lift
from crmlib.promotion.lift.panel import Panel, panel

CATEGORIES = ("COLD CEREAL", "BAG SNACKS", "FROZEN PIZZA", "ORAL HYGIENE PRODUCTS")
MIN_STORES = 3
KEY = ["store_id", "product_id"]


def sales_of(folder: Path, category: str) -> pl.DataFrame:
    """Rows of one category with week_n of the week's last day."""
    goods = pl.read_parquet(folder / "product.parquet").filter(pl.col("category") == category)
    sales = pl.read_parquet(folder / "transaction.parquet").rename({"upc_id": "product_id"})
    sales = sales.join(goods.select(product_id="upc_id"), on="product_id", how="semi")
    return sales.with_columns(week_n=((pl.col("week_index_days") + MONDAY) // 7).cast(pl.Int32))


def events(sales: pl.DataFrame) -> pl.DataFrame:
    """Runs of weeks of one kind on a store and product; one event for each product, kind and first week."""
    feature, display = pl.col("feature") == 1, pl.col("display") == 1
    kind = pl.when(feature & display).then(pl.lit("both")).when(feature).then(pl.lit("feature"))
    shown = sales.filter(feature | display).with_columns(kind=kind.otherwise(pl.lit("display")))
    shown = shown.sort(*KEY, "week_n")
    fresh = (pl.col("week_n").diff() != 1) | (pl.col("kind") != pl.col("kind").shift(1))
    shown = shown.with_columns(run=fresh.fill_null(value=True).cum_sum().over(KEY))
    runs = shown.group_by(*KEY, "kind", "run").agg(
        first_week_n=pl.col("week_n").min(), last_week_n=pl.col("week_n").max()
    )
    runs = runs.with_columns(event_id=pl.format("{}|{}|{}", "product_id", "kind", "first_week_n"))
    wide = runs.filter(pl.len().over("event_id") >= MIN_STORES)
    return wide.select("event_id", *KEY, "first_week_n", "last_week_n")


def grid_of(folder: Path, sales: pl.DataFrame) -> Panel:
    """The panel: weeks without a row inside a product's life in a store are unknown, outside it not carried."""
    span = sales.group_by(KEY).agg(a=pl.col("week_n").min(), b=pl.col("week_n").max())
    grid = span.join(sales.select("week_n").unique(), how="cross").join(sales, on=[*KEY, "week_n"], how="left")
    outside = (pl.col("week_n") < pl.col("a")) | (pl.col("week_n") > pl.col("b"))
    state = pl.when(pl.col("units").is_not_null()).then(pl.lit("sold")).when(outside).then(pl.lit("not_carried"))
    grid = grid.select(
        *KEY, "week_n", state=state.otherwise(pl.lit("unknown")), quantity_milli=pl.col("units").fill_null(0) * 1000
    )
    shops = pl.read_parquet(folder / "store.parquet").unique("store_id").select("store_id", city="address_city_name")
    goods = sales.select("product_id", sibling_group=pl.lit(None, dtype=pl.String), dip_weeks=pl.lit(1)).unique()
    return panel(grid, stores=shops, products=goods)


def judged(folder: Path, category: str, *, rounds: int = 2) -> tuple[Panel, pl.DataFrame, Lift]:
    """Panel, events and lift of one category."""
    sales = sales_of(folder, category)
    grid, found = grid_of(folder, sales), events(sales)
    return grid, found, lift(grid, found, rng=np.random.default_rng(1), rounds=rounds)


def missed(grid: Panel, found: pl.DataFrame, lift: Lift) -> list[str]:
    """Mean size of log(forecast / imputed base), without and with season, of events with a year behind them."""
    rows = treated(found, panel=grid)
    flat = untreated(grid.units, lift.base, lift.clean)
    due = np.zeros(len(rows.ids))
    base = np.nan_to_num(lift.base)
    for i in range(rows.event.size):
        due[rows.event[i]] += base[rows.store[i], rows.product[i], rows.first[i] : rows.last[i] + 1].sum()
    good = np.isin(rows.ids.to_list(), lift.events.filter(pl.col("status") == "ok")["event_id"].to_list())
    cells = []
    for seasonal in (False, True):
        made, known = past_bases(grid, flat, rows, noise=lift.carry.phi, seasonal=seasonal)
        used = known & good & (due > 5) & (np.nan_to_num(made) > 0)
        cells.append(f"{np.abs(np.log(made[used] / due[used])).mean():.3f}")
    return [str(int(used.sum())), *cells]


def main() -> None:
    """Print one row per category and kind, then the back-test of the base."""
    folder = Path(os.environ.get("CRMLIB_REAL_DATA", ROOT.parent / "shared" / "data")) / "breakfast_frat"
    print("| category | kind | events | clearly more | lift | dip % of extra | coverage on placebos | CPU s |")
    print("|---|---|---|---|---|---|---|---|")
    tests = []
    for category in CATEGORIES:
        start = time.process_time()
        grid, found, result = judged(folder, category)
        seconds = time.process_time() - start
        table = result.parts.with_columns(kind=pl.col("event_id").str.split("|").list.get(1))
        for (kind,), mine in sorted(table.partition_by("kind", as_dict=True).items()):
            core, dip = mine.filter(pl.col("role") == "event"), mine.filter(pl.col("role") == "dip")
            extra = core["effect_milli"].sum()
            print(
                f"| {category} | {kind} | {core.height} | {(core['lower_milli'] > 0).sum()} "
                f"| {extra / core['base_milli'].sum():+.0%} | {-100 * dip['effect_milli'].sum() / extra:.0f} "
                f"| {result.achieved:.3f} | {seconds:.1f} |"
            )
        tests.append((category, *missed(grid, found, result)))
    print("\n| category | events with a year behind | base misses without season | with season |\n|---|---|---|---|")
    for row in tests:
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
