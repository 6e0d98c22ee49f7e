"""What partners owe: invoices on terms, true delays and defaults, payments that name an invoice or not, promises.

Every partner has a chance of its own to be late and a speed of its own; one grows slower in the last months, and a few
invoices are never paid. Some members owe for an order, too.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from crmlib.simulate import business, exports
from crmlib.simulate.draws import Floats, Ints
from crmlib.simulate.receipts import card_numbers
from crmlib.simulate.season import EPOCH
from crmlib.simulate.story import World
from crmlib.simulate.vocabulary import toml

PARTNERS = {"distributor": 14, "key_account": 6, "group_buyer": 10}
EVERY = {"distributor": 24.0, "key_account": 16.0, "group_buyer": 75.0}
"""Mean days between two invoices of a partner."""
SIZE = {"distributor": 26_000.0, "key_account": 34_000.0, "group_buyer": 9_000.0}
"""Usual amount [yuan]."""
MEMBERS_OWING = 16
KEPT = 0.5
"""Share of promises that name the day on which it is really paid."""
RECENT = 120
"""Credit notes name invoices of so many days."""
LATE, SLOW_FROM, SLOW = (1.6, 3.4), 150, 2.2
"""Beta of the chance to be late; the slow partner: since how many days, and how many times later."""
LATE_DAYS = 24.0
NEVER_SHARE, DISPUTED, UNDATED, UNNAMED, NOTES, PROMISED, WRITTEN_OFF = 0.012, 0.04, 0.01, 0.12, 0.02, 0.35, 300


def write(world: World, folder: Path, *, rng: np.random.Generator) -> pl.DataFrame:
    """Write partners, invoices, payments, allocations, promises, write_offs and the truth; the payments come back."""
    partners = _partners(world, rng)
    invoices = _invoices(world, partners, rng)
    paid = _paid(invoices, partners, world, rng)
    last = world.last_day
    seen = paid.filter(pl.col("paid_day") <= last)
    payments = seen.drop("number").sort("paid_day", "invoice_id").with_row_index("number", offset=1).with_columns(
        payment_id=pl.format("R{}", pl.col("number").cast(pl.String).str.zfill(5))
    )  # fmt: skip
    _write_partners(world, partners, folder)
    _write_invoices(world, partners, paid, folder, rng)
    _write_payments(world, partners, payments, folder, rng)
    _promises(world, folder, paid, rng)
    truth = paid.filter((pl.col("paid_day") > last) | pl.col("paid_day").is_null())
    truth.select("invoice_id", paid_on=_date("paid_day"), never=pl.col("paid_day").is_null()).write_parquet(
        folder / "truth" / "receivables.parquet", compression="zstd"
    )
    return payments.select("payment_id", "paid_day", "amount", "tender")


def _partners(world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Partners with region, terms, limit, owner, and their true chance to be late and speed."""
    words = toml("words")["partner"]
    regions = sorted(set(world.shops.frame["region"].to_list()))
    kinds = [kind for kind, count in PARTNERS.items() for _ in range(count)]
    n = len(kinds)
    region = [regions[int(i)] for i in rng.integers(0, len(regions), n)]
    surname = rng.permutation(len(words["names"]))[:n]
    names = [f"{words['names'][int(s)]}{words['kind'][k]}" for s, k in zip(surname, kinds, strict=True)]
    speed = rng.lognormal(0, 0.35, n)
    late = rng.beta(*LATE, n)
    slow = np.arange(n) == int(rng.integers(0, PARTNERS["distributor"]))
    return pl.DataFrame(
        {
            "partner_id": [f"D{i + 1:03d}" for i in range(n)], "name": names, "kind": kinds, "region": region,
            "terms": rng.choice([30, 45, 60], n), "late": late, "speed": speed, "slow": slow,
            "size": [SIZE[k] for k in kinds] * rng.lognormal(0, 0.4, n), "every": [EVERY[k] for k in kinds],
        }
    )  # fmt: skip


def _invoices(world: World, partners: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Invoices of the whole time, larger before festivals; a few without due date, disputed, or of members."""
    season = world.rhythm.mean(axis=0) / world.rhythm.mean()
    rows = []
    for number, row in enumerate(partners.iter_rows(named=True)):
        day = world.first_day + float(rng.exponential(row["every"]))
        while day <= world.last_day:
            at = int(day)
            amount = row["size"] * season[at - world.first_day] ** 0.5 * float(rng.lognormal(0, 0.3))
            rows.append((number, at, int(round(amount, -1)) * 100, row["terms"]))
            day += float(rng.exponential(row["every"])) + 1
    for _ in range(MEMBERS_OWING):
        at = int(rng.integers(max(world.last_day - 120, world.first_day), world.last_day + 1))
        rows.append((-1, at, int(rng.integers(2, 30)) * 100_00, 30))
    made = pl.DataFrame(rows, schema=["partner", "day", "amount", "terms"], orient="row").sort(
        "day", "partner", "amount"
    )
    n = made.height
    undated = pl.Series(rng.random(n) < UNDATED)
    owing = pl.Series(rng.integers(0, len(world.members.rate), n))
    return made.with_row_index("number", offset=1).with_columns(
        invoice_id=pl.format("F{}", pl.col("number").cast(pl.String).str.zfill(5)),
        due=pl.when(~undated).then(pl.col("day") + pl.col("terms")),
        disputed=pl.Series(rng.random(n) < DISPUTED) & (pl.col("day") > world.last_day - 200),
        member=pl.when(pl.col("partner") < 0).then(owing),
    )


def _paid(invoices: pl.DataFrame, partners: pl.DataFrame, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """When each invoice is really paid; null: never."""
    n = invoices.height
    who: Ints = np.maximum(invoices["partner"].to_numpy(), 0)
    late_share, speed = partners["late"].to_numpy()[who], partners["speed"].to_numpy()[who].copy()
    day = invoices["day"].to_numpy()
    slowed = (
        partners["slow"].to_numpy()[who] & (day > world.last_day - SLOW_FROM) & (invoices["partner"].to_numpy() >= 0)
    )
    late_share, speed = np.where(slowed, 0.95, late_share), np.where(slowed, speed * SLOW, speed)
    is_late = rng.random(n) < late_share
    in_time: Floats = -rng.integers(0, 8, n).astype(float)
    delay = np.where(is_late, np.ceil(rng.gamma(1.3, LATE_DAYS / 1.3, n) * speed), in_time).astype(np.int64)
    base = day + invoices["terms"].to_numpy()
    never = (rng.random(n) < NEVER_SHARE) | invoices["disputed"].to_numpy()
    paid = pl.Series(np.maximum(base + delay, day + 1))
    tender = pl.Series(rng.choice(["transfer", "bill"], n, p=[0.85, 0.15]))
    return invoices.with_columns(
        paid_day=pl.when(~pl.Series(never)).then(paid),
        tender=pl.when(pl.col("partner") < 0).then(pl.lit("cash")).otherwise(tender),
    )


def _whose(world: World, partners: pl.DataFrame) -> tuple[pl.Expr, pl.Expr]:
    """Partner and member of each row."""
    ids = pl.lit(partners["partner_id"]).gather(pl.col("partner").clip(0))
    cards = pl.lit(card_numbers(pl.Series(np.arange(len(world.members.rate)))))
    member = pl.col("member").is_not_null()
    return (
        pl.when(~member).then(ids).alias("partner_id"),
        pl.when(member).then(cards.gather(pl.col("member").fill_null(0))).alias("customer_id"),
    )


def _write_partners(world: World, partners: pl.DataFrame, folder: Path) -> None:
    regions = sorted(set(world.shops.frame["region"].to_list()))
    staff = [f"M{regions.index(region) + 11}" for region in partners["region"]]
    rows = partners.select(
        "partner_id", "name", pl.col("kind").replace_strict(toml("words")["partner"]["type"]), "region", "terms",
        ((pl.col("size") * 96 / pl.col("every") / 1000).round() * 1000).alias("credit_limit"),
        pl.Series("owner_staff", staff, dtype=pl.String),
    ).join(business.traits(world, partners), on="partner_id", maintain_order="left")  # fmt: skip
    exports.write_csv(rows, folder / "partners.csv.gz", table="partners")


def _write_invoices(
    world: World, partners: pl.DataFrame, invoices: pl.DataFrame, folder: Path, rng: np.random.Generator
) -> None:
    flag = toml("words")["flag"]
    rows = invoices.select(
        "invoice_id",
        *_whose(world, partners),
        issued_on=_date("day"),
        due_on=_date("due"),
        amount=pl.col("amount") / 100,
        disputed=pl.when("disputed").then(pl.lit(flag["yes"])).otherwise(pl.lit(flag["no"])),
        ref_id=pl.lit(None, dtype=pl.String),
    )
    rows = pl.concat([rows, _notes(rows, invoices, world, rng)])
    exports.write_csv(rows, folder / "invoices.csv.gz", table="invoices")


def _write_payments(
    world: World, partners: pl.DataFrame, payments: pl.DataFrame, folder: Path, rng: np.random.Generator
) -> None:
    """Payments, and which invoice they name; some name none."""
    cash = payments.select(
        "payment_id",
        *_whose(world, partners),
        at=pl.format("{} 15:00", _date("paid_day")),
        amount=pl.col("amount") / 100,
        tender=pl.col("tender").replace_strict(toml("words")["payment_tender"]),
    )
    exports.write_csv(cash, folder / "payments.csv.gz", table="payments")
    named = payments.filter(pl.Series(rng.random(payments.height) >= UNNAMED))
    rows = named.select("payment_id", "invoice_id", amount=pl.col("amount") / 100)
    exports.write_csv(rows, folder / "allocations.csv.gz", table="allocations")


def _notes(rows: pl.DataFrame, invoices: pl.DataFrame, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Credit notes on invoices that were open then: a tenth comes off."""
    open_now = invoices["paid_day"].is_null() | (invoices["paid_day"] > world.last_day)
    chosen = rows.filter(open_now & pl.Series(rng.random(rows.height) < 3 * NOTES) & (rows["amount"] > 1000))
    chosen = chosen.filter(pl.col("issued_on") > EPOCH + timedelta(days=int(world.last_day) - RECENT))
    last = pl.lit(EPOCH + timedelta(days=int(world.last_day)))
    return chosen.with_columns(
        ref_id="invoice_id", invoice_id=pl.format("{}R", "invoice_id"), amount=-(pl.col("amount") / 10).round(0),
        issued_on=pl.min_horizontal(pl.col("issued_on") + timedelta(days=5), last),
        due_on=pl.lit(None, dtype=pl.Date),
    ).select(rows.columns)  # fmt: skip


def _promises(world: World, folder: Path, invoices: pl.DataFrame, rng: np.random.Generator) -> None:
    """Promises on what was late, some kept; write-offs of what was never paid and is old."""
    last = world.last_day
    end = pl.coalesce("paid_day", pl.lit(last + 400))
    late = invoices.filter(pl.col("due").is_not_null(), pl.col("due") + 12 <= last, end > pl.col("due") + 12)
    late = late.filter(pl.Series(rng.random(late.height) < PROMISED), pl.col("due") > last - 240)
    ahead = pl.Series(rng.integers(5, 20, late.height))
    keeps = pl.Series(rng.random(late.height) < KEPT) & (pl.col("paid_day") < pl.col("due") + 60)
    late = late.with_columns(
        by=pl.when(keeps.fill_null(value=False)).then("paid_day").otherwise(pl.col("due") + 12 + ahead)
    )
    rows = late.with_row_index("place", offset=1).select(
        promise_id=pl.format("N{}", "place"), invoice_id="invoice_id",
        made_at=pl.format("{} 10:00", _date(pl.col("due") + 12)),
        promised_on=_date("by"), amount=pl.col("amount") / 100,
    )  # fmt: skip
    exports.write_csv(rows, folder / "promises.csv.gz", table="promises")
    gone = invoices.filter(pl.col("paid_day").is_null(), pl.col("due").fill_null(pl.col("day")) + WRITTEN_OFF <= last)
    exports.write_csv(
        gone.select(
            write_off_id=pl.format("X{}", "invoice_id"), invoice_id="invoice_id",
            at=pl.format("{} 10:00", _date(pl.col("due").fill_null(pl.col("day")) + WRITTEN_OFF)),
            amount=pl.col("amount") / 100, reason=pl.lit(toml("words")["partner"]["lost"]),
        ),
        folder / "write_offs.csv.gz", table="write_offs",
    )  # fmt: skip


def _date(day: str | pl.Expr) -> pl.Expr:
    return (pl.col(day) if isinstance(day, str) else day).cast(pl.Int32).cast(pl.Date)
