"""A lake of a company's size made of a small one: its lines again and again, of other cards, receipts and shops.

Nothing is read from files: what a page costs at 80 M lines can be measured without the hours that writing, reading and
judging a company's raw exports takes. Every copy has its own cards and receipts; every fifth shares its shops, so that
26 shops become 130 and cells of goods fill up as they do in a company.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from deltalake import DeltaTable

from crmlib.core.contracts import CONTRACTS
from crmlib.data.lake import delta, reduced
from crmlib.data.lake.lake import MONTH, Lake
from crmlib.data.lake.store import storable

SHOPS = 5
"""So many sets of shops."""
AT_ONCE = 1_000_000
"""Lines of one commit."""


def grown(small: Lake, folder: Path, *, times: int) -> Lake:
    """A lake in `folder` with the lines of `small` so many times, and its cards and shops."""
    lake = Lake(folder)
    if lake.has(reduced.LINES):
        return lake
    lake.path.mkdir(parents=True)
    shutil.copytree(small.path / "tables", lake.path / "tables", ignore=shutil.ignore_patterns(reduced.LINES))
    shutil.copytree(small.path / "state", lake.path / "state")
    for key in small.path.glob("pseudonym.*"):
        shutil.copy2(key, lake.path)
    for name, column, copies in (("customers", "customer_id", times), ("stores", "store_id", SHOPS)):
        rows = small.table(name).collect()
        every = pl.concat([_renamed(rows, {column: n}) for n in range(copies)])
        facts = json.dumps({"currency": lake.currency, "time_zone": lake.time_zone})
        written = storable(every.lazy().collect(), CONTRACTS[name])
        delta.overwrite(lake.table_path(name), written, batch=delta.Batch(""), description=facts)
    _lines(small, lake, times=times)
    return lake


def _lines(small: Lake, lake: Lake, *, times: int) -> None:
    stored = delta.scan(small.table_path(reduced.LINES))
    said = DeltaTable(str(small.table_path(reduced.LINES))).metadata().description or "{}"
    for (month,) in stored.select(MONTH).unique().sort(MONTH).collect().iter_rows():
        rows = stored.filter(pl.col(MONTH) == month).collect().sort("day", "line_id")
        step = max(1, AT_ONCE // rows.height)
        for begin in range(0, times, step):
            copies = range(begin, min(begin + step, times))
            every = [
                _renamed(rows, {"line_id": n, "receipt_id": n, "customer_id": n, "store_id": n % SHOPS}) for n in copies
            ]
            _append(lake, pl.concat(every).sort("day"), name=f"{month}/{begin}", description=said)


def _append(lake: Lake, rows: pl.DataFrame, *, name: str, description: str) -> None:
    none = dict.fromkeys(("replaced", "duplicate", "conflict", "quarantined", "excluded", "withdrawn"), 0)
    now = datetime.now(UTC).isoformat()
    record = {"source": "grown", "table": reduced.LINES, "at": now, "read": rows.height, "kept": rows.height, **none}
    batch = delta.Batch(name, {**record, "files": {}, "rules": []})
    delta.append(lake.table_path(reduced.LINES), rows, batch=batch, partition=MONTH, description=description)


LINE_OF_TILL = re.compile(rb"(?m)^([SC]\d{13})(,[^,\n]*,[SC])\d(\d\d,)(?:\d\d(\d+))?")
"""Receipt, its time and letter of shop, the shop's last digits, the card after its first two; torn lines have less."""


def grown_export(small: Path, folder: Path, *, times: int) -> None:
    """Raw files of tills so many times in a folder, of other receipts, cards and two sets of shops; corrections, too.

    Parameters
    ----------
    small : export of `crmlib simulate` with fewer than 100 stores; its files `pos_*.csv.gz` keep their names.
    times : up to 90.
    """
    folder.mkdir(parents=True)
    shutil.copy2(small / "sources.yml", folder)
    for path in sorted(small.glob("pos_*.csv.gz")):
        with gzip.open(path) as packed:
            head, rows = packed.read().split(b"\n", 1)
        marked = LINE_OF_TILL.sub(_marked, rows)
        with gzip.open(folder / path.name, "wb", compresslevel=1) as out:
            out.write(head + b"\n")
            for n in range(times):
                marks = {b"\x01": b"%02d" % n, b"\x02": b"%d" % (n % 2), b"\x03": b"%02d" % (10 + n)}
                copy = marked
                for mark, text in marks.items():
                    copy = copy.replace(mark, text)
                out.write(copy)


def _marked(line: re.Match[bytes]) -> bytes:
    """The beginning of a line with marks where copies differ."""
    receipt, shop, digits, card = line.groups()
    return receipt + b"\x01" + shop + b"\x02" + digits + (b"\x03" + card if card else b"")


MORNING = """
till:
  table: receipt_lines
  files: day.csv
  encoding: utf-8
  currency: CNY
  time_zone: Asia/Shanghai
  known_at: {lag_days: 0}
  columns:
    receipt_id: receipt
    sold_at: time
    store_id: shop
    customer_id: card
    product_id: product
    quantity_milli: {from: quantity, times: 1000}
    unit: {from: unit, map: {piece: piece, kg: kg, l: l}}
    list_minor: {from: list, times: 100}
    net_minor: {from: net, times: 100}
    cost_minor: {from: cost, times: 100}
    promotion_id: promotion
    channel: {from: channel, map: {store: store, counter: counter, online: online, event: event, phone: phone}}
    staff_id: staff
"""


def next_day(lake: Lake, folder: Path) -> tuple[Path, int]:
    """The export of the day after the last: its lines a day later, of other receipts; the sources file and how many.

    Cards are those of other people, since an export names numbers and a lake their pseudonyms.
    """
    lines = lake.table(reduced.LINES)
    last = lines.select(pl.col("day").max()).collect().item()
    money = {name: pl.col(f"{name}_minor") / 100 for name in ("list", "net", "cost")}
    day = lines.filter(pl.col("day") == last).select(
        receipt="receipt_id",
        time=pl.col("sold_at").dt.offset_by("1d").dt.strftime("%Y-%m-%d %H:%M:%S"),
        shop="store_id",
        card="customer_id",
        product="product_id",
        quantity=pl.col("quantity_milli") / 1000,
        **{name: pl.col(name).cast(pl.String) for name in ("unit", "channel")},
        **money,
        promotion="promotion_id",
        staff="staff_id",
    )
    folder.mkdir(parents=True, exist_ok=True)
    rows = day.collect()
    rows.with_columns(pl.concat_str(pl.lit("N"), "receipt").alias("receipt")).write_csv(folder / "day.csv")
    (folder / "sources.yml").write_text(MORNING, encoding="utf-8")
    return folder / "sources.yml", rows.height


def _renamed(rows: pl.DataFrame, copies: dict[str, int]) -> pl.DataFrame:
    """Ids of a copy: the first keeps its own, the others gain its number."""
    return rows.with_columns((pl.col(c) + f"~{n}").alias(c) for c, n in copies.items() if n)
