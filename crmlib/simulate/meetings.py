"""Meetings with guests: who is drawn, held out by lot, comes, orders, pays, brings back; the effect is known.

Intent makes people come and makes them buy: whoever came would have bought more without the meeting, too. What the
meeting itself adds to the chance of an order is `EFFECT` by kind of meeting, and nothing else.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from crmlib.simulate import exports
from crmlib.simulate.draws import Flags, Ints
from crmlib.simulate.members import STAFF
from crmlib.simulate.pipeline import seller
from crmlib.simulate.receipts import card_numbers
from crmlib.simulate.story import World
from crmlib.simulate.vocabulary import toml

EVENTS, EVERY, LAST_AGO = 5, 52, 41
"""Meetings that have been held, days between two, and how long ago the last one was."""
OLD, NEW, WALKED = 190, 110, 14
"""People on a list: members, new ones; and walk-ins."""
HELD_OUT, LISTED_AHEAD, INVITED_AHEAD = 0.22, 16, 12
EFFECT = (0.15, 0.06)
"""What coming adds to the chance of an order, by kind of meeting."""
COME, BUY = (0.15, 0.6), (0.02, 0.3)
"""Chance to come when invited, to order without the meeting: at intent 0, and how much more at intent 1."""
AMOUNT, SPREAD, BIG, RETURN_DAYS = 700.0, 0.9, 2_000, 30
DEPOSIT, PARTLY, NEVER, BROUGHT_BACK = 0.3, 0.3, 0.25, 0.09
COSTS = {"room": 3_000, "gift": 2_400, "travel": 800, "pay": 2_500, "media": 3_200, "other": 400}


def write(world: World, folder: Path, *, rng: np.random.Generator) -> None:
    """Write meetings, meeting_guests, meeting_costs, meeting_orders, meeting_touches and the truth of every guest."""
    events = _events(world, rng)
    guests = _guests(world, events, rng)
    exports.write_csv(events, folder / "meetings.csv.gz", table="meetings")
    exports.write_csv(_guest_list(guests, rng), folder / "meeting_guests.csv.gz", table="meeting_guests")
    exports.write_csv(_costs(events, rng), folder / "meeting_costs.csv.gz", table="meeting_costs")
    exports.write_csv(_orders(world, guests, rng), folder / "meeting_orders.csv.gz", table="meeting_orders")
    exports.write_csv(_touches(guests, rng), folder / "meeting_touches.csv.gz", table="touches")
    told = ("meeting_id", "customer_id", "held_out", "walk_in", "came", "would_buy", "bought", "effect")
    guests.select(told).write_parquet(folder / "truth" / "meetings.parquet", compression="zstd")


def _events(world: World, rng: np.random.Generator) -> pl.DataFrame:
    """The meetings held, one region after the other, and one that is still ahead."""
    words, shops = toml("words")["meeting"], world.shops
    named = {int(r): shops.frame["region"][i] for i, r in enumerate(shops.region)}
    regions = np.array(sorted(named))[np.arange(EVENTS + 1) % len(named)]
    day = world.last_day - LAST_AGO - EVERY * np.arange(EVENTS - 1, -2, -1)
    day[-1] = world.last_day + 10
    kind = np.arange(EVENTS + 1) % 2
    frame = pl.DataFrame({"day": day, "region_no": regions, "kind_no": kind}).filter(
        pl.col("day") - LISTED_AHEAD >= world.first_day
    )
    return frame.with_row_index("number", offset=1).with_columns(
        meeting_id=pl.format("HY{}", pl.col("number").cast(pl.String).str.zfill(2)),
        kind=pl.Series(words["kinds"]).gather(frame["kind_no"]),
        at=_clock(pl.col("day"), pl.lit(14 * 60)),
        place=pl.Series(words["places"]).gather(pl.Series(rng.integers(0, len(words["places"]), frame.height))),
        region=pl.Series([named[int(r)] for r in frame["region_no"]], dtype=pl.String),
        organiser_staff=seller(frame["region_no"].to_numpy(), np.zeros(frame.height, dtype=np.int64)),
        capacity=pl.lit(200), big_order=pl.lit(BIG), return_days=pl.lit(RETURN_DAYS),
    )  # fmt: skip


def _guests(world: World, events: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Everybody on a list or at a door, with intent, lot and what the meeting did."""
    parts, used = [], np.zeros(len(world.members.rate), dtype=bool)
    for event in events.iter_rows(named=True):
        home = world.shops.region[world.members.home]
        fit = (home == event["region_no"]) & (world.members.role != STAFF) & (world.members.joined < event["day"])
        free = np.flatnonzero(fit & ~used & (world.leaving.day > event["day"]))
        member = rng.permutation(free)[: min(OLD, len(free))]
        used[member] = True
        new = min(NEW, len(member))
        held_over = event["day"] <= world.last_day
        walked = min(WALKED, len(member) // 10) if held_over else 0
        n = len(member) + new + walked
        number = event["number"] * 1000 + np.arange(new + walked)
        ids = pl.concat([card_numbers(pl.Series(member)), pl.select(pl.format("N{}", pl.Series(number))).to_series()])
        walk = np.arange(n) >= n - walked
        intent, lot = rng.random(n), rng.integers(0, 10_000, n)
        held = ~walk & (lot < HELD_OUT * 10_000)
        came = held_over & (walk | (~held & (rng.random(n) < COME[0] + COME[1] * intent)))
        would = held_over & (rng.random(n) < BUY[0] + BUY[1] * intent)
        moved = came & ~would & (rng.random(n) < EFFECT[event["kind_no"]] / (1 - BUY[0] - BUY[1] * 0.6))
        parts.append(
            pl.DataFrame(
                {
                    "meeting_id": pl.Series([event["meeting_id"]] * n, dtype=pl.String),
                    "customer_id": ids,
                    "day": np.full(n, event["day"]),
                    "organiser_staff": pl.Series([event["organiser_staff"]] * n, dtype=pl.String),
                    "intent_u": intent,
                    "lot": lot,
                    "held_out": held,
                    "walk_in": walk,
                    "is_new": np.arange(n) >= len(member),
                    "came": came,
                    "would_buy": would,
                    "bought": would | moved,
                    "effect": np.full(n, EFFECT[event["kind_no"]]),
                    "region_no": np.full(n, event["region_no"]),
                }
            )
        )
    return pl.concat(parts)


def _guest_list(guests: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """The organiser's list: invitation, answer, arrival, intent and next date of those who came and did not buy."""
    words, n = toml("words"), guests.height
    flag = words["flag"]
    said = pl.Series(rng.random(n) < 0.12)
    staff = seller(guests["region_no"].to_numpy(), rng.integers(0, 2, n))
    came, bought = pl.col("came"), pl.col("bought")
    spread = pl.col("intent_u") + pl.Series(rng.normal(0, 0.15, n))
    level = pl.when(spread > 0.75).then(pl.lit("hot")).when(spread > 0.45).then(pl.lit("warm"))
    reasons = list(words["meeting"]["reasons"].values())
    why = pl.Series(reasons).gather(pl.Series(rng.integers(0, len(reasons), n)))
    noted, due = pl.Series(rng.random(n) < 0.85), pl.Series(rng.integers(3, 60, n))
    yes = {True: flag["yes"], False: flag["no"]}
    asked = ~pl.col("held_out") & ~pl.col("walk_in")
    return guests.select(
        "meeting_id", "customer_id",
        listed_on=_date(pl.col("day") - pl.when("walk_in").then(0).otherwise(LISTED_AHEAD)),
        invited_at=pl.when(asked).then(_clock(pl.col("day") - INVITED_AHEAD, pl.lit(600))),
        held_out=pl.col("held_out").replace_strict(yes, return_dtype=pl.String),
        lot_no=pl.when(~pl.col("walk_in")).then("lot"),
        is_new=pl.col("is_new").replace_strict(yes, return_dtype=pl.String),
        by_staff=pl.when(~pl.col("held_out")).then(staff),
        accepted=pl.when(asked).then((came | said).replace_strict(yes, return_dtype=pl.String)),
        came_at=pl.when(came).then(_clock(pl.col("day"), pl.lit(13 * 60 + 50))),
        walk_in=pl.col("walk_in").replace_strict(yes, return_dtype=pl.String),
        intent=pl.when(came & noted).then(
            level.when(spread > 0.2).then(pl.lit("cold")).otherwise(pl.lit("none"))
            .replace_strict(words["meeting"]["intent"])
        ),
        not_bought_reason=pl.when(came & ~bought & noted).then(why),
        next_at=pl.when(came & ~bought & noted & (spread > 0.45)).then(_clock(pl.col("day") + due, pl.lit(10 * 60))),
    )  # fmt: skip


def _costs(events: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Vouchers of every meeting but the one ahead, which has its room only."""
    rows = []
    for place, meeting in enumerate(events["meeting_id"]):
        for kind, usual in COSTS.items():
            if place < events.height - 1 or kind == "room":
                rows.append((meeting, toml("words")["meeting"]["cost"][kind], round(usual * float(rng.normal(1, 0.1)))))
    frame = pl.DataFrame(rows, schema=["meeting_id", "kind", "amount"], orient="row")
    return frame.with_row_index("number", offset=1).with_columns(cost_id=pl.format("HF{}", "number"))


def _orders(world: World, guests: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Orders of whoever bought: at the meeting if they came, by telephone in the days after if not; paid in parts."""
    money = toml("words")["meeting"]["money"]
    buyers = guests.filter("bought")
    n, day = buyers.height, buyers["day"].to_numpy()
    amount = np.round(rng.lognormal(np.log(AMOUNT), SPREAD, n), 0).astype(np.int64)
    at = np.where(buyers["came"].to_numpy(), day, day + rng.integers(1, RETURN_DAYS, n))
    part = rng.random(n) < PARTLY
    first = np.where(part, np.round(amount * DEPOSIT), amount).astype(np.int64)
    back = ~part & (rng.random(n) < BROUGHT_BACK)
    rest_at = at + rng.integers(5, 70, n)
    base = buyers.select("meeting_id", "customer_id", "organiser_staff").with_row_index("number", offset=1)
    parts: list[tuple[str, Ints, Ints, Flags]] = [
        ("order", at, amount, np.ones(n, dtype=bool)),
        ("payment", at, first, np.ones(n, dtype=bool)),
        ("payment", rest_at, amount - first, part & (amount > first) & (rng.random(n) >= NEVER)),
        ("refund", at + rng.integers(2, 45, n), amount // rng.integers(1, 3, n), back),
    ]
    rows = [
        base.with_columns(pl.Series("day", when), pl.Series("amount", sums), kind=pl.lit(money[kind])).filter(
            pl.Series(keep)
        )
        for kind, when, sums, keep in parts
    ]
    frame = pl.concat(rows).filter((pl.col("day") <= world.last_day) & (pl.col("amount") > 0))
    frame = frame.sort("day", "number", maintain_order=True).with_row_index("entry", offset=1)
    return frame.select(
        "meeting_id", "customer_id", "kind", "amount",
        entry_id=pl.format("HL{}", "entry"), order_id=pl.format("HD{}", pl.col("number").cast(pl.String).str.zfill(4)),
        at=_clock(pl.col("day"), pl.lit(15 * 60) + pl.col("number") % 90), staff_id="organiser_staff",
    )  # fmt: skip


def _touches(guests: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """By which medium the new ones came to the list."""
    media = toml("words")["deal"]["media"][:3]
    new = guests.filter("is_new")
    medium = pl.Series(media).gather(pl.Series(rng.choice(3, new.height, p=(0.4, 0.25, 0.35))))
    return new.with_row_index("number", offset=1).select(
        touch_id=pl.format("CH{}", "number"),
        customer_id="customer_id",
        lead_id=pl.lit(None, dtype=pl.String),
        at=_clock(pl.col("day") - pl.when("walk_in").then(1).otherwise(LISTED_AHEAD), pl.lit(9 * 60)),
        medium=medium,
        campaign="meeting_id",
    )


def _date(day: pl.Expr) -> pl.Expr:
    return day.cast(pl.Int32).cast(pl.Date)


def _clock(day: pl.Expr, minute: pl.Expr) -> pl.Expr:
    at = _date(day).cast(pl.Datetime("us")) + pl.duration(minutes=minute)
    return at.dt.strftime("%Y-%m-%d %H:%M")
