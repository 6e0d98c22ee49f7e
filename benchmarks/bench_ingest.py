"""Ingest and store: a million lines in GB18030 and UTF-8, corrections by predicate and by merge, thirty daily appends.

Run `python benchmarks/bench_ingest.py` (about two minutes) or with `--small`; with `--export FOLDER` (of `crmlib
simulate`) only the tills' sources of a company and the reductions of their lines, in one process; `--times 28` makes
the export so many times as large first (28 times 60,000 customers are 82 M lines and 1.6 GB packed).
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from measure import compare, cost

NOW = datetime(2026, 11, 22, tzinfo=UTC)
HEADER = "门店编号,小票号,会员卡号,商品编码,商品名称,日期,时间,数量,实收金额,渠道"
NAMES = ("五香牛肉干", "绿豆糕礼盒", "云片糕", "黑芝麻酥", "广式月饼")
LINES_PER_RECEIPT = 3
SOURCES = """
gb18030: &till
  table: receipt_lines
  files: gb18030.csv
  known_at: {lag_days: 0}
  columns:
    receipt_id: 小票号
    store_id: 门店编号
    customer_id: 会员卡号
    product_id: 商品编码
    sold_at: {from: [日期, 时间]}
    quantity_milli: {from: 数量, times: 1000}
    net_minor: {from: 实收金额, times: 100}
    channel: {from: 渠道, map: {门店: store, 专柜: counter}}
utf8:
  <<: *till
  files: utf8.csv
correction:
  <<: *till
  files: correction.csv
"""


def till_lines(count: int, *, days: int = 720, raised: int = 0, only_days: range | None = None) -> list[str]:
    """Lines of a till: three goods per receipt, days without leading zeros; `raised` fen more on every line."""
    first = date(2024, 1, 1)
    lines = []
    for n in range(count):
        receipt = n // LINES_PER_RECEIPT
        day = receipt * LINES_PER_RECEIPT * days // count
        if only_days is not None and day not in only_days:
            continue
        on = first + timedelta(days=day)
        card = "" if receipt % 2 else f"{receipt * 7919 % 2_000_000:08d}"
        product = n * 31 % 800
        fen = 100 + n * 7919 % 9900 + raised
        lines.append(
            f"S{receipt % 120:03d},{receipt:09d},{card},{product:06d},{NAMES[product % 5]},"
            f"{on.year}/{on.month}/{on.day},{8 + receipt % 14}:{receipt % 60:02d},{1 + n % 3},"
            f"{fen // 100}.{fen % 100:02d},{'门店' if receipt % 3 else '专柜'}"
        )
    return lines


def write(folder: Path, name: str, lines: list[str], *, encoding: str) -> None:
    """One CSV with Windows line ends."""
    (folder / name).write_bytes("\r\n".join([HEADER, *lines, ""]).encode(encoding))


def ingesting(folder: Path, source: str, lake: str) -> Callable[[], object]:
    """Work that ingests one source; libraries start inside it, since thread pools do not survive a fork."""

    def work() -> object:
        from crmlib.data import Lake, ingest

        result = ingest(source, sources=folder / "sources.yml", lake=Lake(folder / lake), now=NOW)
        assert result.sum_holds
        return result

    return work


def fresh(folder: Path, lake: str, work: Callable[[], object]) -> Callable[[], object]:
    """The same work on an empty lake every time."""

    def again() -> object:
        shutil.rmtree(folder / lake, ignore_errors=True)
        return work()

    return again


def correcting_by_predicate(folder: Path) -> Callable[[], object]:
    """Ingest the correction file into a copy of the lake: duplicates, replacements and all checks included."""

    def work() -> object:
        shutil.rmtree(folder / "copy", ignore_errors=True)
        shutil.copytree(folder / "base", folder / "copy")
        result = ingesting(folder, "correction", "copy")()
        return result

    return work


def stored_days(folder: Path, *, by_merge: bool) -> Callable[[], object]:
    """Only the store's part of a correction: new values for three days, by overwrite with predicate or by merge."""

    def work() -> object:
        import polars as pl
        from deltalake import DeltaTable, write_deltalake

        shutil.rmtree(folder / "copy", ignore_errors=True)
        shutil.copytree(folder / "base", folder / "copy")
        path = str(folder / "copy" / "tables" / "receipt_lines")
        days = [date(2024, 12, 1) + timedelta(days=d) for d in range(3)]
        touched = pl.scan_delta(path).filter(pl.col("month") == "2024-12", pl.col("day").is_in(days)).collect()
        touched = touched.with_columns(pl.col("net_minor") + 1)
        if by_merge:
            merger = DeltaTable(path).merge(touched, "t.line_id = s.line_id", source_alias="s", target_alias="t")
            return merger.when_matched_update_all().when_not_matched_insert_all().execute()
        predicate = "month IN ('2024-12') AND day >= '2024-12-01' AND day <= '2024-12-03'"
        return write_deltalake(path, touched, mode="overwrite", predicate=predicate)

    return work


def thirty_appends(folder: Path, *, rows: int, raw: bool) -> Callable[[], object]:
    """Thirty days appended, by the lake's own writer or as bare Parquet files."""

    def work() -> object:
        import polars as pl

        from crmlib.data.lake import delta

        shutil.rmtree(folder / "appends", ignore_errors=True)
        (folder / "appends").mkdir()
        stored = pl.scan_delta(str(folder / "base" / "tables" / "receipt_lines")).head(rows).collect()
        for day in range(30):
            on = date(2026, 1, 1) + timedelta(days=day)
            frame = stored.with_columns(pl.lit(on).alias("day"), pl.lit("2026-01").alias("month"))
            if raw:
                frame.write_parquet(folder / "appends" / f"{day}.parquet", compression="zstd", compression_level=3)
            else:
                batch = delta.Batch(f"day {day}")
                delta.append(folder / "appends" / "t", frame, batch=batch, partition="month", description="{}")
        return None

    return work


def growing(export: Path, folder: Path, *, times: int) -> Callable[[], object]:
    """Work that writes an export so many times into a folder."""

    def work() -> object:
        from company_world import grown_export

        return grown_export(export, folder, times=times)

    return work


def exported(folder: Path, *, runs: int) -> None:
    """The tills of a simulated company with late corrections, and reductions: CPU seconds a million lines, peak."""
    with tempfile.TemporaryDirectory() as place:

        def work() -> object:
            from crmlib.core import allocators

            allocators.keep()
            from crmlib.data import Lake, ingest
            from crmlib.data.lake import reduced
            from crmlib.panels import reductions

            lake = Lake(Path(place) / "lake")
            for source in ("pos_store", "pos_counter"):
                ingest(source, sources=folder / "sources.yml", lake=lake, now=NOW)
            reduced.reduce(lake, by=reductions)
            (Path(place) / "lines").write_text(str(lake.ingests("receipt_lines")["read"].sum()), encoding="ascii")
            return None

        found = compare({"ingest and reductions": fresh(Path(place), "lake", work)}, runs=runs, title=str(folder))
        read = int((Path(place) / "lines").read_text(encoding="ascii"))
    one = found["ingest and reductions"]
    print(f"{read:,} lines: {one.cpu_s * 1e6 / read:.1f} CPU s a million lines, imports with them")


def main() -> None:
    """Write the files, run the contestants, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tenth of the lines, one run")
    parser.add_argument("--export", type=Path, help="folder of `crmlib simulate`: only its tills and their reductions")
    parser.add_argument("--times", type=int, default=1, help="the export so many times (up to 90), of other receipts")
    arguments = parser.parse_args()
    count, runs = (100_000, 1) if arguments.small else (1_000_000, 3)
    if arguments.export is not None and arguments.times > 1:
        with tempfile.TemporaryDirectory() as place:
            cost(growing(arguments.export, Path(place) / "raw", times=arguments.times))
            exported(Path(place) / "raw", runs=1)
        return
    if arguments.export is not None:
        exported(arguments.export, runs=runs)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = till_lines(count)
        write(folder, "gb18030.csv", lines, encoding="gb18030")
        write(folder, "utf8.csv", lines, encoding="utf-8")
        write(folder, "base.csv", lines, encoding="utf-8")
        three = till_lines(count, raised=1, only_days=range(335, 338))
        write(folder, "correction.csv", three, encoding="utf-8")
        # the base and its correction are one source: a receipt is known by source and number
        (folder / "sources.yml").write_text(SOURCES, encoding="utf-8")
        (folder / "base.yml").write_text(SOURCES.replace("files: correction.csv", "files: base.csv"), encoding="utf-8")
        two = {source: fresh(folder, source, ingesting(folder, source, source)) for source in ("utf8", "gb18030")}
        encodings = compare(two, runs=runs, title=f"Check and store {count:,} lines")
        seconds = encodings["gb18030"].wall_s
        print(f"\n{count:,} lines of GB18030 checked and stored in {seconds:.1f} s by the clock (goal: 15 s a million)")
        _base(folder)
        compare(
            {
                "overwrite with predicate": stored_days(folder, by_merge=False),
                "merge": stored_days(folder, by_merge=True),
            },
            runs=runs,
            title=f"Correct three days of {count:,} lines (a copy of the lake included)",
        )
        compare(
            {"crmlib ingest of a correction": correcting_by_predicate(folder)},
            runs=runs,
            title="The same correction through ingest, with all checks",
        )
        rows = count // 10
        compare(
            {
                "bare Parquet files": thirty_appends(folder, rows=rows, raw=True),
                "Delta, month partitions": thirty_appends(folder, rows=rows, raw=False),
            },
            runs=runs,
            title=f"Thirty appends of {rows:,} lines",
        )
        large, limit = (400_000, 10_000_000) if arguments.small else (4_000_000, 100_000_000)
        one_large_file(folder, lines=large, limit=limit, runs=1)


def one_large_file(folder: Path, *, lines: int, limit: int, runs: int) -> None:
    """Memory per line of one file, judged whole and in pieces; both leave the same rows."""
    write(folder, "utf8.csv", till_lines(lines), encoding="utf-8")
    size = (folder / "utf8.csv").stat().st_size

    def limited(lake: str, batch_bytes: int) -> Callable[[], object]:
        def work() -> object:
            from crmlib.data.read import files

            files.BATCH_BYTES = batch_bytes
            files.batches.__kwdefaults__["limit"] = batch_bytes
            return ingesting(folder, "utf8", lake)()

        return fresh(folder, lake, work)

    found = compare(
        {"in pieces": limited("pieces", limit), "whole": limited("whole", 1 << 40)},
        runs=runs,
        title=f"One file of {lines:,} lines ({size / 1e6:.0f} MB), pieces of {limit / 1e6:.0f} MB",
    )
    for name, one in found.items():
        print(f"{name}: {one.peak_mb:,.0f} MB at most, {one.peak_mb * 1e6 / lines:,.0f} bytes per line of the file")


def _base(folder: Path) -> None:
    """The lake to be corrected, made in a child process so that this one stays free of thread pools."""

    def work() -> object:
        from crmlib.data import Lake, ingest

        return ingest("correction", sources=folder / "base.yml", lake=Lake(folder / "base"), now=NOW)

    cost(work)


if __name__ == "__main__":
    main()
