"""Sales: cube and store × product of 5 M lines beside pandas and DuckDB; gates of the models on simulated worlds.

    python benchmarks/bench_sales.py [--lines 5] [--runs 3] [--worlds 3] [--gates-only] [--lake .crmlib]

Goal: at most .6 times pandas' CPU and memory, with the same cells. Gates, on at least three worlds each: quiet alarms
.5–1.5 %, coverage of completion and growth ± .05, parts of splits 0 fen apart from their gaps.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from datetime import date, timedelta
from functools import partial
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
from measure import compare

FIRST = 19_000
START, END = date(1970, 1, 1) + timedelta(FIRST), date(1970, 1, 1) + timedelta(FIRST + 364)
GOAL = 0.6
CELLS = ["store_id", "day_n", "channel", "staff_id", "category"]


def write_lines(folder: Path, millions: int) -> None:
    """A year of a chain: 100 stores with two sellers, 4,000 goods in 10 categories, 3 lines a receipt, 5 % uncosted."""
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(7)
    category = rng.integers(0, 10, 4000)
    pl.DataFrame(
        {
            "product_id": [f"P{i}" for i in range(4000)],
            "category_1": [f"C{c}" for c in category],
            "is_service": np.arange(4000) < 20,
        }
    ).write_parquet(folder / "products.parquet")
    for part in range(millions):
        n, receipts = 1_000_000, 350_000
        of = np.sort(rng.integers(0, receipts, n))
        day = (FIRST + (part + rng.random(receipts)) * 365 / millions).astype(np.int32)
        store, staff = rng.integers(0, 100, receipts), rng.integers(0, 2, receipts)
        product = np.minimum(rng.exponential(600, n).astype(np.int64), 3999)
        quantity = rng.choice([1000, 2000, 3000, -1000], n, p=[0.8, 0.13, 0.05, 0.02])
        price = rng.integers(300, 9000, n)
        pl.DataFrame(
            {"part": part, "of": of, "store": store[of], "staff": staff[of], "product": product, "day_n": day[of],
             "card": (rng.random(receipts) < 0.65)[of], "quantity_milli": quantity,
             "net_minor": quantity * price // 1000,
             "cost": quantity * (price * 6 // 10) // 1000, "known": rng.random(n) < 0.95}
        ).select(
            pl.format("{}-{}", "part", "of").alias("receipt_id"),
            pl.format("S{}", "store").alias("store_id"),
            pl.when("card").then(pl.format("M{}", pl.col("of") % 90_000)).alias("customer_id"),
            pl.format("P{}", "product").alias("product_id"),
            "day_n",
            pl.when(pl.col("store") % 5 == 0).then(pl.lit("counter")).otherwise(pl.lit("store")).alias("channel"),
            pl.format("E{}-{}", "store", "staff").alias("staff_id"),
            pl.when(pl.col("product") % 3 == 0).then(pl.lit("kg")).otherwise(pl.lit("piece")).alias("unit"),
            "quantity_milli",
            "net_minor",
            pl.when("known").then("cost").alias("cost_minor"),
        ).write_parquet(folder / f"lines_{part:03d}.parquet", compression="zstd")  # fmt: skip


def crmlib_way(folder: Path) -> None:
    import polars as pl

    from crmlib import panels

    lines, goods = pl.scan_parquet(folder / "lines_*.parquet"), pl.scan_parquet(folder / "products.parquet")
    panels.store_day_cube(lines, goods, start=START, end=END).write_parquet(folder / "crmlib.cube")
    panels.product_period(lines, start=START, end=END, by=["store_id"]).write_parquet(folder / "crmlib.goods")


def duckdb_way(folder: Path) -> None:
    import duckdb

    duckdb.sql("set threads = 1")
    facts = "count(*) as lines, count(distinct receipt_id) as receipts, sum(net_minor)::bigint as net_minor"
    lacking = "sum(net_minor) filter (cost_minor is null)::bigint as uncosted_minor"
    cost = f"sum(cost_minor)::bigint as cost_minor, {lacking}"
    units = ", ".join(f"sum(quantity_milli) filter (unit = '{u}')::bigint as {u}_milli" for u in ("piece", "kg", "l"))
    duckdb.sql(
        f"""copy (select store_id, day_n, channel, staff_id, category_1 as category, {facts}, {cost}, {units},
            sum(net_minor) filter (customer_id is not null)::bigint as card_net_minor
            from '{folder}/lines_*.parquet' left join '{folder}/products.parquet' using (product_id)
            where not coalesce(is_service, false) group by all order by all)
            to '{folder}/duckdb.cube' (format parquet)"""
    )
    duckdb.sql(
        f"""copy (select store_id, product_id, unit, day_n % 2 as half, {facts}, {cost},
            sum(quantity_milli)::bigint as quantity_milli, max(day_n) filter (quantity_milli > 0) as last_day_n
            from '{folder}/lines_*.parquet' group by all order by all) to '{folder}/duckdb.goods' (format parquet)"""
    )


def pandas_way(folder: Path) -> None:
    import pandas as pd

    lines = pd.concat([pd.read_parquet(p) for p in sorted(folder.glob("lines_*.parquet"))], ignore_index=True)
    goods = pd.read_parquet(folder / "products.parquet")
    for name in ("store_id", "channel", "staff_id", "unit", "product_id", "receipt_id"):
        lines[name] = lines[name].astype("category")  # the kindest pandas: group by codes
    lines["uncosted_minor"] = lines["net_minor"].where(lines["cost_minor"].isna(), 0)
    sums = {"lines": ("net_minor", "size"), "receipts": ("receipt_id", "nunique"), "net_minor": ("net_minor", "sum"),
            "cost_minor": ("cost_minor", "sum"), "uncosted_minor": ("uncosted_minor", "sum")}  # fmt: skip
    sold = lines.merge(goods, on="product_id", how="left")
    sold = sold[~sold["is_service"]].rename(columns={"category_1": "category"})
    for unit in ("piece", "kg", "l"):
        sold[f"{unit}_milli"] = sold["quantity_milli"].where(sold["unit"] == unit, 0)
    sold["card_net_minor"] = sold["net_minor"].where(sold["customer_id"].notna(), 0)
    more = {c: (c, "sum") for c in ("piece_milli", "kg_milli", "l_milli", "card_net_minor")}
    sold.groupby(CELLS, observed=True).agg(**sums, **more).reset_index().to_parquet(folder / "pandas.cube")
    lines["half"] = lines["day_n"] % 2
    lines["sold_on"] = lines["day_n"].where(lines["quantity_milli"] > 0)
    more = {"quantity_milli": ("quantity_milli", "sum"), "last_day_n": ("sold_on", "max")}
    keys = ["store_id", "product_id", "unit", "half"]
    lines.groupby(keys, observed=True).agg(**sums, **more).reset_index().to_parquet(folder / "pandas.goods")


def same(folder: Path) -> bool:
    """Whether all three wrote the same cells."""
    import polars as pl

    for kind, keys in (("cube", CELLS), ("goods", ["store_id", "product_id", "unit", "half"])):
        made = [pl.read_parquet(folder / f"{who}.{kind}") for who in ("crmlib", "duckdb", "pandas")]
        columns = made[0].columns
        plain = [
            t.select(pl.col(c).cast(pl.String) if t[c].dtype == pl.Categorical else pl.col(c) for c in columns)
            .with_columns(pl.col(c).cast(pl.String) for c in keys)
            .with_columns(pl.col(c).fill_null(0).cast(pl.Int64) for c in columns if c not in keys)
            .sort(keys)
            for t in made
        ]
        if not all(t.equals(plain[0]) for t in plain[1:]):
            return False
    return True


def gates(worlds: int) -> list[tuple[str, int, float, float, float]]:
    """gate, world, value, lowest and highest allowed value."""
    import numpy as np
    import polars as pl

    from crmlib import sales
    from tests.sales.test_goods import world
    from tests.sales.worlds import chain, long, weeks

    found = []
    for seed in range(1, worlds + 1):
        rng = np.random.default_rng(seed)
        quiet = sales.flags(long(weeks(rng, stores=300, periods=208)), last=104)
        found.append(("quiet alarms", seed, quiet.weeks["flagged"].mean(), 0.005, 0.015))
        inside = true = 0
        for month, chain_of in itertools.product(range(1, 10), range(4)):  # 36 companies: their stores share its error
            days = chain(np.random.default_rng((seed, month, chain_of)), stores=25)
            first = date(2026, month, 1)
            last = date(2026, month + 1, 1) - timedelta(days=1)
            as_of = first + timedelta(days=9)
            got = sales.completion(days, first=first, last=last, as_of=as_of).units
            ended = days.filter(pl.col("day").is_between(first, last)).group_by(unit_id="store_id")
            both = got.join(ended.agg(end=pl.col("net_minor").sum()), on="unit_id").drop_nulls("low_minor")
            inside += both.filter(pl.col("end").is_between("low_minor", "high_minor")).height
            true += both.height
        found.append(("completion, 80 % held", seed, inside / true, 0.75, 0.85))
        table, growth = world(rng, count=6000)
        by = sales.goods.growing(table, k=2.5).sort(pl.col("product_id").str.slice(1).cast(pl.Int64))
        held = (np.exp(growth) >= by["lower"].to_numpy()) & (np.exp(growth) <= by["upper"].to_numpy())
        found.append(("growth, 80 % held", seed, float(held.mean()), 0.75, 0.85))
        goods = pl.DataFrame({"product_id": range(50_000), "unit": ["kg", "piece"] * 25_000}).with_columns(
            pl.Series(n, rng.integers(-5, 10**7, 50_000)) for n in ("quantity_milli", "net_minor", "cost_minor")
        )
        after = goods.with_columns(pl.Series("net_minor", rng.integers(-5, 10**7, 50_000)))
        apart = sales.split(goods, after)["gap_minor"].sum() - (after["net_minor"].sum() - goods["net_minor"].sum())
        found.append(("split of 50 k goods, fen apart", seed, float(apart), 0, 0))
    return found


def months_of(lake: Path) -> None:
    """Mean error of the month at a third and two thirds of it, by candidate, for a lake's company and its stores."""
    import numpy as np
    import polars as pl

    from crmlib import panels
    from crmlib.core.dates import day_number
    from crmlib.data import Lake
    from crmlib.sales.candidates import NAMES, Sales, rest, sales_of

    days = panels.store_day(Lake(lake).table("receipt_lines")).with_columns(day=pl.col("day_n").cast(pl.Date))
    end = days["day"].max()
    stores = sales_of(days, unit="store_id", until=end)
    usual = (stores.values > 0).mean(axis=1) > 0.8
    company = Sales(("",), stores.first, stores.values.sum(axis=0, keepdims=True))
    months = pl.date_range(days["day"].min().replace(day=1), end, "1mo", eager=True)
    print("\n| level | at | " + " | ".join(NAMES) + " |\n|---|---|" + "---|" * len(NAMES))
    for level, sales, of in (("company", company, [0]), (f"{usual.sum()} stores", stores, usual)):
        for part in (1 / 3, 2 / 3):
            errors = []
            for first, last in zip(months, [*(m - timedelta(days=1) for m in months[1:]), end], strict=True):
                a, z = day_number(first), day_number(last)
                point = a + int((z - a + 1) * part) - 1
                said = [rest(sales, name=n, first=a, as_of=point, last=z) for n in NAMES]
                if all(s is not None for s in said):
                    true = sales.values[of, point + 1 - sales.first : z + 1 - sales.first].sum(axis=1)
                    whole = sales.values[of, a - sales.first : z + 1 - sales.first].sum(axis=1)
                    errors.append([float((np.abs(s[of] - true) / whole).mean()) for s in said])
            cells = " | ".join(f"{100 * e:.1f} %" for e in np.mean(errors, axis=0))
            print(f"| {level} | {part:.2f} | {cells} |")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=5, help="millions of lines")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--worlds", type=int, default=3)
    parser.add_argument("--gates-only", action="store_true")
    parser.add_argument("--lake", type=Path, help="print the errors of completion on this lake, nothing else")
    options = parser.parse_args()
    if options.lake:
        months_of(options.lake)
        return 0
    ok = True
    if not options.gates_only:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            import multiprocessing

            writer = multiprocessing.get_context("spawn").Process(target=write_lines, args=(folder, options.lines))
            writer.start()
            writer.join()
            ways = {"pandas": pandas_way, "crmlib": crmlib_way, "DuckDB SQL": duckdb_way}
            costs = compare(
                {k: partial(f, folder) for k, f in ways.items()},
                runs=options.runs,
                title=f"Cube and store × product × half of {options.lines} M lines",
            )
            equal = same(folder)
        cpu = costs["crmlib"].cpu_s / costs["pandas"].cpu_s
        memory = costs["crmlib"].peak_mb / costs["pandas"].peak_mb
        print(f"\nsame cells: {equal}; CPU {cpu:.2f}, memory {memory:.2f} of pandas (goal {GOAL})")
        ok = equal and cpu <= GOAL and memory <= GOAL
    print("\n| gate | world | value | allowed |\n|---|---|---|---|")
    for gate, world, value, low, high in gates(options.worlds):
        print(f"| {gate} | {world} | {value:.4f} | {low:g} to {high:g} |")
        ok = ok and low <= value <= high
    return 0 if ok else 1


if __name__ == "__main__":
    raise SystemExit(main())
