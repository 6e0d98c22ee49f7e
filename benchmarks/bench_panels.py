"""Panels beside their peers: lifetimes' summary, a hand-written Polars query, DuckDB SQL.

python benchmarks/bench_panels.py [--lines 10] [--no-lifetimes]     (millions of lines)
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from datetime import date, timedelta
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from measure import compare, cost

START, DAYS, END = 19_000, 730, date(1970, 1, 1) + timedelta(19_729)
MONDAY, SUNDAY = date(2022, 1, 10), date(2023, 12, 31)
FIRST_DAY, LAST_DAY = ((day - date(1970, 1, 1)).days for day in (MONDAY, SUNDAY))
FIRST_WEEK, LAST_WEEK = (FIRST_DAY + 3) // 7, (LAST_DAY + 3) // 7
STORES = 100


def write_lines(folder: Path, millions: int) -> None:
    """Receipt lines by the million: 35 % without card, three lines a receipt, a few customers with many trips."""
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(7)
    customers = 20_000 * millions
    for part in range(millions):
        receipts = 350_000
        of = np.sort(rng.integers(0, receipts, 1_000_000))
        who = np.minimum(rng.exponential(customers / 4, receipts).astype(np.int64), customers - 1)
        day = (START + (part + rng.random(receipts)) * DAYS / millions).astype(np.int32)
        store = rng.integers(0, 100, receipts)
        card = rng.random(receipts) < 0.65
        quantity = rng.choice([1000, 2000, 3000, -1000], 1_000_000, p=[0.8, 0.13, 0.05, 0.02])
        price = rng.integers(300, 9000, 1_000_000)
        frame = pl.DataFrame(
            {
                "receipt_id": np.char.add(f"{part:03d}-", of.astype(str)),
                "customer": who[of],
                "card": card[of],
                "store": store[of],
                "product": np.minimum(rng.exponential(60, 1_000_000).astype(np.int64), 499),
                "day_n": day[of],
                "quantity_milli": quantity,
                "net_minor": quantity * price // 1000,
                "list_minor": quantity * (price + 100) // 1000,
                "cost_minor": quantity * (price * 6 // 10) // 1000,
            }
        )
        frame.select(
            "receipt_id",
            pl.format("S{}", pl.col("store")).alias("store_id"),
            pl.when("card").then(pl.format("M{}", pl.col("customer"))).alias("customer_id"),
            pl.format("P{}", pl.col("product")).alias("product_id"),
            "day_n",
            "quantity_milli",
            "net_minor",
            "list_minor",
            "cost_minor",
            pl.lit(None, pl.String).alias("promotion_id"),
        ).write_parquet(folder / f"{part:03d}.parquet", compression="zstd")


def scan(folder: Path):  # type: ignore[no-untyped-def]
    import polars as pl

    return pl.scan_parquet(folder / "*.parquet")


def crmlib_summary(folder: Path) -> None:
    from crmlib import panels

    panels.customer_summary(scan(folder), period_end=END)


def polars_summary(folder: Path) -> None:
    """The best query we could write by hand for the same result, sorted as well."""
    import polars as pl

    bought = pl.col("q") > 0
    (
        scan(folder)
        .filter(pl.col("customer_id").is_not_null())
        .group_by("customer_id", "day_n")
        .agg(q=pl.col("quantity_milli").max(), v=pl.col("net_minor").sum())
        .group_by("customer_id")
        .agg(
            pl.col("day_n").filter(bought).min().alias("first"),
            pl.col("day_n").filter(bought).max().alias("last"),
            bought.sum().alias("n"),
            pl.col("v").sum().alias("net"),
            pl.col("v").filter(bought).sum().alias("spend"),
        )
        .collect(engine="streaming")
        .sort("customer_id")
    )


def duckdb_summary(folder: Path) -> None:
    import duckdb

    duckdb.sql("set threads = 2")
    duckdb.sql(
        f"""
        with days as (select customer_id, day_n, max(quantity_milli) > 0 as bought, sum(net_minor) as v
                      from '{folder}/*.parquet' where customer_id is not null group by all)
        select customer_id, min(day_n) filter (bought), max(day_n) filter (bought), count(*) filter (bought),
               sum(v), sum(v) filter (bought) from days group by 1 order by 1
        """
    ).arrow()


def stored_days(folder: Path) -> None:
    """Customer days as a lake keeps them beside the lines, of all parts."""
    from crmlib import panels

    panels.customer_day(scan(folder)).write_parquet(folder / "days.zst", compression="zstd")


def stored_summary(folder: Path) -> None:
    """The same summary from the stored customer days."""
    import polars as pl

    from crmlib import panels

    panels.customer_summary(pl.scan_parquet(folder / "days.zst"), period_end=END)


def imports() -> None:
    """What a warm process has behind it, of all contestants."""
    import duckdb
    import lifetimes.utils
    import pandas
    import polars

    from crmlib import panels

    assert duckdb and lifetimes.utils and pandas and polars and panels.customer_summary


def lifetimes_summary(folder: Path) -> None:
    import polars as pl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifetimes.utils import summary_data_from_transaction_data

        lines = (
            scan(folder)
            .filter(pl.col("customer_id").is_not_null(), pl.col("quantity_milli") > 0)
            .select("customer_id", pl.from_epoch("day_n", time_unit="d").alias("day"), "net_minor")
            .collect()
            .to_pandas()
        )
        summary_data_from_transaction_data(
            lines, "customer_id", "day", "net_minor", observation_period_end=END.isoformat()
        )


def crmlib_weeks(folder: Path):  # type: ignore[no-untyped-def]
    import polars as pl

    from crmlib import panels

    stores = pl.DataFrame({"store_id": [f"S{i}" for i in range(STORES)]})
    return panels.store_product_week(scan(folder), stores=stores, start=MONDAY, end=SUNDAY)


def duckdb_weeks(folder: Path, *, grid: bool = True) -> object:
    """The same weeks with the same grid of zeros and gaps, or the reduction alone."""
    import duckdb

    duckdb.sql("set threads = 2")
    sums = f"""
        select store_id, product_id, (day_n + 3) // 7 as week_n, sum(quantity_milli) as quantity_milli,
               sum(net_minor) as net_minor, sum(quantity_milli) filter (quantity_milli > 0) as sold_milli,
               sum(net_minor) filter (quantity_milli > 0) as sold_minor,
               sum(quantity_milli) filter (quantity_milli > 0 and list_minor is not null) as listed_milli,
               sum(list_minor) filter (quantity_milli > 0) as list_minor,
               sum(quantity_milli) filter (promotion_id is not null) as promoted_milli
        from '{folder}/*.parquet'
        where store_id is not null and product_id is not null and day_n between {FIRST_DAY} and {LAST_DAY} group by all
    """
    if not grid:
        return duckdb.sql(f"{sums} order by all").arrow()
    return duckdb.sql(
        f"""
        with sums as materialized ({sums}),
             pairs as (select store_id, product_id, min(week_n) as first, max(week_n) as last from sums group by all),
             weeks as (select unnest(range({FIRST_WEEK}, {LAST_WEEK} + 1))::integer as week_n),
             heard as (select distinct store_id, week_n, true as heard from sums),
             open as (select 'S' || s.i as store_id, w.week_n, 7::tinyint as open_days
                      from range({STORES}) s(i), weeks w),
             grid as (
                 select *, case when sold_milli > 0 then 'sold' when quantity_milli is not null then 'zero'
                               when open_days = 0 then 'closed'
                               when week_n < first or week_n > last + 8 then 'not_carried'
                               when heard is null then 'unknown' else 'zero' end as state
                 from pairs cross join weeks left join sums using (store_id, product_id, week_n)
                      left join heard using (store_id, week_n) left join open using (store_id, week_n)
             )
        select store_id, product_id, week_n, date '1969-12-29' + 7 * week_n as week_start, state, open_days,
               case when state in ('sold', 'zero') then coalesce(quantity_milli, 0) end as quantity_milli,
               case when state in ('sold', 'zero') then coalesce(net_minor, 0) end as net_minor,
               case when sold_milli > 0 then sold_minor * 1000 / sold_milli end as price,
               case when listed_milli > 0 then list_minor * 1000 / listed_milli end as base_price,
               case when state in ('sold', 'zero') then coalesce(promoted_milli, 0) end as promoted_milli
        from grid order by store_id, product_id, week_n
        """
    ).arrow()


def check_weeks(folder: Path) -> None:
    """The panel and the SQL give the same grid."""
    import polars as pl
    from polars.testing import assert_frame_equal

    found = pl.DataFrame(duckdb_weeks(folder))
    ours = crmlib_weeks(folder)
    types = {c: d for c, d in ours.schema.items() if c != "state"}
    assert_frame_equal(found.cast(types), ours.cast({"state": pl.String}), rel_tol=1e-12)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=10, help="millions of lines")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--no-lifetimes", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        import multiprocessing

        writer = multiprocessing.get_context("spawn").Process(target=write_lines, args=(folder, options.lines))
        writer.start()
        writer.join()
        contestants = {
            "hand-written Polars": polars_summary,
            "crmlib customer_summary": crmlib_summary,
            "crmlib customer_summary, of stored customer days": stored_summary,
            "DuckDB SQL": duckdb_summary,
        }
        if not options.no_lifetimes:
            contestants["lifetimes summary (its decode included)"] = lifetimes_summary
        cost(partial(stored_days, folder))
        compare(
            {k: partial(f, folder) for k, f in contestants.items()},
            runs=options.runs,
            title=f"Customer summary of {options.lines} M lines, imports not counted",
            before=imports,
        )
        cost(partial(check_weeks, folder))
        compare(
            {
                "DuckDB SQL, with the same grid": partial(duckdb_weeks, folder),
                "DuckDB SQL, reduction only": partial(duckdb_weeks, folder, grid=False),
                "crmlib store_product_week, with grid": partial(crmlib_weeks, folder),
            },
            runs=options.runs,
            title=f"Store-product weeks of {options.lines} M lines, imports not counted",
            before=imports,
        )


if __name__ == "__main__":
    main()
