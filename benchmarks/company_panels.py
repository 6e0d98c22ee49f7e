"""One panel over a large lake, from its lines or from its reductions: CPU seconds and the peak of its process.

python benchmarks/company_panels.py LAKE            all of them, each in a process of its own, as a table
python benchmarks/company_panels.py LAKE NAME KIND  one; KIND is lines or cells
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from crmlib import panels
from crmlib.data.lake import delta
from crmlib.data.lake.lake import Lake
from crmlib.panels import traits
from crmlib.panels.handle import ReceiptLines
from crmlib.report import stored

END, YEAR_AGO = date(2026, 10, 31), date(2025, 11, 1)
MONDAY, SUNDAY = date(2025, 11, 3), date(2026, 10, 25)
KEY = "customer_id"


def goods(lake: Lake) -> pl.DataFrame:
    return lake.table("products").collect()


def weeks(lines: Any, lake: Lake) -> object:
    stores = lake.table("stores").select("store_id").collect()
    return panels.store_product_week(lines, stores=stores, start=MONDAY, end=SUNDAY)


PANELS: dict[str, Callable[[Any, Lake], object]] = {
    "store_day": lambda x, _: panels.store_day(x),
    "customer_summary": lambda x, _: panels.customer_summary(x, period_end=END),
    "visit_days": lambda x, _: panels.visit_days(x),
    "customer_period": lambda x, _: panels.customer_period(x, start=YEAR_AGO, end=END),
    "customer_traits": lambda x, lake: traits.customer_traits(x, goods(lake), start=YEAR_AGO, end=END),
    "customer_part by category": lambda x, lake: traits.customer_part(
        x, goods(lake), by="category_1", start=YEAR_AGO, end=END
    ),
    "customer_part by store": lambda x, _: traits.customer_part(x, by="store_id", start=YEAR_AGO, end=END),
    "store_product_week": weeks,
    "sales_cells": lambda x, _: panels.sales_cells(x),
}


def polars_summary(lake: Lake) -> None:
    """A hand-written query over the lake's files."""
    bought = pl.col("q") > 0
    days = (
        delta.scan(lake.table_path("receipt_lines"))
        .filter(pl.col(KEY).is_not_null(), pl.col("day") <= END)
        .group_by(KEY, "day_n")
        .agg(q=pl.col("quantity_milli").max(), v=pl.col("net_minor").sum())
    )
    days.group_by(KEY).agg(
        pl.col("day_n").filter(bought).min().alias("first"),
        pl.col("day_n").filter(bought).max().alias("last"),
        bought.sum().alias("n"),
        pl.col("v").sum().alias("net"),
        pl.col("v").filter(bought).sum().alias("spend"),
    ).collect(engine="streaming").sort(KEY)


def duckdb_summary(lake: Lake) -> None:
    """The same in SQL."""
    import duckdb

    files = [f"{lake.table_path('receipt_lines')}/{f}" for f in paths(lake)]
    duckdb.sql("set threads = 2")
    duckdb.sql(
        f"""with days as (select customer_id, day_n, max(quantity_milli) > 0 as bought, sum(net_minor) as v
                         from read_parquet({files}) where customer_id is not null group by all)
           select customer_id, min(day_n) filter (bought), max(day_n) filter (bought), count(*) filter (bought),
                  sum(v), sum(v) filter (bought) from days group by 1 order by 1"""
    ).arrow()


def paths(lake: Lake) -> list[str]:
    table = delta.opened(lake.table_path("receipt_lines"))
    return pl.DataFrame(table.get_add_actions(flatten=True))["path"].to_list()


HAND: dict[str, Callable[[Lake], object]] = {
    "customer_summary, Polars by hand": polars_summary,
    "customer_summary, DuckDB SQL": duckdb_summary,
}


def one(lake: Lake, name: str, kind: str) -> None:
    """CPU seconds and peak [GB] of one, imports and opening of the lake not counted."""
    version = delta.version(lake.table_path("receipt_lines"))
    rows = lake.table("receipt_lines", version=version)
    at = stored.AsOf(END, END, lambda: END)
    cells = stored.cells(lake, version, at=at, cut=lambda table: table, by_card=False) if kind == "cells" else None
    lines = ReceiptLines(rows, cells)
    before = resource.getrusage(resource.RUSAGE_SELF)
    HAND[name](lake) if name in HAND else PANELS[name](lines, lake)
    now = resource.getrusage(resource.RUSAGE_SELF)
    cpu = now.ru_utime + now.ru_stime - before.ru_utime - before.ru_stime
    print(f"{cpu:.2f} {now.ru_maxrss / 2**20:.2f}")


def main() -> None:
    lake = Lake(sys.argv[1])
    if len(sys.argv) > 2:
        return one(lake, sys.argv[2], sys.argv[3])
    rows = lake.table("receipt_lines").select(pl.len()).collect().item()
    print(f"{rows:,} lines\n\n| panel | from lines: CPU s | peak GB | from cells: CPU s | peak GB |")
    print("|---|---|---|---|---|")
    for name in (*PANELS, *HAND):
        said = []
        for kind in ("lines", "cells") if name in PANELS else ("lines",):
            command = [sys.executable, str(Path(__file__)), str(lake.path), name, kind]
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            said += done.stdout.split() if done.returncode == 0 else ["failed", done.stderr[-80:].strip()]
        print(f"| {name} | {' | '.join(said)} |", flush=True)


if __name__ == "__main__":
    main()
