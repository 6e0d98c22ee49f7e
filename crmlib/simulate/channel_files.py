"""The channel's books as the sales office exports them; what lies after the last day is left to the truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from crmlib.simulate import exports
from crmlib.simulate.story import World
from crmlib.simulate.vocabulary import toml

if TYPE_CHECKING:
    from crmlib.simulate.channel import Books, Partner

DAY = 86_400
STEP_DAYS, SCAN_DAYS, SCANS = 100, 120, {"distributor": 75.0, "key_account": 45.0}
CHECK_DAYS, ON_SHELF, SMALL = (12, 43, 74), 0.88, 0.6
"""Days ago of the checks of shelves; share found on them, in the smaller half of the counters."""


def kinds() -> dict[str, str]:
    """Word of the partners' list to machine name."""
    return {word: key for key, word in toml("words")["partner"]["type"].items()}


def terminals(found: list[Partner], folder: Path) -> None:
    """Terminals under their distributors."""
    words = toml("channel")["words"]
    names = [words["terminal"].format(name=words["terminals"][k % len(words["terminals"])]) for k in range(len(found))]
    rows = pl.DataFrame(
        {
            "partner_id": [p.code for p in found], "name": names, "parent_id": [p.parent for p in found],
            "region": [p.region for p in found], "owner_staff": [p.owner for p in found],
        }
    )  # fmt: skip
    exports.write_csv(rows, folder / "terminals.csv.gz", table="terminals")


def books(made: Books, folder: Path, *, last_day: int, rng: np.random.Generator) -> None:
    """Orders, lines, steps, deliveries, sales and counts."""
    words = toml("channel")["words"]
    deliveries = pl.DataFrame(
        made.deliveries, orient="row",
        schema=["order_id", "line_no", "partner_id", "product_id", "day", "milli", "short"],
    ).filter(pl.col("day") <= last_day).sort("day", "order_id", "line_no")  # fmt: skip
    shown = deliveries.select(
        delivery_id=pl.format("H{}", pl.int_range(1, pl.len() + 1)), order_id="order_id", line_no="line_no",
        partner_id="partner_id", product_id="product_id", delivered_on=_date("day"), delivered=_pieces("milli"),
        short_reason=pl.when("short").then(pl.lit(words["short"])),
    )  # fmt: skip
    exports.write_csv(shown, folder / "wholesale_deliveries.csv.gz", table="wholesale_deliveries")
    _orders(made, deliveries, folder, last_day, rng)
    lines = pl.DataFrame(made.lines, schema=["order_id", "line_no", "product_id", "milli", "price"], orient="row")
    exports.write_csv(
        lines.select("order_id", "line_no", "product_id", ordered=_pieces("milli"), price=pl.col("price") / 100),
        folder / "wholesale_lines.csv.gz", table="wholesale_lines",
    )  # fmt: skip
    moves = (
        pl.DataFrame(
            made.moves, schema=["partner_id", "product_id", "day", "kind", "milli", "to_partner"], orient="row"
        )
        .filter(pl.col("kind") != "sent_unseen")
        .sort("day", "partner_id", "product_id", "kind", "to_partner", nulls_last=True)
    )
    named = moves.select(
        pl.format("U{}", pl.int_range(1, pl.len() + 1)).alias("move_id"), "partner_id", "product_id", day=_date("day"),
        kind=pl.col("kind").replace({"sent": "sell_out"}).replace_strict(words["kind"]), quantity=_pieces("milli"),
        to_partner="to_partner",
    )  # fmt: skip
    exports.write_csv(named, folder / "partner_sales.csv.gz", table="partner_sales")
    counts = pl.DataFrame(made.counts, schema=["partner_id", "product_id", "day", "milli"], orient="row")
    counted = counts.sort("day", "partner_id", "product_id").select(
        "partner_id", "product_id", on_day=_date("day"), on_hand=_pieces("milli")
    )
    exports.write_csv(counted, folder / "partner_counts.csv.gz", table="partner_counts")


def _orders(made: Books, deliveries: pl.DataFrame, folder: Path, last_day: int, rng: np.random.Generator) -> None:
    """Orders with their state on the last day, and the steps of the recent ones."""
    words = toml("channel")["words"]
    asked = pl.DataFrame(made.lines, schema=["order_id", "line_no", "product_id", "milli", "price"], orient="row")
    whole = (
        asked.group_by("order_id").agg(asked=pl.col("milli").sum())
        .join(
            deliveries.group_by("order_id").agg(came=pl.col("milli").sum(), done=pl.col("day").max()),
            on="order_id", how="left",
        )
    )  # fmt: skip
    orders = pl.DataFrame(
        made.orders, orient="row", infer_schema_length=None,
        schema=["order_id", "partner_id", "staff_id", "day", "promised", "gone", "stuck"],
    ).join(whole, on="order_id", how="left", maintain_order="left")  # fmt: skip
    n = orders.height
    reasons = words["cancel"]["reasons"]
    gone, full = pl.col("gone") <= last_day, pl.col("came").fill_null(0) >= pl.col("asked")
    age = last_day - pl.col("day")
    orders = orders.with_columns(
        second=pl.Series(rng.integers(8 * 60, 18 * 60, n) * 60),
        state=pl.when(gone).then(pl.lit("cancelled")).when(full).then(pl.lit("delivered"))
        .when(pl.col("came").is_not_null()).then(pl.lit("shipped")).when(age < 1).then(pl.lit("entered"))
        .when(age < 2).then(pl.lit("checked")).otherwise(pl.lit("picked")),
        why=pl.Series([reasons[int(k)] for k in rng.integers(0, len(reasons), n)]),
    )  # fmt: skip
    shown = orders.select(
        "order_id", "partner_id", "staff_id", entered_at=_clock(pl.col("day") * DAY + pl.col("second")),
        promised_on=_date("promised"), cancelled_at=pl.when(gone).then(_clock(pl.col("gone") * DAY + 10 * 3600)),
        cancel_reason=pl.when(gone).then("why"), state=pl.col("state").replace_strict(words["state"]),
    )  # fmt: skip
    exports.write_csv(shown, folder / "wholesale_orders.csv.gz", table="wholesale_orders")
    _steps(orders.filter(age < STEP_DAYS), folder)


def _steps(orders: pl.DataFrame, folder: Path) -> None:
    """Entered, checked, picked, shipped, delivered, as far as the order came."""
    words, begin = toml("channel")["words"], pl.col("day") * DAY + pl.col("second")
    lag = {"entered": pl.lit(0), "checked": pl.lit(3 * 3600), "picked": pl.lit(26 * 3600)}
    alive = pl.col("state") != "cancelled"
    reached = {
        "entered": pl.lit(value=True), "checked": alive & (pl.col("state") != "entered"),
        "picked": pl.col("state").is_in(["picked", "shipped", "delivered"]),
    }  # fmt: skip
    parts = [orders.filter(reached[step]).select("order_id", step=pl.lit(step), at=begin + lag[step]) for step in lag]
    came = orders.filter(pl.col("state").is_in(["shipped", "delivered"]))
    day = pl.col("done") * DAY
    first = pl.max_horizontal(day - 16 * 3600, begin + 27 * 3600)
    parts.append(came.select("order_id", step=pl.lit("shipped"), at=first))
    full = came.filter(pl.col("state") == "delivered")
    parts.append(full.select("order_id", step=pl.lit("delivered"), at=pl.max_horizontal(day + 15 * 3600, first)))
    table = pl.concat(parts).sort("order_id", "at", maintain_order=True)
    exports.write_csv(
        table.select("order_id", step=pl.col("step").replace_strict(words["state"]), at=_clock(pl.col("at"))),
        folder / "wholesale_steps.csv.gz", table="wholesale_steps",
    )  # fmt: skip


def scans(
    world: World, partners: list[Partner], folder: Path, *, leaks: tuple[int, ...], shares: tuple[float, float],
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Scans of codes shipped to distributors and key accounts: at home, carried elsewhere, leaked to one region."""
    regions = sorted({p.region for p in partners})
    words, rows = toml("channel")["words"]["by"], []
    days = min(SCAN_DAYS, world.last_day - world.first_day)
    for partner in (p for p in partners if p.kind in SCANS):
        others = [r for r in regions if r != partner.region] or regions
        aim = others[partner.number % len(others)]
        for _ in range(int(rng.poisson(SCANS[partner.kind]))):
            where = partner.region
            if rng.random() < (shares[0] if partner.number in leaks else shares[1]):
                where = aim if partner.number in leaks else others[int(rng.integers(0, len(others)))]
            by = ("consumer", "consumer", "inspector", "terminal")[int(rng.integers(0, 4))]
            at = (world.last_day - int(rng.integers(0, days + 1))) * DAY + int(rng.integers(9 * 60, 20 * 60)) * 60
            goods = partner.goods[int(rng.integers(0, len(partner.goods)))]
            rows.append((f"{int(rng.integers(10**7, 10**8))}", goods, partner.code, at, where, words[by]))
    names = ["code", "product_id", "partner_id", "at", "region", "by"]
    table = pl.DataFrame(rows, schema=names, orient="row").sort("at", "code")
    shown = table.select(pl.format("K{}", pl.int_range(1, pl.len() + 1)).alias("scan_id"), pl.all())
    exports.write_csv(shown.with_columns(_clock(pl.col("at"))), folder / "code_scans.csv.gz", table="code_scans")


def checks(world: World, products: list[str], folder: Path, *, rng: np.random.Generator) -> None:
    """Shelves of the counters, looked at once a month; the smaller half has less on them."""
    shops, flag = world.shops, toml("words")["flag"]
    there = np.flatnonzero((shops.own == 0) & (shops.closed > world.last_day))
    middle = float(np.median(shops.size[there])) if len(there) else 0.0
    rows = []
    for ago in CHECK_DAYS:
        for shop in there:
            for product in products:
                day, big = int(world.last_day - ago), shops.size[shop] >= middle
                on = bool(rng.random() < (ON_SHELF if big else SMALL))
                facing = int(rng.integers(1, 6)) if on else 0
                if day >= max(world.first_day, int(shops.opened[shop])):
                    rows.append((shops.frame["store_id"][int(shop)], product, day, flag["yes" if on else "no"], facing))
    table = pl.DataFrame(
        rows, orient="row",
        schema={"store_id": pl.String, "product_id": pl.String, "checked_on": pl.Int64, "on_shelf": pl.String,
                "facing": pl.Int64},
    )  # fmt: skip
    exports.write_csv(table.with_columns(_date("checked_on")), folder / "shelf_checks.csv.gz", table="shelf_checks")


def _pieces(column: str) -> pl.Expr:
    return (pl.col(column) / 1000).round(0).cast(pl.Int64)


def _date(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.Int32).cast(pl.Date)


def _clock(second: pl.Expr) -> pl.Expr:
    return pl.from_epoch(second, time_unit="s").dt.strftime("%Y-%m-%d %H:%M")
