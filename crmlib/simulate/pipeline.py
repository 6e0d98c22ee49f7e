"""Leads and deals of the sales team: stages, hidden fates, an outcome log that begins later than the log of deals.

A share of deals is dead and never ends. The others are won slowly or lost quickly; a part of what would end shortly
before a quarter's end is closed in its last days. No salesperson is better than another. Touches by media raise the
chance of a win by a known amount, the reminder by none.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from crmlib.simulate import exports
from crmlib.simulate.draws import Floats, Ints
from crmlib.simulate.members import GROUP_BUYER
from crmlib.simulate.receipts import card_numbers
from crmlib.simulate.story import World
from crmlib.simulate.vocabulary import toml

SELLERS = 3
"""Per region; the last of the first region leaves (deals handed over), the last of the second leaves (not)."""
PER_CARD, MOST = 0.28, 40_000
"""Leads per member card, and the most."""
FEED_AFTER = 140
"""Days after the first deals until outcomes are recorded; what ended earlier is in no file."""
DEAL_SHARE, DEAD, WIN = 0.76, 0.2, 0.42
WIN_SHAPE, WIN_MEAN, LOSS_MEAN = 3.0, 52.0, 20.0
"""Days to a win (gamma) and to a loss (exponential)."""
PULL, PULL_DAYS, LAST_DAYS = 0.4, 45, 12
"""Share of deals due within the last days of a quarter that are closed at its end."""
VALUE, SPREAD = 21_000.0, 0.8
"""Median value of a deal [yuan] and spread of its logarithm."""
EFFECT = (0.10, 0.0, 0.16, 0.0)
"""What a touch by each medium adds to the chance of a win; the last is the reminder."""
SEEN = (0.34, 0.25, 0.2, 0.5)
"""Chance of a touch by medium; the reminder only follows leads that another medium has touched."""
BACK, NO_ORDER, REASONED, LATE, LATE_DAYS = 0.07, 0.05, 0.63, 0.15, 9


@dataclass(frozen=True, slots=True)
class Fates:
    """What each deal will come to; arrays of shape (deals,), days since 1970, -1 for never."""

    opened: Ints
    ends: Ints
    won: Ints
    dead: Ints


def write(world: World, folder: Path, *, rng: np.random.Generator) -> None:
    """Write sales_staff, leads, deals, stage_moves, touches, media_costs and the truth of every deal."""
    sellers = _sellers(world, rng)
    exports.write_csv(sellers, folder / "sales_staff.csv.gz", table="sales_staff")
    leads = _leads(world, rng)
    touches, boost = _touches(leads, world, rng)
    fates = draw_fates(leads["day"].to_numpy(), boost, last_day=world.last_day, rng=rng)
    deals = _deals(world, leads, fates, rng)
    seen = deals.filter("seen")
    exports.write_csv(leads.select(list(exports.headers("leads"))), folder / "leads.csv.gz", table="leads")
    exports.write_csv(seen, folder / "deals.csv.gz", table="deals")
    exports.write_csv(_moves(world, seen, rng), folder / "stage_moves.csv.gz", table="stage_moves")
    exports.write_csv(touches, folder / "touches.csv.gz", table="touches")
    exports.write_csv(_media_costs(world), folder / "media_costs.csv.gz", table="media_costs")
    truth = deals.select(
        "deal_id", "opened_on", "seen", ends_on=_date("ends"), won=pl.col("won") == 1, dead=pl.col("dead") == 1
    )
    truth.write_parquet(folder / "truth" / "deals.parquet", compression="zstd")
    media = pl.DataFrame({"medium": toml("words")["deal"]["media"], "effect": EFFECT})
    media.write_parquet(folder / "truth" / "media.parquet", compression="zstd")


def draw_fates(day: Ints, boost: Floats, *, last_day: int, rng: np.random.Generator) -> Fates:
    """Fates of deals opened a few days after `day`, won with a chance raised by `boost`."""
    n = len(day)
    opened = np.minimum(day + rng.integers(0, 6, n), last_day)
    dead = rng.random(n) < DEAD
    won = ~dead & (rng.random(n) < WIN + boost)
    lasts = np.where(won, rng.gamma(WIN_SHAPE, WIN_MEAN / WIN_SHAPE, n), rng.exponential(LOSS_MEAN, n))
    ends = opened + 1 + np.floor(lasts).astype(np.int64)
    quarter = _quarter_end(ends)
    pulled = (quarter - ends < PULL_DAYS) & (rng.random(n) < PULL)
    late = np.maximum(quarter - rng.integers(0, LAST_DAYS, n), opened + 1)
    ends = np.where(pulled & won, np.maximum(late, ends), ends)
    return Fates(opened, np.where(dead, -1, ends), won.astype(np.int64), dead.astype(np.int64))


def _quarter_end(day: Ints) -> Ints:
    """Last day of the quarter of each day."""
    ends = pl.Series(day).cast(pl.Int32).cast(pl.Date).dt.offset_by("1q").dt.truncate("1q")
    out: Ints = ends.cast(pl.Int32).cast(pl.Int64).to_numpy() - 1
    return out


def _regions(world: World) -> dict[int, str]:
    names = world.shops.frame["region"].to_list()
    return {int(r): names[i] for i, r in enumerate(world.shops.region)}


def seller(region: Ints, place: Ints) -> pl.Series:
    """Number of a salesperson as it stands in every list."""
    return pl.select(pl.format("X{}", pl.Series((region + 1) * 100 + place + 1))).to_series()


def leaves(world: World) -> int:
    """Last day of the two salespeople who leave."""
    return world.last_day - 75


def _sellers(world: World, rng: np.random.Generator) -> pl.DataFrame:
    words, named = toml("words")["deal"], _regions(world)
    region = np.repeat(np.array(sorted(named)), SELLERS)
    place = np.tile(np.arange(SELLERS), len(named))
    surnames, given = words["surnames"].split(";"), words["given"].split(";")
    gone = (place == SELLERS - 1) & (region < 2)
    return pl.DataFrame(
        {
            "staff_id": seller(region, place),
            "name": [surnames[k % len(surnames)] + given[k * 5 % len(given)] for k in range(len(region))],
            "role": pl.Series([words["salesperson"]]).new_from_index(0, len(region)),
            "region": [named[int(r)] for r in region],
            "joined": world.first_day - rng.integers(40, 1500, len(region)),
            "left": np.where(gone, leaves(world), 0),
        }
    ).with_columns(joined_on=_date("joined"), left_on=pl.when(pl.col("left") > 0).then(_date("left")))


def _leads(world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Leads by day, more before festivals; some are old group buyers, some were referred by one."""
    words, named = toml("words")["deal"], _regions(world)
    n = int(min(max(len(world.members.rate) * PER_CARD, 8), MOST))
    busy = world.rhythm[2] ** 0.5
    day = np.sort(world.first_day + rng.choice(len(busy), size=n, p=busy / busy.sum()))
    region = np.array(sorted(named))[rng.integers(0, len(named), n)]
    place = rng.integers(0, SELLERS, n)
    gone = (place == SELLERS - 1) & (region < 2) & (day > leaves(world))
    place = np.where(gone, rng.integers(0, SELLERS - 1, n), place)
    source = rng.choice(len(words["sources"]), n, p=(0.22, 0.2, 0.18, 0.24, 0.16))
    known = _buyers(world, region, rng)
    back = (rng.random(n) < 0.12) & (source != 2)
    minute = rng.integers(9 * 60, 18 * 60, n)
    frame = pl.DataFrame({"day": day, "minute": minute, "r": region, "place": place})
    return frame.with_row_index("number", offset=1).with_columns(
        lead_id=pl.format("L{}", pl.col("number").cast(pl.String).str.zfill(5)),
        at=_clock(pl.col("day"), pl.col("minute")),
        source=pl.Series(words["sources"]).gather(pl.Series(source)),
        region=pl.Series([named[int(r)] for r in region]),
        owner_staff=seller(region, place),
        referred_by=card_numbers(pl.Series(np.where(source == 2, known, -1))),
        customer_id=card_numbers(pl.Series(np.where(back, known, -1))),
    )


def _buyers(world: World, region: Ints, rng: np.random.Generator) -> Ints:
    """A group buyer of each region, -1 where it has none, shape of `region`."""
    home = world.shops.region[world.members.home]
    known = np.full(len(region), -1, dtype=np.int64)
    for r in np.unique(region):
        buyers = np.flatnonzero((world.members.role == GROUP_BUYER) & (home == r))
        here = np.flatnonzero(region == r)
        if len(buyers):
            known[here] = buyers[rng.integers(0, len(buyers), len(here))]
    return known


def _touches(leads: pl.DataFrame, world: World, rng: np.random.Generator) -> tuple[pl.DataFrame, Floats]:
    """Touches of leads by media, the reminder last; and what they add to each lead's chance."""
    n, media = leads.height, toml("words")["deal"]["media"]
    hit = rng.random((n, len(media))) < np.array(SEEN)
    hit[:, -1] &= hit[:, :-1].any(axis=1)
    boost: Floats = (hit * np.array(EFFECT)).sum(axis=1)
    lead, medium = np.nonzero(hit)
    ahead = np.where(medium == len(media) - 1, 0, rng.integers(2, 20, len(lead)))
    day = np.maximum(leads["day"].to_numpy()[lead] - ahead, world.first_day)
    frame = pl.DataFrame({"lead": lead, "day": day, "minute": rng.integers(480, 1200, len(lead)), "medium": medium})
    frame = frame.sort("day", "minute", "lead").with_row_index("number", offset=1)
    return frame.select(
        touch_id=pl.format("C{}", "number"),
        customer_id=pl.lit(None, dtype=pl.String),
        lead_id=leads["lead_id"].gather(frame["lead"]),
        at=_clock(pl.col("day"), pl.col("minute")),
        medium=pl.Series(media).gather(frame["medium"]),
        campaign=pl.lit(None, dtype=pl.String),
    ), boost


def _media_costs(world: World) -> pl.DataFrame:
    """What each medium costs a quarter, and the share of what was collected that its contract pays."""
    words = toml("words")["deal"]
    first = pl.Series([world.first_day, world.last_day]).cast(pl.Int32).cast(pl.Date)
    starts = pl.date_range(first[0], first[1], "1q", eager=True)
    media = pl.DataFrame(
        {"medium": words["media"], "cost": [26_000, 18_000, 22_000, 1_500], "share_bp": [500, 300, 800, 0]}
    )
    return pl.DataFrame({"period_start": starts}).join(media, how="cross").select(
        "medium", "period_start",
        period_end=pl.col("period_start").dt.offset_by("1q").dt.offset_by("-1d"),
        cost="cost", share_bp="share_bp", base=pl.lit(words["base"]["collected"]),
    )  # fmt: skip


def _deals(world: World, leads: pl.DataFrame, fates: Fates, rng: np.random.Generator) -> pl.DataFrame:
    """Three of four leads become deals; what ended before outcomes were recorded is not seen."""
    n, words = leads.height, toml("words")["deal"]
    feed = world.first_day + FEED_AFTER
    value = np.round(rng.lognormal(np.log(VALUE), SPREAD, n), -2)
    late = np.where(rng.random(n) < LATE, rng.integers(1, LATE_DAYS, n), 0)
    reasons = list(words["reasons"].values())
    why = pl.Series(reasons).gather(pl.Series(rng.choice(len(reasons), n, p=(0.34, 0.24, 0.16, 0.18, 0.08))))
    told, booked = pl.Series(rng.random(n) < REASONED), pl.Series(rng.random(n) >= NO_ORDER)
    closed = (pl.col("ends") >= 0) & (pl.col("ends") <= world.last_day)
    frame = leads.with_columns(
        pl.Series("opened", fates.opened), pl.Series("ends", fates.ends), pl.Series("won", fates.won),
        pl.Series("dead", fates.dead), pl.Series("value", value), pl.Series("late", late),
    ).with_columns(
        opened_on=_date("opened"),
        registered_on=_date(pl.min_horizontal(pl.col("opened") + pl.col("late"), pl.lit(world.last_day))),
        closed_on=pl.when(closed).then(_date("ends")),
        outcome=pl.when(closed).then(
            pl.col("won").replace_strict([1, 0], [words["outcome"]["won"], words["outcome"]["lost"]])
        ),
        lost_reason=pl.when(closed & (pl.col("won") == 0) & told).then(why),
        order_id=pl.when(closed & (pl.col("won") == 1) & booked).then(pl.format("TG{}", "number")),
        feed_start=_date(pl.lit(feed)),
        seen=(pl.col("ends") < 0) | (pl.col("ends") >= feed),
    )  # fmt: skip
    chosen = frame.filter(pl.Series(rng.random(n) < DEAL_SHARE)).with_row_index("nth", offset=1)
    taken = (pl.col("owner_staff") == seller(np.array([0]), np.array([SELLERS - 1]))[0]) & _open_at(leaves(world))
    heirs = seller(np.zeros(SELLERS - 1, dtype=np.int64), np.arange(SELLERS - 1))
    return chosen.with_columns(
        deal_id=pl.format("S{}", pl.col("nth").cast(pl.String).str.zfill(5)),
        first_owner="owner_staff",
        owner_staff=pl.when(taken).then(pl.lit(heirs).gather(pl.col("nth") % len(heirs))).otherwise("owner_staff"),
    )


def _open_at(day: int) -> pl.Expr:
    """Opened by the end of `day` and not ended then."""
    return (pl.col("opened") <= day) & ((pl.col("ends") < 0) | (pl.col("ends") > day))


def _moves(world: World, deals: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Moves between stages; some go back once; a leaver's open deals change hands and keep their stage."""
    stages = toml("words")["deal"]["stages"]
    n, k = deals.height, len(stages)
    ends, opened = deals["ends"].to_numpy(), deals["opened"].to_numpy()
    dead, won = deals["dead"].to_numpy() == 1, deals["won"].to_numpy() == 1
    reach = np.where(won, k, np.where(dead, rng.integers(1, k, n), rng.integers(1, k + 1, n)))
    span = np.where(dead, 12.0 * reach, ends - opened)
    steps = np.sort(rng.random((n, k)) * 0.92, axis=1)
    steps[:, 0] = 0.0
    row, step = np.nonzero(np.arange(k) < reach[:, None])
    frame = pl.DataFrame(
        {"row": row, "step": step, "day": opened[row] + np.floor(steps[row, step] * span[row]).astype(np.int64),
         "minute": 540 + step * 110 + rng.integers(0, 100, len(row)), "from": np.where(step > 0, step - 1, -1)}
    )  # fmt: skip
    again = np.flatnonzero((rng.random(n) < BACK) & dead & (reach > 1))
    last = frame.group_by("row", maintain_order=True).agg(pl.all().last()).filter(pl.col("row").is_in(again))
    back = last.with_columns(**{"from": pl.col("step")}, step=pl.col("step") - 1, day=pl.col("day") + 9).select(
        frame.columns
    )
    relay = _relayed(deals, frame, day=leaves(world) + 1)
    frame = pl.concat([frame, back, relay.select(frame.columns)]).filter(pl.col("day") <= world.last_day)
    frame = frame.sort("row", "day", "minute")
    named = pl.Series(stages, dtype=pl.String)
    guess = np.maximum(np.round(rng.normal(62, 14, n)), 20)[frame["row"].to_numpy()]
    slips = 14 * frame["step"].to_numpy()
    return frame.select(
        deal_id=deals["deal_id"].gather(frame["row"]),
        at=_clock(pl.col("day"), pl.col("minute")),
        from_stage=named.gather(frame.select(pl.when(pl.col("from") >= 0).then("from")).to_series()),
        to_stage=named.gather(frame["step"]),
        by_staff=pl.when(pl.col("day") <= leaves(world))
        .then(deals["first_owner"].gather(frame["row"]))
        .otherwise(deals["owner_staff"].gather(frame["row"])),
        expected_close=_date(pl.Series(opened[frame["row"].to_numpy()] + guess.astype(np.int64) + slips)),
    )


def _relayed(deals: pl.DataFrame, moves: pl.DataFrame, *, day: int) -> pl.DataFrame:
    """A move that keeps the stage, on `day`, for each deal that changed hands."""
    held = deals.with_row_index("row").filter(pl.col("owner_staff") != pl.col("first_owner"))["row"].cast(pl.Int64)
    now = moves.filter(pl.col("row").is_in(held.implode()), pl.col("day") < day).sort("row", "day", "minute")
    stage = now.group_by("row", maintain_order=True).agg(pl.col("step").last())
    return stage.with_columns(day=pl.lit(day, dtype=pl.Int64), minute=pl.lit(545, dtype=pl.Int64), **{"from": "step"})


def _date(day: str | pl.Expr | pl.Series) -> pl.Expr:
    found = pl.col(day) if isinstance(day, str) else pl.lit(day) if isinstance(day, pl.Series) else day
    return found.cast(pl.Int32).cast(pl.Date)


def _clock(day: pl.Expr, minute: pl.Expr) -> pl.Expr:
    at = day.cast(pl.Int32).cast(pl.Date).cast(pl.Datetime("us")) + pl.duration(minutes=minute)
    return at.dt.strftime("%Y-%m-%d %H:%M")
