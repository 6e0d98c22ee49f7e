"""What advisers were asked to do for customers in the last three months, what they did, and what they wrote down.

Birthdays are those of the member list, complaints those that were solved; the rest is drawn. Planted: one adviser is
late more often, one books records days later, and tasks of advisers who left were never handed over. A lot of the
birthdays is left alone; calls have no effect on purchases.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
from lunardate import LunarDate

from crmlib.simulate import exports, masters, owners
from crmlib.simulate.draws import Ints
from crmlib.simulate.members import MEMBER
from crmlib.simulate.receipts import card_numbers
from crmlib.simulate.season import EPOCH
from crmlib.simulate.story import World
from crmlib.simulate.vocabulary import toml

BACK, RULES = 92, "2026-1"
DRAWN = {"first_use": 180, "use_up": 420, "follow_up": 260, "points": 240}
"""Tasks by kind besides birthdays, anniversaries and complaints, in a company of 5,000 cards."""
WINDOW = {
    "first_use": 2, "use_up": 5, "birthday": 0, "anniversary": 0, "follow_up": 1, "points": 7, "complaint": 3,
}  # fmt: skip
PURPOSE = {"first_use": "guidance", "use_up": "visit", "complaint": "visit"}
LATE, SLOW, SLOW_ADVISER = 0.12, 0.40, 202
UNDONE, CANCELLED, UNFIT, HELD_OUT = 0.06, 0.05, 0.04, 0.25
"""Shares of tasks never done, cancelled, beyond capacity; of birthdays left alone by lot."""
REACHED, BOOKED_LATE, BOOKING_ADVISER = 0.62, 0.35, 303
LEFT_BEHIND = 9
"""Open tasks of advisers who left."""
WEDDINGS, LUNAR = 60, 50


def write(world: World, folder: Path, *, rng: np.random.Generator, year: int) -> pl.DataFrame:
    """Write care_tasks, visit_records, special_days, guided_products and the truth; the records come back."""
    guided = _guided(world)
    exports.write_csv(guided, folder / "guided_products.csv.gz", table="guided_products")
    special, born = _special(world, rng)
    exports.write_csv(special, folder / "special_days.csv.gz", table="special_days")
    tasks = _fate(world, _asked(world, rng, year), guided, rng)
    records = _records(world, tasks, rng)
    _write_tasks(tasks, folder)
    _write_records(records, folder)
    born.write_parquet(folder / "truth" / "birthdays.parquet", compression="zstd")
    truth = pl.DataFrame(
        [("late", LATE, f"G{SLOW_ADVISER}", SLOW), ("booked_late", 0.0, f"G{BOOKING_ADVISER}", BOOKED_LATE)],
        schema=["planted", "usual", "staff_id", "share"], orient="row",
    )  # fmt: skip
    truth.write_parquet(folder / "truth" / "care.parquet", compression="zstd")
    return records


def _guided(world: World) -> pl.DataFrame:
    place = np.flatnonzero(world.goods.category == world.goods.categories.index("floss"))[:6]
    return pl.DataFrame({"product_id": world.goods.frame["product_id"].gather(place)}).with_columns(
        guide=pl.lit(toml("people")["say"]["guide"]), first_use_days=pl.lit(3)
    )


def _here(world: World) -> Ints:
    """Members who are customers on the last day."""
    present = (world.leaving.day > world.last_day) & (world.members.joined < world.last_day - BACK)
    return np.flatnonzero(present & (world.members.role == MEMBER))


def _special(world: World, rng: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Wedding days, and lunar birthdays of people really born then (leap months among them); the days of birth."""
    here = _here(world)
    n = min(WEDDINGS + LUNAR, here.size)
    member = rng.choice(here, n, replace=False)
    words = toml("people")["special"]
    rows: list[tuple[int, str, int, int, int, int | None]] = []
    truth = []
    for place, one in enumerate(member):
        if place < WEDDINGS:
            day = EPOCH + timedelta(days=int(rng.integers(5000, 18000)))
            rows.append((int(one), words["wedding"], day.month, day.day, 0, None))
            continue
        day = EPOCH + timedelta(days=int(rng.integers(-7000, 11000)))
        moon = LunarDate.from_solar_date(day.year, day.month, day.day)
        rows.append((int(one), words["birthday"], moon.month, moon.day, 1, int(moon.is_leap_month)))
        truth.append((int(one), day, moon.year, moon.month, moon.day, moon.is_leap_month))
    made = pl.DataFrame(rows, schema=["member", "kind", "month", "day", "lunar", "leap"], orient="row")
    made = made.with_columns(customer_id=card_numbers(made["member"]))
    columns = ["member", "born_on", "lunar_year", "month", "day", "leap"]
    known = pl.DataFrame(truth, schema=columns, orient="row")
    return made, known.with_columns(customer_id=card_numbers(known["member"])).drop("member")


def _asked(world: World, rng: np.random.Generator, year: int) -> pl.DataFrame:
    """member, kind and day on which a task was due, of members who may be called."""
    list_ = masters.member_list(world, year=year).with_row_index("member")
    yes = toml("words")["flag"]["yes"]
    may = list_.filter(pl.col("may_call") == yes)["member"].to_numpy()
    here = np.intersect1d(_here(world), may)
    first, last = world.last_day - BACK + 1, world.last_day + 3
    born = list_.filter(pl.col("member").is_in(here.tolist()), pl.col("lunar") == 0, pl.col("birth_day") > 1)
    days = pl.DataFrame({"due": np.arange(first, last + 1)}).with_columns(
        month=_date("due").dt.month(), day=_date("due").dt.day()
    )
    birthdays = born.join(days, left_on=["birth_month", "birth_day"], right_on=["month", "day"]).select(
        pl.col("member").cast(pl.Int64), "due", kind=pl.lit("birthday")
    )
    c = world.complaints
    solved = (c.solved >= first - 5) & np.isin(c.member, here)
    closed = pl.DataFrame({"member": c.member[solved], "due": c.solved[solved] + 5, "kind": "complaint"})
    scale = max(here.size / 1500, 0.02)
    drawn = [
        pl.DataFrame(
            {
                "member": rng.choice(here, max(1, round(n * scale))),
                "due": rng.integers(first, last + 1, max(1, round(n * scale))),
                "kind": kind,
            }
        )
        for kind, n in DRAWN.items()
    ]
    both = pl.concat([birthdays, closed.filter(pl.col("due") <= last), *drawn], how="vertical_relaxed")
    return both.unique(["member", "due"], keep="first", maintain_order=True).sort("due", "member")


def _fate(world: World, asked: pl.DataFrame, guided: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """What became of every task: state, and when it was done [day, second]."""
    gone = _left_behind(world, rng)
    tasks = pl.concat(
        [asked.with_columns(adviser=owners.number(world, asked["member"].to_numpy(), day=world.last_day)), gone]
    )
    n, kind = tasks.height, tasks["kind"].to_numpy()
    left = np.arange(n) >= asked.height
    late_share = np.where(tasks["adviser"].to_numpy() == SLOW_ADVISER, SLOW, LATE)
    late = rng.random(n) < late_share
    window = np.array([WINDOW[k] for k in kind])
    lag = np.where(late, rng.integers(1, 10, n), -np.minimum(rng.integers(0, 3, n), 2))
    done = tasks["due"].to_numpy() + lag
    draw = rng.random(n)
    held = (kind == "birthday") & (rng.random(n) < HELD_OUT)
    state = np.where(draw < UNDONE, "open", np.where(draw < UNDONE + CANCELLED, "cancelled", "done"))
    state = np.where((draw >= 1 - UNFIT) & ~left, "not_fitted", state)
    state = np.where(held, "held_out", state)
    state = np.where(left | ((state == "done") & (done > world.last_day)), "open", state)
    due = tasks["due"].to_numpy()
    product = guided["product_id"].gather(rng.integers(0, guided.height, n))
    return tasks.with_row_index("number", offset=1).with_columns(
        made=pl.Series(due - rng.integers(3, 8, n)), done=pl.Series(done), state=pl.Series(state.astype(str)),
        window=pl.Series(window), second=pl.Series(rng.integers(9 * 60, 20 * 60, n) * 60),
        product=pl.select(pl.when(pl.Series(np.isin(kind, ("first_use", "use_up")))).then(product)).to_series(),
        value=pl.Series(np.round(world.members.rate[tasks["member"].to_numpy()] * 365 * 68)),
    )  # fmt: skip


def _left_behind(world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Tasks that were due about when their adviser left."""
    last = world.last_day
    region = np.unique(world.shops.region)
    leaves = owners.leaving_day(world, region)
    here = _here(world)
    rows = []
    for number, day in zip(region, leaves, strict=True):
        mine = here[(world.shops.region[world.members.home[here]] == number) & (world.members.joined[here] < day - 30)]
        count = min(LEFT_BEHIND // len(region) + 1, mine.size)
        rows += [
            (int(m), int(min(day + rng.integers(0, 9), last)), "follow_up", int((number + 1) * 100 + owners.ADVISERS))
            for m in rng.choice(mine, count, replace=False)
        ]
    return pl.DataFrame(rows, schema=["member", "due", "kind", "adviser"], orient="row")


def _records(world: World, tasks: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """What was written down of every task done: reached or not, how the goods did, what was said, when next."""
    done = tasks.filter(pl.col("state") == "done")
    n, kind = done.height, done["kind"].to_numpy()
    reached = rng.random(n) < REACHED
    asked = reached & np.isin(kind, ("first_use", "use_up", "complaint"))
    effect = rng.choice(["better", "same", "worse", "unknown"], n, p=[0.42, 0.33, 0.1, 0.15])
    again = reached & (rng.random(n) < 0.15)
    tardy = (done["adviser"].to_numpy() == BOOKING_ADVISER) & (rng.random(n) < BOOKED_LATE)
    say = rng.integers(0, 6, n)
    says = reached & (rng.random(n) < 0.2)
    left = rng.integers(0, 3, n)
    return done.with_columns(
        reached=pl.Series(reached),
        effect=pl.select(pl.when(pl.Series(asked)).then(pl.Series(effect.astype(str)))).to_series(),
        say=pl.select(pl.when(pl.Series(says)).then(pl.Series(say))).to_series(),
        left=pl.select(pl.when(pl.Series(asked & (kind == "use_up"))).then(pl.Series(left))).to_series(),
        next=pl.select(pl.when(pl.Series(again)).then(done["done"] + pl.Series(rng.integers(5, 40, n)))).to_series(),
        booked=done["done"] + pl.Series(np.where(tardy, rng.integers(2, 6, n), 0)),
        talk=pl.Series(np.where(reached, rng.integers(40, 420, n), 0)),
        channel=pl.Series(np.where(rng.random(n) < 0.9, "phone", "store")),
    )


def _write_tasks(tasks: pl.DataFrame, folder: Path) -> None:
    words = toml("people")
    done = pl.col("state") == "done"
    exports.write_csv(
        tasks.sort("due", "number").select(
            _code("RW", "number").alias("task_id"),
            card_numbers(tasks.sort("due", "number")["member"]).alias("person_id"),
            card_numbers(tasks.sort("due", "number")["member"]).alias("customer_id"),
            pl.col("kind").replace_strict(words["care_kind"]),
            _date("made").alias("made_on"),
            _date("due").alias("due_on"),
            pl.col("window").alias("window_days"),
            pl.format("G{}", "adviser").alias("owner_staff"),
            pl.col("product").alias("product_id"),
            pl.col("kind").replace_strict(words["care_reason"]).alias("reason"),
            "value",
            pl.col("state").replace_strict(words["care_state"]),
            pl.when(done).then(_at("done", "second")).alias("done_at"),
            pl.when(done).then(_code("HF", "number")).alias("contact_id"),
            pl.lit(RULES).alias("rule_version"),
        ),
        folder / "care_tasks.csv.gz",
        table="care_tasks",
    )


def _write_records(records: pl.DataFrame, folder: Path) -> None:
    words, shown = toml("people"), records.sort("done", "second", "number")
    flag = toml("words")["flag"]
    purpose = pl.col("kind").replace_strict(PURPOSE, default="care").replace_strict(words["visit_purpose"])
    outcome = pl.when("reached").then(pl.lit("reached")).otherwise(pl.lit("no_answer"))
    exports.write_csv(
        shown.select(
            _code("HF", "number").alias("contact_id"),
            card_numbers(shown["member"]).alias("customer_id"),
            pl.format("G{}", "adviser").alias("staff_id"),
            _at("done", "second").alias("at"),
            _at("booked", pl.col("second") + 60).alias("booked_at"),
            pl.col("channel").replace_strict(words["visit_channel"]),
            purpose.alias("purpose"),
            outcome.replace_strict(words["visit_outcome"]).alias("outcome"),
            pl.when("reached").then(pl.lit(flag["yes"])).otherwise(pl.lit(flag["no"])).alias("reached"),
            pl.col("talk").alias("duration_s"),
            _code("RW", "number").alias("task_id"),
            pl.col("product").alias("product_id"),
            pl.col("effect").replace_strict(words["effect"], default=None),
            pl.lit(pl.Series(words["say"]["suggestions"])).gather(pl.col("say")).alias("suggestion"),
            "left",
            pl.when(pl.col("next").is_not_null()).then(pl.format("{} 10:00", _date("next"))).alias("next_at"),
        ),
        folder / "visit_records.csv.gz",
        table="visit_records",
    )


def _code(prefix: str, column: str) -> pl.Expr:
    return pl.format(f"{prefix}{{}}", pl.col(column).cast(pl.String).str.zfill(6))


def _at(day: str, second: str | pl.Expr) -> pl.Expr:
    seconds = pl.col(second) if isinstance(second, str) else second
    at = _date(day).cast(pl.Datetime("us")) + pl.duration(seconds=seconds)
    return at.dt.strftime("%Y-%m-%d %H:%M")


def _date(day: str) -> pl.Expr:
    return pl.col(day).cast(pl.Int32).cast(pl.Date)
