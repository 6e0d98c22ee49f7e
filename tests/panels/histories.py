"""Random histories of a lake's lines: loads, late rows, corrections and withdrawn lines, as ingests leave them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from crmlib.data.lake import delta
from crmlib.data.lake.lake import Lake
from tests.report import world

START, DAYS = date(2026, 3, 20), 30
NIGHT = datetime(2026, 4, 20, 2, tzinfo=UTC)
FACTS = json.dumps({"currency": "CNY", "time_zone": "Asia/Shanghai"})
NUMBERS = ("read", "kept", "replaced", "duplicate", "conflict", "quarantined", "excluded", "withdrawn")


def lines(rng: np.random.Generator, n: int, *, at: datetime, first: int, odd: bool = True) -> pl.DataFrame:
    """Lines of a few shops, members and goods; some known late, some stamped at their ingest, some receipts odd.

    Sales are at half past: what a line tells is never the very moment of a later ingest.
    """

    def pick(values: list[object]) -> list[object]:
        return [values[i] for i in rng.integers(0, len(values), n)]

    day = [START + timedelta(days=int(d)) for d in rng.integers(0, DAYS, n)]
    store, customer = pick(["S0", "S1", "S2", None]), pick(["a", "b", "c", "d", None])
    receipt = [f"R{d:%d}{r}" for d, r in zip(day, rng.integers(0, 5, n), strict=True)]
    if not odd:
        receipt = [f"{r}{s}{c}" for r, s, c in zip(receipt, store, customer, strict=True)]
    sold = [
        datetime(d.year, d.month, d.day, int(h), 30, tzinfo=UTC)
        for d, h in zip(day, rng.integers(1, 9, n), strict=True)
    ]
    late = rng.integers(0, 12, n)
    known = [at if k < 2 else s + timedelta(days=int(k) if k > 9 else 0) for s, k in zip(sold, late, strict=True)]
    return pl.DataFrame(
        {
            "line_id": [f"L{first + i}" for i in range(n)], "receipt_id": receipt, "store_id": store,
            "customer_id": customer, "product_id": pick(["p", "q", "r", None]), "sold_at": sold, "day": day,
            "quantity_milli": pick([-12_000, -500, 0, 250, 1000, 3000, 11_000]), "unit": pick(["piece", "kg"]),
            "list_minor": pick([None, 400, 1000]), "net_minor": rng.integers(-5_000, 9_000, n),
            "cost_minor": pick([None, 0, 100, 777]), "promotion_id": pick([None, None, "X", "Y"]),
            "channel": pick(["store", "online", None]), "tender": "cash", "staff_id": pick(["e", None]),
            "known_at": known, "src_name": "pos", "src_file": "pos.csv", "src_line": range(first + 1, first + n + 1),
        },
        schema_overrides={
            **dict.fromkeys(("sold_at", "known_at"), pl.Datetime("us", "UTC")),
            **dict.fromkeys(("list_minor", "cost_minor", "quantity_milli", "net_minor", "src_line"), pl.Int64),
            **dict.fromkeys(("store_id", "customer_id", "product_id", "promotion_id"), pl.String),
            **dict.fromkeys(("staff_id", "channel"), pl.String),
        },
    ).with_columns(day_n=pl.col("day").cast(pl.Int32), month=pl.col("day").dt.strftime("%Y-%m"))  # fmt: skip


def night(lake: Lake, rng: np.random.Generator, number: int, *, odd: bool = True) -> None:
    """One batch: new rows, or some days written anew with rows changed, withdrawn or moved to another day."""
    path, at = lake.table_path("receipt_lines"), NIGHT + timedelta(days=number)
    new = lines(rng, int(rng.integers(1, 60)), at=at, first=1000 * number, odd=odd)
    record = dict.fromkeys(NUMBERS, 0) | {"source": "pos", "table": "receipt_lines", "at": at.isoformat()}
    batch = delta.Batch(f"b{number}", record)
    if number == 0 or rng.random() < 0.4:
        delta.append(path, new, batch=batch, partition="month", description=FACTS)
        return
    there = delta.scan(path).collect().select(new.columns).sort("line_id")  # files come in any order
    days = sorted({START + timedelta(days=int(d)) for d in rng.integers(0, DAYS, 3)})
    inside = there.filter(pl.col("day").is_in(days))
    kept = inside.filter(pl.Series(rng.random(inside.height) < 0.6, dtype=pl.Boolean))
    changed = kept.with_columns(net_minor=pl.col("net_minor") + 1)
    rows = pl.concat([changed, new.filter(pl.col("day").is_in(days))])
    delta.overwrite(path, rows, batch=batch, description=FACTS, days=days)


def made(folder: Path, seed: int, nights: int, *, odd: bool = True) -> Lake:
    """A lake after some nights, with stores of two regions and members of both."""
    rng, lake = np.random.default_rng(seed), Lake(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(nights):
        night(lake, rng, number, odd=odd)
    return lake


def with_people(lake: Lake) -> Lake:
    """The lake with its shops and members, each of a region."""
    at = world.CLOCK.isoformat()
    people = pl.DataFrame({"customer_id": ["a", "b", "c", "d"], "region": ["华东", "华南", "华东", None]}).with_columns(
        known_at=pl.lit(world.CLOCK), src_name=pl.lit("crm"), src_file=pl.lit("c.csv"), src_line=pl.lit(1)
    )
    for name, rows in (("stores", world.stores()), ("customers", people)):
        record = dict.fromkeys(NUMBERS, 0) | {"source": name, "table": name, "at": at}
        path = lake.table_path(name)
        delta.append(path, rows, batch=delta.Batch(f"b-{name}", record), partition=None, description=FACTS)
    return lake
