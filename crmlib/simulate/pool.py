"""The pool of members: who is untouched for long returns to it, is claimed by advisers, or given up.

Advisers pick the promising: a claim is the more likely the more often somebody buys by nature. Claiming itself brings
nothing (receipts know nothing of it), which only the lot can show: some are offered late.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from crmlib.simulate import exports, owners
from crmlib.simulate.draws import Floats, Ints
from crmlib.simulate.members import GROUP_BUYER, STAFF, WHOLESALER
from crmlib.simulate.receipts import card_numbers
from crmlib.simulate.story import POOLED, Telling, World
from crmlib.simulate.vocabulary import toml

WATCHED, CLOCK, PROTECT = 238, (150, 90, 180), 45
"""Days since the pool began; days without contact and order by level (group buyers, wholesalers, others)."""
LOT_BP, LATE, GIVEN_UP = 2_500, 90, 150
"""Share offered late by lot, by how many days, and after how many days in the pool somebody is given up."""
CLAIM, A_DAY, MOST, FORMER = 0.035, 5, 400, 60
"""Chance of a claim in a week at the mean rate; limits of a person."""
WEEK = 7


@dataclass(slots=True)
class State:
    """What changes from week to week; arrays of shape (cards,), -1 for never or nobody."""

    owner: Ints
    since: Ints
    pooled: Ints
    open_from: Ints
    former: Ints
    moves: list[tuple[int, int, int, str, int, str | None, int]] = field(default_factory=list)
    """Day, minute, card, kind, staff (-1 none), rule, lot (-1 none)."""


def write(world: World, told: Telling, contacts: pl.DataFrame, folder: Path, *, rng: np.random.Generator) -> None:
    """Write pool_rules, pool_moves, pool_owners and the truth of every draw."""
    n = min(len(world.members.rate), POOLED)
    state = State(
        owner=owners.number(world, np.arange(n), day=world.last_day - WATCHED),
        since=world.members.joined[:n].copy(),
        pooled=np.full(n, -1), open_from=np.full(n, -1), former=np.full(n, -1),
    )  # fmt: skip
    state.owner[world.members.role[:n] == STAFF] = -1
    touched = _touched(world, told, contacts, n)
    for week, day in enumerate(range(world.last_day - WATCHED, world.last_day + 1, WEEK)):
        _hand_over(world, state, day)
        _give_up(state, day)
        _recycle(world, state, day, touched[week], rng)
        _claim(world, state, day, rng)
    moves = pl.DataFrame(
        state.moves, schema=["day", "minute", "card", "kind", "staff", "rule", "lot"], orient="row",
        schema_overrides={"rule": pl.String},
    ).sort("day", "minute", "card", maintain_order=True)  # fmt: skip
    _write(world, moves, folder)


def _touched(world: World, told: Telling, contacts: pl.DataFrame, n: int) -> Ints:
    """Last day with a receipt or an owner's contact by each week and card, shape (weeks, n); -1 before any."""
    silent = pl.col("outcome").is_in(["holdout", "not_done"])
    known = pl.concat(
        [
            *(part.select("member", "day") for part in told.seen),
            contacts.filter(~silent, pl.col("member") < n).select("member", "day").cast(pl.Int64),
        ]
    )
    start = world.last_day - WATCHED
    week = np.maximum(-(-(known["day"].to_numpy() - start) // WEEK), 0)
    out = np.full((WATCHED // WEEK + 1, n), -1, dtype=np.int64)
    inside = week < len(out)
    np.maximum.at(out, (week[inside], known["member"].to_numpy()[inside]), known["day"].to_numpy()[inside])
    return np.maximum.accumulate(out, axis=0)


def _clock_of(world: World, n: int) -> Ints:
    role = world.members.role[:n]
    return np.where(role == GROUP_BUYER, CLOCK[0], np.where(role == WHOLESALER, CLOCK[1], CLOCK[2]))


def _hand_over(world: World, state: State, day: int) -> None:
    """Whoever still has the leaver's number gets the one who took over."""
    n = len(state.owner)
    now = owners.number(world, np.arange(n), day=day)
    gone = owners.leaving_day(world, world.shops.region[world.members.home[:n]])
    leaver = (state.owner % 100 == owners.ADVISERS) & (gone <= day)
    state.owner[leaver], state.since[leaver] = now[leaver], gone[leaver]


def _give_up(state: State, day: int) -> None:
    for card in np.flatnonzero((state.pooled >= 0) & (day - state.pooled >= GIVEN_UP)):
        state.moves.append((day, 480, int(card), "removed", -1, None, -1))
        state.pooled[card] = -1


def _recycle(world: World, state: State, day: int, touched: Ints, rng: np.random.Generator) -> None:
    """Everybody whose clock has run out goes back; a lot says who is offered late."""
    n = len(state.owner)
    clock = np.maximum(touched, state.since) + _clock_of(world, n)
    due = np.flatnonzero((state.owner >= 0) & (clock < day) & (world.members.joined[:n] < day))
    for card in due:
        lot = int(rng.integers(0, 10_000))
        state.moves.append((day, 120, int(card), "recycled", -1, "contact", lot))
        late = lot < LOT_BP
        if late:
            state.moves.append((day, 121, int(card), "locked", -1, None, -1))
            if day + LATE <= world.last_day:
                state.moves.append((day + LATE, 121, int(card), "unlocked", -1, None, -1))
        state.pooled[card], state.open_from[card] = day, day + (LATE if late else 0)
        state.former[card], state.owner[card] = state.owner[card], -1


def _claim(world: World, state: State, day: int, rng: np.random.Generator) -> None:
    """Advisers claim whom they like, up to their limits; a few are assigned by the head."""
    n = len(state.owner)
    rate: Floats = world.members.rate[:n]
    there = world.leaving.day[:n] > day
    free = (state.pooled >= 0) & (state.pooled < day) & (state.open_from <= day)
    chance = np.where(free, CLAIM * (0.2 + rate / rate.mean()), 0.0)
    wanted = rng.permutation(np.flatnonzero(rng.random(n) < chance * np.where(there, 1.6, 0.5)))
    region = world.shops.region[world.members.home[:n]]
    gone = owners.leaving_day(world, np.arange(int(region.max()) + 1)) <= day
    held = np.bincount(state.owner[state.owner >= 0], minlength=1000)
    today: dict[int, int] = {}
    for card in wanted:
        last = owners.ADVISERS - (1 if gone[region[card]] else 0)
        staff = (int(region[card]) + 1) * 100 + int(rng.integers(1, last + 1))
        barred = staff == state.former[card] and day - state.pooled[card] < FORMER
        if barred or today.get(staff, 0) >= A_DAY or held[staff] + today.get(staff, 0) >= MOST:
            continue
        today[staff] = today.get(staff, 0) + 1
        kind = "assigned" if rng.random() < 0.1 else "claimed"
        state.moves.append((day, 560 + today[staff] * 7, int(card), kind, staff, None, -1))
        state.owner[card], state.since[card], state.pooled[card] = staff, day, -1


def _write(world: World, moves: pl.DataFrame, folder: Path) -> None:
    words = toml("words")["pool"]
    cards = card_numbers(moves["card"])
    staff = pl.when(pl.col("staff") >= 0).then(pl.format("G{}", "staff"))
    log = moves.with_row_index("number", offset=1).select(
        "kind", day="day", minute="minute",
        move_id=pl.format("GH{}", "number"), customer_id=cards, pool_id=pl.lit(words["name"]),
        at=_clock(pl.col("day"), pl.col("minute")), staff_id=staff,
        rule=pl.col("rule").replace_strict(words["rule"], default=None),
        lot_no=pl.when(pl.col("lot") >= 0).then("lot"),
    )  # fmt: skip
    said = log.with_columns(pl.col("kind").replace_strict(words["kind"]))
    exports.write_csv(said, folder / "pool_moves.csv.gz", table="pool_moves")
    turns = {"recycled": "returned", "claimed": "claim", "assigned": "assigned"}
    owned = log.filter(pl.col("kind").is_in(list(turns))).select(
        "customer_id", "staff_id", starts_on=_date(pl.col("day")),
        kind=pl.col("kind").replace_strict({k: words["owner"][v] for k, v in turns.items()}),
    )  # fmt: skip
    exports.write_csv(owned, folder / "pool_owners.csv.gz", table="pool_owners")
    exports.write_csv(_rules(world), folder / "pool_rules.csv.gz", table="pool_rules")
    drawn = log.filter(pl.col("lot_no").is_not_null()).select(
        "customer_id", drawn_on=_date(pl.col("day")), late=pl.col("lot_no") < LOT_BP
    )
    drawn.with_columns(effect=pl.lit(1.0)).write_parquet(folder / "truth" / "pool.parquet", compression="zstd")


def _rules(world: World) -> pl.DataFrame:
    words = toml("words")
    frame = pl.DataFrame({"level": words["pool"]["levels"], "contact_days": CLOCK, "order_days": [None, 180, None]})
    return frame.with_columns(
        pool_id=pl.lit(words["pool"]["name"]), version=pl.lit(1), valid_from=_date(pl.lit(world.last_day - WATCHED)),
        protect_days=pl.lit(PROTECT), remind_days=pl.lit(7), max_owned=pl.lit(MOST), max_claims_day=pl.lit(A_DAY),
        former_owner_days=pl.lit(FORMER), deals_protect=pl.lit(words["flag"]["yes"]), lot_bp=pl.lit(LOT_BP),
    )  # fmt: skip


def _date(day: pl.Expr) -> pl.Expr:
    return day.cast(pl.Int32).cast(pl.Date)


def _clock(day: pl.Expr, minute: pl.Expr) -> pl.Expr:
    at = _date(day).cast(pl.Datetime("us")) + pl.duration(minutes=minute)
    return at.dt.strftime("%Y-%m-%d %H:%M")
