"""A year of lists laid over what members did: who was contacted, who left alone, what it cost; a season's holdout.

The receipts stand already, so the lot is drawn given what happened: among whoever came within the window, as many more
stand in the contacted group as the list's true effect makes; who they are is chance. To whoever reads the register it
is the same as members who came because they were contacted. One list lost most of its control before it was sealed, in
one some of the control were called all the same, one is too small, one is still open. One goes to the small shops that
salespeople supply: an order is their visit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from crmlib.simulate import exports
from crmlib.simulate.draws import Flags, Floats, Ints, stream
from crmlib.simulate.members import MEMBER
from crmlib.simulate.receipts import card_numbers
from crmlib.simulate.season import EPOCH
from crmlib.simulate.story import Telling, World
from crmlib.simulate.vocabulary import toml

WINDOW = 28
"""Days in which coming counts, from the first day of sending."""
SENDING, BOUNCED, OPTED_OUT, REPLIED = 2, 0.03, 0.006, 0.02
"""Days of sending; shares of the contacted whose message bounced, who opted out, who answered."""
SEASON_BP = 300
"""Members who stand on no list all year [basis points]."""
LOST_CONTROL, CALLED_CONTROL = 0.75, 12
"""Share of the control that the broken list lost; of another list's control, how many were called all the same."""
FEWEST = 60
"""A list of fewer members is not made."""
KEY = "sample"
SHOPS = 282
"""Stream of the lists to small shops."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Made:
    """One list with its lot.

    Parameters
    ----------
    spec : its line in `lists.toml`; list_id; day : first day of sending.
    ids : recipients as the register knows them, shape (n,); control, came : of each; u : the number drawn (text).
    spent : of each within the window [fen].
    """

    spec: Mapping[str, Any]
    list_id: str
    day: int
    ids: list[str]
    control: Flags
    came: Flags
    u: list[str]
    spent: Floats

    @property
    def recipient(self) -> str:
        """Member or partner."""
        return str(self.spec.get("recipient", "member"))


def write(world: World, told: Telling, folder: Path, *, rng: np.random.Generator) -> None:
    """Write campaigns, campaign_steps, outreach, outreach_events, seasons and truth/lists.parquet."""
    visits = pl.concat(told.visits).group_by("member", "day").agg(pl.col("net_minor").sum()).sort("member", "day")
    season = _date(world.last_day).year
    held = season_held(world, season=season, rng=rng)
    specs, shops = toml("lists")["list"], stream(world.seed, SHOPS)
    made = [one for spec in specs if (one := _drawn(spec, world, visits, held, rng)) is not None]
    sent = [_sent(one, world, rng) for one in made]
    season_rows = _season_rows(held, season, rng)
    ordered = _ordered(folder)
    asked = [one for spec in specs if (one := _asked(spec, world, ordered, shops)) is not None]
    made, sent = [*made, *asked], [*sent, *(_sent(one, world, shops) for one in asked)]
    outreach = pl.concat([season_rows, *(rows for rows, _ in sent)], how="vertical_relaxed")
    events = pl.concat([pl.DataFrame(schema=EVENTS), *(e for _, e in sent)])
    tables = {
        "campaigns": pl.DataFrame([_campaign(one, world, season) for one in made], schema=_texts("campaigns")),
        "campaign_steps": pl.DataFrame(
            [row for one in made for row in _steps(one, world)], schema=_texts("campaign_steps")
        ),
        "outreach": outreach,
        "outreach_events": events.sort("at", "recipient_id").with_columns(
            event_id=pl.format("R{}", (pl.int_range(pl.len()) + 1).cast(pl.String).str.zfill(5))
        ),
        "seasons": pl.DataFrame([_season(season)], schema=_texts("seasons")),
    }
    for name, table in tables.items():
        named = toml("lists")["headers"][name]
        shown = _worded(table).select(pl.col(k).alias(v) for k, v in named.items())
        data = exports.csv_bytes(shown, encoding="utf-8", header=True)
        with exports.zipped(folder / f"{name}.csv.gz") as out:
            out.write(data)
    _truth(made).write_parquet(folder / "truth" / "lists.parquet", compression="zstd")


EVENTS = pl.Schema(dict.fromkeys(("list_id", "recipient_id", "at", "kind"), pl.String()))


def season_held(world: World, *, season: int, rng: np.random.Generator) -> Ints:
    """Members who stand on no list of the season, by lot among those who were there when it began."""
    begin = (date(season, 1, 1) - EPOCH).days
    members = np.flatnonzero((world.members.role == MEMBER) & (world.members.joined < begin))
    return np.sort(rng.permutation(members)[: len(members) * SEASON_BP // 10_000])


def _drawn(
    spec: Mapping[str, Any], world: World, visits: pl.DataFrame, held: Ints, rng: np.random.Generator
) -> Made | None:
    """Whom a list of members names, who came, and who is left alone; none before the company has a history for it."""
    if spec.get("recipient", "member") != "member":
        return None
    first = _months(_date(world.last_day), int(spec["month"])).replace(day=int(spec.get("day", 3)))
    day = (first - EPOCH).days
    low, high = spec["silent"]
    if day - high < world.first_day or day > world.last_day:
        return None
    last = visits.filter(pl.col("day") < day).group_by("member").agg(pl.col("day").max())
    silent = last.filter((day - pl.col("day")).is_between(low, high))["member"].to_numpy()
    able = silent[(world.members.role[silent] == MEMBER) & ~np.isin(silent, held)]
    member = np.sort(rng.permutation(able)[: int(spec["people"])])
    if len(member) < FEWEST:
        return None
    inside = visits.filter(pl.col("day").is_between(day, day + SENDING - 1 + WINDOW), pl.col("net_minor") > 0)
    spend = inside.group_by("member").agg(pl.col("net_minor").sum())
    known = dict(spend.iter_rows())
    spent = np.array([float(known.get(int(m), 0)) for m in member])
    came = spent > 0
    control = _lot(came, share=int(spec["share"]) / 10_000, effect=float(spec["effect"]), rng=rng)
    ids = card_numbers(pl.Series(member)).to_list()
    made = Made(spec, f"L{first:%Y-%m}", day, ids, control, came, _numbers(control, rng), spent)
    return _broken(made, rng) if spec.get("flaw") == "sizes" else made


def _ordered(folder: Path) -> pl.DataFrame:
    """What small shops ordered and did not cancel: partner_id, day, net_minor."""
    book = exports.read_csv(folder / "trade_orders.csv.gz", table="trade_orders")
    net = pl.col("ordered").cast(pl.Float64) * pl.col("price").cast(pl.Float64) * 100
    return book.filter(pl.col("cancelled_at").is_null()).select(
        "partner_id", day=pl.col("entered_at").str.slice(0, 10).str.to_date().cast(pl.Int32).cast(pl.Int64),
        net_minor=net.round().cast(pl.Int64),
    )  # fmt: skip


def _asked(spec: Mapping[str, Any], world: World, ordered: pl.DataFrame, rng: np.random.Generator) -> Made | None:
    """Which small shops a list names, who ordered, and who is left alone; none before they have a history for it."""
    if spec.get("recipient") != "partner":
        return None
    first = _months(_date(world.last_day), int(spec["month"])).replace(day=int(spec.get("day", 3)))
    day = (first - EPOCH).days
    known = ordered.filter(pl.col("day") < day)["partner_id"].unique().sort()
    if len(known) < FEWEST or day > world.last_day:
        return None
    inside = ordered.filter(pl.col("day").is_between(day, day + SENDING - 1 + WINDOW))
    sums = dict(inside.group_by("partner_id").agg(pl.col("net_minor").sum()).iter_rows())
    spent = np.array([float(sums.get(one, 0)) for one in known])
    control = _lot(spent > 0, share=int(spec["share"]) / 10_000, effect=float(spec["effect"]), rng=rng)
    return Made(spec, f"P{first:%Y-%m}", day, known.to_list(), control, spent > 0, _numbers(control, rng), spent)


def _lot(came: Flags, *, share: float, effect: float, rng: np.random.Generator) -> Flags:
    """Who is left alone: ⌈share·n⌉, of whom as many fewer came as the effect says."""
    n, q = len(came), float(came.mean())
    size = -int(-share * n // 1)
    rate = min(max(q - (1 - share) * effect, 0.0), 1.0)
    hits = min(round(size * rate), int(came.sum()))
    hits = max(hits, size - int((~came).sum()))
    control = np.zeros(n, dtype=np.bool_)
    control[rng.choice(np.flatnonzero(came), size=hits, replace=False)] = True
    control[rng.choice(np.flatnonzero(~came), size=size - hits, replace=False)] = True
    return control


def _numbers(control: Flags, rng: np.random.Generator) -> list[str]:
    """Numbers drawn (16 hex digits): those left alone have the smallest."""
    u = np.sort(rng.choice(1 << 24, size=len(control), replace=False))
    order = np.empty(len(control), dtype=np.int64)
    order[np.flatnonzero(control)] = rng.permutation(int(control.sum()))
    order[np.flatnonzero(~control)] = int(control.sum()) + rng.permutation(int((~control).sum()))
    return [f"{int(v) << 40:016x}" for v in u[order]]


def _broken(made: Made, rng: np.random.Generator) -> Made:
    """A list that lost most of its control before it was sealed."""
    stays = ~made.control | (rng.random(len(made.control)) >= LOST_CONTROL)
    u = [v for v, s in zip(made.u, stays, strict=True) if s]
    ids = [one for one, s in zip(made.ids, stays, strict=True) if s]
    return replace(made, ids=ids, control=made.control[stays], came=made.came[stays], u=u, spent=made.spent[stays])


def _sent(made: Made, world: World, rng: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of `outreach` and of `outreach_events`."""
    n = len(made.ids)
    bounced = ~made.control & (rng.random(n) < BOUNCED)
    at = made.day + (np.arange(n) * SENDING // max(n, 1))
    status = np.where(made.control, "not_sent", np.where(bounced, "bounced", "sent"))
    rows = pl.DataFrame({
        "list_id": made.list_id, "recipient": made.recipient, "recipient_id": made.ids,
        "group": np.where(made.control, "control", "contact"),
        "draw_u": made.u, "status": status,
        "sent_at": [None if c else _clock(int(d)) for d, c in zip(at, made.control, strict=True)],
        "cost": np.where(made.control, 0.0, float(made.spec["unit_cost"])),
    }, schema=_texts("outreach") | {"cost": pl.Float64()})  # fmt: skip
    answer = rng.random(n)
    replied = OPTED_OUT + float(made.spec.get("replied", REPLIED))
    kind = np.where(answer < OPTED_OUT, "opted_out", np.where(answer < replied, "replied", ""))
    kind[made.control | bounced] = ""
    if made.spec.get("flaw") == "contacted":
        kind[rng.choice(np.flatnonzero(made.control), size=CALLED_CONTROL, replace=False)] = "delivered"
    told = [int(i) for i in np.flatnonzero(kind != "") if at[i] + 1 <= world.last_day]
    events = pl.DataFrame({
        "list_id": [made.list_id] * len(told), "recipient_id": [made.ids[i] for i in told],
        "at": [_clock(int(at[i]) + 1, 15) for i in told], "kind": [str(kind[i]) for i in told],
    }, schema=EVENTS)  # fmt: skip
    return rows, events


def _season_rows(held: Ints, season: int, rng: np.random.Generator) -> pl.DataFrame:
    u = np.sort(rng.choice((1 << 24) * SEASON_BP // 10_000, size=len(held), replace=False))
    return pl.DataFrame({
        "list_id": _season_id(season), "recipient": "member", "recipient_id": card_numbers(pl.Series(held)),
        "group": "season",
        "draw_u": [f"{int(v) << 40:016x}" for v in rng.permutation(u)], "status": "not_sent", "sent_at": None,
        "cost": 0.0,
    }, schema=_texts("outreach") | {"cost": pl.Float64()})  # fmt: skip


def _campaign(made: Made, world: World, season: int) -> Row:
    owners, words = toml("lists")["words"]["owners"], toml("lists")["words"]
    end = made.day + SENDING - 1
    over = end + WINDOW < world.last_day
    return {
        "list_id": made.list_id, "name": made.spec["name"], "objective": made.spec["objective"],
        "recipient": made.recipient,
        "channel": made.spec["channel"],
        "season_id": _season_id(season) if made.recipient == "member" and _date(made.day).year == season else None,
        "control_bp": str(made.spec["share"]), "key_id": KEY, "seal": _seal(made), "planned_at": _clock(made.day - 6),
        "send_from": _clock(made.day), "send_to": _clock(end, 18), "window_days": str(WINDOW),
        "planned_effect_bp": str(made.spec["planned"]), "cost_fixed": str(made.spec["fixed_cost"]),
        "state": "closed" if over else "sent", "frozen_at": _clock(made.day - 5),
        "owner": owners[made.day % 2], "approved_by": words["approver"], "approved_at": _clock(made.day - 2),
    }  # fmt: skip


def _steps(made: Made, world: World) -> list[Row]:
    owner, approver = toml("lists")["words"]["owners"][made.day % 2], toml("lists")["words"]["approver"]
    end = made.day + SENDING - 1
    moves = (
        ("drawn", made.day - 5, 10, owner), ("approved", made.day - 2, 10, approver), ("sending", made.day, 10, owner),
        ("sent", end, 18, owner), ("closed", end + WINDOW + 1, 10, owner),
    )  # fmt: skip
    return [
        {"list_id": made.list_id, "state": state, "at": _clock(day, hour), "actor": who}
        for state, day, hour, who in moves
        if day <= world.last_day
    ]


def _season(season: int) -> Row:
    return {
        "season_id": _season_id(season), "starts_on": f"{season}-01-01", "ends_on": f"{season}-12-31",
        "holdout_bp": str(SEASON_BP), "key_id": KEY,
    }  # fmt: skip


def _truth(made: list[Made]) -> pl.DataFrame:
    """One row per list: true effect on the share that came and on spend per head [fen], cost, what is wrong with it."""
    rows = [
        {
            "list_id": one.list_id, "effect": float(one.spec["effect"]),
            "money_per_head_minor": float(one.spec["effect"] * one.spent[one.came].mean()) if one.came.any() else 0.0,
            "cost_minor": round((~one.control).sum() * one.spec["unit_cost"] * 100) + one.spec["fixed_cost"] * 100,
            "flaw": one.spec.get("flaw", ""),
            "n_contact": int((~one.control).sum()), "n_control": int(one.control.sum()),
        }
        for one in made
    ]  # fmt: skip
    kinds = {"list_id": pl.String, "effect": pl.Float64, "money_per_head_minor": pl.Float64, "cost_minor": pl.Int64,
             "flaw": pl.String, "n_contact": pl.Int64, "n_control": pl.Int64}  # fmt: skip
    return pl.DataFrame(rows, schema=kinds)


def _seal(made: Made) -> str:
    """SHA-256 over the list and its rows, as the register seals a draw."""
    mark = "\x1f"
    lines = sorted(
        mark.join((one, "control" if c else "contact", "all", u))
        for one, c, u in zip(made.ids, made.control, made.u, strict=True)
    )
    return sha256(f"{made.list_id}{mark}1\n{chr(10).join(lines)}".encode()).hexdigest()


def _worded(table: pl.DataFrame) -> pl.DataFrame:
    words = toml("lists")["words"]
    coded = [c for c in table.columns if isinstance(words.get(c), dict)]
    return table.with_columns(pl.col(c).replace_strict(words[c]) for c in coded)


def _texts(name: str) -> pl.Schema:
    return pl.Schema(dict.fromkeys(toml("lists")["headers"][name], pl.String()))


def _season_id(season: int) -> str:
    return f"{toml('lists')['words']['season']}{season}"


def _clock(day: int, hour: int = 10) -> str:
    return f"{_date(day)} {hour:02d}:00"


def _months(day: date, months: int) -> date:
    """The first of the month so many months away."""
    number = day.year * 12 + day.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def _date(day: int) -> date:
    return EPOCH + timedelta(days=int(day))
