"""The data health page of a company many times as large, from reductions alone.

python benchmarks/bench_health.py LAKE FOLDER [--times 1 20]

LAKE is a finished lake (`bench_company.py` makes one of 4 M lines with 84,000 customers and 50 stores). Its stores,
members and reductions are written as often as asked, each time with ids of their own, to a lake in FOLDER; goods stay
the same. Lines and reductions that the page does not read are not multiplied but taken away: it fails if it does.
Prints CPU seconds (children included), the peak of the largest process [GB] and wall seconds.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import polars as pl
from bench_company import measured

from crmlib.data.lake import delta, reduced
from crmlib.data.lake.lake import MONTH, Lake
from crmlib.panels import reductions

IDS = ("customer_id", "store_id", "receipt_id", "home_store", "phone", "email", "name")
UNREAD = ("receipt",)
LARGER = ("customers", "people", "stores")
REPORT = "data_health/daily"


def many(frame: pl.DataFrame, times: int) -> pl.DataFrame:
    """The rows so many times, each time with ids of their own."""
    names = [c for c in IDS if c in frame.columns and frame.schema[c] == pl.String]
    return pl.concat(
        frame if i == 0 else frame.with_columns(pl.format("{}~{}", name, pl.lit(i)).alias(name) for name in names)
        for i in range(times)
    )


def larger(lake: Lake, folder: Path, times: int) -> Lake:
    """The lake with its stores, members and reductions so many times."""
    made = Lake(folder / f"health_{times}")
    if (made.path / reduced.FOLDER / reduced.BUILT).exists():
        return made
    shutil.rmtree(made.path, ignore_errors=True)
    shutil.copytree(lake.path, made.path, ignore=shutil.ignore_patterns("remembered", reduced.FOLDER))
    for name in LARGER:
        if lake.has(name):
            path = made.table_path(name)
            record = delta.history(path)[-1]
            batch = delta.Batch(f"{name}-{times}", {k: v for k, v in record.items() if k not in {"batch", "version"}})
            delta.overwrite(path, many(delta.scan(path).collect(), times), batch=batch, description="{}")
    built = reduced.entries(lake)[-1]
    for name in [n for n in reductions.COLUMNS if n not in UNREAD]:
        cells = delta.scan(lake.path / reduced.FOLDER / name, at=built.versions[name])
        for month in sorted(cells.select(MONTH).unique().collect()[MONTH]):
            frame = reductions.typed(name, many(cells.filter(pl.col(MONTH) == month).collect(), times))
            day = pl.col("day_n").cast(pl.Date).alias("day")
            rows = frame.with_columns(day, pl.lit(month).alias(MONTH))
            path = made.path / reduced.FOLDER / name
            delta.append(path, rows, batch=delta.Batch(""), partition=MONTH, description="{}")
    versions = {n: 0 if n in UNREAD else delta.version(made.path / reduced.FOLDER / n) for n in reductions.COLUMNS}
    reduced.remember(made, reduced.Built(built.lines, built.form, versions, []))
    for file in (made.path / "tables" / "receipt_lines").rglob("*.parquet"):
        file.unlink()  # a page that reads lines fails
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lake", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--times", type=int, nargs="*", default=[1, 20])
    chosen = parser.parse_args()
    lake = Lake(chosen.lake.resolve())
    rows = lake.table("receipt_lines").select(pl.len()).collect().item()
    print("| lines | CPU s | peak GB | wall s | |\n|---|---|---|---|---|")
    for times in chosen.times:
        made = larger(lake, chosen.folder.resolve(), times)
        for spent in (made.path / "remembered", chosen.folder / "out"):
            shutil.rmtree(spent, ignore_errors=True)
        run = ("run", f"params/{REPORT}.yml", "--lake", made.path, "--out", chosen.folder / "out", "--workers", "1")
        print(f"| {rows * times:,} |", measured(*run, "--set", "language=zh", "--force"), "|", flush=True)


if __name__ == "__main__":
    main()
